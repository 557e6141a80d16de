package conformal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/ward-health/ward"
)

// Bounds of a table that Read accepts.
const (
	MaxTable = 1 << 20 // bytes
	MaxRows  = 1 << 30 // that a calibration says it was fitted on
)

// Schema names the form of the file that Read reads and JSON writes.
const Schema = "ward/calibration/1"

type stepsFile struct {
	Score     []float64 `json:"score"`
	Positives []int     `json:"positives"`
	Rows      []int     `json:"rows"`
}

type file struct {
	Schema    string     `json:"schema"`
	Method    string     `json:"method"`
	Rows      int        `json:"rows"`
	Positives int        `json:"positives,omitempty"`
	Alpha     float64    `json:"alpha,omitempty"`
	Quantile  *float64   `json:"quantile,omitempty"`
	P0        *stepsFile `json:"p0,omitempty"`
	P1        *stepsFile `json:"p1,omitempty"`
}

// JSON returns the file form of the calibration, which Read turns back into an equal one.
func (c *Calibration) JSON() []byte {
	f := file{Schema: Schema, Method: c.method, Rows: c.n}
	if c.method == Split {
		f.Alpha, f.Quantile = c.alpha, &c.quantile
	} else {
		f.Positives = c.positives
		f.P0, f.P1 = &stepsFile{c.p0.score, c.p0.positives, c.p0.rows}, &stepsFile{c.p1.score, c.p1.positives, c.p1.rows}
	}
	b, err := json.Marshal(f)
	if err != nil {
		panic(err) // finite numbers and short texts only
	}
	return append(b, '\n')
}

func invalid(path, format string, args ...any) *ward.Error {
	return ward.E(ward.Invalid, "conformal.read", fmt.Sprintf(format, args...), nil).At(path)
}

// Read reads a calibration. It is strict: known members only, each once, finite numbers, steps that rise, p0 never above p1,
// counts that fit together. Anything else is ward.Invalid, a file over MaxTable ward.TooLarge, another method or schema
// ward.Unsupported; the path of the error is a JSON pointer.
func Read(b []byte) (*Calibration, error) {
	if len(b) > MaxTable {
		return nil, ward.E(ward.TooLarge, "conformal.read", fmt.Sprintf("the calibration is longer than %d bytes", MaxTable), nil)
	}
	if err := plain(b); err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, ward.E(ward.Invalid, "conformal.read", "this is not the JSON of a calibration", err)
	}
	if f.Schema != Schema {
		return nil, ward.E(ward.Unsupported, "conformal.read", "the schema must be "+Schema, nil).At("/schema")
	}
	if f.Rows < 1 || f.Rows > MaxRows {
		return nil, invalid("/rows", "the number of rows must be 1 to %d", MaxRows)
	}
	switch f.Method {
	case VennAbers:
		return f.vennAbers()
	case Split:
		return f.split()
	}
	return nil, ward.E(ward.Unsupported, "conformal.read", "the method must be "+VennAbers+" or "+Split, nil).At("/method")
}

// plain refuses what the standard decoder would forgive: null, and members that occur twice or differ in case.
func plain(b []byte) error {
	if bytes.Contains(b, []byte("null")) {
		return invalid("", "null stands for nothing in a calibration")
	}
	top, err := members(b, "", "schema", "method", "rows", "positives", "alpha", "quantile", "p0", "p1")
	if err != nil {
		return err
	}
	for _, name := range []string{"p0", "p1"} {
		if inner, ok := top[name]; ok {
			if _, err := members(inner, "/"+name, "score", "positives", "rows"); err != nil {
				return err
			}
		}
	}
	return nil
}

// members reads one object that has none but the allowed members, each at most once, and nothing after it.
func members(b []byte, path string, allowed ...string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, invalid(path, "an object must stand here")
	}
	found := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		name, _ := t.(string)
		var value json.RawMessage
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil {
			return nil, ward.E(ward.Invalid, "conformal.read", "this is not the JSON of a calibration", err).At(path)
		}
		if _, twice := found[name]; twice || !slices.Contains(allowed, name) {
			return nil, invalid(path, "a member is unknown or occurs twice; it may have %s", strings.Join(allowed, ", "))
		}
		found[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, ward.E(ward.Invalid, "conformal.read", "this is not the JSON of a calibration", err).At(path)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, invalid(path, "something follows the object")
	}
	return found, nil
}

func (f *file) split() (*Calibration, error) {
	mille, err := thousandths(f.Alpha)
	if err != nil {
		return nil, invalid("/alpha", "%s", ward.PublicText(err))
	}
	if f.Quantile == nil || !(*f.Quantile >= 0) || f.P0 != nil || f.P1 != nil || f.Positives != 0 {
		return nil, invalid("/quantile", "%s has a quantile that is not negative, and no steps", Split)
	}
	if rank(f.Rows, mille) > f.Rows {
		return nil, invalid("/rows", "%d rows are too few for alpha %g: at least %d are needed", f.Rows, f.Alpha, fewest(mille))
	}
	return &Calibration{method: Split, n: f.Rows, alpha: f.Alpha, quantile: *f.Quantile}, nil
}

func (f *file) vennAbers() (*Calibration, error) {
	if f.P0 == nil || f.P1 == nil || f.Alpha != 0 || f.Quantile != nil {
		return nil, invalid("/p0", "%s has the steps p0 and p1, and neither alpha nor quantile", VennAbers)
	}
	if f.Positives < 1 || f.Positives >= f.Rows {
		return nil, invalid("/positives", "the calibration rows must hold both outcomes")
	}
	c := &Calibration{method: VennAbers, n: f.Rows, positives: f.Positives}
	var err *ward.Error
	if c.p0, err = f.P0.steps("/p0", f.Rows+1); err != nil {
		return nil, err
	}
	if c.p1, err = f.P1.steps("/p1", f.Rows+1); err != nil {
		return nil, err
	}
	for i, x := range c.p0.score {
		if c.p0.below(x) > c.p1.above(x) {
			return nil, invalid(fmt.Sprintf("/p0/score/%d", i), "p0 is above p1")
		}
	}
	for i, x := range c.p1.score {
		if c.p0.below(x) > c.p1.above(x) {
			return nil, invalid(fmt.Sprintf("/p1/score/%d", i), "p0 is above p1")
		}
	}
	return c, nil
}

func (s *stepsFile) steps(path string, most int) (steps, *ward.Error) {
	n := len(s.Score)
	if n == 0 || len(s.Positives) != n || len(s.Rows) != n {
		return steps{}, invalid(path, "the three lists must have the same length, at least 1")
	}
	for i := range n {
		here := point{int64(s.Rows[i]), int64(s.Positives[i])}
		if here.x < 1 || here.x > int64(most) || here.y < 0 || here.y > here.x || math.IsInf(s.Score[i], 0) {
			return steps{}, invalid(fmt.Sprintf("%s/positives/%d", path, i), "the step must be a proportion of 1 to %d rows", most)
		}
		if i == 0 {
			continue
		}
		before := point{int64(s.Rows[i-1]), int64(s.Positives[i-1])}
		if !(s.Score[i] > s.Score[i-1]) || before.y*here.x >= here.y*before.x {
			return steps{}, invalid(fmt.Sprintf("%s/score/%d", path, i), "scores and proportions must rise")
		}
	}
	return steps{s.Score, s.Positives, s.Rows}, nil
}
