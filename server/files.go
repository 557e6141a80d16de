package server

import (
	"os"
	"path/filepath"

	"github.com/ward-health/ward"
)

// writeFile replaces path durably: a temporary file, fsync, rename, fsync of the directory.
func writeFile(path string, text []byte, mode os.FileMode) error {
	bad := func(err error) error {
		return ward.E(ward.Unavailable, "server.file", "the file cannot be written: "+path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return bad(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := f.Chmod(mode); err != nil {
		return bad(err)
	}
	if _, err := f.Write(text); err != nil {
		return bad(err)
	}
	if err := f.Sync(); err != nil {
		return bad(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return bad(err)
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return bad(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return bad(err)
	}
	return nil
}
