package keys

import (
	"bytes"
	"context"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ward-health/ward"
)

var ctx = context.Background()

func TestFileProvider(t *testing.T) {
	pass := Secret("correct horse battery staple")
	credential := Secret(NewKey())
	cases := []struct {
		name             string
		pass, credential Secret
		wrong            [2]Secret
	}{
		{"passphrase", pass, nil, [2]Secret{Secret("correct horse battery stapla"), nil}},
		{"credential", nil, credential, [2]Secret{nil, Secret(NewKey())}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "root.json")
			if err := CreateFile(path, c.pass, c.credential); err != nil {
				t.Fatal(err)
			}
			st, err := os.Stat(path)
			if err != nil || st.Mode().Perm() != 0o600 {
				t.Fatal("mode", st.Mode(), err)
			}
			before, _ := os.ReadFile(path)
			if err := CreateFile(path, c.pass, c.credential); ward.KindOf(err) != ward.Conflict {
				t.Error("an existing file was not refused:", err)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("an existing file was touched")
			}
			root, err := OpenFile(path, c.pass, c.credential)
			if err != nil {
				t.Fatal(err)
			}
			wrapped, err := root.Wrap(ctx, []byte("aad"), []byte("a key of the tenant"))
			if err != nil {
				t.Fatal(err)
			}
			again, err := OpenFile(path, pass, credential) // the secret that is not needed is ignored
			if err != nil {
				t.Fatal(err)
			}
			key, err := again.Unwrap(ctx, []byte("aad"), wrapped)
			if err != nil || string(key) != "a key of the tenant" || again.ID() != root.ID() {
				t.Error("the same file gives another root:", err)
			}
			if _, err := OpenFile(path, c.wrong[0], c.wrong[1]); ward.KindOf(err) != ward.Unauthentic {
				t.Error("a wrong secret was not refused:", err)
			}
			if _, err := OpenFile(path, nil, nil); ward.KindOf(err) != ward.Invalid {
				t.Error("no secret was not refused:", err)
			}
		})
	}
}

// TestFileRefused changes one thing at a time in a good file.
func TestFileRefused(t *testing.T) {
	credential := Secret(NewKey())
	path := filepath.Join(t.TempDir(), "root.json")
	if err := CreateFile(path, nil, credential); err != nil {
		t.Fatal(err)
	}
	good, _ := os.ReadFile(path)
	edit := func(change func(*file)) []byte {
		var f file
		if err := json.Unmarshal(good, &f); err != nil {
			t.Fatal(err)
		}
		change(&f)
		out, _ := json.Marshal(f)
		return out
	}
	cases := map[string]struct {
		text []byte
		want ward.ErrorKind
	}{
		"version":          {edit(func(f *file) { f.Version = 2 }), ward.Invalid},
		"kind":             {edit(func(f *file) { f.Kind = "none" }), ward.Invalid},
		"weaker kind":      {edit(func(f *file) { f.Kind, f.Rounds = kindPassphrase, fileRounds }), ward.Invalid},
		"few rounds":       {edit(func(f *file) { f.Kind, f.Rounds = kindPassphrase, 1 }), ward.Invalid},
		"many rounds":      {edit(func(f *file) { f.Kind, f.Rounds = kindPassphrase, fileRoundsMax+1 }), ward.Invalid},
		"unused rounds":    {edit(func(f *file) { f.Rounds = 7 }), ward.Unauthentic},
		"name of the root": {edit(func(f *file) { f.Root = "0123456789abcdef" }), ward.Unauthentic},
		"salt":             {edit(func(f *file) { f.Salt[0] ^= 1 }), ward.Unauthentic},
		"short salt":       {edit(func(f *file) { f.Salt = f.Salt[1:] }), ward.Invalid},
		"wrapped":          {edit(func(f *file) { f.Wrapped[20] ^= 1 }), ward.Unauthentic},
		"wrapped tag":      {edit(func(f *file) { f.Wrapped[len(f.Wrapped)-1] ^= 1 }), ward.Unauthentic},
		"short wrapped":    {edit(func(f *file) { f.Wrapped = nil }), ward.Invalid},
		"empty":            {nil, ward.Invalid},
		"cut":              {good[:len(good)/2], ward.Invalid},
		"long":             {bytes.Repeat([]byte(" "), fileSizeMax+1), ward.Invalid},
	}
	for name, c := range cases {
		if err := os.WriteFile(path, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		root, err := OpenFile(path, Secret("correct horse battery staple"), credential)
		if name == "weaker kind" && ward.KindOf(err) == ward.Unauthentic {
			continue // the passphrase was tried and did not open it
		}
		if root != nil || ward.KindOf(err) != c.want {
			t.Errorf("%s: %v, expected %v", name, err, c.want)
		}
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o777} {
		os.WriteFile(path, good, 0o600)
		os.Chmod(path, mode)
		if _, err := OpenFile(path, nil, credential); ward.KindOf(err) != ward.Denied {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	if _, err := OpenFile(filepath.Dir(path), nil, credential); ward.KindOf(err) != ward.Invalid {
		t.Error("a directory:", err)
	}
	if _, err := OpenFile(path+"x", nil, credential); ward.KindOf(err) != ward.NotFound {
		t.Error("a missing file:", err)
	}
	for name, s := range map[string][2]Secret{"none": {}, "both": {Secret("correct horse battery staple"), credential},
		"short passphrase": {Secret("short"), nil}, "short credential": {nil, credential[:31]}, "long": {nil, make(Secret, secretMax+1)}} {
		fresh := filepath.Join(t.TempDir(), "root.json")
		if err := CreateFile(fresh, s[0], s[1]); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(fresh); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a refused creation left a file", name)
		}
	}
}

// TestWrapperEveryBit flips one bit of each byte of the wrapped key and of its aad.
func TestWrapperEveryBit(t *testing.T) {
	w, err := NewWrapper(NewKey(), "a")
	if err != nil {
		t.Fatal(err)
	}
	aad, key := []byte("tenant|1|2"), NewKey()
	wrapped, err := w.Wrap(aad, key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := w.Unwrap(aad, wrapped); err != nil || !bytes.Equal(got, key) {
		t.Fatal(err)
	}
	for i := range wrapped {
		bad := bytes.Clone(wrapped)
		bad[i] ^= 1 << (i % 8)
		if got, err := w.Unwrap(aad, bad); err == nil || got != nil {
			t.Fatalf("byte %d of the wrapped key", i)
		}
		if got, err := w.Unwrap(aad, wrapped[:i]); err == nil || got != nil {
			t.Fatalf("cut at %d", i)
		}
	}
	for i := range aad {
		bad := bytes.Clone(aad)
		bad[i] ^= 1
		if _, err := w.Unwrap(bad, wrapped); err == nil {
			t.Fatalf("byte %d of the aad", i)
		}
	}
	again, _ := w.Wrap(aad, key)
	if bytes.Equal(again[:12], wrapped[:12]) {
		t.Error("a nonce came twice")
	}
	for _, k := range [][]byte{nil, make([]byte, 16), make([]byte, 31), make([]byte, 33)} {
		if _, err := NewWrapper(k, "a"); err == nil {
			t.Errorf("a key of %d bytes was taken", len(k))
		}
	}
}

// TestLabelsDoNotMeet holds that a label and an aad cannot be cut differently.
func TestLabelsDoNotMeet(t *testing.T) {
	key := NewKey()
	a, _ := NewWrapper(key, "a")
	ab, _ := NewWrapper(key, "ab")
	wrapped, _ := a.Wrap([]byte("bc"), key)
	if _, err := ab.Unwrap([]byte("c"), wrapped); err == nil {
		t.Error("two labels share a wrapped key")
	}
}

func TestMAC(t *testing.T) {
	key := NewKey()
	row, err := NewMAC(key, "row")
	if err != nil {
		t.Fatal(err)
	}
	index, _ := NewMAC(key, "index")
	join := func(m MAC, parts ...string) [32]byte {
		var b [][]byte
		for _, p := range parts {
			b = append(b, []byte(p))
		}
		return m.Sum(b...)
	}
	seen := map[[32]byte]string{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}, {"", "abc"},
		{"\x00\x00\x00\x00\x00\x00\x00\x01a"}, {"a"}} {
		name := fmt.Sprintf("%q", parts)
		sum := join(row, parts...)
		if other, ok := seen[sum]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[sum] = name
		if join(index, parts...) == sum {
			t.Errorf("%s: two purposes have one digest", name)
		}
		if join(row, parts...) != sum {
			t.Errorf("%s: not the same twice", name)
		}
	}
	// The framing and the derivation, spelled out: stored digests must never change.
	sub, err := derive(key, nil, "ward/mac/v1|row", 32)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, sub)
	h.Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x02ab\x00\x00\x00\x00\x00\x00\x00\x01c"))
	if want := h.Sum(nil); !bytes.Equal(want, func() []byte { s := join(row, "ab", "c"); return s[:] }()) {
		t.Error("the digest is not HMAC-SHA-256 over length-prefixed parts")
	}
	if _, err := NewMAC(key[:31], "row"); err == nil {
		t.Error("a short key was taken")
	}
	var wg sync.WaitGroup
	want := join(row, "x", "y")
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				if join(row, "x", "y") != want {
					t.Error("a pooled state was shared")
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestP1363(t *testing.T) {
	for _, bad := range [][]byte{nil, {0x30, 0}, []byte("x"), bytes.Repeat([]byte{1}, 64), {0x30, 6, 2, 1, 1, 2, 1, 0}, {0x30, 6, 2, 1, 0xff, 2, 1, 1},
		{0x30, 6, 2, 1, 1, 2, 1, 1, 0}} {
		if out, err := P1363(bad); err == nil {
			t.Errorf("%x gave %x", bad, out)
		}
	}
	if out, err := P1363([]byte{0x30, 6, 2, 1, 1, 2, 1, 2}); err != nil || len(out) != 64 || out[31] != 1 || out[63] != 2 {
		t.Errorf("%x, %v", out, err)
	}
}

// TestNothingPrints pushes secrets through every verb and through slog and JSON.
func TestNothingPrints(t *testing.T) {
	raw := []byte("ZZCANARYZZCANARYZZCANARYZZCANARY")
	w, _ := NewWrapper(raw, "x")
	m, _ := NewMAC(raw, "x")
	root := &fileRoot{wrapper: w, id: "file:1:1"}
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range []any{Secret(raw), w, m, root, struct{ S Secret }{raw}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%U", "%c"} {
			fmt.Fprintf(&out, verb, v)
		}
		log.Info("m", "v", v)
		b, _ := json.Marshal(v)
		out.Write(b)
	}
	for _, leak := range []string{"ZZCANARY", fmt.Sprintf("%x", raw[:4]), fmt.Sprintf("%X", raw[:4]), fmt.Sprintf("%d", raw[0]) + " " + fmt.Sprintf("%d", raw[1]), "WlpDQU5B"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q came out in %s", leak, out.String())
		}
	}
}

// TestApprovedOnly runs this package's tests again where only approved cryptography works.
func TestApprovedOnly(t *testing.T) {
	if os.Getenv("WARD_APPROVED_ONLY") == "1" {
		if !fips140.Enabled() {
			t.Fatal("the approved mode is not on")
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.v", "-test.skip=^TestWycheproof$") // its vectors hold short HMAC keys, which the mode refuses
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", "WARD_APPROVED_ONLY=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFileProvider/passphrase")) {
		t.Fatalf("%v\n%s", err, out)
	}
}

func FuzzOpenFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"kind":"credential","salt":"","root":"","wrapped":""}`))
	f.Add([]byte(`{"version":1,"kind":"passphrase","rounds":1}`))
	f.Add([]byte(`[]`))
	credential := Secret(NewKey())
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "root.json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if root, err := OpenFile(path, nil, credential); err == nil || root != nil {
			t.Fatal("a made-up file opened")
		}
	})
}

func BenchmarkSum(b *testing.B) {
	m, err := NewMAC(NewKey(), "row")
	if err != nil {
		b.Fatal(err)
	}
	part := make([]byte, 40)
	b.ReportAllocs()
	for b.Loop() {
		m.Sum(part, part)
	}
}
