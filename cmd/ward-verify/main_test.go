package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ward-health/ward/audit/verify"
)

// export writes a log of two entries with the proof of the second, and returns the key.
func export(t *testing.T, dir string) (vkey string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, b []byte) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		must(os.MkdirAll(filepath.Dir(path), 0o755))
		must(os.WriteFile(path, b, 0o644))
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "ward/two")
	must(err)
	signer, err := note.NewSigner(skey)
	must(err)
	var bundle, tile []byte
	var leaves [][]byte
	for i := range 2 {
		l := verify.Leaf{Act: 1, Outcome: 1, At: int64(1_700_000_000_000 + i), ID: [16]byte{1, byte(i)}}
		leaves = append(leaves, l.Append(nil))
		bundle = verify.AppendEntry(bundle, leaves[i])
		h := tlog.RecordHash(leaves[i])
		tile = append(tile, h[:]...)
	}
	root := tlog.NodeHash(tlog.RecordHash(leaves[0]), tlog.RecordHash(leaves[1]))
	signed, err := note.Sign(&note.Note{Text: verify.Checkpoint{Origin: "ward/two", Size: 2, Root: verify.Hash(root)}.Text()}, signer)
	must(err)
	write("tile/entries/000.p/2", bundle)
	write("tile/0/000.p/2", tile)
	write("checkpoint", signed)
	write("log.vkey", []byte(vkey+"\n"))
	write("entry.leaf", leaves[1])
	write("entry.tlog-proof", verify.Inclusion{Index: 1, Path: []verify.Hash{verify.Hash(tlog.RecordHash(leaves[0]))}, Checkpoint: signed}.Text())
	return vkey
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	vkey := export(t, dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		args string
		want int
		says string
	}{
		{"--help", exitOK, "Exit codes"},
		{"", exitUsage, "--key"},
		{"DIR", exitUsage, "--key"},
		{"--key KEY", exitUsage, "folder"},
		{"--key KEY DIR", exitOK, "size    2"},
		{"--key FILE DIR", exitOK, "verified"},
		{"--key DIR/nothing DIR", exitUsage, "readable file"},
		{"--key KEY DIR/nothing", exitUsage, "not an exported log"},
		{"--key ward/two+00000000+AAAA DIR", exitFault, "NOT VERIFIED"},
		{"--key FILE --proof PROOF", exitUsage, "belong together"},
		{"--key FILE --proof PROOF --leaf LEAF DIR", exitUsage, "not both"},
		{"--key FILE --proof PROOF --leaf LEAF", exitOK, "verified"},
		{"--key FILE --proof PROOF --leaf PROOF", exitFault, "NOT VERIFIED"},
		{"--key FILE --proof LEAF --leaf LEAF", exitFault, "tlog-proof"},
		{"--key FILE --proof DIR/nothing --leaf LEAF", exitUsage, "nothing"},
		{"--nonsense", exitUsage, "--help"},
	} {
		args := strings.NewReplacer("FILE", at("log.vkey"), "PROOF", at("entry.tlog-proof"), "LEAF", at("entry.leaf"), "DIR", dir, "KEY", vkey).Replace(c.args)
		var out, errs strings.Builder
		if got := run(strings.Fields(args), &out, &errs); got != c.want || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("%s: exit %d, want %d\n%s%s", c.args, got, c.want, out.String(), errs.String())
		}
	}
	b, err := os.ReadFile(at("tile/0/000.p/2"))
	if err != nil {
		t.Fatal(err)
	}
	b[3] ^= 1
	if err := os.WriteFile(at("tile/0/000.p/2"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if got := run([]string{"--key", vkey, dir}, &out, &out); got != exitFault || !strings.Contains(out.String(), "tile/0/000.p/2: hash 0 differs") {
		t.Errorf("exit %d\n%s", got, out.String())
	}
}
