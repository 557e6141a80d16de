package audit

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// disk is the file layer below journal and tiles; tests put one in that fails.
type disk interface {
	// open opens a file; fresh makes it, with its folders, empty.
	open(name string, fresh bool) (file, error)
	rename(from, to string) error
	remove(name string) error
	// syncDir makes names in a folder durable.
	syncDir(name string) error
	// names lists a folder; none if it is not there.
	names(dir string) ([]string, error)
}

// file is an open file.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// sync makes written data durable. After an error nothing about the file can be believed.
	sync() error
	size() (int64, error)
}

type osDisk struct{}

type osFile struct{ *os.File }

func (osDisk) open(name string, fresh bool) (file, error) {
	flag := os.O_RDWR
	if fresh {
		flag |= os.O_CREATE | os.O_TRUNC
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) remove(name string) error { return os.Remove(name) }

func (osDisk) syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (osDisk) names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (f osFile) sync() error { return syncData(f.File) }

func (f osFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// readFile reads a whole file of at most limit bytes.
func readFile(d disk, name string, limit int64) ([]byte, error) {
	f, err := d.open(name, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, errors.New("file is longer than expected")
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// writeFile puts a whole file in place: written and synced under another name, then renamed. The folder is not synced.
func writeFile(d disk, name string, content []byte) error {
	temp := name + ".new"
	f, err := d.open(temp, true)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(content, 0); err == nil {
		err = f.sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return d.rename(temp, name)
}
