package hl7v2

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward"
)

func parse(t testing.TB, text string) *Message {
	t.Helper()
	m, err := Parse([]byte(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(m.Encode()); got != text {
		t.Fatalf("Encode gives %q, want %q", got, text)
	}
	return m
}

func names(m *Message) string {
	var out []string
	for s := range m.Segments() {
		out = append(out, s.Name())
	}
	return strings.Join(out, " ")
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, text, segments string
		tolerated            Tolerance
	}{
		{"standard", "MSH|^~\\&|A\rPID|1\rPV1\r", "MSH PID PV1", 0},
		{"header only", "MSH|^~\\&\r", "MSH", 0},
		{"no last terminator", "MSH|^~\\&|A\rPID|1", "MSH PID", NoLastTerminator},
		{"header only, no terminator", "MSH|^~\\&", "MSH", NoLastTerminator},
		{"LF", "MSH|^~\\&|A\nPID|1\n", "MSH PID", LineFeeds},
		{"CRLF", "MSH|^~\\&|A\r\nPID|1\r\n", "MSH PID", LineFeeds},
		{"mixed", "MSH|^~\\&|A\rPID|1\nPV1|1\r\nOBR|1\r", "MSH PID PV1 OBR", LineFeeds},
		{"blank lines", "MSH|^~\\&|A\r\r  \rPID|1\r\r", "MSH PID", BlankLines},
		{"blanks at the end", "MSH|^~\\&|A\rPID|1\r  ", "MSH PID", BlankLines},
		{"byte order mark", "\xEF\xBB\xBFMSH|^~\\&|A\rPID|1\r", "MSH PID", LeadingBytes},
		{"leading blanks", "\r\n \tMSH|^~\\&|A\rPID|1\r", "MSH PID", LeadingBytes},
		{"LF in field", "MSH|^~\\&|A\rNTE|1||line one\nline two\n\n  three\rPID|1\r", "MSH NTE PID", LineFeedInField},
		{"LF at the end of a field", "MSH|^~\\&|A\rNTE|1||line\n\rPID|1\r", "MSH NTE PID", LineFeeds | BlankLines},
		{"LF in field, CRLF", "MSH|^~\\&|A\r\nNTE|1||line one\nline two\r\nPID|1\r\n", "MSH NTE PID", LineFeeds | LineFeedInField},
		{"LF then indented segment is text", "MSH|^~\\&|A\rNTE|1||see\n PID|1\r", "MSH NTE", LineFeedInField},
		{"two encoding characters", "MSH|^~|A\rPID|1\r", "MSH PID", ShortEncoding},
		{"Z segment", "MSH|^~\\&|A\rZ99|1\rZZ1\r", "MSH Z99 ZZ1", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := parse(t, c.text)
			if got := names(m); got != c.segments || m.Len() != strings.Count(c.segments, " ")+1 {
				t.Errorf("segments %q, want %q", got, c.segments)
			}
			if m.Tolerated() != c.tolerated {
				t.Errorf("tolerated %q, want %q", m.Tolerated(), c.tolerated)
			}
		})
	}
	m := parse(t, "MSH|^~\\&|A\rNTE|1||line one\nline two\n\n  three|x\rPID|1\r")
	if got := m.Get("NTE-3").Text(); got != "line one\nline two\n\n  three" {
		t.Errorf("NTE-3 is %q", got)
	}
	if got := m.Get("NTE-4").Text(); got != "x" {
		t.Errorf("NTE-4 is %q", got)
	}
}

func TestRefusals(t *testing.T) {
	long := "MSH|^~\\&|A\r"
	for _, c := range []struct {
		name, text string
		kind       ward.ErrorKind
		path       string
	}{
		{"nothing", "", ward.Invalid, "segment 1"},
		{"blanks", " \r\n", ward.Invalid, "segment 1"},
		{"no MSH", "PID|1\r", ward.Invalid, "segment 1"},
		{"lower case", "msh|^~\\&|A\r", ward.Invalid, "segment 1"},
		{"batch", "FHS|^~\\&|A\rMSH|^~\\&|A\r", ward.Invalid, "segment 1"},
		{"name only", "MSH", ward.Invalid, "MSH-1"},
		{"letter as separator", "MSHA^~\\&AB\r", ward.Invalid, "MSH-1"},
		{"quote as separator", "MSH\"^~\\&\"B\r", ward.Invalid, "MSH-1"},
		{"break as separator", "MSH\r^~\\&\r", ward.Invalid, "MSH-1"},
		{"no encoding characters", "MSH||A\r", ward.Invalid, "MSH-2"},
		{"nothing after MSH-1", "MSH|", ward.Invalid, "MSH-2"},
		{"too many", "MSH|^~\\&#$|A\r", ward.Invalid, "MSH-2"},
		{"twice", "MSH|^^\\&|A\r", ward.Invalid, "MSH-2"},
		{"truncation twice", "MSH|^~\\&&|A\r", ward.Invalid, "MSH-2"},
		{"letters", "MSH|ABCD|A\r", ward.Invalid, "MSH-2"},
		{"high byte", "MSH|^~\\\xA6|A\r", ward.Invalid, "MSH-2"},
		{"second header", long + "PID|1\rMSH|^~\\&|B\r", ward.Invalid, "segment 3"},
		{"batch trailer", long + "BTS|1\r", ward.Invalid, "segment 2"},
		{"short name", long + "PI|1\r", ward.Invalid, "segment 2"},
		{"long name", long + "PIDX|1\r", ward.Invalid, "segment 2"},
		{"lower name", long + "pid|1\r", ward.Invalid, "segment 2"},
		{"digit first", long + "1ID|1\r", ward.Invalid, "segment 2"},
		{"indented", long + "  PID|1\r", ward.Invalid, "segment 2"},
		{"text after CR", long + "NTE|1||SMITH\rJOHN HAS\r", ward.Invalid, "segment 3"},
		{"text after a bare name", long + "PID\nJOHN\r", ward.Invalid, "segment 3"},
		{"text after LF in LF message", "MSH|^~\\&|A\nNTE|1||SMITH\nJOHN HAS\n", ward.Invalid, "segment 3"},
		{"UTF-16 LE", "\xFF\xFEM\x00S\x00H\x00", ward.Unsupported, ""},
		{"UTF-16 BE", "\x00M\x00S\x00H", ward.Unsupported, ""},
		{"too long", long + "NTE|1||" + strings.Repeat("x", MaxBytes), ward.TooLarge, ""},
		{"too many segments", long + strings.Repeat("NTE\r", MaxSegments), ward.TooLarge, ""},
		{"too many fields in a segment", long + "NTE" + strings.Repeat("|", MaxFieldsPerSegment+1) + "\r", ward.TooLarge, "segment 2"},
		{"too many fields", long + strings.Repeat("NTE"+strings.Repeat("|", 1000)+"\r", 1050), ward.TooLarge, "segment 1050"},
		{"too many repetitions", long + "NTE|" + strings.Repeat("~", MaxRepeats+1) + "\r", ward.TooLarge, "segment 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse([]byte(c.text), Options{})
			var e *ward.Error
			if m != nil || !errors.As(err, &e) {
				t.Fatalf("%v, %v: want an error", m, err)
			}
			if e.Kind != c.kind || e.Path != c.path {
				t.Errorf("%v at %q, want %v at %q (%v)", e.Kind, e.Path, c.kind, c.path, err)
			}
			if strings.Contains(err.Error(), "SMITH") || strings.Contains(err.Error(), "JOHN") {
				t.Errorf("the error shows content: %v", err)
			}
		})
	}
}

// TestBoundsAreUsable: what is exactly at a bound is accepted.
func TestBoundsAreUsable(t *testing.T) {
	head := "MSH|^~\\&|A\r"
	for _, text := range []string{
		head + "NTE|1||" + strings.Repeat("x", MaxBytes-len(head)-8) + "\r",
		head + strings.Repeat("NTE\r", MaxSegments-1),
		head + "NTE" + strings.Repeat("|", MaxFieldsPerSegment) + "\r",
		head + "NTE|" + strings.Repeat("~", MaxRepeats-1) + "\r",
	} {
		if _, err := Parse([]byte(text), Options{}); err != nil {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
	m := parse(t, head+"NTE|"+strings.Repeat("~", 99_999)+"x\r")
	if f := m.First("NTE").Field(1); f.Repeats() != 100_000 || f.Repeat(99_999).Text() != "x" || f.Repeat(5).Exists() != true {
		t.Errorf("%d repetitions", f.Repeats())
	}
}

func TestDelimiters(t *testing.T) {
	for _, c := range []struct {
		text string
		want Delimiters
	}{
		{"MSH|^~\\&|A\r", Delimiters{'|', '^', '~', '\\', '&', 0}},
		{"MSH|^~\\&#|A\r", Delimiters{'|', '^', '~', '\\', '&', '#'}},
		{"MSH$%*?!$A\r", Delimiters{'$', '%', '*', '?', '!', 0}},
		{"MSH\x1d\x1e\x1f\\&\x1dA\r", Delimiters{0x1d, 0x1e, 0x1f, '\\', '&', 0}},
		{"MSH|^|A\r", Delimiters{'|', '^', 0, 0, 0, 0}},
		{"MSH|^~|A\r", Delimiters{'|', '^', '~', 0, 0, 0}},
		{"MSH|^~\\|A\r", Delimiters{'|', '^', '~', '\\', 0, 0}},
	} {
		m := parse(t, c.text)
		if m.Delimiters() != c.want {
			t.Errorf("%q: %v, want %v", c.text, m.Delimiters(), c.want)
		}
		msh := m.Segment(0)
		if got := string(msh.Field(1).Raw()); got != string(c.want.Field) || msh.Field(1).First().Text() != got {
			t.Errorf("%q: MSH-1 is %q", c.text, got)
		}
		f := msh.Field(2)
		if got := f.First().Text(); got != c.want.Encoding() || f.Repeats() != 1 || f.First().Components() != 1 || f.Empty() || f.Null() {
			t.Errorf("%q: MSH-2 is %q", c.text, got)
		}
		if got := msh.Field(3).First().Text(); got != "A" {
			t.Errorf("%q: MSH-3 is %q", c.text, got)
		}
	}
	m := parse(t, "MSH$%*?!$A%B!C*D$x?F?y\r")
	for path, want := range map[string]string{"MSH-3.1": "A", "MSH-3.2": "B", "MSH-3.2.2": "C", "MSH-3[1]": "D", "MSH-4": "x$y"} {
		if got := m.Get(path).Text(); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	m = parse(t, "MSH|^|A~B&C\\T\\^D\r")
	if got := m.Get("MSH-3").Text(); got != "A~B&C\\T\\" || m.Get("MSH-3.2").Text() != "D" {
		t.Errorf("undeclared delimiters split or escape: %q", got)
	}
}

// TestNothingPrints: no printed form of what a message holds shows content.
func TestNothingPrints(t *testing.T) {
	m := parse(t, "MSH|^~\\&|CANARY\rPID|1||CANARY^CANARY\r")
	pid := m.First("PID")
	for _, x := range []any{m, *m, pid, pid.Field(3), pid.Field(3).First(), Copy(pid.Field(3).First()), Text("CANARY"), struct{ V Value }{pid.Field(3).First()}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			got := fmt.Sprintf(verb, x)
			if strings.Contains(got, "CANARY") || strings.Contains(got, "43414e4152") || strings.Contains(got, "67 65 78") {
				t.Errorf("%s of %T shows content: %s", verb, x, got)
			}
		}
	}
}

func TestToleranceNames(t *testing.T) {
	if got := (LeadingBytes | CharsetContradicts).String(); got != "leading-bytes charset-contradicts" || Tolerance(0).String() != "" {
		t.Errorf("%q", got)
	}
}

func TestHeader(t *testing.T) {
	m := parse(t, "MSH|^~\\&|LAB^1.2.3^ISO|\"\"|WARD||202401020304+0100||ORU^R01^ORU_R01|42\\T\\7|T^A|2.5.1^USA|||AL|NE|DEU|UNICODE UTF-8~8859/1\r")
	h := m.Header()
	ts, err := h.Time.Time(nil)
	if err != nil || ts.FHIR() != "2024-01-02T03:04:00+01:00" {
		t.Errorf("time %v, %v", ts, err)
	}
	h.Time = Value{}
	want := Header{SendingApp: HD{"LAB", "1.2.3", "ISO"}, ReceivingApp: HD{NamespaceID: "WARD"}, Type: "ORU", Event: "R01",
		Structure: "ORU_R01", ControlID: "42&7", ProcessingID: "T", ProcessingMode: "A", Version: "2.5.1", AcceptAck: "AL", AppAck: "NE",
		Charset: "UNICODE UTF-8"}
	if h != want {
		t.Errorf("header %+v, want %+v", h, want)
	}
	if h := parse(t, "MSH|^~\\&\r").Header(); h != (Header{}) {
		t.Errorf("header %+v, want nothing", h)
	}
}

func TestSplit(t *testing.T) {
	a, b := "MSH|^~\\&|A\rPID|1\r", "MSH|^~\\&|B\r\nPID|2\r\n\r\n"
	for _, c := range []struct {
		name, text string
		want       []string
		path       string
	}{
		{"nothing", "", nil, ""},
		{"one", a, []string{a}, ""},
		{"two", a + b, []string{a, b}, ""},
		{"no last terminator", a + "MSH|^~\\&|B", []string{a, "MSH|^~\\&|B"}, ""},
		{"byte order mark", "\xEF\xBB\xBF" + a + b, []string{"\xEF\xBB\xBF" + a, b}, ""},
		{"framed", "\v" + a + "\x1c\r\v" + a + "\x1c\r", []string{a, a}, ""},
		{"framed, LF", "\vMSH|^~\\&|A\nPID|1\n\x1c\n", []string{"MSH|^~\\&|A\nPID|1\n"}, ""},
		{"batch", "FHS|^~\\&\rBHS|^~\\&\r" + a + a + "BTS|2\rBHS|^~\\&\r" + a + "BTS|1|done\rFTS|2\r", []string{a, a, a}, ""},
		{"batch without count", "BHS|^~\\&\r" + a + "BTS\r", []string{a}, ""},
		{"batch cut", "FHS|^~\\&\rBHS|^~\\&\r" + a + "BTS|2\rFTS|1\r", []string{a}, "BTS-1"},
		{"own separator", "BHS$^~\\&\rMSH$^~\\&$A\rBTS$1$x\r", []string{"MSH$^~\\&$A\r"}, ""},
		{"text before", "hello\r" + a, nil, "line 1"},
		{"text after", "BHS|^~\\&\r" + a + "BTS|1\r\nhello", nil, "line 5"},
		{"UTF-16", "\xFF\xFEM\x00", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Split([]byte(c.text))
			var e *ward.Error
			if errors.As(err, &e); err != nil && (e.Path != c.path || c.path == "" && e.Kind != ward.Unsupported) || err == nil && c.path != "" {
				t.Fatalf("error %v, want one at %q", err, c.path)
			}
			if string(bytes.Join(got, []byte("#"))) != strings.Join(c.want, "#") {
				t.Fatalf("%q, want %q", got, c.want)
			}
			for _, m := range got {
				if _, err := Parse(m, Options{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if _, err := Split([]byte(strings.Repeat("MSH|^~\\&\r", MaxMessages+1))); ward.KindOf(err) != ward.TooLarge {
		t.Errorf("too many messages: %v", err)
	}
}
