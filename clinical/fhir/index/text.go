package index

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// unaccented maps letters to their base.
var unaccented = func() map[rune]rune {
	m := map[rune]rune{}
	for _, word := range strings.Fields(accents) {
		base, n := utf8.DecodeRuneInString(word)
		for _, r := range word[n:] {
			m[r] = base
		}
	}
	return m
}()

// Fold appends the folded form of text to dst: what strings are compared by. Letters lose case and accents, sharp s becomes ss, punctuation
// goes, white space becomes one space between words.
//
// SPEC(FHIR R4 search.html#string): insensitive to case and accents; punctuation and white space of no meaning are ignored.
func Fold(dst, text []byte) []byte {
	space := false
	start := len(dst)
	for i := 0; i < len(text); {
		b := text[i]
		if b < utf8.RuneSelf {
			i++
			switch c := asciiFold[b]; c {
			case 0:
			case ' ':
				space = len(dst) > start
			default:
				if space {
					dst, space = append(dst, ' '), false
				}
				dst = append(dst, c)
			}
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		i += n
		switch {
		case unicode.IsSpace(r):
			space = len(dst) > start
			continue
		case r >= 0x300 && r <= 0x36F, unicode.IsPunct(r), unicode.IsControl(r):
			continue
		}
		if space {
			dst, space = append(dst, ' '), false
		}
		dst = appendFolded(dst, r)
	}
	return dst
}

// asciiFold: 0 is nothing, ' ' is white space.
var asciiFold = func() (t [utf8.RuneSelf]byte) {
	for c := range t {
		r := rune(c)
		switch {
		case unicode.IsSpace(r):
			t[c] = ' '
		case unicode.IsPunct(r), unicode.IsControl(r):
		default:
			t[c] = byte(unicode.ToLower(r))
		}
	}
	return t
}()

func appendFolded(dst []byte, r rune) []byte {
	if r == 'ß' || r == 'ẞ' {
		return append(dst, "ss"...)
	}
	r = unicode.ToLower(unicode.ToUpper(r)) // final sigma and such take the common form
	if base, ok := unaccented[r]; ok {
		r = base
	}
	return utf8.AppendRune(dst, r)
}

// fold returns the folded text of the string at node n.
func (c *Collector) fold(n int) []byte {
	text := c.string(n)
	from := len(c.text)
	c.text = Fold(c.text, text)
	return c.text[from:len(c.text):len(c.text)]
}

func (c *Collector) folded(n int, m *emit) {
	if !c.isString(n) {
		return
	}
	if text := c.fold(n); len(text) > 0 {
		c.add(m).Code = text
	}
}

// words takes every part of a HumanName or an Address.
//
// SPEC(FHIR R4 search.html#string): a search on a complex type matches any of its string parts.
func (c *Collector) words(n int, m *emit) {
	for at := c.d.First(n); at != tree.None; at = c.d.Sibling(at) {
		switch name := c.d.Src[c.d.Nodes[at].Name:][:c.d.Nodes[at].NameLen]; string(name) {
		case "family", "text", "city", "district", "state", "postalCode", "country":
			c.folded(at, m)
		case "given", "prefix", "suffix", "line":
			if c.d.Nodes[at].Kind != tree.Array {
				continue
			}
			for k := c.d.First(at); k != tree.None; k = c.d.Sibling(k) {
				c.folded(k, m)
			}
		}
	}
}

// conceptText takes text and displays of a CodeableConcept.
func (c *Collector) conceptText(n int, m *emit) {
	if at := c.d.Member(n, "text"); at != tree.None {
		c.folded(at, m)
	}
	if at := c.d.Member(n, "coding"); at != tree.None && c.d.Nodes[at].Kind == tree.Array {
		for k := c.d.First(at); k != tree.None; k = c.d.Sibling(k) {
			if display := c.d.Member(k, "display"); display != tree.None {
				c.folded(display, m)
			}
		}
	}
}
