package db

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// counterBlock is how many numbers a node takes of a PostgreSQL counter at a time.
const counterBlock = 256

// counterPatience bounds one Allocate: it runs while the caller holds its transaction and others wait for the counter.
const counterPatience = 5 * time.Second

// counters hands out numbers of PostgreSQL sequences without making nodes wait for each other's transactions: numbers
// are taken in blocks, outside the caller's transaction, under a lock that lasts for one statement.
type counters struct {
	mu       sync.Mutex
	blocks   map[string]*block
	patience time.Duration // counterPatience; tests shorten it
}

// block is what is left of the numbers that this node has taken.
type block struct {
	mu        sync.Mutex
	made      bool // the sequence exists
	next, end int64
}

func (q *postgresDialect) allocate(ctx context.Context, _ *Tx, counter string, n int64) (int64, error) {
	c := &q.counters
	c.mu.Lock()
	b := c.blocks[counter]
	if b == nil {
		b = &block{}
		c.blocks[counter] = b
	}
	c.mu.Unlock()
	// The time runs from here, so that those who waited behind a server that does not answer do not each wait anew.
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := q.makeCounter(ctx, b, counter); err != nil {
		return 0, err
	}
	if n >= counterBlock {
		last, err := q.advance(ctx, counter, n)
		return last - n + 1, err
	}
	if b.end-b.next < n {
		last, err := q.advance(ctx, counter, counterBlock)
		if err != nil {
			return 0, err
		}
		b.next, b.end = last-counterBlock+1, last+1
	}
	first := b.next
	b.next += n
	return first, nil
}

// makeCounter makes the sequence, once per process. Nodes that do so at the same moment collide in the catalogue: then
// the other one has made it.
func (q *postgresDialect) makeCounter(ctx context.Context, b *block, counter string) error {
	if b.made {
		return nil
	}
	_, err := q.spare.ExecContext(ctx, `CREATE SEQUENCE IF NOT EXISTS "counter.`+counter+`"`)
	var e *pgconn.PgError
	if errors.As(err, &e) && (e.Code == "23505" || e.Code == "42P07") {
		err = nil
	}
	b.made = err == nil
	return err
}

// advance moves the sequence by n and returns its new value. nextval alone could not take several numbers in a row.
func (q *postgresDialect) advance(ctx context.Context, counter string, n int64) (last int64, err error) {
	tx, err := q.spare.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	name := `"counter.` + counter + `"`
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1::regclass::oid::bigint)", name); err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, "SELECT setval($1::regclass, (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM "+name+") + $2)", name, n).Scan(&last)
	if err != nil {
		return 0, err
	}
	return last, tx.Commit()
}
