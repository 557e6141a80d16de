package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ward-health/ward/connect/mllp"
)

// insertPerMessage is the name of the peer: an MLLP server that keeps each message by one INSERT that commits by itself, with
// synchronous commit, and acknowledges it after. It knows a repetition by control id and digest, as an engine must, and does
// nothing else: it does not parse, encrypt, log or understand.
const insertPerMessage = "insert-per-message"

const insertTable = `CREATE TABLE inbox (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	received timestamptz NOT NULL DEFAULT now(),
	control text NOT NULL,
	digest bytea NOT NULL,
	body bytea NOT NULL,
	UNIQUE (control, digest))`

type inserts struct {
	address string
	stop    func() error
}

// startInserts starts PostgreSQL and the server.
func startInserts(ctx context.Context) (*inserts, error) {
	pg, err := startPostgres(ctx)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(pg.dsn())
	if err != nil {
		return nil, errors.Join(err, pg.stop())
	}
	config.MaxConns, config.MinConns = 64, 64
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, errors.Join(err, pg.stop())
	}
	stop := func() error { pool.Close(); return pg.stop() }
	if _, err := pool.Exec(ctx, insertTable); err != nil {
		return nil, errors.Join(err, stop())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- mllp.New(keeper(pool), mllp.Limits{}, nil).Serve(running, l) }()
	return &inserts{l.Addr().String(), func() error {
		cancel()
		return errors.Join(<-ended, stop())
	}}, nil
}

func keeper(pool *pgxpool.Pool) mllp.Handler {
	return mllp.Sync(func(ctx context.Context, _ mllp.Peer, frame []byte) ([]byte, error) {
		header, _, _ := bytes.Cut(frame, []byte{'\r'})
		fields := bytes.Split(header, []byte{'|'})
		if len(fields) < 10 {
			return nil, errors.New("no MSH-10")
		}
		digest := sha256.Sum256(frame)
		control := string(fields[9])
		_, err := pool.Exec(ctx, "INSERT INTO inbox (control, digest, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", control, digest[:], frame)
		return fmt.Appendf(nil, "MSH|^~\\&|PEER||||||ACK|%s|P|2.5.1\rMSA|AA|%s\r", control, control), err
	})
}

// insertAcks measures the peer's acknowledgements by one or more connections.
func insertAcks(ctx context.Context, counts ...int) ([]load, error) {
	peer, err := startInserts(ctx)
	if err != nil {
		return nil, err
	}
	source, cancel := sources(ctx, results)
	defer cancel()
	var all []load
	for _, n := range counts {
		l, err := stopAndWait(ctx, peer.address, n, source)
		if err != nil {
			return nil, errors.Join(err, peer.stop())
		}
		all = append(all, l)
	}
	return all, peer.stop()
}
