package store

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func FuzzHeader(f *testing.F) {
	f.Add(header{op: OpCreate, updUS: 1, rt: "Patient", id: "p"}.append(nil))
	f.Add(append(header{op: OpDelete, labels: []int64{1, -2}}.append(nil), "rest"...))
	f.Add([]byte{schemaVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, body, ok := cutHeader(b)
		if !ok {
			return
		}
		again, rest, ok := cutHeader(append(h.append(nil), body...))
		if !ok || !cmp.Equal(h, again, cmp.AllowUnexported(header{})) || !bytes.Equal(rest, body) {
			t.Fatalf("%+v and %q came back as %+v and %q", h, body, again, rest)
		}
	})
}

func TestRowNumbersRise(t *testing.T) {
	r := &rids{node: 255}
	at := time.UnixMilli(ridEpoch + 5)
	last := int64(-1)
	for i := range 40_000 { // more than the counter has room for in one millisecond
		if i == 20_000 {
			at = at.Add(-time.Hour) // the clock is set back
		}
		n := r.next(at)
		if n <= last {
			t.Fatalf("number %d: %d after %d", i, n, last)
		}
		if n>>14&0xff != 255 {
			t.Fatalf("number %d is not of its node", i)
		}
		last = n
	}
}

func TestIndexKeysPack(t *testing.T) {
	ks := []ixKey{tokKey(7, -5), refKey(300, bytes.Repeat([]byte{9}, 16)), dateKey(-1, -7, 1<<62)}
	got, err := unpack(pack(ks))
	if err != nil || !cmp.Equal(ks, got) {
		t.Fatal(got, err)
	}
	if ks[0].v8() != -5 || ks[0].sp() != 7 || ks[2].sp() != -1 || ks[2].lo() != -7 || ks[2].hi() != 1<<62 {
		t.Fatal("a key does not give back what went in")
	}
	if _, err := unpack(make([]byte, keySize+1)); err == nil {
		t.Fatal("broken keys were taken")
	}
}
