package hl7v2

import (
	"bytes"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ward-health/ward"
)

// walk reads everything a message has, every way there is, and returns the number of leaves. It fails where two ways
// differ or where what was split does not join to the bytes it was split from.
func walk(t testing.TB, m *Message) (leaves int) {
	t.Helper()
	count := 0
	for s := range m.Segments() {
		if s.Index() != count || !s.Is(s.Name()) || !bytes.HasPrefix(s.Raw(), []byte(s.Name())) {
			t.Fatalf("segment %d is at %d", count, s.Index())
		}
		count++
		fields := []byte(s.Name())
		for n, f := range s.All() {
			if s.Index() > 0 || n != 2 {
				fields = append(fields, m.delims.Field)
			}
			if s.Index() > 0 || n > 1 {
				fields = append(fields, f.Raw()...)
			}
			leaves += walkField(t, f)
		}
		if !bytes.Equal(fields, s.Raw()) {
			t.Fatalf("the fields of segment %d do not join to it", s.Index())
		}
	}
	if count != m.Len() {
		t.Fatalf("%d segments, Len %d", count, m.Len())
	}
	return leaves
}

func walkField(t testing.TB, f Field) (leaves int) {
	t.Helper()
	var joined []byte
	empty := true
	for i, r := range f.All() {
		if i > 0 {
			joined = append(joined, f.m.delims.Repetition)
		}
		joined = append(joined, r.Raw()...)
		empty = empty && r.Empty()
		leaves += walkValue(t, r)
	}
	if !bytes.Equal(joined, f.Raw()) || empty != f.Empty() {
		t.Fatalf("the repetitions of a field do not join to it")
	}
	return leaves
}

func walkValue(t testing.TB, v Value) (leaves int) {
	t.Helper()
	if !utf8.ValidString(v.Text()) || !utf8.ValidString(v.All()) {
		t.Fatal("a text is not valid UTF-8")
	}
	if (v.Null() || v.Empty()) && v.Text() != "" || v.Null() && v.Empty() {
		t.Fatal("null, empty and text contradict each other")
	}
	_, _ = v.Time(time.UTC)
	_, _ = v.Number()
	_ = v.Undecoded()
	if v.level >= subcomponent {
		return 1
	}
	sep, count, get := v.componentDelimiter(), v.Components(), v.Component
	if v.level == component {
		sep, count, get = v.subcomponentDelimiter(), v.Subs(), v.Sub
	}
	var joined []byte
	n := 0
	for k, p := range v.Parts() {
		if n++; k != n || k < 20 && get(k) != p {
			t.Fatalf("part %d is part %d", n, k)
		}
		if n > 1 {
			joined = append(joined, sep)
		}
		joined = append(joined, p.Raw()...)
		leaves += walkValue(t, p)
	}
	if !bytes.Equal(joined, v.Raw()) || n != count || get(n+1).Exists() || get(0).Exists() {
		t.Fatalf("%d parts, the count says %d", n, count)
	}
	return leaves
}

var seeds = []string{
	"MSH|^~\\&|LAB|HOSP|WARD||20240102030405+0100||ORU^R01^ORU_R01|1|P|2.5.1\rPID|1||1^^^H&1.2&ISO~2||M\xC3\xBCller^A\rOBX|1|NM|2345-7^G^LN||5.50|mg/dL\r",
	"MSH|^~\\&#|A\nNTE|1||a\\.br\\b\\X0D0A\\\\F\\\n", "\xEF\xBB\xBFMSH|^~\\&|A|||||||||||||||8859/1\r\nPID|\"\"|\xE9\r\n",
	"MSH|^~\\&|A|||||||||||||||ASCII~ISO IR87\rPID|\x1B$B0!\x1B(B|\\M2442\\0!\\C2842\\\r", "MSH$%*?!$A*B%C!D\rZZ1$?F?\r", "MSH|^|A\r", "MSH|",
	"FHS|^~\\&\rBHS|^~\\&\rMSH|^~\\&|A\rBTS|1\rFTS|1\r", "\vMSH|^~\\&|A\rNTE|1||x\ny\r\x1c\r", "MSH|^~\\&|||||20241027023000.12|-0500\r",
}

// FuzzParse: no input panics; what parses encodes to itself, joins from its parts, and copies to a message that reads
// the same; errors are of the three kinds.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), "")
	}
	f.Add([]byte("MSH|^~\\&|A\xE9\r"), "8859/2")
	f.Fuzz(func(t *testing.T, b []byte, charset string) {
		before := bytes.Clone(b)
		m, err := Parse(b, Options{Charset: charset})
		if !bytes.Equal(b, before) {
			t.Fatal("Parse changed its input")
		}
		if err != nil {
			if k := ward.KindOf(err); k != ward.Invalid && k != ward.TooLarge && k != ward.Unsupported {
				t.Fatalf("an error of kind %v", k)
			}
			return
		}
		if !bytes.Equal(m.Encode(), b) {
			t.Fatal("Encode gives other bytes")
		}
		walk(t, m)
		_ = m.Header()
		rebuild(t, m)
	})
}

// rebuild writes a message anew from copies of its fields and compares what is read.
func rebuild(t testing.TB, m *Message) {
	t.Helper()
	b := Reply(m)
	for s := range m.Segments() {
		var fields []Node
		for n, f := range s.All() {
			if s.Index() == 0 && n < 3 {
				continue
			}
			var reps []Node
			for _, r := range f.All() {
				reps = append(reps, Copy(r))
			}
			fields = append(fields, Rep(reps...))
		}
		b.Segment(s.Name(), fields...)
	}
	raw, err := b.Bytes()
	if err != nil {
		if m.Undecoded() || m.delims.Escape == 0 || ward.KindOf(err) == ward.Unprocessable || ward.KindOf(err) == ward.TooLarge {
			return
		}
		t.Fatalf("it cannot be written again: %v", err)
	}
	again, err := Parse(raw, Options{Charset: m.cs.name})
	if err != nil || again.Len() != m.Len() {
		t.Fatalf("what was written again does not parse: %v", err)
	}
	if again.cs != m.cs || m.Undecoded() {
		return
	}
	for s := range m.Segments() {
		for n, f := range s.All() {
			for i, r := range f.All() {
				if got := again.Segment(s.Index()).Field(n).Repeat(i); got.Text() != r.Text() || got.Null() != r.Null() {
					t.Fatalf("%s differs", m.Path(s, n, i, 0, 0))
				}
			}
		}
	}
}

// FuzzSplit: no input panics, and what is split does not overlap and begins with MSH.
func FuzzSplit(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s + s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		messages, _ := Split(b)
		total := 0
		for _, m := range messages {
			total += len(m)
			if !bytes.HasPrefix(bytes.TrimPrefix(m, byteOrderMark), []byte("MSH")) {
				t.Fatal("a message that does not begin with MSH")
			}
			if again, err := Split(m); err != nil || len(again) != 1 || !bytes.Equal(again[0], m) {
				t.Fatalf("splitting one message again gives %d, %v", len(again), err)
			}
		}
		if total > len(b) {
			t.Fatal("messages overlap")
		}
	})
}
