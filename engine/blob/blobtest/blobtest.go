// Package blobtest is the conformance suite of blob stores.
//
// Read blobtest.go.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/blob"
)

// Store is what every blob store offers.
type Store interface {
	Put(ctx context.Context, sealed []byte) (blob.Digest, error)
	Get(ctx context.Context, g blob.Digest) ([]byte, error)
	Delete(ctx context.Context, g blob.Digest) error
	List(ctx context.Context) iter.Seq2[blob.Digest, error]
}

// Run runs the suite. Each call of open in one subtest opens the same store, which is empty at first.
func Run(t *testing.T, fresh func(t *testing.T) (open func() Store)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, open func() Store)
	}{
		{"round trip", testRoundTrip},
		{"delete", testDelete},
		{"list", testList},
		{"bounds", testBounds},
		{"concurrent", testConcurrent},
		{"ended context", testContext},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

func put(t *testing.T, s Store, b []byte) blob.Digest {
	t.Helper()
	g, err := s.Put(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func list(t *testing.T, s Store) []blob.Digest {
	t.Helper()
	var got []blob.Digest
	for g, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, g)
	}
	return got
}

func kind(t *testing.T, what string, err error, want ward.ErrorKind) {
	t.Helper()
	if err == nil || ward.KindOf(err) != want {
		t.Errorf("%s: got %v, want the kind %v", what, err, want)
	}
}

func testRoundTrip(t *testing.T, open func() Store) {
	for _, b := range [][]byte{{}, {0}, []byte("sealed"), bytes.Repeat([]byte{7}, 1<<20)} {
		g := put(t, open(), b)
		if g != sha256.Sum256(b) {
			t.Errorf("%d bytes: digest %v is not their SHA-256", len(b), g)
		}
		if again := put(t, open(), b); again != g {
			t.Errorf("the same bytes again: %v, then %v", g, again)
		}
		got, err := open().Get(t.Context(), g)
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%d bytes came back as %d, %v", len(b), len(got), err)
		}
	}
	_, err := open().Get(t.Context(), blob.Digest{1})
	kind(t, "a missing blob", err, ward.NotFound)
}

func testDelete(t *testing.T, open func() Store) {
	s := open()
	g, kept := put(t, s, []byte("a")), put(t, s, []byte("b"))
	for range 2 {
		if err := s.Delete(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		_, err := open().Get(t.Context(), g)
		kind(t, "a deleted blob", err, ward.NotFound)
	}
	if _, err := s.Get(t.Context(), kept); err != nil {
		t.Error(err)
	}
	if again := put(t, s, []byte("a")); again != g {
		t.Errorf("put after delete: %v", again)
	}
}

func testList(t *testing.T, open func() Store) {
	s := open()
	if got := list(t, s); len(got) != 0 {
		t.Errorf("an empty store lists %v", got)
	}
	var want []blob.Digest
	for i := range 300 {
		want = append(want, put(t, s, []byte{byte(i), byte(i >> 8)}))
	}
	slices.SortFunc(want, func(a, b blob.Digest) int { return bytes.Compare(a[:], b[:]) })
	if got := list(t, open()); !slices.Equal(got, want) {
		t.Errorf("listed %d blobs in another order or number than the %d put", len(got), len(want))
	}
	for g := range s.List(t.Context()) {
		if g != want[0] {
			t.Errorf("first is %v", g)
		}
		break
	}
}

func testBounds(t *testing.T, open func() Store) {
	s := open()
	b := make([]byte, blob.MaxSize+1)
	_, err := s.Put(t.Context(), b)
	kind(t, "one byte too many", err, ward.TooLarge)
	g := put(t, s, b[:blob.MaxSize])
	got, err := s.Get(t.Context(), g)
	if err != nil || len(got) != blob.MaxSize {
		t.Errorf("the largest blob came back with %d bytes, %v", len(got), err)
	}
}

func testConcurrent(t *testing.T, open func() Store) {
	s := open()
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 20 {
				b := bytes.Repeat([]byte{byte(i)}, 100+i) // everybody puts the same
				g, err := s.Put(t.Context(), b)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := s.Get(t.Context(), g)
				if err != nil || !bytes.Equal(got, b) {
					t.Errorf("writer %d: %d bytes, %v", w, len(got), err)
				}
			}
		})
	}
	all.Wait()
	if got := list(t, s); len(got) != 20 {
		t.Errorf("%d blobs of 20 different ones", len(got))
	}
}

func testContext(t *testing.T, open func() Store) {
	s := open()
	g := put(t, s, []byte("a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Put(ctx, []byte("b"))
	kind(t, "put", err, ward.Unavailable)
	_, err = s.Get(ctx, g)
	kind(t, "get", err, ward.Unavailable)
	kind(t, "delete", s.Delete(ctx, g), ward.Unavailable)
	for _, err := range s.List(ctx) {
		kind(t, "list", err, ward.Unavailable)
	}
	if got := list(t, s); len(got) != 1 {
		t.Errorf("%d blobs", len(got))
	}
}
