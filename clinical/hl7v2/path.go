package hl7v2

import (
	"strconv"
	"strings"

	"github.com/ward-health/ward"
)

// Path names a place in a message. Its text is SEG[n]-FIELD[r].COMPONENT.SUBCOMPONENT: segment occurrences and
// repetitions count from 0 and are left out when 0; fields, components and subcomponents count from 1 and are left out
// from the right when not meant. "PID-3.1", "PID-3[1].4.2", "OBX[2]-5", "OBX[2]".
type Path struct {
	Segment    string
	Occurrence int // among the segments of that name, from 0
	Field      int // from 1; 0 means the segment
	Repeat     int // from 0
	Component  int // from 1; 0 means the whole repetition
	Sub        int // from 1; 0 means the whole component
}

// ParsePath reads the text of a path. The error is Invalid.
func ParsePath(s string) (Path, error) {
	p, ok := parsePath(s)
	if !ok {
		return Path{}, ward.E(ward.Invalid, "hl7v2.path",
			"not a place in an HL7 v2 message; expected such as PID-3.1, PID-3[1].4.2 or OBX[2]-5", nil)
	}
	return p, nil
}

func parsePath(s string) (p Path, ok bool) {
	if len(s) > 64 || !isSegment([]byte(s[:min(3, len(s))]), 0) {
		return p, false
	}
	p.Segment, s = s[:3], s[3:]
	if p.Occurrence, s, ok = bracketed(s); !ok {
		return p, false
	}
	if s == "" {
		return p, true
	}
	rest, found := strings.CutPrefix(s, "-")
	if !found {
		return p, false
	}
	if p.Field, rest, ok = number(rest); !ok || p.Field == 0 {
		return p, false
	}
	if p.Repeat, rest, ok = bracketed(rest); !ok {
		return p, false
	}
	for _, to := range [...]*int{&p.Component, &p.Sub} {
		if rest == "" {
			return p, true
		}
		if rest, found = strings.CutPrefix(rest, "."); !found {
			return p, false
		}
		if *to, rest, ok = number(rest); !ok || *to == 0 {
			return p, false
		}
	}
	return p, rest == ""
}

// bracketed reads "[12]"; nothing means 0.
func bracketed(s string) (int, string, bool) {
	inner, found := strings.CutPrefix(s, "[")
	if !found {
		return 0, s, true
	}
	n, rest, ok := number(inner)
	rest, closed := strings.CutPrefix(rest, "]")
	return n, rest, ok && closed
}

// number reads up to seven digits.
func number(s string) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i < 7 && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:], i > 0
}

// String returns the path's text.
func (p Path) String() string {
	out := make([]byte, 0, 24)
	out = append(out, p.Segment...)
	out = appendBracketed(out, p.Occurrence)
	if p.Field > 0 {
		out = strconv.AppendInt(append(out, '-'), int64(p.Field), 10)
		out = appendBracketed(out, p.Repeat)
		if p.Component > 0 {
			out = strconv.AppendInt(append(out, '.'), int64(p.Component), 10)
			if p.Sub > 0 {
				out = strconv.AppendInt(append(out, '.'), int64(p.Sub), 10)
			}
		}
	}
	return string(out)
}

func appendBracketed(out []byte, n int) []byte {
	if n <= 0 {
		return out
	}
	return append(strconv.AppendInt(append(out, '['), int64(n), 10), ']')
}

// At returns the value at a path, or the zero Value. A path to a segment alone gives the zero Value.
func (m *Message) At(p Path) Value { return m.Nth(p.Segment, p.Occurrence).At(p) }

// At returns the value at a path in this segment, whatever segment the path names, or the zero Value.
func (s Segment) At(p Path) Value {
	v := s.Field(p.Field).Repeat(p.Repeat)
	if p.Component > 0 {
		v = v.Component(p.Component)
	}
	if p.Component > 0 && p.Sub > 0 {
		v = v.Sub(p.Sub)
	}
	return v
}

// Get returns the value at the path's text, or the zero Value if there is none or the text is no path (ParsePath tells).
func (m *Message) Get(path string) Value {
	p, ok := parsePath(path)
	if !ok {
		return Value{}
	}
	return m.At(p)
}

// Path returns the text that names a place in segment s: for errors and evidence, names and positions only. rep counts
// from 0; field, comp and sub from 1, and 0 leaves them out. The zero Segment gives "".
func (m *Message) Path(s Segment, field, rep, comp, sub int) string {
	if s.m != m || m == nil {
		return ""
	}
	p := Path{Segment: s.Name(), Field: field, Repeat: rep, Component: comp, Sub: sub}
	p.Occurrence = m.occurrence(int(s.i))
	return p.String()
}

// manySegments is from where on occurrences are counted once for all segments: naming the places of a message takes no time that grows with its square.
const manySegments = 1000

// number counts the occurrences of each name, if there are many segments.
func (m *Message) number() {
	if len(m.segments) < manySegments {
		return
	}
	m.nth = make([]uint32, len(m.segments))
	next := map[uint32]uint32{}
	for i := range m.segments {
		name := m.segments[i].name
		m.nth[i] = next[name]
		next[name]++
	}
}

// occurrence is how many segments before segment i have its name.
func (m *Message) occurrence(i int) (n int) {
	if m.nth != nil {
		return int(m.nth[i])
	}
	for k := range m.segments[:i] {
		if m.segments[k].name == m.segments[i].name {
			n++
		}
	}
	return n
}
