package fhirpath

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// tokenKind is the kind of a token.
type tokenKind uint8

const (
	tokEnd      tokenKind = iota
	tokName               // an identifier or a word; text is it
	tokQuoted             // an identifier in backquotes; text is it without them
	tokString             // text is it without quotes and escapes
	tokNumber             // text as written
	tokMoment             // a date, dateTime or time; text as written, without "@"
	tokSign               // an operator or bracket
	tokVariable           // text is the name behind "%"
	tokSpecial            // "$this", "$index", "$total"; text with the "$"
)

type token struct {
	kind tokenKind
	text string
	at   int // offset of its first byte
}

// lexer reads tokens, one ahead of the parser.
type lexer struct {
	src string
	i   int
	err *SyntaxError
}

func (l *lexer) fail(at int, format string, args ...any) token {
	if l.err == nil {
		l.err = &SyntaxError{Offset: at, Text: fmt.Sprintf(format, args...)}
	}
	l.i = len(l.src)
	return token{kind: tokEnd, at: at}
}

// next returns the next token. After an error it returns tokEnd and err is set.
//
// SPEC(FHIRPath N1 grammar): white space and comments are between tokens only.
func (l *lexer) next() token {
	if !l.space() {
		return token{kind: tokEnd, at: l.i}
	}
	if l.i >= len(l.src) {
		return token{kind: tokEnd, at: l.i}
	}
	at, c := l.i, l.src[l.i]
	switch {
	case isLetter(c):
		return token{tokName, l.word(), at}
	case isDigit(c):
		return l.number()
	case c == '\'':
		return l.quoted(tokString, '\'')
	case c == '`':
		return l.quoted(tokQuoted, '`')
	case c == '@':
		return l.moment()
	case c == '%':
		return l.variable()
	case c == '$':
		l.i++
		t := token{tokSpecial, "$" + l.word(), at}
		if t.text != "$this" && t.text != "$index" && t.text != "$total" {
			return l.fail(at, "expected $this, $index or $total")
		}
		return t
	}
	return l.sign()
}

// space passes over white space and comments; false after an unfinished comment.
func (l *lexer) space() bool {
	for l.i < len(l.src) {
		rest := l.src[l.i:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\n' || rest[0] == '\f':
			l.i++
		case strings.HasPrefix(rest, "\u00a0"):
			l.i += 2
		case strings.HasPrefix(rest, "//"):
			if n := strings.IndexByte(rest, '\n'); n >= 0 {
				l.i += n + 1
			} else {
				l.i = len(l.src)
			}
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				l.fail(l.i, "expected the end of the comment")
				return false
			}
			l.i += n + 4
		default:
			return true
		}
	}
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func (l *lexer) word() string {
	at := l.i
	for l.i < len(l.src) && (isLetter(l.src[l.i]) || isDigit(l.src[l.i])) {
		l.i++
	}
	return l.src[at:l.i]
}

func (l *lexer) digits() {
	for l.i < len(l.src) && isDigit(l.src[l.i]) {
		l.i++
	}
}

func (l *lexer) number() token {
	at := l.i
	l.digits()
	if l.i+1 < len(l.src) && l.src[l.i] == '.' && isDigit(l.src[l.i+1]) {
		l.i++
		l.digits()
	}
	return token{tokNumber, l.src[at:l.i], at}
}

// moment reads what may stand in a date, dateTime or time; whether it is one is for the parser.
func (l *lexer) moment() token {
	at := l.i
	l.i++
	for l.i < len(l.src) {
		c := l.src[l.i]
		switch {
		case isDigit(c) || c == 'T' || c == ':' || c == 'Z':
		case (c == '-' || c == '+') && l.i > at+1 && l.momentSign(at):
		case c == '.' && l.i+1 < len(l.src) && isDigit(l.src[l.i+1]):
		default:
			return token{tokMoment, l.src[at+1 : l.i], at}
		}
		l.i++
	}
	return token{tokMoment, l.src[at+1 : l.i], at}
}

// momentSign reports whether the sign at l.i is part of the literal: a date's dash before two digits, or an offset.
func (l *lexer) momentSign(at int) bool {
	rest, before := l.src[l.i+1:], l.src[at+1:l.i]
	two := len(rest) >= 2 && isDigit(rest[0]) && isDigit(rest[1])
	if !strings.Contains(before, "T") {
		return l.src[l.i] == '-' && two && (len(before) == 4 || len(before) == 7)
	}
	return two && len(rest) >= 5 && rest[2] == ':' && !strings.HasPrefix(before, "T")
}

func (l *lexer) variable() token {
	at := l.i
	l.i++
	if l.i >= len(l.src) {
		return l.fail(at, "expected a name behind %%")
	}
	switch c := l.src[l.i]; {
	case isLetter(c):
		return token{tokVariable, l.word(), at}
	case c == '`' || c == '\'' || c == '"':
		t := l.quoted(tokVariable, c)
		t.at = at
		return t
	}
	return l.fail(at, "expected a name behind %%")
}

// quoted reads up to the closing quote.
//
// SPEC(FHIRPath N1 grammar ESC): a backslash stands before ` ' " \ / f n r t and u with four hexadecimal digits, nothing else. Two of
// the last that are a pair of UTF-16 are one character.
func (l *lexer) quoted(kind tokenKind, quote byte) token {
	at := l.i
	l.i++
	from := l.i
	var b []byte
	for l.i < len(l.src) {
		switch c := l.src[l.i]; c {
		case quote:
			text := l.src[from:l.i]
			l.i++
			if b != nil {
				text = string(append(b, text...))
			}
			return token{kind, text, at}
		case '\\':
			b = append(b, l.src[from:l.i]...)
			r, n := unescape(l.src[l.i:])
			if n == 0 {
				return l.fail(l.i, "expected one of the escapes \\' \\\" \\` \\\\ \\/ \\f \\n \\r \\t \\u and four hexadecimal digits")
			}
			l.i += n
			if low, k := unescape(l.src[l.i:]); k == 6 && utf16.IsSurrogate(r) && utf16.DecodeRune(r, low) != utf8.RuneError {
				r = utf16.DecodeRune(r, low)
				l.i += k
			}
			if b == nil {
				b = []byte{}
			}
			b = utf8.AppendRune(b, r)
			from = l.i
		default:
			l.i++
		}
	}
	return l.fail(at, "expected the closing %c", quote)
}

// unescape reads the escape that s begins with; n is 0 if it is none.
func unescape(s string) (r rune, n int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '\'', '"', '`', '\\', '/':
		return rune(s[1]), 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default:
		return 0, 0
	}
	if len(s) < 6 {
		return 0, 0
	}
	for _, c := range []byte(s[2:6]) {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, 0
		}
	}
	return r, 6
}

func (l *lexer) sign() token {
	at, rest := l.i, l.src[l.i:]
	for _, s := range [...]string{"<=", ">=", "!=", "!~", "<", ">", "=", "~", "+", "-", "*", "/", "&", "|", ".", ",", "(", ")", "[", "]", "{", "}"} {
		if strings.HasPrefix(rest, s) {
			l.i += len(s)
			return token{tokSign, s, at}
		}
	}
	return l.fail(at, "expected a term or an operator")
}
