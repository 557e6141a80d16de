package index

import (
	"fmt"
	"strings"
)

// The expressions of search parameters are a small part of FHIRPath:
//
//	expression = union { "|" union } ; union = "(" union { "|" union } ")" { step } | "(" path "as" type ")" { step } | path
//	path       = name { step } ; step = "." name [ "[" number "]" ] | ".where(" condition ")" | ".as(" type ")" | ".ofType(" type ")" | ".exists()"
//	condition  = name "=" text | "resolve() is" type
//
// and, for Patient.deceased alone, path ".exists() and" path "!= false".

// step of a path.
type step struct {
	name string   // of an element
	as   string   // of a type: the value has to be of it
	test *test    // a condition on what the path has reached
	mark stepMark // what else
}

type stepMark uint8

const (
	noMark   stepMark = iota
	truth             // exists() and != false: true or false, whatever is there
	resource          // %resource: back to the root
)

// test is a condition.
type test struct {
	member string // member = value
	value  string
	is     string // a reference to this type
	index  int    // the place in its array
	kind   testKind
}

type testKind uint8

const (
	testEquals testKind = iota
	testResolve
	testIndex
)

// expression is a union of paths.
type expression [][]step

// parseExpression reads the expression of a search parameter.
func parseExpression(text string) (expression, error) {
	const tail = ".exists() and "
	if i := strings.Index(text, tail); i >= 0 {
		path := text[:i]
		if text != path+tail+path+" != false" {
			return nil, fmt.Errorf("only %q is understood of expressions with and", "x.exists() and x != false")
		}
		e, err := parseExpression(path)
		if err == nil {
			for k := range e {
				e[k] = append(e[k], step{mark: truth})
			}
		}
		return e, err
	}
	p := &expressionParser{text: text}
	e, err := p.union()
	if err == nil && p.i < len(p.text) {
		err = p.fail("the end")
	}
	return e, err
}

type expressionParser struct {
	text string
	i    int
	deep int
}

func (p *expressionParser) fail(want string) error {
	return fmt.Errorf("at character %d: expected %s", p.i+1, want)
}

func (p *expressionParser) space() {
	for p.i < len(p.text) && (p.text[p.i] == ' ' || p.text[p.i] == '\n' || p.text[p.i] == '\r' || p.text[p.i] == '\t') {
		p.i++
	}
}

// take passes over s if it stands here, with white space around it.
func (p *expressionParser) take(s string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.i:], s) {
		return false
	}
	p.i += len(s)
	p.space()
	return true
}

func (p *expressionParser) name() string {
	from := p.i
	for p.i < len(p.text) {
		c := p.text[p.i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' && (c < '0' || c > '9' || p.i == from) {
			break
		}
		p.i++
	}
	return p.text[from:p.i]
}

func (p *expressionParser) union() (expression, error) {
	if p.deep++; p.deep > 8 {
		return nil, p.fail("fewer parentheses")
	}
	defer func() { p.deep-- }()
	var all expression
	for {
		e, err := p.term()
		if err != nil {
			return nil, err
		}
		all = append(all, e...)
		if !p.take("|") {
			return all, nil
		}
	}
}

// term reads one side of a union.
func (p *expressionParser) term() (expression, error) {
	p.space()
	var e expression
	if p.take("(") {
		inner, err := p.union()
		if err != nil {
			return nil, err
		}
		if !p.take(")") {
			return nil, p.fail(")")
		}
		e = inner
	} else {
		first := step{}
		if p.take("%resource") {
			first.mark = resource
		} else if first.name = p.name(); first.name == "" {
			return nil, p.fail("a name")
		}
		e = expression{{first}}
	}
	for {
		s, more, err := p.step()
		if err != nil || !more {
			return e, err
		}
		for i := range e {
			e[i] = append(e[i][:len(e[i]):len(e[i])], s...)
		}
	}
}

// step reads what follows a path.
func (p *expressionParser) step() (steps []step, more bool, err error) {
	p.space()
	if strings.HasPrefix(p.text[p.i:], "as ") {
		p.take("as")
		name := p.name()
		return []step{{as: name}}, name != "", nil
	}
	if p.take("[") {
		n := 0
		from := p.i
		for ; p.i < len(p.text) && p.text[p.i] >= '0' && p.text[p.i] <= '9' && n < 1000; p.i++ {
			n = n*10 + int(p.text[p.i]-'0')
		}
		if from == p.i || !p.take("]") {
			return nil, false, p.fail("a number and ]")
		}
		return []step{{test: &test{kind: testIndex, index: n}}}, true, nil
	}
	if !p.take(".") {
		return nil, false, nil
	}
	name := p.name()
	if name == "" {
		return nil, false, p.fail("a name")
	}
	if !p.take("(") {
		return []step{{name: name}}, true, nil
	}
	s, err := p.function(name)
	if err == nil && !p.take(")") {
		err = p.fail(")")
	}
	return s, true, err
}

func (p *expressionParser) function(name string) ([]step, error) {
	switch name {
	case "as", "ofType":
		if of := p.name(); of != "" {
			return []step{{as: of}}, nil
		}
		return nil, p.fail("a type")
	case "exists":
		return nil, nil
	case "where":
		if p.take("resolve()") {
			if !p.take("is") {
				return nil, p.fail("is")
			}
			return []step{{test: &test{kind: testResolve, is: p.name()}}}, nil
		}
		t := &test{member: p.name()}
		if !p.take("=") || !p.take("'") {
			return nil, p.fail("= and a text")
		}
		end := strings.IndexByte(p.text[p.i:], '\'')
		if end < 0 || strings.IndexByte(p.text[p.i:p.i+end], '\\') >= 0 {
			return nil, p.fail("the end of the text")
		}
		t.value = p.text[p.i : p.i+end]
		p.i += end + 1
		return []step{{test: t}}, nil
	}
	return nil, p.fail("where, as, ofType or exists")
}
