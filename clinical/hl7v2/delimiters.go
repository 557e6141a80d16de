package hl7v2

import "github.com/ward-health/ward"

// Delimiters are the characters of MSH-1 and MSH-2. One that was not declared is 0: then nothing is split or escaped by
// it. The zero Delimiters mean the standard ones where a Builder takes them.
type Delimiters struct {
	Field        byte
	Component    byte
	Repetition   byte
	Escape       byte
	Subcomponent byte
	Truncation   byte // since 2.7; 0 if MSH-2 has four characters
}

// StandardDelimiters returns the recommended ones, |^~\&, without a truncation character.
func StandardDelimiters() Delimiters {
	return Delimiters{Field: '|', Component: '^', Repetition: '~', Escape: '\\', Subcomponent: '&'}
}

// Encoding returns the encoding characters as MSH-2 shows them.
func (d Delimiters) Encoding() string {
	out := make([]byte, 0, 5)
	for _, c := range [...]byte{d.Component, d.Repetition, d.Escape, d.Subcomponent, d.Truncation} {
		if c == 0 {
			break
		}
		out = append(out, c)
	}
	return string(out)
}

// canDelimit refuses what would make text, names, numbers, nulls or line ends ambiguous.
func canDelimit(c byte) bool {
	switch {
	case c >= 0x80, c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		return false
	}
	switch c {
	case 0, '\t', '\n', '\v', '\r', 0x1B, 0x1C, ' ', '"', 0x7F:
		return false
	}
	return true
}

// check refuses delimiters that cannot work: unusable characters, duplicates, gaps.
func (d Delimiters) check() *ward.Error {
	if !canDelimit(d.Field) {
		return invalid("MSH-1", "the field separator must be a punctuation character")
	}
	list := [...]byte{d.Component, d.Repetition, d.Escape, d.Subcomponent, d.Truncation}
	for i, c := range list {
		if c == 0 && i > 0 {
			for _, later := range list[i:] {
				if later != 0 {
					return invalid("MSH-2", "an encoding character is missing before another one")
				}
			}
			return nil
		}
		if !canDelimit(c) {
			return invalid("MSH-2", "expected punctuation characters, usually ^~\\&")
		}
		if c == d.Field {
			return invalid("MSH-2", "an encoding character equals the field separator")
		}
		for _, earlier := range list[:i] {
			if c == earlier {
				return invalid("MSH-2", "an encoding character stands there twice")
			}
		}
	}
	return nil
}

// readDelimiters reads MSH-1 and MSH-2 from b, which begins with "MSH", and returns the length of MSH-2.
//
// SPEC(HL7 v2.9 2.5.4): the fourth byte is the field separator; the encoding characters follow it up to the next one.
func readDelimiters(b []byte) (Delimiters, int, error) {
	if len(b) < 4 {
		return Delimiters{}, 0, invalid("MSH-1", "the message ends after the segment name")
	}
	d := Delimiters{Field: b[3]}
	if !canDelimit(d.Field) {
		return d, 0, invalid("MSH-1", "the field separator must be a punctuation character")
	}
	n := 0
	for n < 6 && 4+n < len(b) && b[4+n] != d.Field && b[4+n] != '\r' && b[4+n] != '\n' {
		n++
	}
	if n == 0 {
		return d, 0, invalid("MSH-2", "there are no encoding characters; expected four, usually ^~\\&, or five")
	}
	if n > 5 {
		return d, 0, invalid("MSH-2", "there are more than five encoding characters; expected four, usually ^~\\&, or five")
	}
	to := [...]*byte{&d.Component, &d.Repetition, &d.Escape, &d.Subcomponent, &d.Truncation}
	for i, c := range b[4 : 4+n] {
		if !canDelimit(c) {
			return d, 0, invalid("MSH-2", "expected punctuation characters, usually ^~\\&")
		}
		*to[i] = c
	}
	if err := d.check(); err != nil {
		return d, 0, err
	}
	return d, n, nil
}

func invalid(path, public string) *ward.Error {
	return ward.E(ward.Invalid, "hl7v2.parse", public, nil).At(path)
}
