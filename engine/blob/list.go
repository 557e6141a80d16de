package blob

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"

	"github.com/ward-health/ward"
)

// List yields every blob by name order. A file that is no blob is yielded as an error (ward.Internal, Path names it) and
// the listing goes on if the caller does; an error of the disk or of ctx ends it. Blobs that are put or deleted
// meanwhile may or may not be seen.
func (d *Dir) List(ctx context.Context) iter.Seq2[Digest, error] {
	return func(yield func(Digest, error) bool) {
		folders, err := fs.ReadDir(d.root.FS(), ".")
		if err != nil {
			yield(Digest{}, ward.E(ward.Internal, "blob.list", "the blob directory cannot be read", err))
			return
		}
		for _, f := range folders {
			if f.Name() == tmp && f.IsDir() {
				continue
			}
			if !d.listFolder(ctx, f, yield) {
				return
			}
		}
	}
}

// listFolder yields the blobs of one folder and reports whether the listing goes on.
func (d *Dir) listFolder(ctx context.Context, folder fs.DirEntry, yield func(Digest, error) bool) bool {
	if !folder.IsDir() || len(folder.Name()) != 2 {
		return yield(Digest{}, stray(folder.Name()))
	}
	files, err := fs.ReadDir(d.root.FS(), folder.Name())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		yield(Digest{}, ward.E(ward.Internal, "blob.list", "a folder of blobs cannot be read", err).At(folder.Name()))
		return false
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			yield(Digest{}, ward.E(ward.Unavailable, "blob.list", "the request ended before the listing did", err))
			return false
		}
		name := folder.Name() + "/" + f.Name()
		var more bool
		if g, ok := parse(f); ok && folder.Name() == f.Name()[:2] {
			more = yield(g, nil)
		} else {
			more = yield(Digest{}, stray(name))
		}
		if !more {
			return false
		}
	}
	return true
}

// stray is the finding that a name in the directory is not that of a blob.
func stray(name string) error {
	return ward.E(ward.Internal, "blob.list", "the blob directory holds a file that is not a blob; move it away", nil).At(name)
}

// parse reads a file's name: 64 lower-case hexadecimal digits.
func parse(f fs.DirEntry) (g Digest, ok bool) {
	if !f.Type().IsRegular() || len(f.Name()) != 2*len(g) {
		return g, false
	}
	b, err := hex.DecodeString(f.Name())
	if err != nil || hex.EncodeToString(b) != f.Name() {
		return g, false
	}
	return Digest(b), true
}
