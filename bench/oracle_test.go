package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

// exported reads an exported log for Tessera.
type exported struct{ dir string }

func (e exported) ReadCheckpoint(context.Context) ([]byte, error) {
	return os.ReadFile(filepath.Join(e.dir, "checkpoint"))
}

func (e exported) ReadTile(_ context.Context, l, i uint64, p uint8) ([]byte, error) {
	return os.ReadFile(filepath.Join(e.dir, layout.TilePath(l, i, p)))
}

func (e exported) ReadEntryBundle(_ context.Context, i uint64, p uint8) ([]byte, error) {
	return os.ReadFile(filepath.Join(e.dir, layout.EntriesPath(i, p)))
}

func leafHashes(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, e := range b.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return hashes, nil
}

// TestTesseraAcceptsTheLog: an outside implementation verifies what Ward publishes, and finds a changed byte.
func TestTesseraAcceptsTheLog(t *testing.T) {
	ctx := context.Background()
	for _, entries := range []int{3, 255, 256, 1000} {
		t.Run(fmt.Sprint(entries), func(t *testing.T) {
			c, err := openCore(ctx, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := c.stop(); err != nil {
					t.Error(err)
				}
			}()
			for i := range entries {
				if _, err := c.log.Begin(ctx, appendIntent(c.tenant.Number, i, i)); err != nil {
					t.Fatal(err)
				}
			}
			dir := t.TempDir()
			if err := c.log.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			if err := c.log.Export(ctx, dir, nil); err != nil {
				t.Fatal(err)
			}
			verifier, err := note.NewVerifier(c.log.VerifierKey())
			if err != nil {
				t.Fatal(err)
			}
			check := func() error {
				return fsck.New("ward/bench", verifier, exported{dir}, leafHashes, fsck.Opts{N: 2}).Check(ctx)
			}
			if err := check(); err != nil {
				t.Fatalf("Tessera refuses Ward's log: %v", err)
			}
			tampered := false
			filepath.WalkDir(filepath.Join(dir, "tile", "entries"), func(p string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() && !tampered {
					b, _ := os.ReadFile(p)
					b = bytes.Clone(b)
					b[len(b)/2] ^= 1
					tampered = os.WriteFile(p, b, 0o600) == nil
				}
				return nil
			})
			if !tampered || check() == nil {
				t.Fatal("Tessera accepted a log with a changed byte")
			}
		})
	}
}
