package fhirpath

import (
	"fmt"
	"slices"
)

// compiler makes ops of syntax.
type compiler struct {
	options Options
	defined []string // by defineVariable(), so far
	err     *SyntaxError
}

func (c *compiler) fail(at int, format string, args ...any) {
	if c.err == nil {
		c.err = &SyntaxError{Offset: at, Text: fmt.Sprintf(format, args...)}
	}
}

func (c *compiler) compile(s *syntax) op {
	switch s.kind {
	case synLiteral:
		return &literal{at: s.at, value: s.value}
	case synEmpty:
		return nothing{}
	case synThis:
		return this{}
	case synIndex:
		return index{s.at}
	case synTotal:
		return total{s.at}
	case synVariable:
		if c.options.Variables != nil && !known(s.name) && !slices.Contains(c.options.Variables, s.name) && !slices.Contains(c.defined, s.name) {
			c.fail(s.at, "the variable %%%s is not defined", s.name)
		}
		return &variable{at: s.at, name: s.name}
	case synMember:
		return c.path(s)
	case synCall:
		return c.call(s)
	case synItem:
		return &item{at: s.at, input: c.compile(s.input), index: c.compile(s.args[0])}
	case synSign:
		return &sign{at: s.at, minus: s.name == "-", input: c.compile(s.input)}
	case synType:
		return &typeOp{at: s.at, input: c.compile(s.input), typ: s.typ, as: s.name == "as", many: c.options.AsFilters}
	}
	return c.binary(s)
}

// path joins members behind one another into one op.
func (c *compiler) path(s *syntax) op {
	var names []*syntax
	for ; s != nil && s.kind == synMember; s = s.input {
		names = append(names, s)
	}
	slices.Reverse(names)
	p := &path{at: names[0].at}
	if s != nil && s.kind != synThis {
		p.input = c.compile(s)
	} else if s == nil && isTypeName(names[0].name) {
		p.root = names[0].name
		names = names[1:]
	}
	p.steps = make([]stepOp, len(names))
	for i, n := range names {
		p.steps[i].name = n.name
	}
	return p
}

// isTypeName reports whether a name at the beginning of a path is that of a type: names of elements begin with a small letter.
func isTypeName(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }

func (c *compiler) binary(s *syntax) op {
	l, r := c.scoped(s.args[0]), c.scoped(s.args[1])
	switch s.name {
	case "and", "or", "xor", "implies":
		return &logic{at: s.at, kind: s.name[0], left: l, right: r}
	case "=", "!=":
		return &equal{at: s.at, not: s.name == "!=", left: l, right: r}
	case "~", "!~":
		return &equivalent{at: s.at, not: s.name == "!~", left: l, right: r}
	case "<", ">", "<=", ">=":
		return &compare{at: s.at, sign: s.name, left: l, right: r}
	case "|":
		return &union{at: s.at, left: l, right: r}
	case "in":
		return &membership{at: s.at, item: l, list: r}
	case "contains":
		return &membership{at: s.at, item: r, list: l}
	}
	return &arithmetic{at: s.at, sign: s.name, left: l, right: r}
}
