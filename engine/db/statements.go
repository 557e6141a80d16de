package db

import (
	"container/list"
	"context"
	"database/sql"
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
	text string
	stmt *sql.Stmt
}

func newStatements() *statements {
	return &statements{byText: map[string]*list.Element{}, recent: list.New()}
}

// get returns the prepared statement of the text.
func (s *statements) get(ctx context.Context, conn *sql.Conn, text string) (*sql.Stmt, error) {
	if e, ok := s.byText[text]; ok {
		s.recent.MoveToFront(e)
		return e.Value.(statement).stmt, nil
	}
	st, err := conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s.byText[text] = s.recent.PushFront(statement{text, st})
	if s.recent.Len() > maxStatements {
		old := s.recent.Remove(s.recent.Back()).(statement)
		delete(s.byText, old.text)
		if err := old.stmt.Close(); err != nil {
			return nil, err
		}
	}
	return st, nil
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
