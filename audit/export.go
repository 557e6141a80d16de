package audit

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
)

// KeyName is the file of an export that holds the verifier key. Who checks an export should have the key from elsewhere.
const KeyName = "key.vkey"

// Export writes a self-contained copy (checkpoint, tiles, entry bundles, key.vkey) that ward-verify accepts. dir must be
// empty or not be there. progress, which may be nil, is told the number of files.
func (l *Log) Export(ctx context.Context, dir string, progress func(done, total int64)) error {
	if old, err := os.ReadDir(dir); err == nil && len(old) > 0 {
		return ward.E(ward.Invalid, "audit.export", "the folder for the export must be empty or not be there", nil)
	}
	signed, c, err := l.published()
	if err != nil {
		return err
	}
	fail := func(err error) error {
		return ward.E(ward.Unavailable, "audit.export", "the export cannot be written; check the folder and the space on its disk", err)
	}
	from := view{l.disk, l.c.Dir, signed}
	total, done := int64(2), int64(0)
	_ = eachTile(c.Size, func(string) error { total++; return nil })
	put := func(name string, content []byte) error {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // the exported log is public
			return fail(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // the exported log is public
			return fail(err)
		}
		if done++; progress != nil {
			progress(done, total)
		}
		return ctx.Err()
	}
	err = eachTile(c.Size, func(name string) error {
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return ward.E(ward.Internal, "audit.export", "a tile of the log cannot be read; run the log's check", err)
		}
		return put(name, content)
	})
	if err == nil {
		err = put(KeyName, []byte(l.vkey+"\n"))
	}
	if err == nil {
		err = put(checkpointName, signed)
	}
	return err
}

// eachTile calls fn with the path of every tile and bundle of a tree.
func eachTile(size int64, fn func(name string) error) error {
	for level := verify.EntriesLevel; level < levels; level++ {
		full, partial := verify.TileCount(size, level)
		for n := range full {
			if err := fn(verify.TilePath(level, n, verify.TileWidth)); err != nil {
				return err
			}
		}
		if partial > 0 {
			if err := fn(verify.TilePath(level, full, partial)); err != nil {
				return err
			}
		}
	}
	return nil
}
