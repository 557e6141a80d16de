package fhirpath

import (
	"fmt"
	"slices"
)

// Bounds of an expression.
const (
	MaxLength = 64 << 10 // bytes
	MaxDepth  = 200      // parentheses, arguments and signs within one another
	maxParts  = 20_000   // terms and operators
)

// syntaxKind is the kind of a part of an expression.
type syntaxKind uint8

const (
	synLiteral  syntaxKind = iota // value
	synEmpty                      // {}
	synThis                       // $this, and what a path without a beginning begins with
	synIndex                      // $index
	synTotal                      // $total
	synVariable                   // %name
	synMember                     // input.name
	synCall                       // input.name(args)
	synItem                       // input[args[0]]
	synSign                       // name ("+", "-") of input
	synBinary                     // args[0] name args[1]
	synType                       // input name ("is", "as") typ
)

// syntax is a part of an expression.
type syntax struct {
	kind  syntaxKind
	at    int // offset of its operator or first byte
	name  string
	value Value
	input *syntax // nil: what the surrounding expression is evaluated on
	args  []*syntax
	typ   typeName
	// defines says that defineVariable() is called in it.
	defines bool
}

// typeName is a type specifier.
type typeName struct{ space, name string }

func (t typeName) String() string {
	if t.space == "" {
		return t.name
	}
	return t.space + "." + t.name
}

type parser struct {
	l     lexer
	tok   token
	depth int
	parts int
}

// parse reads a whole expression.
func parse(text string) (*syntax, error) {
	if len(text) > MaxLength {
		return nil, &SyntaxError{Offset: MaxLength, Text: fmt.Sprintf("an expression has at most %d bytes", MaxLength)}
	}
	p := parser{l: lexer{src: text}}
	p.advance()
	s := p.expression(0)
	if p.l.err == nil && p.tok.kind != tokEnd {
		p.fail("expected an operator or the end of the expression")
	}
	if p.l.err != nil {
		return nil, p.l.err
	}
	return s, nil
}

func (p *parser) advance() { p.tok = p.l.next() }

func (p *parser) fail(format string, args ...any) {
	p.l.fail(p.tok.at, format, args...)
	p.tok = token{kind: tokEnd, at: p.tok.at}
}

func (p *parser) is(sign string) bool { return p.tok.kind == tokSign && p.tok.text == sign }

func (p *parser) expect(sign string) {
	if !p.is(sign) {
		p.fail("expected %q", sign)
		return
	}
	p.advance()
}

// The precedences of the operators between two terms, the loosest first.
//
// SPEC(FHIRPath N1 6.8 operator precedence)
var precedence = map[string]int{
	"implies": 1,
	"or":      2, "xor": 2,
	"and": 3,
	"in":  4, "contains": 4,
	"=": 5, "~": 5, "!=": 5, "!~": 5,
	"<=": 6, "<": 6, ">": 6, ">=": 6,
	"|":  7,
	"is": 8, "as": 8,
	"+": 9, "-": 9, "&": 9,
	"*": 10, "/": 10, "div": 10, "mod": 10,
}

// expression reads operators that bind at least as tightly as least, and their operands.
func (p *parser) expression(least int) *syntax {
	if !p.enter() {
		return nil
	}
	defer p.leave()
	left := p.signed()
	for p.l.err == nil && (p.tok.kind == tokSign || p.tok.kind == tokName) {
		prec := precedence[p.tok.text]
		if prec == 0 || prec < least {
			break
		}
		op := p.tok
		p.advance()
		if prec == precedence["is"] {
			left = p.part(&syntax{kind: synType, at: op.at, name: op.text, input: left, typ: p.typeName()})
			continue
		}
		right := p.expression(prec + 1)
		left = p.part(&syntax{kind: synBinary, at: op.at, name: op.text, args: []*syntax{left, right}})
	}
	return left
}

func (p *parser) enter() bool {
	if p.depth++; p.depth > MaxDepth {
		p.fail("at most %d parts may be within one another", MaxDepth)
		return false
	}
	return p.l.err == nil
}

func (p *parser) leave() { p.depth-- }

// part counts what is made. Parts are nil after an error only.
func (p *parser) part(s *syntax) *syntax {
	if s == nil {
		return nil
	}
	if p.parts++; p.parts > maxParts {
		p.fail("an expression has at most %d parts", maxParts)
	}
	s.defines = s.kind == synCall && s.name == "defineVariable" || s.input != nil && s.input.defines ||
		slices.ContainsFunc(s.args, func(a *syntax) bool { return a != nil && a.defines })
	return s
}

// signed reads a term with what is invoked on it, perhaps behind a sign, which binds less tightly.
func (p *parser) signed() *syntax {
	if p.is("+") || p.is("-") {
		if !p.enter() {
			return nil
		}
		defer p.leave()
		op := p.tok
		p.advance()
		return p.part(&syntax{kind: synSign, at: op.at, name: op.text, input: p.signed()})
	}
	s := p.term()
	for p.l.err == nil {
		switch {
		case p.is("."):
			p.advance()
			s = p.invocation(s)
		case p.is("["):
			at := p.tok.at
			p.advance()
			i := p.expression(0)
			p.expect("]")
			s = p.part(&syntax{kind: synItem, at: at, input: s, args: []*syntax{i}})
		default:
			return s
		}
	}
	return s
}

// invocation reads a member, a function or a special behind a dot (input is not nil) or at the beginning of a term.
func (p *parser) invocation(input *syntax) *syntax {
	t := p.tok
	switch t.kind {
	case tokName, tokQuoted:
	case tokSpecial:
		p.advance()
		if input == nil {
			return p.part(special(t))
		}
		p.fail("expected a member or a function")
		return nil
	default:
		p.fail("expected a member or a function")
		return nil
	}
	p.advance()
	if !p.is("(") {
		return p.part(&syntax{kind: synMember, at: t.at, name: t.text, input: input})
	}
	p.advance()
	s := &syntax{kind: synCall, at: t.at, name: t.text, input: input}
	if !p.is(")") {
		s.args = append(s.args, p.expression(0))
		for p.l.err == nil && p.is(",") {
			p.advance()
			s.args = append(s.args, p.expression(0))
		}
	}
	p.expect(")")
	return p.part(s)
}

func special(t token) *syntax {
	kinds := map[string]syntaxKind{"$this": synThis, "$index": synIndex, "$total": synTotal}
	return &syntax{kind: kinds[t.text], at: t.at, name: t.text}
}

func (p *parser) term() *syntax {
	t := p.tok
	switch t.kind {
	case tokName, tokQuoted, tokSpecial:
		if t.kind == tokName && (t.text == "true" || t.text == "false") {
			p.advance()
			return p.part(&syntax{kind: synLiteral, at: t.at, value: Boolean(t.text == "true")})
		}
		return p.invocation(nil)
	case tokVariable:
		p.advance()
		return p.part(&syntax{kind: synVariable, at: t.at, name: t.text})
	case tokString:
		p.advance()
		return p.part(&syntax{kind: synLiteral, at: t.at, value: String(t.text)})
	case tokNumber:
		return p.part(p.number())
	case tokMoment:
		v, ok := literalMoment(t.text)
		if !ok {
			p.fail("expected a date, dateTime or time as @YYYY-MM-DD, @YYYY-MM-DDThh:mm:ss.fff(Z|+hh:mm) or @Thh:mm:ss.fff")
			return nil
		}
		p.advance()
		return p.part(&syntax{kind: synLiteral, at: t.at, value: v})
	}
	return p.bracket()
}

func (p *parser) bracket() *syntax {
	at := p.tok.at
	switch {
	case p.is("("):
		p.advance()
		s := p.expression(0)
		p.expect(")")
		return s
	case p.is("{"):
		p.advance()
		p.expect("}")
		return p.part(&syntax{kind: synEmpty, at: at})
	}
	p.fail("expected a term")
	return nil
}

// number reads a number, and its unit if it has one.
func (p *parser) number() *syntax {
	t := p.tok
	v, ok := literalNumber(t.text)
	if !ok {
		p.fail("expected an integer of 32 bits or a decimal of at most %d digits", maxDigits)
		return nil
	}
	p.advance()
	s := &syntax{kind: synLiteral, at: t.at, value: v}
	switch {
	case p.tok.kind == tokString:
		s.value = quantityOf(v.decimal(), p.tok.text, false)
		p.advance()
	case p.tok.kind == tokName && calendarUnit(p.tok.text) != 0:
		s.value = quantityOf(v.decimal(), p.tok.text, true)
		p.advance()
	}
	return s
}

func (p *parser) typeName() typeName {
	first := p.identifier()
	if !p.is(".") {
		return typeName{name: first}
	}
	p.advance()
	return typeName{space: first, name: p.identifier()}
}

func (p *parser) identifier() string {
	t := p.tok
	if t.kind != tokName && t.kind != tokQuoted {
		p.fail("expected the name of a type")
		return ""
	}
	p.advance()
	return t.text
}
