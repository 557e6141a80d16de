package db

import (
	"container/list"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
)

// maxStatements bounds the prepared statements of one connection; the one that was not used for longest goes first.
const maxStatements = 512

// statements keeps the prepared statements of one connection by their text: on SQLite parsing costs more than most
// statements do. Used by one goroutine at a time, as its connection is.
type statements struct {
	byText map[string]*list.Element
	recent *list.List // of statement, most recently used first
}

type statement struct {
	text  string
	stmt  *sql.Stmt
	takes int   // arguments
	order []int // which argument each mark takes; nil: as they come
}

// arguments puts the arguments of the text in the order of its marks.
func (s statement) arguments(args []any) []any {
	if s.order == nil {
		return args
	}
	out := make([]any, len(s.order))
	for i, n := range s.order {
		out[i] = args[n]
	}
	return out
}

func newStatements() *statements {
	return &statements{byText: map[string]*list.Element{}, recent: list.New()}
}

// get returns the prepared statement of a text that takes n arguments.
func (s *statements) get(ctx context.Context, conn *sql.Conn, text string, n int) (statement, error) {
	if e, ok := s.byText[text]; ok {
		s.recent.MoveToFront(e)
		st := e.Value.(statement)
		if st.takes != n {
			return statement{}, problem("a statement takes %d arguments and not %d", st.takes, n)
		}
		return st, nil
	}
	st := statement{text: text, takes: n}
	plain, order, ok := marked(text, n)
	if st.order = order; !ok {
		plain, st.order = text, nil // the driver says what is wrong with it
	}
	var err error
	if st.stmt, err = conn.PrepareContext(ctx, plain); err != nil {
		return statement{}, err
	}
	s.byText[text] = s.recent.PushFront(st)
	if s.recent.Len() > maxStatements {
		old := s.recent.Remove(s.recent.Back()).(statement)
		delete(s.byText, old.text)
		if err := old.stmt.Close(); err != nil {
			return statement{}, err
		}
	}
	return st, nil
}

// marked writes a text with "?" for each "$n" outside of quotes, and says which argument each of them takes: the driver looks for that of
// "$n" by comparing names, which costs the square of their number. ok is false unless every one of the n arguments is named, and no other.
func marked(text string, n int) (plain string, order []int, ok bool) {
	if !strings.Contains(text, "$") {
		return text, nil, true
	}
	var b strings.Builder
	quote := byte(0)
	named := make([]bool, n)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == 0 && (c == '?' || c == '-' && strings.HasPrefix(text[i:], "--") || c == '/' && strings.HasPrefix(text[i:], "/*")):
			return "", nil, false // marks of both kinds, and comments, are not read
		case quote == 0 && c == '$':
			end := i + 1
			for end < len(text) && text[end] >= '0' && text[end] <= '9' {
				end++
			}
			number, err := strconv.Atoi(text[i+1 : end])
			if err != nil || number < 1 || number > n {
				return "", nil, false
			}
			order, named[number-1] = append(order, number-1), true
			b.WriteByte('?')
			i = end - 1
			continue
		}
		b.WriteByte(c)
	}
	return b.String(), order, !slices.Contains(named, false)
}

// close ends every statement.
func (s *statements) close() error {
	var first error
	for e := s.recent.Front(); e != nil; e = e.Next() {
		if err := e.Value.(statement).stmt.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
