package ucum

import (
	"math/big"
	"strings"
	"sync"

	"github.com/ward-health/ward"
)

// Bounds of a unit expression.
const (
	MaxLength   = 128 // bytes
	MaxDepth    = 8   // nested parentheses
	MaxExponent = 32
	maxDigits   = 12 // of an integer factor
)

// Parse reads a unit expression in the case-sensitive form. Errors are ward.Invalid for broken grammar and
// ward.Unsupported for an atom that is not in the table; neither repeats the input.
func Parse(s string) (Unit, error) {
	if s == "" || len(s) > MaxLength {
		return Unit{}, bad("a unit is 1 to 128 characters")
	}
	for i := range len(s) {
		// SPEC(UCUM 2.1 #1): only the printable ASCII characters 33 to 126 occur in a unit.
		if s[i] < 33 || s[i] > 126 {
			return Unit{}, bad("a unit holds printable ASCII characters without spaces only")
		}
	}
	if u, ok := parsed.get(s); ok {
		return u, nil
	}
	p := parser{in: s, known: table}
	u, err := p.main()
	if err != nil {
		return Unit{}, err
	}
	u.text = strings.Clone(s) // not a part of what may be a long message
	parsed.put(u)
	return u, nil
}

// maxParsed bounds the units that are remembered; a laboratory has some hundred. They are forgotten when they are too many.
const maxParsed = 1024

// units remembers what was parsed. A Unit is never changed.
type units struct {
	mu     sync.RWMutex
	byText map[string]Unit
}

var parsed = units{byText: map[string]Unit{}}

func (c *units) get(text string) (Unit, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u, ok := c.byText[text]
	return u, ok
}

func (c *units) put(u Unit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byText) >= maxParsed {
		clear(c.byText)
	}
	c.byText[u.text] = u
}

func bad(public string) *ward.Error { return ward.E(ward.Invalid, "ucum.parse", public, nil) }

type parser struct {
	in    string
	known map[string]entry
	at    int
	depth int
}

func (p *parser) peek() byte {
	if p.at < len(p.in) {
		return p.in[p.at]
	}
	return 0
}

// main reads a main term.
//
// SPEC(UCUM 2.3 #7): the division operator may stand as a unary operator at the beginning of a term.
func (p *parser) main() (Unit, error) {
	u, err := p.term()
	if err == nil && p.at != len(p.in) {
		err = bad("a unit has an operator, '.' or '/', between its parts and balanced parentheses")
	}
	return u, err
}

// term reads components from left to right; "/m.s" is therefore (1/m).s.
//
// SPEC(UCUM 2.3 #7 and #8): multiplication and division have the same precedence and are evaluated left to right.
func (p *parser) term() (u Unit, err error) {
	u = one()
	if p.peek() != '/' || p.depth > 0 {
		if u, err = p.component(); err != nil {
			return Unit{}, err
		}
	}
	for p.peek() == '.' || p.peek() == '/' {
		divide := p.peek() == '/'
		p.at++
		c, err := p.component()
		if err == nil {
			u, err = u.over(c, divide)
		}
		if err != nil {
			return Unit{}, err
		}
	}
	return u, nil
}

// component reads one part: an atom with prefix and exponent, an integer factor, an annotation, or a term in parentheses.
func (p *parser) component() (Unit, error) {
	switch p.peek() {
	case '(':
		return p.parenthesised()
	case '{':
		return one(), p.annotation()
	}
	word, err := p.word()
	if err != nil {
		return Unit{}, err
	}
	u, err := simple(p.known, word)
	if err == nil && p.peek() == '{' {
		// SPEC(UCUM 2.4 #12): an annotation follows a unit and changes nothing in its meaning.
		err = p.annotation()
	}
	return u, err
}

func (p *parser) parenthesised() (Unit, error) {
	if p.depth++; p.depth > MaxDepth {
		return Unit{}, bad("a unit nests at most 8 parentheses")
	}
	p.at++
	u, err := p.term()
	if err != nil {
		return Unit{}, err
	}
	if p.peek() != ')' {
		return Unit{}, bad("a parenthesis in a unit is not closed")
	}
	p.at++
	p.depth--
	return u, nil
}

// annotation skips "{...}".
func (p *parser) annotation() error {
	end := strings.IndexAny(p.in[p.at+1:], "{}")
	if end < 0 || p.in[p.at+1+end] != '}' {
		return bad("an annotation in a unit is not closed, or holds a brace")
	}
	p.at += end + 2
	return nil
}

// word takes the characters of one simple unit with its exponent. Square brackets keep operators inside ("B[10.nV]").
func (p *parser) word() (string, error) {
	start, open := p.at, false
	for ; p.at < len(p.in); p.at++ {
		c := p.in[p.at]
		switch {
		case c == '[' && !open:
			open = true
		case c == ']' && open:
			open = false
		case c == '[' || c == ']':
			return "", bad("square brackets in a unit are not balanced")
		case !open && strings.IndexByte("./(){}", c) >= 0:
			return p.in[start:p.at], empty(p.at - start)
		}
	}
	if open {
		return "", bad("square brackets in a unit are not balanced")
	}
	return p.in[start:p.at], empty(p.at - start)
}

func empty(n int) error {
	if n == 0 {
		return bad("a unit has a part missing beside an operator")
	}
	return nil
}

// simple evaluates one word: digits alone are a factor, else symbol and exponent.
func simple(known map[string]entry, word string) (Unit, error) {
	symbol := strings.TrimRight(word, "0123456789")
	digits := word[len(symbol):]
	if symbol == "" {
		return factor(digits)
	}
	negative := false
	if digits != "" && len(symbol) > 1 {
		if last := symbol[len(symbol)-1]; last == '+' || last == '-' {
			negative = last == '-'
			symbol = symbol[:len(symbol)-1]
		}
	}
	u, err := lookup(known, symbol)
	if err != nil || digits == "" {
		return u, err
	}
	if len(digits) > 2 {
		return Unit{}, bad("an exponent in a unit is at most 32")
	}
	n := 0
	for _, c := range []byte(digits) {
		n = n*10 + int(c-'0')
	}
	if negative {
		n = -n
	}
	return u.power(n)
}

// factor is an integer number as a unit.
//
// SPEC(UCUM 2.3 #8): a positive integer number may be used as a simple unit.
func factor(digits string) (Unit, error) {
	if len(digits) > maxDigits {
		return Unit{}, bad("an integer factor in a unit has at most 12 digits")
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || n.Sign() == 0 {
		return Unit{}, bad("an integer factor in a unit is positive")
	}
	u := one()
	u.factor.SetInt(n)
	return u, nil
}

func one() Unit { return Unit{factor: big.NewRat(1, 1)} }

var errSpecial = "a unit on a special scale, such as Cel or pH, cannot be multiplied, divided or raised"

// over multiplies or divides.
func (u Unit) over(v Unit, divide bool) (Unit, error) {
	if u.factor == nil || v.factor == nil {
		return Unit{}, bad(errSpecial)
	}
	r := one()
	sign := int16(1)
	if divide {
		r.factor.Quo(u.factor, v.factor)
		sign = -1
	} else {
		r.factor.Mul(u.factor, v.factor)
	}
	for i := range r.dim {
		r.dim[i] = u.dim[i] + sign*v.dim[i]
	}
	return r, nil
}

// power raises to n. The result stays bounded because n, the words of an expression and every atom's factor are.
func (u Unit) power(n int) (Unit, error) {
	if u.factor == nil {
		return Unit{}, bad(errSpecial)
	}
	if n > MaxExponent || n < -MaxExponent {
		return Unit{}, bad("an exponent in a unit is at most 32")
	}
	r, m := one(), n
	if m < 0 {
		m = -m
	}
	num := new(big.Int).Exp(u.factor.Num(), big.NewInt(int64(m)), nil)
	den := new(big.Int).Exp(u.factor.Denom(), big.NewInt(int64(m)), nil)
	if n < 0 {
		num, den = den, num
	}
	r.factor.SetFrac(num, den)
	for i, e := range u.dim {
		r.dim[i] = e * int16(n)
	}
	return r, nil
}
