package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// sessions is a fixed set of SQLite connections, each with its prepared statements.
type sessions struct {
	handle *sql.DB
	free   chan *session
}

// openSessions opens n connections.
func openSessions(ctx context.Context, dsn string, n int) (*sessions, error) {
	handle, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	handle.SetMaxOpenConns(n)
	p := &sessions{handle: handle, free: make(chan *session, n)}
	for range n {
		c, err := handle.Conn(ctx)
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		p.free <- &session{conn: c, stmts: newStatements()}
	}
	return p, nil
}

func (p *sessions) take(ctx context.Context) (*session, error) {
	select {
	case s := <-p.free:
		return s, nil
	default:
	}
	select {
	case s := <-p.free:
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// give returns a session. A broken one is replaced by a new connection, unless that fails as well: then the old one is
// tried again by whoever takes it, because a database without a writer could not say what is wrong.
func (p *sessions) give(s *session, broken bool) {
	if broken {
		p.renew(s)
	}
	p.free <- s
}

func (p *sessions) renew(s *session) {
	// A transaction may be open although its BEGIN failed, or have ended by itself, which is why it could not be rolled
	// back: then the connection is sound. It is if a transaction can be begun and ended on it.
	_ = s.rollback()
	if _, err := s.conn.ExecContext(context.Background(), "BEGIN"); err == nil && s.rollback() == nil {
		return
	}
	_ = s.stmts.close(s.conn)
	// Without the answer ErrBadConn the pool would hand the same connection out again.
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	s.conn.Close()
	s.stmts = newStatements()
	if c, err := p.handle.Conn(context.Background()); err == nil {
		s.conn = c
	}
}

// close ends every connection; all sessions must have been given back.
func (p *sessions) close() error {
	var errs []error
	for len(p.free) > 0 {
		s := <-p.free
		errs = append(errs, s.stmts.close(s.conn), s.conn.Close())
	}
	return errors.Join(append(errs, p.handle.Close())...)
}
