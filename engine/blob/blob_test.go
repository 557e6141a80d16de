package blob_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/blob/blobtest"
)

func open(t *testing.T, path string) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestConformance(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) func() blobtest.Store {
		path := filepath.Join(t.TempDir(), "deep", "blobs")
		return func() blobtest.Store { return open(t, path) }
	})
}

func kind(t *testing.T, what string, err error, want ward.ErrorKind) {
	t.Helper()
	if err == nil || ward.KindOf(err) != want {
		t.Errorf("%s: got %v, want the kind %v", what, err, want)
	}
}

// files returns every regular file below a folder.
func files(t *testing.T, path string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestFaults lets every step of a write fail, before it has taken effect and (the syncs) after. The invariant: no part
// of a blob is ever seen, nothing is left behind, and a second Put heals.
func TestFaults(t *testing.T) {
	sealed := []byte("sealed bytes")
	for _, c := range []struct {
		step string
		kept bool // persisted though it reported an error
	}{{"mkdir", false}, {"syncroot", false}, {"write", false}, {"sync", false}, {"rename", false}, {"syncdir", true}} {
		t.Run(c.step, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			boom := errors.New("disk")
			d.Fail(func(step string) error {
				if step == c.step {
					return boom
				}
				return nil
			})
			_, err := d.Put(t.Context(), sealed)
			kind(t, "put", err, ward.Unavailable)
			if !errors.Is(err, boom) {
				t.Errorf("the cause is lost: %v", err)
			}
			want := 0
			if c.kept {
				want = 1
			}
			if left := files(t, path); len(left) != want {
				t.Errorf("left behind: %v", left)
			}
			again := open(t, path)
			g, err := again.Put(t.Context(), sealed)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := again.Get(t.Context(), g); err != nil || !bytes.Equal(got, sealed) {
				t.Errorf("after the second put: %q, %v", got, err)
			}
		})
	}
}

// TestSyncedAgain holds that a blob which is there already is made durable before Put says so: its first writer may
// have failed to.
func TestSyncedAgain(t *testing.T) {
	path := t.TempDir()
	if _, err := open(t, path).Put(t.Context(), []byte("a")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"syncroot", "syncdir"} {
		d := open(t, path)
		d.Fail(func(step string) error {
			if step == want {
				return errors.New("disk")
			}
			return nil
		})
		_, err := d.Put(t.Context(), []byte("a"))
		kind(t, want, err, ward.Unavailable)
	}
}

// TestChanged changes one byte, cuts, lengthens and replaces the file.
func TestChanged(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"a byte": func(file string) error { return os.WriteFile(file, []byte("sealeD"), 0o600) },
		"short":  func(file string) error { return os.Truncate(file, 3) },
		"empty":  func(file string) error { return os.Truncate(file, 0) },
		"long":   func(file string) error { return os.WriteFile(file, []byte("sealed "), 0o600) },
		"huge":   func(file string) error { return os.Truncate(file, blob.MaxSize+1) },
		"folder": func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o700)) },
		"link": func(file string) error {
			return errors.Join(os.Remove(file), os.Symlink("/etc/hostname", file))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			g, err := d.Put(t.Context(), []byte("sealed"))
			if err != nil {
				t.Fatal(err)
			}
			if err := change(files(t, path)[0]); err != nil {
				t.Fatal(err)
			}
			_, err = d.Get(t.Context(), g)
			kind(t, "get", err, ward.Internal)
			if name == "folder" {
				return // nothing can take its place
			}
			if _, err := d.Put(t.Context(), []byte("sealed")); err != nil {
				t.Fatal(err)
			}
			if got, err := d.Get(t.Context(), g); err != nil || string(got) != "sealed" {
				t.Errorf("after putting it again: %q, %v", got, err)
			}
		})
	}
}

// childEnv tells the test binary that it is the traced child.
const childEnv = "WARD_BLOB_SYNC_CHILD"

// TestSyncs counts the kernel's syncs of a child under strace: each Put must cost one of the file and one of its folder.
func TestSyncs(t *testing.T) {
	const n = 50
	if path := os.Getenv(childEnv); path != "" {
		d := open(t, path)
		for i := range n {
			if _, err := d.Put(t.Context(), []byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Println("acknowledged", n)
		return
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		text := "NOT RUN: strace is missing, nothing counted the syncs of blobs (Debian: apt-get install strace)"
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal(text)
		}
		fmt.Printf("\n%s\n\n", text)
		t.Skip(text)
	}
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace")
	cmd := exec.Command(strace, "-f", "-qq", "-y", "-e", "trace=fsync,fdatasync", "-o", trace, os.Args[0], "-test.run=^TestSyncs$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"="+filepath.Join(dir, "blobs"))
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("acknowledged 50")) {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	files := len(regexp.MustCompile(`sync\(\d+<[^>]*/tmp/\w+>`).FindAll(b, -1))
	folders := len(regexp.MustCompile(`sync\(\d+<[^>]*/blobs/[0-9a-f]{2}>`).FindAll(b, -1))
	if files < n || folders < n {
		t.Errorf("%d blobs cost %d syncs of files and %d of folders", n, files, folders)
	}
}

// TestStray lists a directory with files that are not blobs.
func TestStray(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	g, err := d.Put(t.Context(), []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	name := g.String()
	stray := []string{"x", "long/folder", name[:2] + "/short", name[:2] + "/" + strings.ToUpper(name), "zz/" + name, name[:2] + "/" + "00" + name[2:]}
	for _, s := range stray {
		file := filepath.Join(path, s)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	blobs, found := 0, 0
	for got, err := range d.List(t.Context()) {
		switch {
		case err == nil && got == g:
			blobs++
		case ward.KindOf(err) == ward.Internal:
			found++
		}
	}
	if blobs != 1 || found != len(stray) {
		t.Errorf("%d blobs and %d findings, want 1 and %d", blobs, found, len(stray))
	}
}

// TestLeftovers holds that what a crash left is removed on open, and modes that nobody else can read.
func TestLeftovers(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if err := os.WriteFile(filepath.Join(path, "tmp", "half"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Put(t.Context(), []byte("a")); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	left := files(t, path)
	if len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	for _, f := range append(left, filepath.Dir(left[0])) {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", f, info.Mode(), err)
		}
	}
	if _, err := blob.OpenDir(left[0]); err == nil {
		t.Error("a file was opened as a directory")
	}
}
