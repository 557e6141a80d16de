package seal

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys"
)

// TestContent wraps a content key to one, two and three subjects: it opens under all of them and under no fewer.
func TestContent(t *testing.T) {
	ctx := t.Context()
	d := dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(d.Migrate(ctx, Migrations()))
	root, err := keys.OpenFile(contentRoot(t), nil, keys.Secret(bytes.Repeat([]byte("t"), 32)))
	must(err)
	r, err := Open(ctx, d, root)
	must(err)
	must(d.Write(ctx, 1, func(tx *db.Tx) error { return r.AddTenant(ctx, tx, 1) }))
	must(d.Write(ctx, 2, func(tx *db.Tx) error { return r.AddTenant(ctx, tx, 2) }))
	subjects := []Subject{{1}, {2}, {3}}
	must(r.Ensure(ctx, 1, subjects...))
	var under []Key
	for _, s := range subjects {
		k, err := r.Current(ctx, 1, s, Data)
		must(err)
		under = append(under, k)
	}
	c, err := NewContent(1)
	must(err)
	wrap := Record{Kind: "wrap", RID: []byte{9}, Schema: 1}
	sealed, err := c.Seal(record, []byte("text"))
	must(err)
	wraps := map[int][]byte{}
	for n := 1; n <= 3; n++ {
		w, err := c.Wrap(wrap, under[:n]...)
		must(err)
		wraps[n] = w
		again, err := r.Unwrap(ctx, 1, wrap, w, n)
		must(err)
		if text, err := again.Open(record, sealed); err != nil || string(text) != "text" {
			t.Fatalf("%d layers: %q, %v", n, text, err)
		}
		for _, wrong := range []int{0, n - 1, n + 1, layersMax + 1} {
			if _, err := r.Unwrap(ctx, 1, wrap, w, wrong); ward.KindOf(err) != ward.Internal || err == nil {
				t.Errorf("%d layers as %d: %v", n, wrong, err)
			}
		}
		for i := range w {
			bad := bytes.Clone(w)
			bad[i] ^= 1
			if _, err := r.Unwrap(ctx, 1, wrap, bad, n); err == nil {
				t.Fatalf("%d layers, byte %d changed: it opens", n, i)
			}
		}
		if _, err := r.Unwrap(ctx, 2, wrap, w, n); err == nil {
			t.Error("another tenant unwraps it")
		}
		moved := wrap
		moved.RID = []byte{8}
		if _, err := r.Unwrap(ctx, 1, moved, w, n); err == nil {
			t.Error("it was moved and unwraps")
		}
	}
	if _, err := c.Wrap(wrap); err == nil {
		t.Error("wrapped to nobody")
	}
	if _, err := (Content{}).Wrap(wrap, under...); err == nil {
		t.Error("the zero content key is wrapped")
	}
	if _, err := c.Wrap(wrap, Key{}); err == nil {
		t.Error("wrapped to the zero key")
	}
	if s := fmt.Sprintf("%v %+v %#v %s", c, c, c, c); s != "[key] [key] [key] [key]" {
		t.Errorf("printed as %s", s)
	}
	must(d.Write(ctx, 1, func(tx *db.Tx) error { return r.Destroy(ctx, tx, 1, subjects[1]) }))
	if _, err := r.Unwrap(ctx, 1, wrap, wraps[1], 1); err != nil {
		t.Error(err)
	}
	for _, n := range []int{2, 3} {
		if _, err := r.Unwrap(ctx, 1, wrap, wraps[n], n); ward.KindOf(err) != ward.Gone {
			t.Errorf("%d layers, one destroyed: %v", n, err)
		}
	}
}

func contentRoot(t *testing.T) string {
	path := t.TempDir() + "/root.key"
	if err := keys.CreateFile(path, nil, keys.Secret(bytes.Repeat([]byte("t"), 32))); err != nil {
		t.Fatal(err)
	}
	return path
}
