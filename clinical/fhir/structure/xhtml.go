package structure

import (
	"bytes"
	"strconv"
	"strings"
)

// words numbers words from 0.
func words(list string) map[string]uint {
	set := map[string]uint{}
	for i, w := range strings.Fields(list) {
		set[w] = uint(i)
	}
	return set
}

// SPEC(FHIR R4 narrative.html#xhtml, invariant txt-1): the basic formatting of HTML 4.0 chapters 7 to 11 (not section 4 of chapter 9) and 15, a
// with name or href, images, and style attributes; nothing that acts.
var (
	xhtmlElements = words("p br div h1 h2 h3 h4 h5 h6 a span ul ol li dl dt dd table caption colgroup col thead tr tfoot tbody th td code em strong small " +
		"b i q cite dfn abbr acronym sub sup blockquote pre hr tt big samp var kbd address img bdo ins del map area")
	xhtmlAttributes = words("xmlns title style class id lang xml:lang dir accesskey tabindex span width align valign char charoff abbr axis headers scope rowspan colspan " +
		"border rules frame cellspacing cellpadding summary name href src alt longdesc height usemap ismap shape coords nohref cite datetime type start value compact nowrap")
)

const (
	xhtmlNamespace = "http://www.w3.org/1999/xhtml"
	maxXHTMLDepth  = 100
)

// xhtml checks the div of a narrative. problem is "" if it is well, else what was expected; at is where, an offset into b.
//
// SPEC(FHIR R4 narrative.html#Narrative): one div in the XHTML namespace, with text that is not white space alone, or an image (txt-2).
func xhtml(b []byte) (problem string, at int) {
	x := xhtmlReader{b: b}
	x.characters()
	x.space()
	for x.problem == "" && (x.i == 0 || x.depth > 0) {
		x.text()
		if x.i >= len(b) {
			x.fail("the end of the div")
			break
		}
		x.tag()
	}
	x.space()
	if x.problem == "" && x.i < len(b) {
		x.fail("nothing behind the div")
	}
	if x.problem == "" && !x.solid {
		x.i = 0
		x.fail("text that is not white space alone, or an image (txt-2)")
	}
	return x.problem, x.at
}

// xhtmlReader reads well-formed XML of the allowed elements.
type xhtmlReader struct {
	b       []byte
	i       int
	depth   int
	open    [maxXHTMLDepth][]byte
	began   bool
	solid   bool
	problem string
	at      int
}

func (x *xhtmlReader) fail(want string) {
	if x.problem == "" {
		x.problem, x.at = want, x.i
	}
}

// characters checks that XML has all of them; b is UTF-8.
func (x *xhtmlReader) characters() {
	at := bytes.IndexFunc(x.b, func(r rune) bool { return !xmlChar(r) })
	if at >= 0 {
		x.i = at
		x.fail("no character that XML does not have")
	}
}

func (x *xhtmlReader) space() {
	for x.i < len(x.b) && xmlSpace(x.b[x.i]) {
		x.i++
	}
}

func xmlSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// text passes over character data.
func (x *xhtmlReader) text() {
	end := len(x.b)
	if n := bytes.IndexByte(x.b[x.i:], '<'); n >= 0 {
		end = x.i + n
	}
	run := x.b[x.i:end]
	if !x.solid {
		x.solid = len(bytes.TrimSpace(run)) > 0
	}
	x.references(run)
	if n := bytes.Index(run, []byte("]]>")); n >= 0 && x.problem == "" {
		x.i += n
		x.fail("]]> is written ]]&gt;")
		return
	}
	x.i = end
}

// references checks the entity and character references of run, which begins at x.i.
func (x *xhtmlReader) references(run []byte) {
	from := x.i
	for {
		n := bytes.IndexByte(run, '&')
		if n < 0 {
			return
		}
		run = run[n+1:]
		if _, end := reference(run); end == 0 {
			x.i = from + n
			x.fail("an ampersand is written &amp;, and of entities those of XML alone are known (&#160; for &nbsp;)")
			return
		}
		from += n + 1
	}
}

// reference reads what stands behind an ampersand: the character, and where the text behind its semicolon begins; 0 if it is none of XML.
//
// SPEC(FHIR R4 narrative.html#xhtml): entities of HTML such as &nbsp; are not supported.
func reference(b []byte) (r rune, end int) {
	semicolon := bytes.IndexByte(b[:min(len(b), 12)], ';')
	if semicolon < 2 {
		return 0, 0
	}
	name := string(b[:semicolon])
	if r, ok := entities[name]; ok {
		return r, semicolon + 1
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, 0
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 31)
	if r = rune(n); err != nil || !xmlChar(r) {
		return 0, 0
	}
	return r, semicolon + 1
}

var entities = map[string]rune{"amp": '&', "lt": '<', "gt": '>', "apos": '\'', "quot": '"'}

// xmlChar reports whether XML has the character.
//
// SPEC(XML 1.0 section 2.2).
func xmlChar(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// tag reads what begins with '<'.
func (x *xhtmlReader) tag() {
	rest := x.b[x.i:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")) && x.depth > 0:
		n := bytes.Index(rest[4:], []byte("--"))
		if n < 0 || len(rest) < n+7 || rest[n+6] != '>' {
			x.fail("the end of the comment")
			return
		}
		x.i += n + 7
	case bytes.HasPrefix(rest, []byte("</")):
		x.i += 2
		name := x.name()
		x.space()
		if x.depth == 0 || string(name) != string(x.open[x.depth-1]) || x.i >= len(x.b) || x.b[x.i] != '>' {
			x.fail("the end of the element that was opened last")
			return
		}
		x.i++
		x.depth--
	default:
		x.start()
	}
}

func (x *xhtmlReader) name() []byte {
	from := x.i
	for x.i < len(x.b) {
		c := x.b[x.i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != ':' && c != '-' && c != '_' && c != '.' {
			break
		}
		x.i++
	}
	return x.b[from:x.i]
}

// start reads a start tag.
func (x *xhtmlReader) start() {
	from := x.i
	x.i++
	name := x.name()
	_, known := xhtmlElements[string(name)]
	switch {
	case !x.began && string(name) != "div":
		x.i = from
		x.fail("a div as the outermost element")
		return
	case !known:
		x.i = from
		x.fail("an element that a narrative may have (txt-1)")
		return
	case string(name) == "img":
		x.solid = true
	}
	space := x.began
	if !x.attributes(&space) {
		return
	}
	if !space {
		x.i = from
		x.fail(`xmlns="` + xhtmlNamespace + `" on the div`)
		return
	}
	x.began = true
	if x.b[x.i] == '/' {
		x.i += 2
		return
	}
	x.i++
	if x.depth == maxXHTMLDepth {
		x.fail("at most 100 elements within one another")
		return
	}
	x.open[x.depth] = name
	x.depth++
}

// attributes reads attributes up to "/>" or ">", and stops before it.
func (x *xhtmlReader) attributes(namespace *bool) bool {
	seen := uint64(0)
	for {
		before := x.i
		x.space()
		switch rest := x.b[x.i:]; {
		case len(rest) > 0 && rest[0] == '>', len(rest) > 1 && rest[0] == '/' && rest[1] == '>':
			return true
		case before == x.i:
			x.fail("white space, or the end of the tag")
			return false
		}
		from := x.i
		name := x.name()
		value, ok := x.value()
		if !ok {
			x.fail("an attribute with its value in quotes")
			return false
		}
		number, allowed := xhtmlAttributes[string(name)]
		problem := ""
		switch {
		case !allowed || scripted(value):
			problem = "an attribute that a narrative may have (txt-1)"
		case string(name) == "xmlns" && string(value) != xhtmlNamespace:
			problem = "the namespace " + xhtmlNamespace
		case seen&(1<<number) != 0:
			problem = "each attribute once"
		}
		if problem != "" {
			x.i = from
			x.fail(problem)
			return false
		}
		seen |= 1 << number
		*namespace = *namespace || string(name) == "xmlns"
	}
}

// value reads = and a quoted value.
func (x *xhtmlReader) value() ([]byte, bool) {
	x.space()
	if x.i >= len(x.b) || x.b[x.i] != '=' {
		return nil, false
	}
	x.i++
	x.space()
	if x.i >= len(x.b) || x.b[x.i] != '"' && x.b[x.i] != '\'' {
		return nil, false
	}
	quote := x.b[x.i]
	n := bytes.IndexByte(x.b[x.i+1:], quote)
	if n < 0 {
		return nil, false
	}
	value := x.b[x.i+1 : x.i+1+n]
	if bytes.IndexByte(value, '<') >= 0 {
		return nil, false
	}
	x.i++
	x.references(value)
	x.i += n + 1
	return value, x.problem == ""
}

// scripted reports whether an attribute's value, whose references are checked, would run something: as who shows it reads it, without white space
// and with references resolved.
func scripted(value []byte) bool {
	for _, word := range []string{"javascript:", "vbscript:"} {
		if beginsAs(value, word) {
			return true
		}
	}
	return false
}

// beginsAs reports whether value begins with word, whatever the case of its letters.
func beginsAs(value []byte, word string) bool {
	for i := 0; i < len(value) && word != ""; i++ {
		c := rune(value[i])
		if c == '&' {
			r, end := reference(value[i+1:])
			c, i = r, i+end
		}
		switch {
		case c <= ' ':
			continue
		case c > 'z' || c|0x20 != rune(word[0]) && c != rune(word[0]):
			return false
		}
		word = word[1:]
	}
	return word == ""
}
