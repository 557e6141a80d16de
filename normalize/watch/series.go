package watch

import (
	"math"
	"time"

	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/normalize/plausible"
)

// windows are the numbers of newest results that are compared with what came before them: a great shift is found in few.
var windows = []int{16, 32, 64}

const (
	newest   = 64  // results that are kept apart
	enough   = 64  // results to compare with
	young    = 512 // results up to which a series is compared with others
	remapped = 2.0 // a shift by this much is one of the code, whatever units there are
)

// Name says of what a series is. The local code is cut to 64 printable characters.
type Name struct {
	Sender string `json:"sender"` // channel
	Local  string `json:"local"`  // local code
	LOINC  string `json:"loinc"`  //
	Unit   string `json:"unit"`   // as the results were understood, UCUM
}

// Shift is the finding that a series has moved.
type Shift struct {
	At      time.Time `json:"at"`
	Results int       `json:"results"`        // of the newest ones that show it
	Ratio   float64   `json:"ratio"`          // their median over that of what they were compared with
	Against string    `json:"against"`        // "its own past" or "others"
	Unit    string    `json:"unit,omitempty"` // in which the numbers would fit, UCUM
	Code    string    `json:"code,omitempty"` // the code under which they would, LOINC
}

// Series is what results of one name have shown.
type Series struct {
	Name
	Past   Sketch    `json:"past"`
	Recent []int     `json:"recent"` // bins of the newest results, the newest last
	Seen   int64     `json:"seen"`
	Since  time.Time `json:"since,omitzero"` // when persons last said that the unit is right
	Shift  *Shift    `json:"shift,omitempty"`
}

// add counts a result.
func (s *Series) add(bin int) {
	s.Seen++
	s.Recent = append(s.Recent, bin)
	for len(s.Recent) > newest {
		if s.Shift == nil { // what is in doubt does not become what others are compared with
			s.Past.add(s.Recent[0])
		}
		s.Recent = s.Recent[1:]
	}
}

// confirm takes what came last as what is right from now on.
func (s *Series) confirm(since time.Time) {
	if !since.After(s.Since) {
		return
	}
	s.Since = since
	if s.Shift != nil && since.After(s.Shift.At) {
		s.Past, s.Recent, s.Shift = Sketch{}, nil, nil
	}
}

// whole is everything that is counted.
func (s *Series) whole() *Sketch {
	out := s.Past
	out.add(s.Recent...)
	return &out
}

// judge looks for a shift: of the newest results against those before them, and while the series is young and nobody has spoken for it, of
// all of them against what others send under the code.
func (s *Series) judge(a terminology.Analyte, others *Sketch, now time.Time) {
	if s.Shift != nil {
		return
	}
	for _, w := range windows {
		if len(s.Recent) < w {
			break
		}
		before, late := s.Past, Sketch{}
		before.add(s.Recent[:len(s.Recent)-w]...)
		late.add(s.Recent[len(s.Recent)-w:]...)
		if s.compare(a, &late, &before, "its own past", now); s.Shift != nil {
			return
		}
	}
	if s.young() && others != nil {
		s.compare(a, s.whole(), others, "others", now)
	}
}

// compare notes a shift between two sketches, if there is one that chance does not explain and a unit or another code does.
func (s *Series) compare(a terminology.Analyte, late, before *Sketch, against string, now time.Time) {
	n, m := late.count(), before.count()
	if m < enough || distance(late, before) < critical(n, m) {
		return
	}
	by := ratio(late.quantile(0.5) - before.quantile(0.5))
	p, found := plausible.Explain(a, s.Unit, by)
	if !found && (against == "others" || math.Abs(math.Log(by)) < math.Log(remapped)) {
		return
	}
	s.Shift = &Shift{At: now, Results: n, Ratio: math.Round(by*1000) / 1000, Against: against, Unit: p.Unit, Code: p.Code}
}

// young reports whether the series is to be compared with others now: with every eighth result of its first ones.
func (s *Series) young() bool {
	return s.Shift == nil && s.Since.IsZero() && s.Seen >= enough/2 && s.Seen <= young && s.Seen%8 == 0
}

func decimal(s string) float64 {
	r, err := ucum.ParseDecimal(s)
	if err != nil {
		return 0
	}
	x, _ := r.Float64()
	return x
}
