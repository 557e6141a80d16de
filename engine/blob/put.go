package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"

	"github.com/ward-health/ward"
)

// step names one point of a write at which a disk can fail.
type step string

const (
	stepMkdir    step = "mkdir"
	stepWrite    step = "write"
	stepSync     step = "sync"
	stepRename   step = "rename"
	stepSyncDir  step = "syncdir"
	stepSyncRoot step = "syncroot"
)

// failing returns the error that a test planted at the step.
func (d *Dir) failing(s step) error {
	if d.fault == nil {
		return nil
	}
	return d.fault(s)
}

// Put stores the bytes durably (file and directory fsynced) and returns their digest. Putting the same bytes again is no
// error. On an error the blob may or may not have been kept; putting it again is always safe.
func (d *Dir) Put(ctx context.Context, sealed []byte) (Digest, error) {
	const op = "blob.put"
	if len(sealed) > MaxSize {
		return Digest{}, ward.E(ward.TooLarge, op, "a blob has at most 64 MiB; split the content", nil)
	}
	if err := ctx.Err(); err != nil {
		return Digest{}, ward.E(ward.Unavailable, op, "the request ended before the blob was written", err)
	}
	g := Digest(sha256.Sum256(sealed))
	if err := d.put(g, sealed); err != nil {
		return Digest{}, ward.E(ward.Unavailable, op, "the blob cannot be written; check the disk's space and health", err)
	}
	return g, nil
}

func (d *Dir) put(g Digest, sealed []byte) error {
	folder, name := place(g)
	if err := d.mkdir(g, folder); err != nil {
		return err
	}
	// A file that is there is kept only if it is whole; a damaged one is replaced. The folder is synced in both cases:
	// the writer that made the file may not have come that far.
	if have, err := d.read(name); err != nil || !bytes.Equal(have, sealed) {
		if err := d.write(name, sealed); err != nil {
			return err
		}
	}
	return d.syncDir(folder)
}

// mkdir makes the folder of a blob and makes its name durable, once per process: a folder that is found may be one whose
// maker crashed before it was synced.
func (d *Dir) mkdir(g Digest, folder string) error {
	if d.folders[g[0]].Load() {
		return nil
	}
	if err := d.failing(stepMkdir); err != nil {
		return err
	}
	if err := d.root.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := d.syncDir("."); err != nil {
		return err
	}
	d.folders[g[0]].Store(true)
	return nil
}

// write makes the file in the folder of unfinished writes, syncs it and gives it its name in one step, so that nobody
// ever sees a part of a blob.
func (d *Dir) write(name string, sealed []byte) error {
	temporary := tmp + "/" + rand.Text()
	err := d.fill(temporary, sealed)
	if err == nil {
		err = d.failing(stepRename)
	}
	if err == nil {
		err = d.root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, d.discard(temporary))
	}
	return nil
}

// fill writes and syncs one new file.
func (d *Dir) fill(name string, b []byte) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = d.failing(stepWrite); err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = d.failing(stepSync)
	}
	return errors.Join(err, f.Close())
}

// discard removes an unfinished file.
func (d *Dir) discard(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncDir makes the names in a folder durable.
func (d *Dir) syncDir(folder string) error {
	s := stepSyncDir
	if folder == "." {
		s = stepSyncRoot
	}
	if err := d.failing(s); err != nil {
		return err
	}
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
