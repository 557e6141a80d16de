package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"sync"
)

const (
	maxTile   = 32 * TileWidth
	maxBundle = TileWidth * (2 + maxEntry)
	maxEntry  = 512 // bytes; more than any leaf has
)

// readBounded reads a regular file of at most limit bytes. Whoever made the folder is not trusted: a pipe or device in a
// file's place must not hold the reader up.
func readBounded(f fs.FS, name string, limit int64) ([]byte, error) {
	if _, ok := f.(fs.StatFS); ok { // before it is opened, which may wait
		info, err := fs.Stat(f, name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, errors.New("not a regular file")
		}
	}
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	size := min(info.Size(), limit)
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err = b.ReadFrom(io.LimitReader(file, limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit {
		return nil, fmt.Errorf("longer than %d bytes", limit)
	}
	return b.Bytes(), nil
}

// Report is what was found.
type Report struct {
	Origin  string
	Size    int64
	Root    [32]byte // recomputed from the entries; of the signed checkpoint when entries are missing
	Entries int64    // entries read and hashed
	Faults  []string // empty: the log verifies
}

const (
	maxFaults = 100
	block     = 1024 // tiles checked between two looks at the number of faults
)

// Log reads checkpoint, tile/... and entry bundles below f, checks the checkpoint's signature with vkey, every leaf's
// form, and every tile against the recomputed tree. err is for what cannot be read at all.
func Log(f fs.FS, vkey string) (Report, error) {
	signed, err := readBounded(f, "checkpoint", MaxCheckpoint)
	if err != nil {
		return Report{}, fmt.Errorf("no checkpoint: %w", err)
	}
	c, err := OpenCheckpoint(signed, vkey)
	if err != nil {
		return Report{Faults: []string{"checkpoint: " + err.Error()}}, nil //nolint:nilerr // a fault that is reported
	}
	r := &reader{files: f, report: Report{Origin: c.Origin, Size: c.Size, Root: c.Root}}
	if roots, edge, ok := r.entries(c.Size); ok {
		r.report.Root = edge.Root()
		if r.report.Root != c.Root {
			r.fault("checkpoint: the signed root is not the root of the %d entries", c.Size)
		}
		r.levels(c.Size, roots)
	}
	return r.report, nil
}

type reader struct {
	files  fs.FS
	mu     sync.Mutex // guards report
	report Report
}

func (r *reader) fault(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.report.Faults); n < maxFaults {
		r.report.Faults = append(r.report.Faults, fmt.Sprintf(format, args...))
	} else if n == maxFaults {
		r.report.Faults = append(r.report.Faults, fmt.Sprintf("more than %d faults; the rest is not listed", maxFaults))
	}
}

func (r *reader) tooMany() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.report.Faults) >= maxFaults
}

// entries hashes every bundle, compares it with its level 0 tile and returns the roots of the full tiles. ok is false
// when an entry could not be had, so that no root can be computed.
func (r *reader) entries(size int64) (roots []Hash, edge Edge, ok bool) {
	full, partial := TileCount(size, 0)
	ok = true
	for start := int64(0); start < full && ok; start += block {
		n := min(block, full-start)
		results := make([]tileResult, n)
		r.parallel(int(n), func(i int) { results[i] = r.bundle(start+int64(i), TileWidth) })
		for _, res := range results {
			ok = ok && res.ok
			if ok {
				root := TileRoot(res.hashes)
				roots = append(roots, root)
				ok = edge.AppendTile(root) == nil
			}
		}
		if r.tooMany() {
			return nil, edge, false
		}
	}
	if !ok || partial == 0 {
		return roots, edge, ok
	}
	res := r.bundle(full, partial)
	for h := res.hashes; res.ok && len(h) > 0; h = h[32:] {
		edge.Append(Hash(h))
	}
	return roots, edge, res.ok
}

func (r *reader) parallel(n int, work func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

type tileResult struct {
	hashes []byte
	ok     bool
}

// bundle checks one bundle of width entries and the level 0 tile beside it.
func (r *reader) bundle(n int64, width int) tileResult {
	path := TilePath(EntriesLevel, n, width)
	b, err := readBounded(r.files, path, maxBundle)
	if err != nil {
		r.fault("%s: cannot be read: %v", path, err)
		return tileResult{}
	}
	hashes := make([]byte, 0, 32*width)
	for i := range width {
		var entry []byte
		if entry, b, err = NextEntry(b); err != nil {
			r.fault("%s: entry %d: %v", path, n*TileWidth+int64(i), err)
			return tileResult{}
		}
		if _, err := ParseLeaf(entry); err != nil {
			r.fault("%s: entry %d: %v", path, n*TileWidth+int64(i), err)
		}
		h := LeafHash(entry)
		hashes = append(hashes, h[:]...)
	}
	if len(b) != 0 {
		r.fault("%s: %d bytes behind the last entry", path, len(b))
	}
	r.mu.Lock()
	r.report.Entries += int64(width)
	r.mu.Unlock()
	r.compare(0, n, width, hashes)
	return tileResult{hashes: hashes, ok: true}
}

// compare checks a stored tile against the recomputed hashes.
func (r *reader) compare(level int, n int64, width int, want []byte) {
	path := TilePath(level, n, width)
	got, err := readBounded(r.files, path, maxTile)
	if err != nil {
		r.fault("%s: cannot be read: %v", path, err)
		return
	}
	if bytes.Equal(got, want) {
		return
	}
	if len(got) != len(want) {
		r.fault("%s: %d bytes instead of %d", path, len(got), len(want))
		return
	}
	for i := 0; i < len(want); i += 32 {
		if !bytes.Equal(got[i:i+32], want[i:i+32]) {
			r.fault("%s: hash %d differs from the recomputed tree", path, i/32)
			return
		}
	}
}

// levels checks the tiles above level 0 from the roots of the full tiles below.
func (r *reader) levels(size int64, below []Hash) {
	for level := 1; len(below) > 0; level++ {
		var above []Hash
		full, partial := TileCount(size, level)
		for n := range full {
			tile := concat(below[n*TileWidth : (n+1)*TileWidth])
			r.compare(level, n, TileWidth, tile)
			above = append(above, TileRoot(tile))
		}
		if partial > 0 {
			r.compare(level, full, partial, concat(below[full*TileWidth:]))
		}
		below = above
	}
}

func concat(hashes []Hash) []byte {
	b := make([]byte, 0, 32*len(hashes))
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}
