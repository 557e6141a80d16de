package view

import "strings"

// step is one step of a path: a name, or a call with the text of its arguments. Indexes behind it do not change its type.
type step struct {
	name, args string
	call       bool
}

// operators in the order in which they bind, the loosest first; | binds tighter than comparison, arithmetic tighter still.
var operators = []string{"implies", "or", "xor", "and", "in", "contains", "=", "!=", "~", "!~", "<", ">", "<=", ">=", "|", "is", "as", "+", "-", "&", "*", "/", "div", "mod"}

// split takes a FHIRPath expression that compiles apart: into its steps if it is one path, or else the operator that binds the
// loosest. What it does not understand it calls an unknown operator, "?".
func split(text string) (steps []step, operator string) {
	l := lexer{text: text}
	loosest := len(operators)
	value := false // an operand stands before: a word is an operator
	for {
		token, ok := l.next()
		switch {
		case !ok:
			return nil, "?"
		case token == "":
			if loosest < len(operators) {
				return nil, operators[loosest]
			}
			return steps, ""
		case token == ".":
			value = false
		case token[0] == '(' || token[0] == '[':
			if !value {
				return nil, "?" // parentheses around an expression
			}
			if last := &steps[len(steps)-1]; token[0] == '(' {
				last.call, last.args = true, strings.TrimSpace(token[1:len(token)-1])
			}
		default:
			if rank := rankOf(token); rank < len(operators) && value {
				loosest = min(loosest, rank)
				steps, value = nil, false
				continue
			}
			if value || !operand(token) {
				return nil, "?"
			}
			steps, value = append(steps, step{name: token}), true
		}
	}
}

func rankOf(token string) int {
	for i, o := range operators {
		if o == token {
			return i
		}
	}
	return len(operators)
}

func operand(token string) bool { return isWord(token) || strings.IndexByte("'%$@`{", token[0]) >= 0 }

func isWord(s string) bool {
	c := s[0]
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// lexer cuts an expression into words, quoted texts, variables, operators and whole brackets.
type lexer struct {
	text string
	i    int
}

// next returns the next token, "" at the end; ok is false where the text is not what a compiled expression can be.
func (l *lexer) next() (token string, ok bool) {
	for l.i < len(l.text) && strings.IndexByte(" \t\r\n", l.text[l.i]) >= 0 {
		l.i++
	}
	if l.i >= len(l.text) {
		return "", true
	}
	rest, n := l.text[l.i:], 1
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*"):
		return "", false // comments: no matter
	case c == '\'' || c == '"' || c == '`':
		n = quoted(rest)
	case c == '(' || c == '[' || c == '{':
		n = bracketed(rest)
	case c == '%' && len(rest) > 1 && (rest[1] == '`' || rest[1] == '\''):
		if n = quoted(rest[1:]); n > 0 {
			n++
		}
	case c == '%' || c == '$' || c == '@' || isWord(rest):
		n = word(rest)
	case strings.HasPrefix(rest, "<=") || strings.HasPrefix(rest, ">=") || strings.HasPrefix(rest, "!=") || strings.HasPrefix(rest, "!~"):
		n = 2
	}
	if n <= 0 {
		return "", false
	}
	l.i += n
	return rest[:n], true
}

// word is the length of a name, variable, number or date.
func word(s string) int {
	n := 1
	number := s[0] >= '0' && s[0] <= '9'
	for n < len(s) {
		dot := number && s[n] == '.' && n+1 < len(s) && s[n+1] >= '0' && s[n+1] <= '9'
		date := s[0] == '@' && strings.IndexByte("-+:.", s[n]) >= 0
		if !isWord(s[n:]) && !dot && !date {
			break
		}
		n++
	}
	return n
}

// quoted is the length of a quoted text with its quotes, 0 if it does not end.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return 0
}

// bracketed is the length of a bracket with all that is in it, 0 if it does not end.
func bracketed(s string) int {
	depth := 0
	for i := 0; i < len(s); {
		switch s[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '\'', '"', '`':
			n := quoted(s[i:])
			if n == 0 {
				return 0
			}
			i += n
			continue
		}
		i++
	}
	return 0
}
