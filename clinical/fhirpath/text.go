package fhirpath

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"html"
	"regexp"
	rx "regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

func init() {
	define(map[string]*function{
		"indexOf":        {least: 1, most: 1, eval: find(bytes.Index), sig: textToInteger},
		"lastIndexOf":    {least: 1, most: 1, eval: find(bytes.LastIndex), sig: textToInteger},
		"substring":      {least: 1, most: 2, eval: (*machine).fnSubstring, sig: textToText},
		"startsWith":     {least: 1, most: 1, eval: test(bytes.HasPrefix), sig: textToBoolean},
		"endsWith":       {least: 1, most: 1, eval: test(bytes.HasSuffix), sig: textToBoolean},
		"contains":       {least: 1, most: 1, eval: test(bytes.Contains), sig: textToBoolean},
		"upper":          {eval: change(strings.ToUpper), sig: textToText},
		"lower":          {eval: change(strings.ToLower), sig: textToText},
		"trim":           {eval: change(strings.TrimSpace), sig: textToText},
		"replace":        {least: 2, most: 2, eval: (*machine).fnReplace, sig: textToText},
		"matches":        {least: 1, most: 1, eval: (*machine).fnMatches, sig: textToBoolean},
		"matchesFull":    {least: 1, most: 1, eval: (*machine).fnMatches, sig: textToBoolean},
		"replaceMatches": {least: 2, most: 2, eval: (*machine).fnReplaceMatches, sig: textToText},
		"length":         {eval: (*machine).fnLength, sig: textToInteger},
		"toChars":        {eval: (*machine).fnToChars, sig: textToText},
		"encode":         {least: 1, most: 1, eval: coded(encode), sig: textToText},
		"decode":         {least: 1, most: 1, eval: coded(decode), sig: textToText},
		"escape":         {least: 1, most: 1, eval: coded(escapeText), sig: textToText},
		"unescape":       {least: 1, most: 1, eval: coded(unescapeText), sig: textToText},
		"split":          {least: 1, most: 1, eval: (*machine).fnSplit, sig: textToText},
		"join":           {most: 1, eval: (*machine).fnJoin, sig: textToText},
	})
}

// find makes a function that answers at which character a text is, -1 if nowhere.
func find(index func(s, sep []byte) int) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		s, ok1, err := o.text(m, base)
		if err != nil {
			return err
		}
		part, ok2, err := o.textArg(m, 0)
		if err != nil || !ok1 || !ok2 {
			return err
		}
		n := index(s, []byte(part))
		if n > 0 {
			n = utf8.RuneCount(s[:n])
		}
		return m.pushValue(integer(n))
	}
}

func test(f func(s, part []byte) bool) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		s, ok1, err := o.text(m, base)
		if err != nil {
			return err
		}
		part, ok2, err := o.textArg(m, 0)
		if err != nil || !ok1 || !ok2 {
			return err
		}
		return m.pushValue(Boolean(f(s, []byte(part))))
	}
}

func change(f func(string) string) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		s, ok, err := o.text(m, base)
		if err != nil || !ok {
			return err
		}
		return m.pushText(f(string(s)))
	}
}

// fnSubstring counts in characters.
//
// SPEC(FHIRPath N1 5.6.2): a start outside has no result; a length beyond the end is cut, one of at most 0 yields ”.
func (m *machine) fnSubstring(o *callOp, base int) error {
	b, ok, err := o.text(m, base)
	if err != nil {
		return err
	}
	start, ok1, err := o.intArg(m, 0)
	if err != nil {
		return err
	}
	length, ok2 := int64(len(b)), false
	if len(o.args) > 1 {
		var n int64
		if n, ok2, err = o.intArg(m, 1); err != nil {
			return err
		}
		if ok2 {
			length = n
		}
	}
	if !ok || !ok1 || start < 0 || start >= int64(utf8.RuneCount(b)) {
		return nil
	}
	rest := b[runeAt(b, start):]
	return m.pushText(string(rest[:runeAt(rest, length)]))
}

// runeAt is where character n begins, or the end.
func runeAt(b []byte, n int64) (i int) {
	for ; n > 0 && i < len(b); n-- {
		_, size := utf8.DecodeRune(b[i:])
		i += size
	}
	return i
}

func (m *machine) fnLength(o *callOp, base int) error {
	s, ok, err := o.text(m, base)
	if err != nil || !ok {
		return err
	}
	return m.pushValue(integer(utf8.RuneCount(s)))
}

func (m *machine) fnToChars(o *callOp, base int) error {
	s, ok, err := o.text(m, base)
	if err != nil || !ok {
		return err
	}
	for _, r := range string(s) {
		if err := m.pushValue(String(string(r))); err != nil {
			return err
		}
	}
	return nil
}

// twoTexts evaluates the two arguments of replace() and replaceMatches().
func (o *callOp) twoTexts(m *machine) (a, b string, ok bool, err error) {
	a, ok1, err := o.textArg(m, 0)
	if err != nil {
		return "", "", false, err
	}
	b, ok2, err := o.textArg(m, 1)
	return a, b, ok1 && ok2, err
}

func (m *machine) fnReplace(o *callOp, base int) error {
	s, ok1, err := o.text(m, base)
	if err != nil {
		return err
	}
	pattern, by, ok2, err := o.twoTexts(m)
	if err != nil || !ok1 || !ok2 {
		return err
	}
	if err := m.charge((bytes.Count(s, []byte(pattern))) * len(by)); err != nil {
		return err
	}
	return m.pushText(strings.ReplaceAll(string(s), pattern, by))
}

// Bounds of a regular expression.
const (
	maxPattern = 4096   // bytes
	maxProgram = 20_000 // characters, classes and repetitions, repeated ones as often as they are
)

// pattern is a compiled regular expression and how large it is.
type pattern struct {
	re   *regexp.Regexp
	size int
	near bool // see near
}

var errPattern = errors.New("no regular expression of RE2, or too large")

// compilePattern reads a regular expression; a point is any character, a line's end too.
//
// SPEC(FHIRPath N1 5.6.9): single line mode, case-sensitive, a match anywhere unless full.
func compilePattern(text string, full bool) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, errPattern
	}
	parsed, err := rx.Parse(text, rx.Perl|rx.DotNL)
	if err != nil {
		return nil, errPattern
	}
	size := programSize(parsed)
	if size > maxProgram {
		return nil, errPattern
	}
	text = `(?s)` + text
	if full {
		text = `(?s)\A(?:` + text[4:] + `)\z`
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, errPattern
	}
	return &pattern{re, size, near(parsed)}, nil
}

// fewParts is up to how large a part of a pattern is short for near.
const fewParts = 64

// near reports whether searches one behind the other read about as much as one search does: re is parts in a row, each of them short or one
// character again and again. What such a search reads beyond its match holds no further match, or the repetition would have gone on to it.
func near(re *rx.Regexp) bool {
	switch re.Op {
	case rx.OpStar, rx.OpPlus:
		return re.Sub[0].Op == rx.OpLiteral && len(re.Sub[0].Rune) == 1 || re.Sub[0].Op == rx.OpCharClass || re.Sub[0].Op == rx.OpAnyChar
	case rx.OpCapture:
		return near(re.Sub[0])
	case rx.OpConcat:
		return !slices.ContainsFunc(re.Sub, func(part *rx.Regexp) bool { return !near(part) })
	case rx.OpLiteral, rx.OpCharClass:
		return true
	}
	return programSize(re) <= fewParts && !endless(re)
}

// endless reports whether there is a repetition without bound in re.
func endless(re *rx.Regexp) bool {
	return re.Op == rx.OpStar || re.Op == rx.OpPlus || re.Op == rx.OpRepeat && re.Max < 0 || slices.ContainsFunc(re.Sub, endless)
}

// programSize is about the number of instructions, at most a little more than maxProgram.
func programSize(re *rx.Regexp) int {
	n := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		if n += programSize(sub); n > maxProgram {
			return n
		}
	}
	if re.Op == rx.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, maxProgram+1)
}

// regex is the first argument as a regular expression. The search in n bytes is charged.
func (o *callOp) regex(m *machine, text string, n int) (*pattern, error) {
	p := o.re
	if p == nil {
		if err := m.step(8 * len(text)); err != nil {
			return nil, err
		}
		var err error
		if p, err = compilePattern(text, o.name == "matchesFull"); err != nil {
			return nil, failf(o.at, "expected a regular expression of RE2 of at most %d bytes", maxPattern)
		}
	}
	return p, m.search(p, n)
}

// search charges for one search in n bytes.
func (m *machine) search(p *pattern, n int) error { return m.step((n + 1) * p.size >> 6) }

// finds counts the matches in s, at most a little more than most. Where each may read s to its end, each is charged as a search.
func (m *machine) finds(p *pattern, s []byte, most int) (int, error) {
	if p.near {
		return len(p.re.FindAllIndex(s, most)), nil
	}
	for n := 16; ; n *= 4 {
		for range 2 * n { // it is replaced thereafter
			if err := m.search(p, len(s)); err != nil {
				return 0, err
			}
		}
		if found := len(p.re.FindAllIndex(s, n)); found < n || n >= most {
			return found, nil
		}
	}
}

func (m *machine) fnMatches(o *callOp, base int) error {
	s, ok1, err := o.text(m, base)
	if err != nil {
		return err
	}
	pattern, ok2, err := o.textArg(m, 0)
	if err != nil || !ok1 || !ok2 {
		return err
	}
	re, err := o.regex(m, pattern, len(s))
	if err != nil {
		return err
	}
	return m.pushValue(Boolean(re.re.Match(s)))
}

func (m *machine) fnReplaceMatches(o *callOp, base int) error {
	s, ok1, err := o.text(m, base)
	if err != nil {
		return err
	}
	pattern, by, ok2, err := o.twoTexts(m)
	if err != nil || !ok1 || !ok2 {
		return err
	}
	if pattern == "" {
		return m.pushText(string(s))
	}
	re, err := o.regex(m, pattern, len(s))
	if err != nil {
		return err
	}
	each := 1 + len(by)
	found, err := m.finds(re, s, m.text/each+1)
	if err != nil {
		return err
	}
	if err := m.charge(found*each + len(s)*strings.Count(by, "$")); err != nil { // all that one group finds is at most s
		return err
	}
	return m.pushText(string(re.re.ReplaceAll(s, []byte(groupNames(by)))))
}

var groups = regexp.MustCompile(`\$(\d+)`)

// groupNames writes $1 as Go does when a letter follows.
func groupNames(by string) string { return groups.ReplaceAllString(by, "$${$1}") }

// coded makes a function of a text and the name of a form; a form that there is not has no result.
func coded(f func(s, form string) (string, bool)) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		s, ok1, err := o.text(m, base)
		if err != nil {
			return err
		}
		form, ok2, err := o.textArg(m, 0)
		if err != nil || !ok1 || !ok2 {
			return err
		}
		r, ok := f(string(s), form)
		if !ok {
			return m.step(1)
		}
		return m.pushText(r)
	}
}

func encode(s, form string) (string, bool) {
	switch form {
	case "hex":
		return hex.EncodeToString([]byte(s)), true
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(s)), true
	case "urlbase64":
		return base64.URLEncoding.EncodeToString([]byte(s)), true
	}
	return "", false
}

func decode(s, form string) (string, bool) {
	var b []byte
	var err error
	switch form {
	case "hex":
		b, err = hex.DecodeString(s)
	case "base64":
		b, err = base64.StdEncoding.DecodeString(s)
	case "urlbase64":
		b, err = base64.URLEncoding.DecodeString(s)
	default:
		return "", false
	}
	return string(b), err == nil && utf8.Valid(b)
}

func escapeText(s, form string) (string, bool) {
	switch form {
	case "html":
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace(s), true
	case "json":
		var b strings.Builder
		for _, r := range s {
			switch {
			case r == '"' || r == '\\':
				b.WriteByte('\\')
				b.WriteRune(r)
			case r == '\n':
				b.WriteString(`\n`)
			case r == '\r':
				b.WriteString(`\r`)
			case r == '\t':
				b.WriteString(`\t`)
			case r < ' ':
				b.WriteString(`\u00`)
				b.WriteString(hex.EncodeToString([]byte{byte(r)}))
			default:
				b.WriteRune(r)
			}
		}
		return b.String(), true
	}
	return "", false
}

func unescapeText(s, form string) (string, bool) {
	switch form {
	case "html":
		return html.UnescapeString(s), true
	case "json":
		return unescapeJSON(s)
	}
	return "", false
}

func unescapeJSON(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		if i+1 < len(s) && s[i+1] == 'b' {
			b.WriteByte('\b')
			i += 2
			continue
		}
		r, n := unescape(s[i:])
		if n == 0 {
			return "", false
		}
		i += n
		if r >= 0xD800 && r < 0xDC00 { // the first of a pair
			low, k := unescape(s[i:])
			if k != 6 || low < 0xDC00 || low > 0xDFFF {
				return "", false
			}
			r = (r-0xD800)<<10 | (low - 0xDC00) + 0x10000
			i += k
		}
		b.WriteRune(r)
	}
	return b.String(), true
}

func (m *machine) fnSplit(o *callOp, base int) error {
	s, ok1, err := o.text(m, base)
	if err != nil {
		return err
	}
	sep, ok2, err := o.textArg(m, 0)
	if err != nil || !ok1 || !ok2 {
		return err
	}
	for part := range strings.SplitSeq(string(s), sep) {
		if err := m.pushText(part); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) fnJoin(o *callOp, base int) error {
	sep := ""
	if len(o.args) > 0 {
		var err error
		if sep, _, err = o.textArg(m, 0); err != nil {
			return err
		}
	}
	var b []byte
	some := false
	for i := base; i < len(m.stack); i++ {
		v := &m.stack[i]
		s := v.bytes()
		if s == nil && v.lacks() {
			continue
		}
		if s == nil || v.kind == KindNode && Kind(v.sub) != KindString {
			return failf(o.at, "join() is defined on Strings, not on %s", v.TypeName())
		}
		if some {
			b = append(b, sep...)
		}
		some = true
		if err := m.charge(len(s) + len(sep)); err != nil {
			return err
		}
		b = append(b, s...)
	}
	if !some && !o.empty {
		m.stack = m.stack[:base]
		return nil
	}
	return m.answer(base, String(string(b)))
}
