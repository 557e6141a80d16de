package hl7v2

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"pgregory.net/rapid"
)

func TestBuilder(t *testing.T) {
	b := NewBuilder(Delimiters{})
	b.Segment("MSH", Texts("WARD", "", ""), Node{}, Text("LAB"), Text(""), Text("20240102030405"), Node{}, Texts("ACK", "R01", "ACK"),
		Text("7|8"), Text("P"), Text("2.5.1"))
	b.Segment("MSA", Text("AA"), Text("a\\b\r\n&"))
	b.Segment("ZZZ", Rep(Comp(Text("1"), Sub(Text("2"), Text("3"))), Text("4")), Null(), Comp(Text("x"), Null()), Text(`""`), Text(`"`), Text(""), Node{})
	b.Segment("ZZ9")
	got, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	want := "MSH|^~\\&|WARD^^||LAB||20240102030405||ACK^R01^ACK|7\\F\\8|P|2.5.1\rMSA|AA|a\\E\\b\\X0D\\\\X0A\\\\T\\\r" +
		"ZZZ|1^2&3~4|\"\"|x^\"\"|\\X22\\\"|\"\rZZ9\r"
	if string(got) != want {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	m := parse(t, want)
	if m.Get("MSA-2").Text() != "a\\b\r\n&" || m.Get("ZZZ-4").Text() != `""` || m.Get("ZZZ-4").Null() || m.Get("ZZZ-5").Text() != `"` {
		t.Error("the texts do not come back")
	}
}

func TestBuilderRefusals(t *testing.T) {
	msh := func() *Builder { return NewBuilder(Delimiters{}).Segment("MSH", Text("A")) }
	for _, c := range []struct {
		name string
		b    *Builder
		kind ward.ErrorKind
		path string
	}{
		{"nothing", NewBuilder(Delimiters{}), ward.Invalid, ""},
		{"no MSH", NewBuilder(Delimiters{}).Segment("PID", Text("1")), ward.Invalid, "PID"},
		{"MSH twice", msh().Segment("MSH"), ward.Invalid, "MSH"},
		{"bad name", msh().Segment("pid"), ward.Invalid, "pid"},
		{"batch segment", msh().Segment("BTS"), ward.Invalid, "BTS"},
		{"delimiters", NewBuilder(Delimiters{Field: '|', Component: '|'}), ward.Invalid, "MSH-2"},
		{"gap", NewBuilder(Delimiters{Field: '|', Component: '^', Escape: '\\'}), ward.Invalid, "MSH-2"},
		{"no field separator", NewBuilder(Delimiters{Component: '^'}), ward.Invalid, "MSH-1"},
		{"nesting", msh().Segment("PID", Comp(Rep(Text("x"), Text("y")))), ward.Invalid, "PID-1"},
		{"nesting", msh().Segment("PID", Node{}, Sub(Sub(Text("x")))), ward.Invalid, "PID-2"},
		{"bad UTF-8", msh().Segment("PID", Text("\xff")), ward.Invalid, "PID-1"},
		{"no sign", NewBuilder(Delimiters{}).Charset("8859/1").Segment("MSH", Text("ł")), ward.Unprocessable, "MSH-3"},
		{"no sign in ASCII", NewBuilder(Delimiters{}).Charset("ASCII").Segment("MSH", Text("é")), ward.Unprocessable, "MSH-3"},
		{"control range", NewBuilder(Delimiters{}).Charset("8859/1").Segment("MSH", Text("€")), ward.Unprocessable, "MSH-3"},
		{"charset", msh().Charset("klingon"), ward.Unsupported, "MSH-3"},
		{"UTF-16", msh().Charset("UTF-16"), ward.Unsupported, "MSH-3"},
		{"no escape character", NewBuilder(Delimiters{Field: '|', Component: '^'}).Segment("MSH", Text("a^b")), ward.Invalid, "MSH-3"},
		{"no subcomponents", NewBuilder(Delimiters{Field: '|', Component: '^'}).Segment("MSH", Sub(Text("a"), Text("b"))), ward.Invalid, "MSH-3"},
		{"too long", msh().Segment("NTE", Text(strings.Repeat("x", MaxBytes))), ward.TooLarge, "NTE-1"},
		{"too many fields", msh().Segment("NTE", make([]Node, MaxFieldsPerSegment+1)...), ward.TooLarge, "NTE"},
	} {
		got, err := c.b.Segment("ZZZ", Text("later")).Bytes()
		if c.name == "nothing" {
			got, err = NewBuilder(Delimiters{}).Bytes()
		}
		var e *ward.Error
		if got != nil || !errors.As(err, &e) || e.Kind != c.kind || e.Path != c.path {
			t.Errorf("%s: %v, want %v at %q", c.name, err, c.kind, c.path)
		}
	}
}

func TestCopy(t *testing.T) {
	m := parse(t, "MSH|^~\\&|A|||||||I\xE9\\F\\D||||||||8859/1\rPID|1||a&b^c\\T\\d~\"\"||x\x1c|C^\"\"\rNTE|1||a\nb\r")
	pid := m.First("PID")
	nodes := []Node{Copy(m.Get("MSH-10")), Rep(Copy(pid.Field(3).Repeat(0)), Copy(pid.Field(3).Repeat(1))), Copy(pid.Field(5).First()),
		Copy(m.Get("PID-6")), Copy(m.Get("NTE-3")), Copy(Value{}), Copy(m.Get("MSH-2")), Comp(Copy(m.Get("PID-3.1.2")), Copy(m.Get("PID-3.2")))}
	same, err := Reply(m).Segment("MSH").Segment("ZZZ", nodes...).Bytes()
	if want := "MSH|^~\\&\rZZZ|I\xE9\\F\\D|a&b^c\\T\\d~\"\"|x\\X1C\\|C^\"\"|a\\X0A\\b||\\S\\\\R\\\\E\\\\T\\|b^c\\T\\d\r"; err != nil || string(same) != want {
		t.Errorf("%q, %v\nwant\n%q", same, err, want)
	}
	other, err := NewBuilder(Delimiters{'$', '%', '*', '?', '!', 0}).Segment("MSH").Segment("ZZZ", nodes...).Bytes()
	if want := "MSH$%*?!\rZZZ$Ié|D$a!b%c&d*\"\"$x?X1C?$C%\"\"$a?X0A?b$$^~\\&$b%c&d\r"; err != nil || string(other) != want {
		t.Errorf("%q, %v\nwant\n%q", other, err, want)
	}
	if _, err := Reply(m).Segment("MSH", Comp(Copy(pid.Field(3).Repeat(0)))).Bytes(); ward.KindOf(err) != ward.Invalid {
		t.Errorf("components inside a component: %v", err)
	}
}

// TestCopyKeepsUndecodedBytes: a reply echoes a control id whose character set Ward cannot read.
func TestCopyKeepsUndecodedBytes(t *testing.T) {
	m := parse(t, "MSH|^~\\&|A|||||||\xC4\xE3||||||||GB 18030-2000\r")
	got, err := Reply(m).Segment("MSH").Segment("MSA", Text("AA"), Copy(m.Get("MSH-10"))).Bytes()
	if err != nil || !bytes.HasSuffix(got, []byte("MSA|AA|\xC4\xE3\r")) {
		t.Errorf("%q, %v", got, err)
	}
}

func drawDelimiters(t *rapid.T) Delimiters {
	if rapid.Bool().Draw(t, "standard") {
		return StandardDelimiters()
	}
	p := rapid.Permutation([]byte("|^~\\&#$%*?!@;:,\x1d\x1e\x1f")).Draw(t, "delimiters")
	d := Delimiters{p[0], p[1], p[2], p[3], p[4], p[5]}
	if rapid.Bool().Draw(t, "without truncation") {
		d.Truncation = 0
	}
	return d
}

// shape is what a built segment must give back: field, repetition, component, subcomponent.
type shape [][][][]string

func drawShape(t *rapid.T, charset string) shape {
	text := rapid.String()
	if charset != "UTF-8" {
		text = rapid.StringOf(rapid.SampledFrom([]rune("ab \\|^~&#$\"\r\n\x00\x0b\x1b\x1c\x7f\tÄé÷ÿ")))
	}
	return rapid.SliceOfN(rapid.SliceOfN(rapid.SliceOfN(rapid.SliceOfN(rapid.OneOf(text, rapid.SampledFrom([]string{"", `""`, `"`, `\E\`, `\X41\`, `\.br\`, `\`})),
		1, 3), 1, 3), 1, 3), 0, 8).Draw(t, "segment")
}

func (s shape) nodes() []Node {
	var fields []Node
	for _, f := range s {
		var reps []Node
		for _, r := range f {
			var comps []Node
			for _, c := range r {
				var subs []Node
				for _, x := range c {
					subs = append(subs, Text(x))
				}
				comps = append(comps, Sub(subs...))
			}
			reps = append(reps, Comp(comps...))
		}
		fields = append(fields, Rep(reps...))
	}
	return fields
}

// TestBuildParse: what is built is parsed to the same values, whatever the delimiters and the texts are.
func TestBuildParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDelimiters(t)
		charset := rapid.SampledFrom([]string{"UTF-8", "8859/1", "windows-1252", "8859/9"}).Draw(t, "charset")
		b := NewBuilder(d).Charset(charset)
		b.Segment("MSH", append(make([]Node, 15), Text(charset))...)
		shapes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) shape { return drawShape(t, charset) }), 0, 3).Draw(t, "segments")
		for _, s := range shapes {
			b.Segment("ZZZ", s.nodes()...)
		}
		raw, err := b.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(raw, Options{})
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if !bytes.Equal(m.Encode(), raw) || m.Tolerated() != 0 || m.Undecoded() || m.Delimiters() != d || m.Len() != len(shapes)+1 {
			t.Fatalf("%q: tolerated %q, undecoded %v, %d segments", raw, m.Tolerated(), m.Undecoded(), m.Len())
		}
		for i, s := range shapes {
			if problem := s.differs(m.Segment(i + 1)); problem != "" {
				t.Fatalf("%q: %s", raw, problem)
			}
		}
	})
}

func (s shape) differs(seg Segment) string {
	for f, reps := range s {
		for r, comps := range reps {
			for c, subs := range comps {
				for x, want := range subs {
					p := Path{Segment: "ZZZ", Field: f + 1, Repeat: r, Component: c + 1, Sub: x + 1}
					v := seg.At(p)
					if v.Text() != want || v.Null() || v.Undecoded() || v.Empty() != (want == "") {
						return fmt.Sprintf("%s is %q, want %q", p, v.Text(), want)
					}
				}
			}
		}
	}
	return ""
}
