package db

import (
	"container/list"
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"strconv"
	"strings"
)

// maxStatements bounds the prepared statements of one connection; the one that was not used for longest goes first.
const maxStatements = 512

// statements keeps the prepared statements of one connection by their text: on SQLite parsing costs more than most
// statements do. Used by one goroutine at a time, as its connection is.
type statements struct {
	byText map[key]*list.Element
	recent *list.List // of *statement, most recently used first
}

// statement is a prepared one: of database/sql for queries, or of the driver itself for what is executed, which spares a writer the locks
// and the copies of arguments that rows need.
type statement struct {
	text  string
	stmt  *sql.Stmt   // nil: it is executed
	exec  driver.Stmt // nil: it is a query
	takes int         // arguments
	order []int       // which argument each mark takes; nil: as they come
}

// arguments puts the arguments of the text in the order of its marks.
func (s *statement) arguments(args []any) []any {
	if s.order == nil {
		return args
	}
	out := make([]any, len(s.order))
	for i, n := range s.order {
		out[i] = args[n]
	}
	return out
}

// named is arguments as the driver takes them.
func (s *statement) named(args []any) []driver.NamedValue {
	out := make([]driver.NamedValue, max(len(args), len(s.order)))
	for i := range out {
		n := i
		if s.order != nil {
			n = s.order[i]
		}
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: args[n]}
	}
	return out
}

// close ends the statement.
func (s *statement) close(conn *sql.Conn) error {
	if s.exec == nil {
		return s.stmt.Close()
	}
	return conn.Raw(func(any) error { return s.exec.Close() })
}

// key tells a query from what is executed under the same text.
type key struct {
	text string
	exec bool
}

func newStatements() *statements {
	return &statements{byText: map[key]*list.Element{}, recent: list.New()}
}

// get returns the prepared statement of a text that takes n arguments.
func (s *statements) get(ctx context.Context, conn *sql.Conn, text string, n int, exec bool) (*statement, error) {
	k := key{text, exec}
	if e, ok := s.byText[k]; ok {
		s.recent.MoveToFront(e)
		st := e.Value.(*statement)
		if st.takes != n {
			return nil, problem("a statement takes %d arguments and not %d", st.takes, n)
		}
		return st, nil
	}
	st := &statement{text: text, takes: n}
	plain, order, ok := marked(text, n)
	if st.order = order; !ok {
		plain, st.order = text, nil // the driver says what is wrong with it
	}
	if err := st.prepare(ctx, conn, plain, exec); err != nil {
		return nil, err
	}
	s.byText[k] = s.recent.PushFront(st)
	if s.recent.Len() > maxStatements {
		old := s.recent.Remove(s.recent.Back()).(*statement)
		delete(s.byText, key{old.text, old.exec != nil})
		if err := old.close(conn); err != nil {
			return nil, err
		}
	}
	return st, nil
}

func (s *statement) prepare(ctx context.Context, conn *sql.Conn, plain string, exec bool) (err error) {
	if !exec {
		s.stmt, err = conn.PrepareContext(ctx, plain)
		return err
	}
	return conn.Raw(func(c any) error {
		s.exec, err = c.(driver.ConnPrepareContext).PrepareContext(ctx, plain)
		return err
	})
}

// run executes the statement and returns the number of rows that it touched.
func (s *statement) run(ctx context.Context, conn *sql.Conn, args []any) (n int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	named := s.named(args)
	err = conn.Raw(func(any) error {
		r, err := s.exec.(driver.StmtExecContext).ExecContext(ctx, named)
		if err == nil {
			n, err = r.RowsAffected()
		}
		return err
	})
	return n, err
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
func (s *statements) close(conn *sql.Conn) error {
	var first error
	for e := s.recent.Front(); e != nil; e = e.Next() {
		if err := e.Value.(*statement).close(conn); err != nil && first == nil {
			first = err
		}
	}
	return first
}
