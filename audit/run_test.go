package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// TestConcurrent: many callers of both sources while the sequencer runs and checks run; everything acknowledged is in
// the log once, and no check raises an alarm.
func TestConcurrent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		r := newRig(t, open())
		r.c.Every = 5 * time.Millisecond
		l := r.open()
		defer l.Close()
		ctx, cancel := context.WithCancel(bg)
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		const callers, each = 8, 60
		ids := make([][]ward.ID, callers)
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				for i := range each {
					if c%2 == 0 {
						rec, err := l.Begin(bg, read(i))
						if err != nil {
							t.Error(err)
							return
						}
						ids[c] = append(ids[c], rec.ID())
						continue
					}
					in := write(i)
					in.Tenant = db.Tenant(1 + c/2%2)
					p, err := l.Prepare(bg, in)
					if err == nil {
						err = r.db.Write(bg, in.Tenant, func(tx *db.Tx) error { _, err := l.Enter(bg, tx, p); return err })
					}
					if err != nil {
						t.Error(err)
						return
					}
					ids[c] = append(ids[c], p.ID())
				}
			})
		}
		checked := make(chan int)
		stop := make(chan struct{})
		go func() {
			n := 0
			for {
				select {
				case <-stop:
					checked <- n
					return
				default:
				}
				if faults, err := l.Check(bg); err != nil || len(faults) > 0 {
					t.Errorf("check while the log is in use: %v %v", faults, err)
				}
				n++
			}
		}()
		wg.Wait()
		close(stop)
		if n := <-checked; n == 0 {
			t.Error("no check ran")
		}
		r.must(l.Flush(bg))
		cancel()
		r.must(<-ended)
		if l.Size() != callers*each {
			t.Fatalf("%d entries of %d", l.Size(), callers*each)
		}
		for _, list := range ids {
			for _, id := range list {
				if !r.has(l, id) {
					t.Fatal("an entry is missing")
				}
			}
		}
		r.clean(l)
	})
}

// TestClean: random lives of a node, ended by closing or as by a kill, never raise an alarm and lose nothing.
func TestClean(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	for life := range 12 {
		r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
		l := r.open()
		var kept []ward.ID
		for step := range 25 {
			switch k := random.IntN(10); {
			case k < 4:
				for i := range 1 + random.IntN(60) {
					kept = append(kept, r.begin(l, read(i)).ID())
				}
			case k < 6:
				kept = append(kept, r.enter(l, write(step)).ID())
			case k < 8:
				r.must(l.Flush(bg))
			case k < 9:
				r.must(l.Close())
				l = r.open()
			default: // the old one is left as a kill leaves it
				l = r.open()
			}
			if step%8 == 0 {
				r.clean(l)
			}
		}
		r.must(l.Flush(bg))
		r.clean(l)
		if l.Size() != int64(len(kept)) {
			t.Fatalf("life %d: %d entries of %d", life, l.Size(), len(kept))
		}
		for _, id := range kept {
			if !r.has(l, id) {
				t.Fatalf("life %d: an entry is missing", life)
			}
		}
		r.must(l.Close())
	}
}

// TestIdle: with nothing to do the sequencer starts no transaction and writes no file.
func TestIdle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ward.db")
	r := newRig(t, dbtest.OpenDB(t, db.Config{Path: path}))
	d := &faulty{}
	r.disk = d
	l := r.open()
	defer l.Close()
	r.fill(l, 10)
	r.must(l.pass(bg)) // reads the anchor
	before, err := os.ReadFile(path + "-wal")
	r.must(err)
	d.set(func(op, name string) failure {
		if op != "open" {
			t.Errorf("%s of %s while idle", op, name)
		}
		return works
	})
	for range 20 {
		r.must(l.pass(bg))
	}
	d.set(nil)
	after, err := os.ReadFile(path + "-wal")
	r.must(err)
	if sha256.Sum256(before) != sha256.Sum256(after) {
		t.Fatal("the database was written while idle")
	}
}

// TestMissingTiles: deleted or damaged tiles are made again at Open, damaged ones at the right edge too.
func TestMissingTiles(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	r.fill(l, 600)
	r.must(l.Close())
	for _, path := range []string{"tile/0/001", "tile/entries/000", "tile/1/000.p/2", "tile/entries/002.p/88"} {
		r.must(os.Remove(filepath.Join(r.c.Dir, filepath.FromSlash(path))))
		l = r.open()
		r.clean(l)
		r.must(l.Close())
	}
	r.must(flip(filepath.Join(r.c.Dir, "tile", "0", "002.p", "88"), 70, 1))
	l = r.open()
	r.clean(l)
	r.fill(l, 1)
	r.clean(l)
	r.must(l.Close())
	r.must(os.RemoveAll(filepath.Join(r.c.Dir, "tile")))
	r.must(os.Remove(filepath.Join(r.c.Dir, checkpointName)))
	l = r.open()
	if l.Size() != 601 {
		t.Fatal(l.Size())
	}
	r.clean(l)
	r.must(l.Close())
}

// TestUnauthenticated: one entry per source, a bounded number of sources, the source in the sealed part only.
func TestUnauthenticated(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	defer l.Close()
	for i := range 3 * maxSources {
		l.Unauthenticated(fmt.Sprintf("192.0.2.%d", i))
	}
	for range 7 {
		l.Unauthenticated("192.0.2.0")
	}
	l.Unauthenticated(strings.Repeat("x", 10_000) + "\xff")
	ctx, cancel := context.WithCancel(bg)
	cancel()
	r.must(l.Run(ctx)) // the last round writes the counts
	if l.Size() != maxSources+1 {
		t.Fatal(l.Size())
	}
	entries, err := l.Entries(bg, 0, 2000)
	r.must(err)
	opened := r.begin(l, Intent{Act: ActLogRead, Outcome: Done, Request: ward.NewID()})
	notes := map[string]bool{}
	for _, e := range entries {
		if e.Act != ActUnauthenticated || e.Outcome != Denied || e.Actor != [16]byte{} {
			t.Fatalf("%+v", e)
		}
		d, err := l.Detail(bg, opened, db.System, e.ID)
		r.must(err)
		notes[d.Note] = true
	}
	for _, want := range []string{"8 requests from 192.0.2.0", "1 requests from 192.0.2.1", fmt.Sprintf("%d requests from other", 2*maxSources+1)} {
		if !notes[want] {
			t.Errorf("no entry says %q", want)
		}
	}
}

// TestHandler serves exactly what the checkpoint covers.
func TestHandler(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	defer l.Close()
	r.fill(l, 300)
	h := l.Handler()
	get := func(method, path string) *http.Response {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Method: method, URL: mustURL(t, path)})
		return w.Result()
	}
	for _, path := range []string{"/log/checkpoint", "/checkpoint", "/log/tile/0/000", "/log/tile/0/001.p/44", "/log/tile/0/001.p/7",
		"/log/tile/1/000.p/1", "/log/tile/entries/000", "/log/tile/entries/001.p/44"} {
		res := get("GET", path)
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 200 || len(body) == 0 || res.Header.Get("Cache-Control") == "" {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
		if strings.HasSuffix(path, "checkpoint") != (res.Header.Get("Cache-Control") == "no-cache") {
			t.Errorf("%s: %s", path, res.Header.Get("Cache-Control"))
		}
		if res := get("HEAD", path); res.StatusCode != 200 || res.Header.Get("Content-Length") != fmt.Sprint(len(body)) {
			t.Errorf("HEAD %s: %d", path, res.StatusCode)
		}
	}
	for _, path := range []string{"/log/", "/log/node", "/log/journal/000000000001.seg", "/log/tile/0/001.p/45", "/log/tile/0/001", "/log/tile/0/1",
		"/log/tile/../node", "/log/tile/0/000.p/0", "/log/tile/00/000", "/log/tile/0/x000/000", "/log/tile/2/000.p/1", "/log/checkpoint/", "/log/tile/0/000.new"} {
		if res := get("GET", path); res.StatusCode != 404 || res.Header.Get("Cache-Control") != "" {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	if res := get("POST", "/log/checkpoint"); res.StatusCode != 405 {
		t.Error(res.StatusCode)
	}
}

func mustURL(t *testing.T, path string) *url.URL {
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestExport: the copy verifies with the key alone while the log goes on, and a changed copy does not.
func TestExport(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	defer l.Close()
	r.fill(l, 520)
	dir := filepath.Join(t.TempDir(), "export")
	var done, total int64
	r.must(l.Export(bg, dir, func(d, n int64) { done, total = d, n }))
	if done != total || total != 2+6+1 {
		t.Fatal(done, total)
	}
	r.fill(l, 100)
	report, err := verify.Log(os.DirFS(dir), l.VerifierKey())
	r.must(err)
	if len(report.Faults) > 0 || report.Size != 520 || report.Entries != 520 {
		t.Fatalf("%+v", report)
	}
	if l.Export(bg, dir, nil) == nil {
		t.Fatal("exported over an export")
	}
}
