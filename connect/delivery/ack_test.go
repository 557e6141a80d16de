package delivery

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/hl7v2"
)

var moment = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)

func parsed(t *testing.T, text string) *hl7v2.Message {
	t.Helper()
	m, err := hl7v2.Parse([]byte(text), hl7v2.Options{})
	must(t, err)
	return m
}

// What is asked for by MSH-15 and MSH-16, for success, error and reject.
func TestAcknowledgementModes(t *testing.T) {
	for _, c := range []struct{ accept, app, want string }{
		{"", "", "AA AE AR"},
		{"NE", "AL", "AA AE AR"}, // the same as the original mode
		{"", "AL", "AA AE AR"},
		{"NE", "ER", "- AE AR"},
		{"NE", "SU", "AA - -"},
		{"NE", "NE", "- - -"},
		{"NE", "", "- - -"},
		{"", "NE", "- - -"},
		{"AL", "NE", "CA CE CR"},
		{"AL", "AL", "CA CE CR"},
		{"AL", "", "CA CE CR"},
		{"ER", "AL", "- CE CR"},
		{"SU", "NE", "CA - -"},
		{"XX", "", "CA CE CR"},
		{"NE", "XX", "AA AE AR"},
	} {
		var got []string
		for _, code := range []string{"AA", "AE", "AR"} {
			said, wanted := verdict{code: code}.answer(hl7v2.Header{AcceptAck: c.accept, AppAck: c.app})
			if !wanted {
				said = "-"
			}
			got = append(got, said)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("MSH-15 %q, MSH-16 %q: %v, want %s", c.accept, c.app, got, c.want)
		}
	}
}

func TestReply(t *testing.T) {
	m := parsed(t, "MSH|^~\\&|LAB^1.2^ISO|NORTH|WARD|HIS|20260102||ORU^R01^ORU_R01|A-1|P|2.3\rPID|1\r")
	id := ward.NewID()
	got, err := reply(m, accepted, "P", id, moment)
	must(t, err)
	want := "MSH|^~\\&|WARD|HIS|LAB^1.2^ISO|NORTH|20260102030405.006+0000||ACK^R01^ACK|" + control(id) + "|P|2.3\rMSA|AA|A-1\r"
	if string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	v := verdict{code: "AE", severity: "E", status: "101", where: "PID-3", text: "a text"}
	got, err = reply(parsed(t, "MSH|^~\\&|LAB|NORTH|||||ORU^R01|A-1||\r"), v, "T", id, moment)
	must(t, err)
	want = "MSH|^~\\&|||LAB|NORTH|20260102030405.006+0000||ACK^R01^ACK|" + control(id) + "|T|2.5.1\rMSA|AE|A-1|a text\rERR||PID^1^3|101^Required field missing^HL70357|E||||a text\r"
	if string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	got, err = reply(parsed(t, "MSH|^~\\&|LAB|NORTH|||||ORU^R01|A-1|X|9.9\r"), accepted, "P", id, moment)
	must(t, err)
	if want = "|" + control(id) + "|P|2.5.1\r"; !strings.Contains(string(got), want) {
		t.Errorf("what is refused is repeated: %q", got)
	}
	if len(control(id)) != 20 {
		t.Errorf("MSH-10 %q", control(id))
	}
}

// MSA-2 holds the very bytes of MSH-10, whatever delimiters, characters and escapes the sender uses.
func TestControlIDComesBack(t *testing.T) {
	for _, header := range []string{
		"MSH|^~\\&|A|B|C|D|||ORU^R01|%|P|2.5.1\r", "MSH$%~!?$A$B$C$D$$$ORU%R01$%$P$2.5.1\r", "MSH|^~\\&#|A|B|C|D|||ORU^R01|%|P|2.7\r",
		"MSH|^~\\&|A|B|C|D|||ORU^R01|%|P|2.5.1||||||8859/1\r", "MSH|^~\\&|A|B|C|D|||ORU^R01|%|P|2.5.1||||||UNICODE UTF-8\r",
		"MSH|^~\\&|A|B|C|D|||ORU^R01|%|P|2.5.1||||||GB 18030-2000\r",
	} {
		for _, id := range []string{"1", " 1 ", "a~b~", "~", "a^b&c", `\F\\E\`, "\\X0D\\", "\xe9\xff", "größe", `""`, "^^", "\t", strings.Repeat("x", 60_000)} {
			text := strings.Replace(header, "%", id, 1)
			if strings.HasPrefix(header, "MSH$") {
				text = strings.Replace(header, "$%$P", "$"+id+"$P", 1)
			}
			m, err := hl7v2.Parse([]byte(text), hl7v2.Options{})
			must(t, err)
			got, err := reply(m, accepted, "P", ward.NewID(), moment)
			if err != nil {
				t.Errorf("%.40q in %.30q: %v", id, header, err)
				continue
			}
			a, err := hl7v2.Parse(got, hl7v2.Options{})
			must(t, err)
			if raw := a.First("MSA").Field(2).Raw(); !bytes.Equal(raw, m.First("MSH").Field(10).Raw()) {
				t.Errorf("%.40q in %.30q came back as %.40q", id, header, raw)
			}
		}
	}
	if _, err := reply(parsed(t, "MSH|^~\\&|A|B|C|D|||ORU^R01|"+strings.Repeat("x", 70_000)+"|P|2.5.1\r"), accepted, "P", ward.NewID(), moment); ward.KindOf(err) != ward.TooLarge {
		t.Errorf("a header that is too long to be repeated: %v", err)
	}
}

func TestVersions(t *testing.T) {
	for v, want := range map[string]bool{"": true, "2": true, "2.1": true, "2.3.1": true, "2.5.1": true, "2.9": true, "2.0D": true, " 2.4 ": true,
		"3": false, "1.0": false, "2.": false, "2.10": false, "2.x": false, "25": false, "X": false} {
		if knownVersion(v) != want {
			t.Errorf("version %q: %t", v, !want)
		}
	}
}

// Whatever bytes come, there is an answer to be kept with them, and what the store takes.
func FuzzLook(f *testing.F) {
	f.Add(oru("c1", "p1", "5"))
	f.Add(a40("c2", "p1", "p1"))
	f.Add([]byte("MSH|^~\\&|A|B|C|D|||ORU^R01|panic|P|2.5.1\r"))
	f.Add([]byte("PID|1"))
	in := NewInbox(Deps{Rules: rules}, Channel{ID: "lab"})
	f.Fuzz(func(t *testing.T, frame []byte) {
		a, err := in.look(frame)
		if err != nil {
			t.Fatalf("%q: %v", frame, err)
		}
		if len(a.Reply) == 0 || len(a.Reply) > maxReply {
			t.Fatalf("%q: a reply of %d bytes", frame, len(a.Reply))
		}
		if _, err := hl7v2.Parse([]byte(a.Reply), hl7v2.Options{}); err != nil {
			t.Fatalf("%q: the reply %q: %v", frame, []byte(a.Reply), err)
		}
		if bytes.ContainsAny([]byte(a.Reply), "\x0b\x1c") {
			t.Fatalf("%q: the reply cannot be framed", frame)
		}
	})
}
