package db

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ward-health/ward"
)

// dialect is what the engines do differently.
type dialect interface {
	// begin starts a transaction that sees the rows of one tenant. A read-only one is a snapshot.
	begin(ctx context.Context, s *session, tn Tenant, readOnly bool) error
	// commit makes the transaction durable. It fails if the engine has given the transaction up.
	commit(ctx context.Context, s *session) error
	// allocate takes n consecutive numbers of a counter.
	allocate(ctx context.Context, t *Tx, counter string, n int64) (int64, error)
	// expand replaces the tokens of a migration.
	expand(text string) (string, error)
	// classify says what an error of the driver means, without values of rows; classForeign if it is none.
	classify(err error) failure
	// check runs the integrity check of Check.
	check(ctx context.Context, t *Tx) error
	// scrub does the work of Scrub.
	scrub(ctx context.Context, d *DB, table string) error
}

// phrases are SQL texts that differ and that nobody has to compute.
type phrases struct {
	id      string // the transaction's id, empty: 0
	horizon string // the first transaction id that may be in flight
	claim   string // appended to a SELECT that claims rows
	lock    string // takes the lock $1, empty: the writer is alone anyway
	script  string // stands before a migration, which may take long
}

// class is what an error means to the code here.
type class uint8

const (
	classForeign class = iota // no error of the engine
	classOther
	classUnique // a unique or primary key is violated
	classRetry  // the transaction was given up before its commit and may be run again
	classUnable // the database cannot be used now: disk full, locked, connection lost, interrupted
)

// failure is an error of the engine, freed of everything that may hold values of rows.
type failure struct {
	class  class
	text   string
	state  string // SQLSTATE, if the engine has one
	result string // name of SQLite's result code
}

// SQLState returns the SQLSTATE of a failure of PostgreSQL, or "".
func (f failure) SQLState() string { return f.state }

// ResultCode returns the name of SQLite's result code, such as SQLITE_FULL, or "".
func (f failure) ResultCode() string { return f.result }

// Error implements error.
func (f failure) Error() string { return f.text }

// Is lets errors.Is find the ends of contexts, which callers may tell apart.
func (f failure) Is(target error) bool {
	return target == context.Canceled && f.text == context.Canceled.Error() ||
		target == context.DeadlineExceeded && f.text == context.DeadlineExceeded.Error()
}

// problem is a failure that this package finds itself.
func problem(format string, args ...any) error {
	return failure{class: classOther, text: fmt.Sprintf(format, args...)}
}

// IsUnique reports whether err is a violated unique or primary key.
func IsUnique(err error) bool {
	var f failure
	return errors.As(err, &f) && f.class == classUnique
}

// retryable reports whether err is a transaction that was given up and may be run again.
func retryable(err error) bool {
	var f failure
	return errors.As(err, &f) && f.class == classRetry
}

// wrap makes the package's error of a driver's one. Errors that are wrapped already stay as they are.
func (d *DB) wrap(op, table string, err error) error {
	if err == nil {
		return nil
	}
	var done *ward.Error
	if errors.As(err, &done) {
		return err
	}
	f, own := contextFailure(err)
	if !own && !errors.As(err, &f) {
		f = d.dialect.classify(err)
	}
	where := ""
	if table != "" {
		where = " of table " + table
	}
	switch f.class {
	case classUnique:
		return ward.E(ward.Conflict, op, "a row"+where+" with this key exists already", f)
	case classRetry, classUnable:
		return ward.E(ward.Unavailable, op, "the database cannot be used now; try again later", f)
	}
	return ward.E(ward.Internal, op, "a database statement failed", f)
}

// engineError makes an error that a function returned the package's own if it comes from the engine (rows.Err, Scan);
// the function's own errors stay as they are.
func (d *DB) engineError(op string, err error) error {
	if err == context.Canceled || err == context.DeadlineExceeded { //nolint:errorlint // the very errors that rows.Err gives when Read's context ended, not ones of the function
		return d.wrap(op, "", err)
	}
	if err == nil || d.dialect.classify(err).class == classForeign {
		return err
	}
	return d.wrap(op, "", err)
}

// contextFailure recognises the end of a context.
func contextFailure(err error) (failure, bool) {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return failure{class: classUnable, text: end.Error()}, true
		}
	}
	return failure{}, false
}

// tokens are the words of one engine for the {{tokens}} of a migration.
type tokens struct {
	words map[string]string
	rls   func(table string) string
}

// expand replaces {{word}} and {{rls TABLE}}; an unknown token is an error.
func (k tokens) expand(text string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		token, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return "", problem("a token {{ is not closed by }}")
		}
		text = after
		if word, ok := k.words[token]; ok {
			b.WriteString(word)
			continue
		}
		table, ok := strings.CutPrefix(token, "rls ")
		if !ok || !validName(table) {
			return "", problem("unknown token {{%s}}: known are int, blob, text, strict, narrow, rls TABLE", token)
		}
		b.WriteString(k.rls(table))
	}
}

// validName reports whether s can stand in SQL as a table, column or topic name without quotes.
func validName(s string) bool {
	if s == "" || len(s) > 60 || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
