package hl7v2

import (
	"bytes"
	"strings"
)

// Text returns the decoded text: escapes resolved, always valid UTF-8. Of a value with parts it is the text of the first
// one at the lowest level; a value that is Empty or Null gives "".
//
// Resolved are \F\ \S\ \R\ \T\ \E\ \P\ (delimiters), \Xhh..\ (bytes of the character set), \Cxxyy\ and \Mxxyyzz\ (another
// set from there on), \.br\ \.ce\ (new line), \.sp<n>\ (n new lines), \.sk<n>\ (n blanks); \H\ \N\ and the other
// formatting commands are dropped. Kept as they stand are unknown escapes (\Z..\ and others), an escape character without
// a partner, and formatting commands that would make the text longer than MaxBytes. The text may have control characters
// that were escaped.
//
// SPEC(HL7 v2.9 2.7): escape sequences are resolved after the message is split, each exactly once.
func (v Value) Text() string {
	s, _ := v.leaf().text()
	return s
}

// All returns the decoded text of the whole value, in which delimiters below its level stand as they were sent. It is
// for text (ST, TX, FT) whose sender forgot to escape & or ^. Null gives "".
func (v Value) All() string {
	s, _ := v.text()
	return s
}

// Undecoded reports that the value has bytes, or switches to a character set, that cannot be read: All has U+FFFD there.
func (v Value) Undecoded() bool {
	if v.m == nil || v.m.plain && bytes.IndexByte(v.Raw(), v.m.delims.Escape) < 0 {
		return false
	}
	_, ok := v.text()
	return !ok
}

// leaf goes down to the first part of the first part.
func (v Value) leaf() Value {
	if v.level == repetition {
		v = v.Component(1)
	}
	return v.Sub(1)
}

func (v Value) text() (string, bool) {
	if v.start == v.end || v.Null() {
		return "", true
	}
	raw, m := v.Raw(), v.m
	escaped := m.delims.Escape != 0 && v.level != literal && bytes.IndexByte(raw, m.delims.Escape) >= 0
	if m.plain && !escaped {
		return string(raw), true
	}
	d := decoder{delims: &m.delims, base: m.cs, set: m.cs, out: make([]byte, 0, len(raw)+8), ok: true}
	if !escaped {
		d.delims = &Delimiters{}
	}
	d.run(raw)
	return string(d.out), d.ok
}

// decoder resolves the escapes of one value. Bytes are gathered in pending until the set changes, because a character of
// UTF-8 may be spread over several \X escapes.
type decoder struct {
	delims    *Delimiters
	base, set *charset
	pending   []byte
	out       []byte
	ok        bool
}

func (d *decoder) run(raw []byte) {
	for at := 0; at < len(raw); {
		c := raw[at]
		switch {
		case c == d.delims.Escape && c != 0:
			end := bytes.IndexByte(raw[at+1:], c)
			if end < 0 {
				d.pending = append(d.pending, raw[at:]...)
				d.flush()
				return
			}
			if !d.resolve(raw[at+1 : at+1+end]) {
				d.pending = append(d.pending, raw[at:at+2+end]...)
			}
			at += end + 2
		case c == 0x1B && d.base.kind != utf8Bytes:
			set, n := switchTo(raw[at+1:], d.base)
			d.enter(set)
			at += 1 + n
		default:
			d.pending = append(d.pending, c)
			at++
		}
	}
	d.flush()
}

func (d *decoder) flush() {
	var ok bool
	d.out, ok = d.set.decode(d.out, d.pending)
	d.ok = d.ok && ok
	d.pending = d.pending[:0]
}

// enter goes on in another set.
func (d *decoder) enter(set *charset) {
	d.flush()
	d.set = set
	d.ok = d.ok && set != setOpaque
}

// resolve handles one escape, given without its escape characters; false leaves it as it stands.
func (d *decoder) resolve(body []byte) bool {
	if len(body) == 1 {
		return d.single(body[0])
	}
	if len(body) == 0 {
		return false
	}
	switch body[0] {
	case '.':
		return d.format(string(body[1:]))
	case 'X':
		return d.hex(body[1:])
	case 'C', 'M':
		return d.change(body)
	}
	return false
}

func (d *decoder) single(c byte) bool {
	switch c {
	case 'F':
		c = d.delims.Field
	case 'S':
		c = d.delims.Component
	case 'R':
		c = d.delims.Repetition
	case 'E':
		c = d.delims.Escape
	case 'T':
		c = d.delims.Subcomponent
	case 'P':
		c = d.delims.Truncation
	case 'H', 'N':
		return true
	default:
		return false
	}
	if c == 0 {
		return false
	}
	d.pending = append(d.pending, c)
	return true
}

// format resolves the formatting commands of FT.
//
// SPEC(HL7 v2.9 2.7, formatted text): commands begin with a period; a number may follow.
func (d *decoder) format(command string) bool {
	if len(command) < 2 {
		return false
	}
	n, ok := count(command[2:])
	if !ok {
		return false
	}
	back := strings.Contains(command, "-")
	fill := ""
	switch command[:2] {
	case "br", "ce":
		fill, n, ok = "\n", 1, command[2:] == ""
	case "sp":
		fill, ok = "\n", !back
	case "sk":
		fill, ok = " ", !back
	case "in", "ti":
		ok = command[2:] != ""
	case "fi", "nf":
		ok = command[2:] == ""
	default:
		return false
	}
	if !ok || len(d.out)+len(d.pending)+n > MaxBytes {
		return false
	}
	d.pending = append(d.pending, strings.Repeat(fill, n)...)
	return true
}

// count reads the number of a formatting command: a sign and at most two digits; nothing means 1.
func count(s string) (int, bool) {
	s = strings.TrimPrefix(s, " ")
	digits := s
	if s != "" && (s[0] == '+' || s[0] == '-') {
		digits = s[1:]
	}
	if s == "" {
		return 1, true
	}
	if len(digits) < 1 || len(digits) > 2 {
		return 0, false
	}
	n := 0
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		n = n*10 + int(digits[i]-'0')
	}
	return n, true
}

// hex resolves \Xhh..\ to bytes of the character set in force.
func (d *decoder) hex(digits []byte) bool {
	from := len(d.pending)
	if len(digits) == 0 || len(digits)%2 != 0 {
		return false
	}
	for i := 0; i < len(digits); i += 2 {
		hi, lo := hexDigit(digits[i]), hexDigit(digits[i+1])
		if hi < 0 || lo < 0 {
			d.pending = d.pending[:from]
			return false
		}
		d.pending = append(d.pending, byte(hi<<4|lo))
	}
	return true
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// change resolves \Cxxyy\ and \Mxxyy[zz]\: the bytes name the set in which the text goes on.
func (d *decoder) change(body []byte) bool {
	var to decoder
	if n := len(body); n != 5 && (body[0] == 'C' || n != 7) || !to.hex(body[1:]) {
		return false
	}
	set, used := switchTo(to.pending, d.base)
	if used != len(to.pending) {
		return false
	}
	d.enter(set)
	return true
}
