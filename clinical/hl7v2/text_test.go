package hl7v2

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// nteOf parses a message with that MSH-18 and that NTE-3.
func nteOf(t *testing.T, charset, text, assumed string) *Message {
	t.Helper()
	raw := "MSH|^~\\&#|A|||||||||||||||" + charset + "\rNTE|1||" + text + "\r"
	m, err := Parse([]byte(raw), Options{Charset: assumed})
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Encode()) != raw {
		t.Fatalf("Encode gives other bytes for %q", raw)
	}
	return m
}

func TestEscapes(t *testing.T) {
	for in, want := range map[string]string{
		`a\F\b\S\c\T\d\R\e\E\f\P\g`:            `a|b^c&d~e\f#g`,
		`\E\F\E\`:                              `\F\`,
		`\H\bold\N\`:                           `bold`,
		`one\.br\two\.ce\three`:                "one\ntwo\nthree",
		`a\.sp\b\.sp2\c\.sp+1\d`:               "a\nb\n\nc\nd",
		`a\.sk3\b\.in+4\c\.ti-2\d\.fi\e\.nf\f`: "a   bcdef",
		`\X41\\X0D0A\\x42\`:                    "A\r\n\\x42\\",
		`\XC3A9\`:                              "é",
		`\Xc3a9\`:                              "é",
		`\XC3\\XA9\`:                           "é",
		`\X4\\XZZ\\X\`:                         `\X4\\XZZ\\X\`,
		`\Zabc\ \foo\ \\ \.zz\ \.sp999\ \.br3\ \.sp-1\ \.in\ \.\ \Q\`: `\Zabc\ \foo\ \\ \.zz\ \.sp999\ \.br3\ \.sp-1\ \.in\ \.\ \Q\`,
		`open \F`:             `open \F`,
		`C:\dir`:              `C:\dir`,
		`\`:                   `\`,
		`\C12\ \M12\ \CZZZZ\`: `\C12\ \M12\ \CZZZZ\`,
		`ÄÖ\F\Ü`:              `ÄÖ|Ü`,
	} {
		v := nteOf(t, "", in, "").Get("NTE-3")
		if got := v.Text(); got != want || v.All() != want || v.Undecoded() {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	m := nteOf(t, "", `a\T\b & c ^ d`, "")
	if got := m.Get("NTE-3").All(); got != `a&b & c ^ d` || m.Get("NTE-3").Text() != "a&b " {
		t.Errorf("All is %q", got)
	}
}

func TestCharsets(t *testing.T) {
	for _, c := range []struct {
		charset, raw, assumed string
		want, name            string
		undecoded             bool
		tolerated             Tolerance
	}{
		{"", "abc", "", "abc", "UTF-8", false, 0},
		{"", "é", "", "é", "UTF-8", false, 0},
		{`""`, "é", "", "é", "UTF-8", false, 0},
		{"", "\xE9", "", "é", "ISO-8859-1", false, 0},
		{"", "\x93\xE9\x94 \x80", "", "“é” €", "ISO-8859-1", false, 0},
		{"", "\xB1", "8859/2", "ą", "ISO-8859-2", false, 0},
		{"", "\x80", "CP1252", "€", "windows-1252", false, 0},
		{"", "\xC0", "windows-1251", "А", "windows-1251", false, 0},
		{"", "\xE9", "no such set", "\uFFFD", "unknown", true, 0},
		{"UNICODE UTF-8", "Ünï😀", "", "Ünï😀", "UTF-8", false, 0},
		{"UNICODE", "é", "", "é", "UTF-8", false, 0},
		{"UTF-8~UNICODE", "é", "", "é", "UTF-8", false, 0},
		{"utf8", "é", "8859/1", "é", "UTF-8", false, 0},
		{"UNICODE UTF-8", "a\xE9b", "", "a\uFFFDb", "UTF-8", true, 0},
		{"UNICODE UTF-8", "\uFFFD", "", "\uFFFD", "UTF-8", false, 0},
		{"UNICODE UTF-8", "a\x1B(Bb", "", "a\x1B(Bb", "UTF-8", false, 0},
		{"ASCII", "abc", "", "abc", "US-ASCII", false, 0},
		{"ASCII", "é", "", "é", "UTF-8", false, CharsetContradicts},
		{"ASCII", "\xE9", "", "é", "ISO-8859-1", false, CharsetContradicts},
		{"ASCII", "\xE1", "8859/7", "α", "ISO-8859-7", false, CharsetContradicts},
		{"UNICODE UTF-16", "é", "", "é", "UTF-8", false, CharsetContradicts},
		{"8859/1", "é", "", "Ã©", "ISO-8859-1", false, 0},
		{"8859/1", "\x81", "", "\uFFFD", "ISO-8859-1", true, 0},
		{"ISO 8859-2", "\xB3\xF3d\xBC", "", "łódź", "ISO-8859-2", false, 0},
		{"ISO_8859-3", "\xB1", "", "ħ", "ISO-8859-3", false, 0},
		{"8859/4", "\xE0", "", "ā", "ISO-8859-4", false, 0},
		{"8859/5", "\xBF\xE0\xD8\xD2\xD5\xE2", "", "Привет", "ISO-8859-5", false, 0},
		{"8859/6", "\xC7\xE4", "", "\u0627\u0644", "ISO-8859-6", false, 0},
		{"8859/7", "\xC1\xEB\xF6\xE1", "", "Αλφα", "ISO-8859-7", false, 0},
		{"8859/7", "\xFF", "", "\uFFFD", "ISO-8859-7", true, 0},
		{"8859/8", "\xE0", "", "\u05D0", "ISO-8859-8", false, 0},
		{"8859/9", "\xDD\xFE\xF0", "", "İşğ", "ISO-8859-9", false, 0},
		{"8859/15", "\xA4\xBC\xBD", "", "€Œœ", "ISO-8859-15", false, 0},
		{"windows-1250", "\x8A\xB9", "", "Šą", "windows-1250", false, 0},
		{"8859/1", "a\\XE9\\", "", "aé", "ISO-8859-1", false, 0},
		{"8859/1", "\xE9\\C2D46\\\xE1\\C2842\\\xE9", "", "éαé", "ISO-8859-1", false, 0},
		{"8859/1~8859/7", "\xE9\x1B-F\xE1\x1B(B\xE9", "", "éαé", "ISO-8859-1", false, 0},
		{"UNICODE UTF-8", "é\\C2D41\\x\\C2842\\é", "", "éxé", "UTF-8", false, 0},
		{"ASCII~ISO IR87", "a\x1B$B0!\x1B(Bb", "", "a\uFFFDb", "US-ASCII", true, 0},
		{"GB 18030-2000", "a\xC4\xE3b", "", "a\uFFFDb", "GB18030", true, 0},
		{"GB 18030-2000", "ab", "", "ab", "GB18030", false, 0},
		{"BIG-5", "\xA7\x41", "", "\uFFFDA", "Big5", true, 0},
		{"NO SUCH SET", "a\xE9", "", "a\uFFFD", "unknown", true, 0},
		{strings.Repeat("x", 50), "a\xE9", "", "a\uFFFD", "unknown", true, 0},
	} {
		m := nteOf(t, c.charset, c.raw, c.assumed)
		v := m.Get("NTE-3")
		if v.Text() != c.want || m.Charset() != c.name || m.Undecoded() != c.undecoded || m.Tolerated() != c.tolerated {
			t.Errorf("%q %q: %q in %s, undecoded %v, %q; want %q", c.charset, c.raw, v.Text(), m.Charset(), m.Undecoded(), m.Tolerated(), c.want)
		}
		if v.Undecoded() != c.undecoded {
			t.Errorf("%q %q: the value is undecoded %v", c.charset, c.raw, v.Undecoded())
		}
		if m.Get("NTE-1").Undecoded() || m.Get("NTE-1").Text() != "1" {
			t.Errorf("%q %q: another value is undecoded", c.charset, c.raw)
		}
	}
	for raw, want := range map[string]string{"a\x1B": "a", "a\x1B(": "a", "a\x1B-": "a", "a\x1B$)C": "a", "a\x1B$)Cxy": "a\uFFFD", "a\x1B-Zb": "a\uFFFD",
		"a\x1B$Bxy\x1B-Ab": "a\uFFFDb"} {
		m := nteOf(t, "8859/1", raw, "")
		if v := m.Get("NTE-3"); v.Text() != want || !v.Undecoded() || !m.Undecoded() {
			t.Errorf("%q: %q, undecoded %v", raw, v.Text(), m.Undecoded())
		}
	}
	v := nteOf(t, "ASCII~ISO IR87", `a\M2442\0!\C2842\b`, "").Get("NTE-3")
	if v.Text() != "a\uFFFDb" || !v.Undecoded() {
		t.Errorf("a multi-byte escape gives %q", v.Text())
	}
}

func TestByteOrderMark(t *testing.T) {
	for _, c := range []struct {
		charset, raw, name string
		tolerated          Tolerance
	}{
		{"", "é", "UTF-8", LeadingBytes},
		{"ASCII", "e", "US-ASCII", LeadingBytes},
		{"8859/1", "e", "ISO-8859-1", LeadingBytes},
		{"8859/1", "é", "UTF-8", LeadingBytes | CharsetContradicts},
		{"8859/1", "\xE9", "ISO-8859-1", LeadingBytes},
	} {
		m := parse(t, "\xEF\xBB\xBFMSH|^~\\&|A|||||||||||||||"+c.charset+"\rNTE|1||"+c.raw+"\r")
		if m.Charset() != c.name || m.Tolerated() != c.tolerated || m.Undecoded() {
			t.Errorf("%q %q: %s, %q, undecoded %v", c.charset, c.raw, m.Charset(), m.Tolerated(), m.Undecoded())
		}
	}
}

func TestKnownCharset(t *testing.T) {
	for name, want := range map[string][2]bool{"UTF-8": {true, true}, "8859/15": {true, true}, "iso-8859-1": {true, true},
		"ISO IR14": {true, false}, "GB 18030-2000": {true, false}, "klingon": {false, false}, "": {false, false}} {
		if known, supported := KnownCharset(name); known != want[0] || supported != want[1] {
			t.Errorf("%q: known %v, supported %v", name, known, supported)
		}
	}
}

// TestTables: every single-byte set is whole, free of duplicates, and encodes what it decodes.
func TestTables(t *testing.T) {
	seen := 0
	for name, c := range charsets {
		if c.kind != singleByte {
			continue
		}
		seen++
		back := map[rune]int{}
		for i, r := range c.upper {
			if r == 0 || r < 0x80 {
				t.Errorf("%s: 0x%X is %U", name, 0x80+i, r)
			}
			if r == utf8.RuneError {
				continue
			}
			if at, twice := back[r]; twice {
				t.Errorf("%s: %U stands at 0x%X and 0x%X", name, r, at, 0x80+i)
			}
			back[r] = 0x80 + i
			text, ok := c.decode(nil, []byte{byte(0x80 + i)})
			if !ok || string(text) != string(r) {
				t.Errorf("%s: 0x%X decodes to %q", name, 0x80+i, text)
			}
			raw, ok := c.encode(nil, r)
			if c == setLatin1 && i < 0x20 {
				if ok {
					t.Errorf("%s writes a byte that is a control character", name)
				}
			} else if !ok || len(raw) != 1 || raw[0] != byte(0x80+i) {
				t.Errorf("%s: %U encodes to %X", name, r, raw)
			}
		}
	}
	if seen < 13 {
		t.Errorf("only %d names of single-byte sets", seen)
	}
	for i, r := range setLatin1.upper[0x20:] {
		if r != rune(0xA0+i) {
			t.Errorf("ISO-8859-1: 0x%X is %U", 0xA0+i, r)
		}
	}
}

// TestFormattingIsBounded: commands cannot blow a text up.
func TestFormattingIsBounded(t *testing.T) {
	v := parse(t, "MSH|^~\\&|A\rNTE|"+strings.Repeat(`\.sp99\`, MaxBytes/7-10)+"\r").Get("NTE-1")
	if n := len(v.Text()); n < MaxBytes-99 || n > 2*MaxBytes {
		t.Errorf("the text has %d bytes", n)
	}
}
