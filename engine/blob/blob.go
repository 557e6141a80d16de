// Package blob keeps large sealed bytes under the SHA-256 of the ciphertext.
//
// It sees ciphertext only and must never be given anything else. A blob is written once: it is on disk in full and
// synced, directory included, before Put returns, and it never changes afterwards. What Get returns has been compared
// with its name, so a changed file is found by whoever reads it first.
//
// Read blob.go for the contract, then put.go.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/ward-health/ward"
)

// MaxSize is the largest blob in bytes; Put refuses more, Get refuses files that are larger.
const MaxSize = 64 << 20

// Digest is the SHA-256 of the stored bytes.
type Digest [32]byte

// String returns the digest in lower-case hexadecimal, which is also the file's name.
func (g Digest) String() string { return hex.EncodeToString(g[:]) }

// Dir is a directory of blobs. (S3 follows behind the same four methods.) Safe for concurrent use. Blobs lie two levels
// deep, ab/abcdef..., so that no folder holds more than 1/256 of them.
type Dir struct {
	root    *os.Root
	folders [256]atomic.Bool      // folders whose name this process has made durable, by first byte of the digest
	fault   func(step step) error // tests only: an error to report at a step; nil in production
}

// tmp is the folder in which blobs are written before they get their name.
const tmp = "tmp"

// OpenDir opens or makes the directory. Remains of writes that a crash interrupted are removed.
func OpenDir(path string) (*Dir, error) {
	const op = "blob.open"
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, ward.E(ward.Unavailable, op, "the blob directory cannot be made; check blob path and its permissions", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, ward.E(ward.Unavailable, op, "the blob directory cannot be opened; check blob path and its permissions", err)
	}
	d := &Dir{root: root}
	if err := d.prepare(); err != nil {
		root.Close()
		return nil, ward.E(ward.Unavailable, op, "the blob directory cannot be written; check its permissions", err)
	}
	return d, nil
}

// prepare makes the folder for unfinished writes and empties it.
func (d *Dir) prepare() error {
	if err := d.root.Mkdir(tmp, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	left, err := fs.ReadDir(d.root.FS(), tmp)
	if err != nil {
		return err
	}
	for _, e := range left {
		if err := d.root.Remove(tmp + "/" + e.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return d.syncDir(".")
}

// Close releases the directory. Later calls fail.
func (d *Dir) Close() error {
	if err := d.root.Close(); err != nil {
		return ward.E(ward.Internal, "blob.close", "the blob directory cannot be closed", err)
	}
	return nil
}

// place returns the folder and the whole name of a blob.
func place(g Digest) (folder, name string) {
	s := g.String()
	return s[:2], s[:2] + "/" + s
}

// Get returns the bytes after comparing their digest; a changed file is ward.Internal, a missing one ward.NotFound.
func (d *Dir) Get(ctx context.Context, g Digest) ([]byte, error) {
	const op = "blob.get"
	if err := ctx.Err(); err != nil {
		return nil, ward.E(ward.Unavailable, op, "the request ended before the blob was read", err)
	}
	_, name := place(g)
	b, err := d.read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ward.E(ward.NotFound, op, "there is no blob of this digest", nil)
	case err != nil:
		return nil, ward.E(ward.Internal, op, "the blob cannot be read", err)
	case sha256.Sum256(b) != g:
		return nil, ward.E(ward.Internal, op, "the blob's bytes are not those that were stored", errChanged)
	}
	return b, nil
}

// errChanged says that a file no longer has the content that its name promises.
var errChanged = errors.New("the file's SHA-256 is not its name")

// read returns a whole file, at most MaxSize bytes of it.
func (d *Dir) read(name string) ([]byte, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > MaxSize {
		return nil, errChanged
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, err
	}
	return b, nil
}

// Delete removes the blob; a missing one is no error. It is durable on return.
func (d *Dir) Delete(ctx context.Context, g Digest) error {
	const op = "blob.delete"
	if err := ctx.Err(); err != nil {
		return ward.E(ward.Unavailable, op, "the request ended before the blob was deleted", err)
	}
	folder, name := place(g)
	err := d.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		// An earlier Delete may have removed the name and failed to make that durable: sync the folder if there is one.
		if _, err := d.root.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		err = nil
	}
	if err == nil {
		err = d.syncDir(folder)
	}
	if err != nil {
		return ward.E(ward.Internal, op, "the blob cannot be deleted", err)
	}
	return nil
}
