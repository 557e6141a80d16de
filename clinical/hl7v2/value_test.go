package hl7v2

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward"
)

func TestEmptyAndNull(t *testing.T) {
	m := parse(t, "MSH|^~\\&|A\rZZZ||\"\"|^^|~|\"\"^x|a~\"\"|\"\"~\"\"|\"\"\"|&^| |x\r")
	z := m.First("ZZZ")
	for _, c := range []struct {
		field       int
		empty, null bool
		repeats     int
		text        string
	}{
		{1, true, false, 0, ""}, {2, false, true, 1, ""}, {3, true, false, 1, ""}, {4, true, false, 2, ""},
		{5, false, false, 1, ""}, {6, false, false, 2, "a"}, {7, false, false, 2, ""}, {8, false, false, 1, `"""`},
		{9, true, false, 1, ""}, {10, false, false, 1, " "}, {11, false, false, 1, "x"}, {12, true, false, 0, ""},
		{0, true, false, 0, ""}, {-1, true, false, 0, ""},
	} {
		f := z.Field(c.field)
		if f.Empty() != c.empty || f.Null() != c.null || f.Repeats() != c.repeats || f.First().Text() != c.text {
			t.Errorf("field %d: empty %v, null %v, %d repetitions, %q", c.field, f.Empty(), f.Null(), f.Repeats(), f.First().Text())
		}
		if f.Repeats() == 1 && (f.First().Empty() != c.empty || f.First().Null() != c.null) {
			t.Errorf("field %d: its value is empty %v, null %v", c.field, f.First().Empty(), f.First().Null())
		}
	}
	if !m.Get("ZZZ-5.1").Null() || m.Get("ZZZ-5.2").Null() || !m.Get("ZZZ-2.1.1").Null() || !m.Get("ZZZ-6[1]").Null() {
		t.Error("nulls below the field are not seen")
	}
	if m.Get("ZZZ-2").All() != "" || !m.Get("ZZZ-2.2").Empty() || m.Get("ZZZ-2.2").Null() {
		t.Error("a null field has a text or a second component")
	}
}

func TestParts(t *testing.T) {
	m := parse(t, "MSH|^~\\&|A\rZZZ|a&b&c^d^^e|p~q^r~|one\rOBX|1\rOBX|2||3\r")
	for path, want := range map[string]string{
		"ZZZ-1": "a", "ZZZ-1.1": "a", "ZZZ-1.1.1": "a", "ZZZ-1.1.2": "b", "ZZZ-1.1.3": "c", "ZZZ-1.1.4": "", "ZZZ-1.2": "d",
		"ZZZ-1.2.1": "d", "ZZZ-1.2.2": "", "ZZZ-1.3": "", "ZZZ-1.4": "e", "ZZZ-1.5": "", "ZZZ-2": "p", "ZZZ-2[1]": "q",
		"ZZZ-2[1].2": "r", "ZZZ-2[2]": "", "ZZZ-2[3]": "", "ZZZ-3.1.1": "one", "ZZZ-3.2": "", "ZZZ-3[1]": "", "OBX-1": "1",
		"OBX[1]-1": "2", "OBX[1]-3": "3", "OBX[2]-1": "", "OBX[1]": "", "AAA-1": "", "": "", "ZZZ-": "", "ZZZ-1.": "", "MSH-1": "|",
		"MSH-3": "A",
	} {
		if got := m.Get(path).Text(); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if got := parse(t, "MSH|^~\\&|A\rZZZ|x^LAB&1.2&ISO\r").Get("ZZZ-1.2").HD(); got != (HD{"LAB", "1.2", "ISO"}) {
		t.Errorf("a designator in a component: %+v", got)
	}
	v := m.Get("ZZZ-1")
	if v.Components() != 4 || v.Subs() != 3 || v.Component(2).Subs() != 1 || v.Component(3).Subs() != 0 || v.Component(1).Components() != 1 {
		t.Errorf("%d components, %d subcomponents", v.Components(), v.Subs())
	}
	if v.All() != "a&b&c^d^^e" || v.Component(1).All() != "a&b&c" || v.Sub(2).Text() != "b" || v.Component(2).Component(1).Text() != "d" {
		t.Errorf("All is %q", v.All())
	}
	if start, end := v.Component(2).Span(); string(m.Encode()[start:end]) != "d" {
		t.Errorf("span %d to %d", start, end)
	}
	var got []string
	for n, c := range v.Parts() {
		for k, s := range c.Parts() {
			got = append(got, fmt.Sprint(n, ".", k, "=", s.Text()))
			for range s.Parts() {
				t.Error("a subcomponent has parts")
			}
		}
	}
	if strings.Join(got, " ") != "1.1=a 1.2=b 1.3=c 2.1=d 4.1=e" {
		t.Errorf("parts: %v", got)
	}
	got = nil
	for i, r := range m.First("ZZZ").Field(2).All() {
		got = append(got, fmt.Sprint(i, string(r.Raw())))
	}
	if strings.Join(got, " ") != "0p 1q^r 2" {
		t.Errorf("repetitions: %v", got)
	}
}

func TestSegments(t *testing.T) {
	m := parse(t, "MSH|^~\\&|A\rPID|1\rOBX|1\rNTE|1\rOBX|2\rOBX|3\r")
	var got []string
	for s := range m.All("OBX") {
		got = append(got, fmt.Sprint(s.Name(), s.Index(), m.Path(s, 5, 0, 1, 0)))
		if s.Index() == 4 {
			break
		}
	}
	if strings.Join(got, " ") != "OBX2OBX-5.1 OBX4OBX[1]-5.1" {
		t.Errorf("%v", got)
	}
	s := m.Nth("OBX", 2)
	if string(s.Raw()) != "OBX|3" || !s.Is("OBX") || s.Is("OB") || s.Is("PID") || s.Fields() != 1 || !s.Exists() {
		t.Errorf("third OBX: %q", s.Raw())
	}
	if m.Segment(0).Fields() != 3 || m.Segment(6).Exists() || m.Segment(-1).Exists() || m.First("").Exists() || m.Nth("OBX", -1).Exists() {
		t.Error("there are segments outside the message")
	}
	for s := range m.Segments() {
		if s.Index() > 0 {
			t.Error("the loop goes on")
		}
		break
	}
	n := 0
	for k, f := range m.Segment(0).All() {
		n++
		if k != n || f.Empty() {
			t.Errorf("MSH-%d is field %d", n, k)
		}
	}
	if n != 3 {
		t.Errorf("MSH has %d fields", n)
	}
}

// TestZeroValues: accessors of what is not there give zero values all the way down.
func TestZeroValues(t *testing.T) {
	var s Segment
	if s.Name() != "" || s.Index() != 0 || s.Fields() != 0 || s.Raw() != nil || s.Exists() || s.Is("PID") || s.Field(1) != (Field{}) {
		t.Error("the zero Segment has something")
	}
	var f Field
	if f.Repeats() != 0 || f.Raw() != nil || !f.Empty() || f.Null() || f.Repeat(0) != (Value{}) || f.First() != (Value{}) {
		t.Error("the zero Field has something")
	}
	var v Value
	if v.Components() != 0 || v.Subs() != 0 || v.Raw() != nil || !v.Empty() || v.Null() || v.Text() != "" || v.All() != "" ||
		v.Undecoded() || v.Component(1) != (Value{}) || v.Sub(1) != (Value{}) || v.Exists() || v.HD() != (HD{}) {
		t.Error("the zero Value has something")
	}
	if _, err := v.Time(nil); ward.KindOf(err) != ward.Invalid {
		t.Errorf("its time: %v", err)
	}
	if _, ok := v.Number(); ok {
		t.Error("it is a number")
	}
	for range v.Parts() {
		t.Error("it has parts")
	}
	m := parse(t, "MSH|^~\\&|A\r")
	if m.Path(s, 1, 0, 0, 0) != "" || m.Path(parse(t, "MSH|^~\\&|A\r").Segment(0), 1, 0, 0, 0) != "" {
		t.Error("a path to another message")
	}
}

func TestPaths(t *testing.T) {
	for text, want := range map[string]Path{
		"PID-3.1":      {Segment: "PID", Field: 3, Component: 1},
		"PID-3[1].4.2": {Segment: "PID", Field: 3, Repeat: 1, Component: 4, Sub: 2},
		"OBX[2]-5":     {Segment: "OBX", Occurrence: 2, Field: 5},
		"Z01[12]":      {Segment: "Z01", Occurrence: 12},
		"MSH-9":        {Segment: "MSH", Field: 9},
	} {
		p, err := ParsePath(text)
		if err != nil || p != want || p.String() != text {
			t.Errorf("%s: %+v (%s), %v", text, p, p, err)
		}
	}
	for _, text := range []string{"", "PI", "pid-3", "PID3", "PID-", "PID-0", "PID-3.", "PID-3.0", "PID-3.1.0", "PID-3.1.1.1", "PID-3[",
		"PID-3[]", "PID-3[x]", "PID-3[1", "PID-3[1]x", "PID[-1]-3", "PID-3 ", "PID-12345678", "PID-3-1", "PID-" + strings.Repeat("1", 80)} {
		if p, err := ParsePath(text); ward.KindOf(err) != ward.Invalid || err == nil {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
	if p, err := ParsePath("PID[0]-3[0]"); err != nil || p.String() != "PID-3" {
		t.Errorf("%v, %v", p, err)
	}
}

func TestNumber(t *testing.T) {
	for in, want := range map[string]string{"1": "1", "+1": "1", "-1": "-1", "007": "7", "1.50": "1.50", "1.": "1", ".5": "0.5", "-.5": "-0.5",
		"0": "0", "000": "0", "-0": "0", "-0.00": "0.00", " 4.2 ": "4.2", "+00.10": "0.10", "12345678901234567890.123456789": "12345678901234567890.123456789"} {
		got, ok := parse(t, "MSH|^~\\&|A\rOBX|"+in+"\r").Get("OBX-1").Number()
		if !ok || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "\"\"", ".", "-", "+", "1,5", "1e3", "1 2", "--1", "+-1", "<5", "1.2.3", "0x1", "NaN", "１", strings.Repeat("1", 65)} {
		if got, ok := parse(t, "MSH|^~\\&|A\rOBX|"+in+"\r").Get("OBX-1").Number(); ok {
			t.Errorf("%q is a number: %q", in, got)
		}
	}
}

// TestPathOfMany: names of places are the same whether few or many segments are there.
func TestPathOfMany(t *testing.T) {
	for _, n := range []int{10, 500} {
		m := parse(t, "MSH|^~\\&|A\r"+strings.Repeat("OBX|1\rNTE|1\rOBX|2\r", n))
		seen := map[string]int{}
		for s := range m.Segments() {
			want := s.Name()
			if k := seen[want]; k > 0 {
				want = fmt.Sprintf("%s[%d]", want, k)
			}
			seen[s.Name()]++
			if got := m.Path(s, 0, 0, 0, 0); got != want {
				t.Fatalf("segment %d of %d times is %q, want %q", s.Index(), n, got, want)
			}
		}
	}
}
