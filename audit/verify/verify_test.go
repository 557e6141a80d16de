package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ward-health/ward/audit/verify"
)

// sample is a log in memory, made with golang.org/x/mod alone.
type sample struct {
	files  fstest.MapFS
	vkey   string
	stored []tlog.Hash
	leaves [][]byte
	signer note.Signer
}

func (s *sample) ReadHashes(idx []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(idx))
	for i, x := range idx {
		out[i] = s.stored[x]
	}
	return out, nil
}

func leaf(i int) []byte {
	l := verify.Leaf{Act: uint8(1 + i%29), Outcome: 1, At: int64(1_700_000_000_000 + i), ID: [16]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}}
	return l.Append(nil)
}

func newSample(t testing.TB, size int) *sample {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, "ward/sample")
	if err != nil {
		t.Fatal(err)
	}
	s := &sample{files: fstest.MapFS{}, vkey: vkey}
	if s.signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	for i := range size {
		s.leaves = append(s.leaves, leaf(i))
		hashes, err := tlog.StoredHashes(int64(i), s.leaves[i], s)
		if err != nil {
			t.Fatal(err)
		}
		s.stored = append(s.stored, hashes...)
	}
	for _, tile := range tlog.NewTiles(8, 0, int64(size)) {
		data, err := tlog.ReadTileData(tile, s)
		if err != nil {
			t.Fatal(err)
		}
		s.put(verify.TilePath(tile.L, tile.N, tile.W), data)
		if tile.L != 0 {
			continue
		}
		var bundle []byte
		for i := range tile.W {
			bundle = verify.AppendEntry(bundle, s.leaves[int(tile.N)*256+i])
		}
		s.put(verify.TilePath(verify.EntriesLevel, tile.N, tile.W), bundle)
	}
	s.put("checkpoint", s.checkpoint(t, "ward/sample"))
	return s
}

func (s *sample) checkpoint(t testing.TB, origin string) []byte {
	root, err := tlog.TreeHash(int64(len(s.leaves)), s)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: verify.Checkpoint{Origin: origin, Size: int64(len(s.leaves)), Root: verify.Hash(root)}.Text()}, s.signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (s *sample) put(name string, b []byte) { s.files[name] = &fstest.MapFile{Data: b} }

func faults(t testing.TB, s *sample, vkey string) []string {
	t.Helper()
	report, err := verify.Log(s.files, vkey)
	if err != nil {
		return []string{err.Error()}
	}
	return report.Faults
}

// TestLogOfOracle: logs of many sizes, whose tiles golang.org/x/mod computed, verify.
func TestLogOfOracle(t *testing.T) {
	for _, size := range []int{0, 1, 2, 255, 256, 257, 511, 512, 1000, 65_536, 65_537, 70_000} {
		s := newSample(t, size)
		report, err := verify.Log(s.files, s.vkey)
		if err != nil || len(report.Faults) > 0 || report.Size != int64(size) || report.Entries != int64(size) || report.Origin != "ward/sample" {
			t.Fatalf("size %d: %+v %v", size, report, err)
		}
	}
}

// TestLogFaults: every file changed, cut, extended or deleted is found, and so are wrong keys and forms.
func TestLogFaults(t *testing.T) {
	s := newSample(t, 600)
	for name, f := range s.files {
		whole := f.Data
		for i := 0; i < len(whole); i += 1 + len(whole)/97 {
			b := bytes.Clone(whole)
			b[i] ^= 0x10
			s.put(name, b)
			if len(faults(t, s, s.vkey)) == 0 {
				t.Fatalf("%s: byte %d", name, i)
			}
		}
		for what, b := range map[string][]byte{"cut": whole[:len(whole)-1], "extended": append(bytes.Clone(whole), 'x'), "empty": nil} {
			s.put(name, b)
			if len(faults(t, s, s.vkey)) == 0 {
				t.Fatalf("%s %s", name, what)
			}
		}
		delete(s.files, name)
		if len(faults(t, s, s.vkey)) == 0 {
			t.Fatalf("%s deleted", name)
		}
		s.files[name] = f
		f.Data = whole
	}
	if got := faults(t, s, s.vkey); len(got) > 0 {
		t.Fatal(got)
	}
	if len(faults(t, s, newSample(t, 1).vkey)) == 0 {
		t.Fatal("verified under another key of the same name")
	}
	s.put("checkpoint", s.checkpoint(t, "ward/other"))
	if len(faults(t, s, s.vkey)) == 0 {
		t.Fatal("verified a checkpoint of another origin")
	}
}

// TestNotALeaf: an entry that hashes right but is no canonical leaf is a fault.
func TestNotALeaf(t *testing.T) {
	s := newSample(t, 3)
	s.leaves[1] = []byte("\x01{ }")
	s.stored = nil
	var bundle []byte
	for i, l := range s.leaves {
		hashes, err := tlog.StoredHashes(int64(i), l, s)
		if err != nil {
			t.Fatal(err)
		}
		s.stored = append(s.stored, hashes...)
		bundle = verify.AppendEntry(bundle, l)
	}
	tile, err := tlog.ReadTileData(tlog.Tile{H: 8, L: 0, N: 0, W: 3}, s)
	if err != nil {
		t.Fatal(err)
	}
	s.put("tile/0/000.p/3", tile)
	s.put("tile/entries/000.p/3", bundle)
	s.put("checkpoint", s.checkpoint(t, "ward/sample"))
	if got := faults(t, s, s.vkey); len(got) != 1 || !strings.Contains(got[0], "entry 1") {
		t.Fatal(got)
	}
}

// TestHugeSize: a signed size that no files stand behind costs neither memory nor time.
func TestHugeSize(t *testing.T) {
	s := newSample(t, 300)
	signed, err := note.Sign(&note.Note{Text: verify.Checkpoint{Origin: "ward/sample", Size: 1 << 60, Root: verify.Hash{1}}.Text()}, s.signer)
	if err != nil {
		t.Fatal(err)
	}
	s.put("checkpoint", signed)
	if got := faults(t, s, s.vkey); len(got) == 0 || len(got) > 2000 {
		t.Fatalf("%d faults", len(got))
	}
}

// TestProof: proofs by golang.org/x/mod verify, and fail for another leaf, index, key, size or root.
func TestProof(t *testing.T) {
	s := newSample(t, 1000)
	other := newSample(t, 1000)
	for _, index := range []int64{0, 1, 255, 256, 511, 998, 999} {
		path, err := tlog.ProveRecord(1000, index, s)
		if err != nil {
			t.Fatal(err)
		}
		p := verify.Inclusion{Index: index, Checkpoint: s.files["checkpoint"].Data}
		for _, h := range path {
			p.Path = append(p.Path, verify.Hash(h))
		}
		text := p.Text()
		if err := verify.Proof(text, s.vkey, s.leaves[index]); err != nil {
			t.Fatal(err)
		}
		back, err := verify.ParseProof(text)
		if err != nil || !bytes.Equal(back.Text(), text) {
			t.Fatal(err)
		}
		// SPEC(C2SP tlog-proof, Format): the extra line is allowed, and is not trusted.
		extra := strings.Replace(string(text), "\nindex", "\nextra "+base64.StdEncoding.EncodeToString([]byte("x"))+"\nindex", 1)
		if err := verify.Proof([]byte(extra), s.vkey, s.leaves[index]); err != nil {
			t.Fatal(err)
		}
		bad := map[string]error{
			"leaf":       verify.Proof(text, s.vkey, s.leaves[(index+1)%1000]),
			"key":        verify.Proof(text, other.vkey, s.leaves[index]),
			"checkpoint": verify.Proof(verify.Inclusion{Index: index, Path: p.Path, Checkpoint: other.checkpoint(t, "ward/sample")}.Text(), s.vkey, s.leaves[index]),
			"index":      verify.Proof(verify.Inclusion{Index: index ^ 1, Path: p.Path, Checkpoint: p.Checkpoint}.Text(), s.vkey, s.leaves[index]),
			"outside":    verify.Proof(verify.Inclusion{Index: 1000 + index, Path: p.Path, Checkpoint: p.Checkpoint}.Text(), s.vkey, s.leaves[index]),
			"short":      verify.Proof(verify.Inclusion{Index: index, Path: p.Path[1:], Checkpoint: p.Checkpoint}.Text(), s.vkey, s.leaves[index]),
			"size":       verify.Proof(bytes.Replace(text, []byte("\n1000\n"), []byte("\n1001\n"), 1), s.vkey, s.leaves[index]),
			"header":     verify.Proof(bytes.Replace(text, []byte("@v1"), []byte("@v2"), 1), s.vkey, s.leaves[index]),
			"zeros":      verify.Proof(bytes.Replace(text, []byte("index "), []byte("index 0"), 1), s.vkey, s.leaves[index]),
			"unsigned":   verify.Proof(text[:bytes.Index(text, []byte("\n\n— "))+2], s.vkey, s.leaves[index]),
			"empty":      verify.Proof(nil, s.vkey, s.leaves[index]),
		}
		for name, err := range bad {
			if err == nil {
				t.Errorf("index %d: verified with a wrong %s", index, name)
			}
		}
	}
}

// TestEdge: appending leaf by leaf, and tile by tile, gives the oracle's root at every size.
func TestEdge(t *testing.T) {
	s := newSample(t, 1100)
	var edge, tiles verify.Edge
	for i, l := range s.leaves {
		edge.Append(verify.LeafHash(l))
		want, err := tlog.TreeHash(int64(i+1), s)
		if err != nil {
			t.Fatal(err)
		}
		if tlog.Hash(edge.Root()) != want {
			t.Fatalf("size %d", i+1)
		}
		if back, err := verify.ParseEdge(edge.Size, edge.Bytes()); err != nil || back.Root() != edge.Root() {
			t.Fatal(err)
		}
		if _, err := verify.ParseEdge(edge.Size+1, edge.Bytes()); err == nil && i%2 == 1 {
			t.Fatal("an edge of another size")
		}
		if (i+1)%256 == 0 {
			if err := tiles.AppendTile(verify.TileRoot(s.files[verify.TilePath(0, int64(i/256), 256)].Data)); err != nil {
				t.Fatal(err)
			}
			if tiles.Root() != edge.Root() {
				t.Fatalf("tiles at %d", i+1)
			}
		}
	}
	tiles.Append(verify.Hash{})
	if tiles.AppendTile(verify.Hash{}) == nil {
		t.Fatal("a tile behind half a tile")
	}
}

// TestTilePath: the specification's example, and one spelling only.
func TestTilePath(t *testing.T) {
	for path, want := range map[string][3]int64{
		"tile/0/x001/x234/067": {0, 1234067, 256}, "tile/entries/000": {-1, 0, 256}, "tile/63/000.p/1": {63, 0, 1}, "tile/entries/x001/000.p/255": {-1, 1000, 255},
	} {
		level, n, width, err := verify.ParseTilePath(path)
		if err != nil || [3]int64{int64(level), n, int64(width)} != want || verify.TilePath(level, n, width) != path {
			t.Errorf("%s: %d %d %d %v", path, level, n, width, err)
		}
	}
	for _, path := range []string{"", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/64/000", "tile/-1/000", "tile/0/x000/000", "tile/0/000.p/256", "tile/0/000.p/0",
		"tile/0/000.p/", "tile/0/000.p/01", "tile/0/1000", "tile/0/x001", "tile/+0/000", "tile/0/../000", "/tile/0/000", "tile/0/x001/x002", "tile/entries/00a"} {
		if _, _, _, err := verify.ParseTilePath(path); err == nil {
			t.Errorf("%q accepted", path)
		}
	}
}

func FuzzProof(f *testing.F) {
	s := newSample(f, 5)
	path, _ := tlog.ProveRecord(5, 2, s)
	p := verify.Inclusion{Index: 2, Checkpoint: s.files["checkpoint"].Data}
	for _, h := range path {
		p.Path = append(p.Path, verify.Hash(h))
	}
	f.Add(p.Text())
	f.Fuzz(func(t *testing.T, b []byte) {
		if verify.Proof(b, s.vkey, s.leaves[3]) == nil {
			got, err := verify.ParseProof(b)
			if err != nil || got.Index != 3 {
				t.Fatal("proved a leaf at a place where it is not")
			}
		}
	})
}

func FuzzTilePath(f *testing.F) {
	f.Add("tile/0/x001/x234/067")
	f.Add("tile/entries/000.p/7")
	f.Fuzz(func(t *testing.T, path string) {
		if level, n, width, err := verify.ParseTilePath(path); err == nil && verify.TilePath(level, n, width) != path {
			t.Fatalf("%q", path)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	s := newSample(f, 5)
	f.Add(s.files["checkpoint"].Data)
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := verify.OpenCheckpoint(b, s.vkey); err == nil && (c.Size != 5 || c.Origin != "ward/sample") {
			t.Fatalf("%+v", c)
		}
	})
}

// BenchmarkLog reports full re-verification of a log in leaves a second.
func BenchmarkLog(b *testing.B) {
	s := newSample(b, 65_536)
	l := fullLeaf()
	for n := range 256 { // leaves as long as they get; the tiles do not fit, which costs as much
		var bundle []byte
		for range 256 {
			bundle = verify.AppendEntry(bundle, l)
		}
		s.put(verify.TilePath(verify.EntriesLevel, int64(n), 256), bundle)
	}
	b.ResetTimer()
	for b.Loop() {
		if _, err := verify.Log(s.files, s.vkey); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(65_536*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}

func fullLeaf() []byte {
	l := verify.Leaf{Act: 29, Outcome: 1, At: 1_700_000_000_000, Purpose: 1}
	for _, f := range [][]byte{l.Actor[:], l.Detail[:], l.ID[:], l.Policy[:], l.Subjects[:], l.Tenant[:], l.Writes[:]} {
		rand.Read(f)
	}
	return l.Append(nil)
}

// TestKeyForms: only a C2SP verifier key of Ed25519 is a key.
func TestKeyForms(t *testing.T) {
	s := newSample(t, 1)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"", "x", "ward/sample", fmt.Sprintf("%x", public), strings.Replace(s.vkey, "sample", "simple", 1)} {
		if _, err := verify.OpenCheckpoint(s.files["checkpoint"].Data, key); err == nil {
			t.Errorf("key %q accepted", key)
		}
	}
}
