package seal

import (
	"bytes"
	"crypto/fips140"
	"encoding/hex"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func entry(n byte) *cached {
	return &cached{subject: subjectOf{1, Subject{n}, Data}, secret: &secret{tn: 1, kid: KeyID{n}}, read: time.Now()}
}

// TestCacheModel holds the cache to a plain list: never more than its size, both names agree, newest use survives.
func TestCacheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 4
		c := newCache(size, 0)
		var model []byte // newest use last
		forget := func(n byte) {
			for i, m := range model {
				if m == n {
					model = append(model[:i:i], model[i+1:]...)
					return
				}
			}
		}
		n := rapid.Byte()
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k := n.Draw(t, "n") % 8
				c.put(c.now(), entry(k))
				forget(k)
				model = append(model, k)
				if len(model) > size {
					model = model[1:]
				}
			},
			"get": func(t *rapid.T) {
				k := n.Draw(t, "n") % 8
				a, okA := c.subject(subjectOf{1, Subject{k}, Data})
				b, okB := c.kid(kidOf{1, KeyID{k}})
				had := bytes.IndexByte(model, k) >= 0
				if okA != had || okB != had || a != b {
					t.Fatalf("%d: %v %v, model %v", k, okA, okB, had)
				}
				if had {
					forget(k)
					model = append(model, k)
				}
			},
			"drop": func(t *rapid.T) {
				k := n.Draw(t, "n") % 8
				before := c.now()
				c.drop(subjectOf{1, Subject{k}, Data})
				forget(k)
				c.put(before, entry(k)) // read before the destruction: must not come back
			},
			"": func(t *rapid.T) {
				if c.order.Len() != len(model) || len(c.byKID) != len(model) || len(c.bySubject) != len(model) {
					t.Fatalf("%d entries, %d and %d names, model %d", c.order.Len(), len(c.byKID), len(c.bySubject), len(model))
				}
			},
		})
	})
}

// TestCacheAge: where another node may destroy a key, an entry serves for less than three seconds after its row was read.
func TestCacheAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(4, sharedAge)
		c.put(c.now(), entry(1))
		time.Sleep(sharedAge - time.Millisecond) //nolint:forbidigo // the bubble's clock
		if _, ok := c.subject(entry(1).subject); !ok {
			t.Error("gone too early")
		}
		time.Sleep(time.Millisecond) //nolint:forbidigo // use does not make it younger
		if _, ok := c.kid(kidOf{1, KeyID{1}}); ok {
			t.Error("used for longer than three seconds")
		}
		if c.order.Len() != 0 {
			t.Error("an old entry was kept")
		}
	})
	if sharedAge > 3*time.Second {
		t.Error("the contract says 3 s")
	}
}

func TestParts(t *testing.T) {
	for n := range 600 {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		var got []int
		for p := range parts(all) {
			if len(p) == 0 || len(p) > chunk || len(p)&(len(p)-1) != 0 {
				t.Fatalf("a part of %d", len(p))
			}
			got = append(got, p...)
		}
		if len(got) != n || n > 0 && got[n-1] != n-1 {
			t.Fatalf("%d of %d", len(got), n)
		}
	}
}

// TestApprovedOnly runs the tests of this package that need no outside server again where only approved cryptography works.
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
	cmd := exec.Command(self, "-test.v", "-test.run=^(TestApprovedOnly|TestSealed.*|TestRecord.*|TestCommitment|TestRing|TestTenantRollsBack|TestDestroy|TestSigner)$/^sqlite$")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", "WARD_APPROVED_ONLY=1")
	out, err := cmd.CombinedOutput()
	for _, ran := range []string{"TestSealedEveryBit", "TestRing/sqlite", "TestSigner/sqlite", "TestDestroy/sqlite"} {
		if !bytes.Contains(out, []byte("--- PASS: "+ran+" ")) {
			t.Errorf("%s was not run and passed in the approved mode", ran)
		}
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestFormStays holds that a text sealed by the first version of this form opens for ever.
func TestFormStays(t *testing.T) {
	k := testKey(t, 7, KeyID{1, 2, 3}, bytes.Repeat([]byte{9}, 32))
	got, err := k.Open(record, golden)
	if err != nil || string(got) != "kept" {
		t.Fatalf("%q, %v", got, err)
	}
}

// golden is record with the plaintext "kept", sealed by the key of TestFormStays.
var golden, _ = hex.DecodeString("010102030000000000000000000000000029fa7d49e5e2cd90db8b5ba06a6ddf78cf03d1083381eb47174c4e2566ad329e49290aa958b966d8792dfab5e4b66f8f")
