package structure

import (
	"bytes"
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
		end := bytes.IndexByte(run[:min(len(run), 12)], ';')
		if end < 1 || !reference(run[:end]) {
			x.i = from + n
			x.fail("an ampersand is written &amp;")
			return
		}
		from += n + 1
	}
}

// reference reports whether name is what may stand between & and ;.
func reference(name []byte) bool {
	digits := name[0] == '#'
	if digits {
		name = name[1:]
	}
	hex := digits && len(name) > 1 && name[0] == 'x'
	if hex {
		name = name[1:]
	}
	for _, c := range name {
		isDigit := c >= '0' && c <= '9'
		switch {
		case isDigit, hex && (c|0x20 >= 'a' && c|0x20 <= 'f'), !digits && (c|0x20 >= 'a' && c|0x20 <= 'z'):
		default:
			return false
		}
	}
	return len(name) > 0
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

// scripted reports whether an attribute's value would run something.
func scripted(value []byte) bool {
	const word = "javascript:"
	trimmed := bytes.TrimLeft(value, " \t\r\n")
	return len(trimmed) >= len(word) && strings.EqualFold(string(trimmed[:len(word)]), word)
}
