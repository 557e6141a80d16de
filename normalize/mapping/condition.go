package mapping

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/ward-health/ward/clinical/hl7v2"
)

// condition is a compiled condition of a rule.
type condition func(c *scope) bool

// The grammar, after the conditions of the v2-to-FHIR guide:
//
//	or   = and { "OR" and }
//	and  = not { "AND" not }
//	not  = [ "NOT" ] ( "(" or ")" | atom )
//	atom = path ["NOT"] "VALUED" | path ["NOT"] "EQUALS" text | path ["NOT"] "IN" "(" text {"," text} ")"
//	     | "COUNT" "(" path ")" ( "=" | ">" | "<" ) number
type conditionParser struct {
	tokens []string
	at     int
}

// parseCondition compiles a condition; the empty one always holds.
func parseCondition(s string) (condition, error) {
	if s == "" {
		return func(*scope) bool { return true }, nil
	}
	tokens, err := tokenize(s)
	if err != nil {
		return nil, err
	}
	p := &conditionParser{tokens: tokens}
	c, err := p.or()
	if err == nil && p.at != len(p.tokens) {
		err = fmt.Errorf("condition %q: %q was not expected", s, p.tokens[p.at])
	}
	return c, err
}

func tokenize(s string) ([]string, error) {
	var out []string
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ':
			i++
		case strings.IndexByte("(),=<>", c) >= 0:
			out, i = append(out, string(c)), i+1
		case c == '"':
			end := strings.IndexByte(s[i+1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("condition %q: a text does not end", s)
			}
			out, i = append(out, s[i:i+end+2]), i+end+2
		default:
			j := i
			for j < len(s) && !unicode.IsSpace(rune(s[j])) && strings.IndexByte(`(),=<>"`, s[j]) < 0 {
				j++
			}
			out, i = append(out, s[i:j]), j
		}
	}
	return out, nil
}

func (p *conditionParser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *conditionParser) next() string { t := p.peek(); p.at++; return t }

func (p *conditionParser) take(t string) bool {
	if p.peek() == t {
		p.at++
		return true
	}
	return false
}

func (p *conditionParser) or() (condition, error) {
	left, err := p.and()
	for err == nil && p.take("OR") {
		var right condition
		a := left
		right, err = p.and()
		left = func(c *scope) bool { return a(c) || right(c) }
	}
	return left, err
}

func (p *conditionParser) and() (condition, error) {
	left, err := p.not()
	for err == nil && p.take("AND") {
		var right condition
		a := left
		right, err = p.not()
		left = func(c *scope) bool { return a(c) && right(c) }
	}
	return left, err
}

func (p *conditionParser) not() (condition, error) {
	if p.take("NOT") {
		c, err := p.not()
		return func(s *scope) bool { return !c(s) }, err
	}
	if p.take("(") {
		c, err := p.or()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("a bracket is not closed")
		}
		return c, err
	}
	return p.atom()
}

func (p *conditionParser) atom() (condition, error) {
	if p.take("COUNT") {
		return p.count()
	}
	path, err := hl7v2.ParsePath(p.next())
	if err != nil {
		return nil, err
	}
	negated := p.take("NOT")
	var c condition
	switch op := p.next(); op {
	case "VALUED":
		c = func(s *scope) bool { v := s.at(path); return !v.Empty() && !v.Null() }
	case "EQUALS":
		want, err := p.text()
		if err != nil {
			return nil, err
		}
		c = func(s *scope) bool { return s.at(path).Text() == want }
	case "IN":
		list, err := p.texts()
		if err != nil {
			return nil, err
		}
		c = func(s *scope) bool { return list[s.at(path).Text()] }
	default:
		return nil, fmt.Errorf("%q is no VALUED, EQUALS or IN", op)
	}
	if !negated {
		return c, nil
	}
	return func(s *scope) bool { return !c(s) }, nil
}

func (p *conditionParser) text() (string, error) {
	t := p.next()
	if len(t) < 2 || t[0] != '"' {
		return "", fmt.Errorf("%q is no text in quotation marks", t)
	}
	return t[1 : len(t)-1], nil
}

func (p *conditionParser) texts() (map[string]bool, error) {
	out := map[string]bool{}
	if !p.take("(") {
		return nil, fmt.Errorf("IN needs a list in brackets")
	}
	for {
		t, err := p.text()
		if err != nil {
			return nil, err
		}
		out[t] = true
		if p.take(")") {
			return out, nil
		}
		if !p.take(",") {
			return nil, fmt.Errorf("a list has commas between its texts")
		}
	}
}

func (p *conditionParser) count() (condition, error) {
	if !p.take("(") {
		return nil, fmt.Errorf("COUNT needs a path in brackets")
	}
	path, err := hl7v2.ParsePath(p.next())
	if err != nil || !p.take(")") {
		return nil, fmt.Errorf("COUNT needs a path in brackets")
	}
	op := p.next()
	n, err := strconv.Atoi(p.next())
	if err != nil {
		return nil, fmt.Errorf("COUNT is compared with a number")
	}
	switch op {
	case "=":
		return func(s *scope) bool { return s.field(path).Repeats() == n }, nil
	case ">":
		return func(s *scope) bool { return s.field(path).Repeats() > n }, nil
	case "<":
		return func(s *scope) bool { return s.field(path).Repeats() < n }, nil
	}
	return nil, fmt.Errorf("COUNT is compared by =, < or >")
}
