package main

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// tesseraAppends measures durable appends of 300-byte entries to Tessera's POSIX log, batch age 5 ms.
func tesseraAppends(ctx context.Context, dir string, callers int, during time.Duration) (load, error) {
	skey, _, err := note.GenerateKey(rand.Reader, "bench.example/tessera")
	if err != nil {
		return load{}, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return load{}, err
	}
	path := filepath.Join(dir, "tessera")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return load{}, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: path})
	if err != nil {
		return load{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(200*time.Millisecond).
		WithBatching(1024, 5*time.Millisecond))
	if err != nil {
		return load{}, err
	}
	l, err := drive(callers, during, func(int, int) error {
		entry := make([]byte, 300)
		rand.Read(entry)
		_, err := appender.Add(ctx, tessera.NewEntry(entry))()
		return err
	})
	if err != nil {
		return l, err
	}
	return l, shutdown(ctx)
}
