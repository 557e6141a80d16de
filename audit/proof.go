package audit

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// hashes reads tree hashes out of the published tiles; each tile is checked against the given root.
func (l *Log) hashes(size int64, root [32]byte) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: size, Hash: tlog.Hash(root)}, tileReader{l.disk, l.c.Dir})
}

type tileReader struct {
	disk disk
	dir  string
}

// Height implements tlog.TileReader.
func (tileReader) Height() int { return 8 }

// SaveTiles implements tlog.TileReader.
func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader.
func (t tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, tile := range tiles {
		var err error
		if out[i], err = readTile(t.disk, t.dir, tile.L, tile.N, tile.W); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// published reads the newest checkpoint, its signature checked.
func (l *Log) published() ([]byte, verify.Checkpoint, error) {
	signed, err := readFile(l.disk, filepath.Join(l.c.Dir, checkpointName), verify.MaxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, verify.Checkpoint{}, noEntry
	}
	if err != nil {
		return nil, verify.Checkpoint{}, ward.E(ward.Unavailable, "audit.proof", "the published checkpoint cannot be read; check the disk that holds the log's folder", err)
	}
	c, err := verify.OpenCheckpoint(signed, l.vkey)
	if err != nil {
		return nil, c, ward.E(ward.Internal, "audit.proof", "the published checkpoint is damaged; run the log's check", err)
	}
	return signed, c, nil
}

// Prove returns the C2SP tlog-proof (text) of entry id under the newest checkpoint. An entry that is not under one yet
// is ward.NotFound.
func (l *Log) Prove(ctx context.Context, id ward.ID) ([]byte, error) {
	p, err := l.find(ctx, id)
	if err != nil {
		return nil, err
	}
	signed, c, err := l.published()
	if err != nil {
		return nil, err
	}
	if p.idx >= c.Size {
		return nil, noEntry
	}
	path, err := tlog.ProveRecord(c.Size, p.idx, l.hashes(c.Size, c.Root))
	if err != nil {
		return nil, ward.E(ward.Internal, "audit.proof", "the log's tiles are damaged; run the log's check", err)
	}
	proof := verify.Inclusion{Index: p.idx, Checkpoint: signed}
	for _, h := range path {
		proof.Path = append(proof.Path, verify.Hash(h))
	}
	return proof.Text(), nil
}

// ProveConsistency returns the RFC 6962 proof that the log's first old entries are a prefix of the log under the newest
// checkpoint, and that checkpoint, signed. verify.Consistency checks it. An old size of 0, or the newest, needs no hashes.
func (l *Log) ProveConsistency(_ context.Context, old int64) (path [][32]byte, checkpoint []byte, err error) {
	signed, c, err := l.published()
	if err != nil {
		return nil, nil, err
	}
	if old < 0 || old > c.Size {
		return nil, nil, ward.E(ward.Invalid, "audit.proof", "the older size must lie between 0 and "+itoa(c.Size), nil)
	}
	if old == 0 || old == c.Size {
		return nil, signed, nil
	}
	proof, err := tlog.ProveTree(c.Size, old, l.hashes(c.Size, c.Root))
	if err != nil {
		return nil, nil, ward.E(ward.Internal, "audit.proof", "the log's tiles are damaged; run the log's check", err)
	}
	for _, h := range proof {
		path = append(path, verify.Hash(h))
	}
	return path, signed, nil
}

// view is the published side as it was under one checkpoint, while publishing goes on. It implements fs.FS for
// checkpoint and tile/... only.
type view struct {
	disk   disk
	dir    string
	signed []byte
}

// Open implements fs.FS.
func (v view) Open(name string) (fs.File, error) {
	b, err := v.ReadFile(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &viewFile{Reader: strings.NewReader(string(b)), name: name}, nil
}

// ReadFile implements fs.ReadFileFS.
func (v view) ReadFile(name string) ([]byte, error) {
	if name == checkpointName {
		return v.signed, nil
	}
	level, n, width, err := verify.ParseTilePath(name)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	return readTile(v.disk, v.dir, level, n, width)
}

// viewFile is a file of a view, read into memory.
type viewFile struct {
	*strings.Reader
	name string
}

// Stat implements fs.File.
func (f *viewFile) Stat() (fs.FileInfo, error) { return viewInfo{f}, nil }

// Close implements fs.File.
func (*viewFile) Close() error { return nil }

type viewInfo struct{ f *viewFile }

func (i viewInfo) Name() string     { return filepath.Base(i.f.name) }
func (i viewInfo) Size() int64      { return i.f.Reader.Size() }
func (viewInfo) Mode() fs.FileMode  { return 0o444 }
func (viewInfo) ModTime() time.Time { return time.Time{} }
func (viewInfo) IsDir() bool        { return false }
func (viewInfo) Sys() any           { return nil }
