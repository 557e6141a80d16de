package hl7v2

import (
	"strings"
	"time"

	"github.com/ward-health/ward"
)

// Precision says how much of a timestamp was sent.
type Precision uint8

// The precisions, coarse to fine. The zero Precision is that of the zero Timestamp.
const (
	Year Precision = iota + 1
	Month
	Day
	Hour
	Minute
	Second
	Fraction
)

var precisionNames = [...]string{"none", "year", "month", "day", "hour", "minute", "second", "fraction"}

// String returns the precision's name.
func (p Precision) String() string {
	if int(p) < len(precisionNames) {
		return precisionNames[p]
	}
	return "unknown"
}

// Timestamp is a DTM or TS with the precision it was sent in.
type Timestamp struct {
	Time      time.Time // the first instant of what was sent, in its own offset or in the zone that applied
	Precision Precision
	Offset    bool  // an offset was sent; else the zone given to Value.Time applied
	Ambiguous bool  // the zone that applied has this time of day twice (Time is the first one), or skips it
	digits    uint8 // of the fraction
}

// Time reads a DTM, a DT or the first component of a TS: YYYY[MM[DD[HH[MM[SS[.S{1,9}]]]]]][+/-ZZZZ], blanks around it
// ignored. loc is the sender's zone and applies when no offset was sent; it may be nil only if the value has an offset
// or no time of day. The error is Invalid, also for a value that is empty or null.
//
// SPEC(HL7 v2.9 2A, DTM): precision is what was sent; digits are left out from the right.
func (v Value) Time(loc *time.Location) (Timestamp, error) {
	ts, problem := parseTime(strings.Trim(v.Text(), " "), loc)
	if problem != "" {
		return Timestamp{}, ward.E(ward.Invalid, "hl7v2.time", problem, nil)
	}
	return ts, nil
}

// widths are the digits of year, month, day, hour, minute and second; lows and highs their bounds.
var (
	widths = [...]int{4, 2, 2, 2, 2, 2}
	lows   = [...]int{1, 1, 1, 0, 0, 0}
	highs  = [...]int{9999, 12, 31, 23, 59, 59}
)

const expectedTime = "not a time; expected YYYY[MM[DD[HH[MM[SS[.SSSS]]]]]][+/-ZZZZ]"

// parseTime returns the timestamp, or what is wrong.
func parseTime(s string, loc *time.Location) (ts Timestamp, problem string) {
	if s == "" {
		return ts, "there is no time here"
	}
	parts := [...]int{1, 1, 1, 0, 0, 0}
	for i, w := range widths {
		if i > 0 && (s == "" || s[0] == '+' || s[0] == '-') {
			break
		}
		n, ok := digits(s, w)
		if !ok {
			return ts, expectedTime
		}
		if n < lows[i] || n > highs[i] {
			return ts, "not a time: the " + Precision(i+1).String() + " is out of range"
		}
		parts[i], s = n, s[w:]
		ts.Precision = Precision(i + 1)
	}
	nanos, s, ok := ts.fraction(s)
	if !ok {
		return ts, expectedTime
	}
	if s != "" {
		if loc, ok = offset(s); !ok {
			return ts, "the offset of the time is not valid; expected +/-ZZZZ"
		}
		ts.Offset = true
	}
	if loc == nil {
		if ts.Precision > Day {
			return ts, "the time has no offset, and no zone is configured for its sender"
		}
		loc = time.UTC
	}
	wall := time.Date(parts[0], time.Month(parts[1]), parts[2], parts[3], parts[4], parts[5], nanos, time.UTC)
	if wall.Day() != parts[2] {
		return ts, "not a time: the month has no such day"
	}
	ts.place(wall, loc)
	return ts, ""
}

func digits(s string, n int) (int, bool) {
	if len(s) < n {
		return 0, false
	}
	v := 0
	for i := range n {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = v*10 + int(s[i]-'0')
	}
	return v, true
}

// fraction reads ".S{1,9}" after the seconds.
func (t *Timestamp) fraction(s string) (nanos int, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	n := 1
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if n == 1 || n > 10 || t.Precision != Second {
		return 0, s, false
	}
	nanos, _ = digits(s[1:n]+"000000000", 9)
	t.Precision, t.digits = Fraction, uint8(n-1)
	return nanos, s[n:], true
}

// offset reads +/-ZZZZ, from -1200 to +1400.
func offset(s string) (*time.Location, bool) {
	if len(s) != 5 || s[0] != '+' && s[0] != '-' {
		return nil, false
	}
	n, ok := digits(s[1:], 4)
	if !ok || n%100 > 59 || s[0] == '+' && n > 1400 || s[0] == '-' && n > 1200 {
		return nil, false
	}
	seconds := (n/100*60 + n%100) * 60
	if s[0] == '-' {
		seconds = -seconds
	}
	if seconds == 0 {
		return time.UTC, true
	}
	return time.FixedZone("", seconds), true
}

// place puts the wall time, given as if in UTC, into its zone, and finds out whether the zone has it twice or not at all.
// Of two instants it takes the first. A date whose midnight the zone skips stays that date, in UTC.
func (t *Timestamp) place(wall time.Time, loc *time.Location) {
	t.Time = time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), loc)
	if t.Offset {
		return
	}
	if t.Time.Hour() != wall.Hour() || t.Time.Minute() != wall.Minute() || t.Time.Day() != wall.Day() {
		t.Ambiguous = true
		if t.Precision <= Day {
			t.Time = wall
		}
		return
	}
	_, own := t.Time.Zone()
	for _, day := range [...]time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, other := t.Time.Add(day).Zone()
		twin := t.Time.Add(time.Duration(own-other) * time.Second)
		if _, o := twin.Zone(); other != own && o == other {
			t.Ambiguous = t.Precision > Day
			if twin.Before(t.Time) {
				t.Time = twin
			}
			return
		}
	}
}

// FHIR returns the FHIR date or dateTime in the precision that was sent; "" of the zero Timestamp. FHIR knows no hour
// without minutes and no minutes without seconds: those that were not sent are written as 00, and Precision tells.
func (t Timestamp) FHIR() string {
	switch t.Precision {
	case 0:
		return ""
	case Year:
		return t.Time.Format("2006")
	case Month:
		return t.Time.Format("2006-01")
	case Day:
		return t.Time.Format("2006-01-02")
	case Fraction:
		return t.Time.Format("2006-01-02T15:04:05." + strings.Repeat("0", int(t.digits)) + "Z07:00")
	}
	return t.Time.Format("2006-01-02T15:04:05Z07:00")
}
