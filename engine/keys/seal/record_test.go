package seal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

func testKey(t testing.TB, tn db.Tenant, kid KeyID, raw []byte) Key {
	t.Helper()
	s, err := newSecret(tn, kid, raw)
	if err != nil {
		t.Fatal(err)
	}
	return Key{s}
}

var record = Record{Kind: "ver", RID: []byte{0, 0, 0, 0, 0, 0, 1, 2}, Version: 3, Schema: 1}

// TestSealedEveryBit flips one bit of every byte of a sealed text and cuts it at every length.
func TestSealedEveryBit(t *testing.T) {
	k := testKey(t, 7, KeyID{1, 2, 3}, keys.NewKey())
	plain := []byte(`{"resourceType":"Observation","status":"final"}`)
	sealed, err := k.Seal(record, plain)
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed) != len(plain)+Overhead || bytes.Contains(sealed, plain[:8]) {
		t.Fatal("not the documented form")
	}
	if kid, err := KeyOf(sealed); err != nil || kid != k.ID() {
		t.Fatal(kid, err)
	}
	if got, err := k.Open(record, sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatal(err)
	}
	for i := range sealed {
		for _, bit := range []byte{1 << (i % 8), 0x80} {
			bad := bytes.Clone(sealed)
			bad[i] ^= bit
			if got, err := k.Open(record, bad); ward.KindOf(err) != ward.Internal || err == nil || got != nil {
				t.Fatalf("byte %d: %q, %v", i, got, err)
			}
		}
		if got, err := k.Open(record, sealed[:i]); err == nil || got != nil {
			t.Fatalf("cut at %d", i)
		}
	}
	if got, err := k.Open(record, append(bytes.Clone(sealed), 0)); err == nil || got != nil {
		t.Fatal("one byte more")
	}
	again, _ := k.Seal(record, plain)
	if bytes.Equal(again[headerSize:headerSize+12], sealed[headerSize:headerSize+12]) {
		t.Error("a nonce came twice")
	}
}

// TestRecordFields changes one field at a time.
func TestRecordFields(t *testing.T) {
	raw := keys.NewKey()
	k := testKey(t, 7, KeyID{1}, raw)
	sealed, err := k.Seal(record, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	with := func(f func(*Record)) Record {
		r := record
		r.RID = bytes.Clone(r.RID)
		f(&r)
		return r
	}
	for name, r := range map[string]Record{
		"kind":       with(func(r *Record) { r.Kind = "raw" }),
		"rid":        with(func(r *Record) { r.RID[7]++ }),
		"rid longer": with(func(r *Record) { r.RID = append(r.RID, 0) }),
		"version":    with(func(r *Record) { r.Version++ }),
		"schema":     with(func(r *Record) { r.Schema++ }),
		"kind, rid":  with(func(r *Record) { r.Kind, r.RID = "verx", r.RID[1:] }),
	} {
		if got, err := k.Open(r, sealed); err == nil || got != nil || ward.KindOf(err) != ward.Internal {
			t.Errorf("%s: opened", name)
		}
	}
	for name, other := range map[string]Key{
		"tenant": testKey(t, 8, KeyID{1}, raw),
		"kid":    testKey(t, 7, KeyID{2}, raw),
		"key":    testKey(t, 7, KeyID{1}, keys.NewKey()),
		"zero":   {},
	} {
		if got, err := other.Open(record, sealed); err == nil || got != nil {
			t.Errorf("another %s: opened", name)
		}
	}
	for name, r := range map[string]Record{"no kind": {RID: record.RID}, "long kind": {Kind: strings.Repeat("k", 17), RID: record.RID},
		"kind with a bar": {Kind: "a|b", RID: record.RID}, "no rid": {Kind: "ver"}, "long rid": {Kind: "ver", RID: make([]byte, 33)}} {
		if _, err := k.Seal(r, nil); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
	if _, err := (Key{}).Seal(record, nil); err == nil || (Key{}).ID() != (KeyID{}) {
		t.Error("the zero key seals")
	}
	if _, err := newSecret(1, KeyID{}, raw[:16]); err == nil {
		t.Error("a short key was taken")
	}
}

// TestCommitment holds that a text whose tag fits another key still does not open: the commitment is looked at first.
func TestCommitment(t *testing.T) {
	k := testKey(t, 7, KeyID{1}, keys.NewKey())
	sealed, _ := k.Seal(record, []byte("x"))
	other := testKey(t, 7, KeyID{1}, keys.NewKey())
	theirs, _ := other.Seal(record, []byte("x"))
	// Their ciphertext is genuine under their key; under our header it must fail, and so must ours under theirs.
	mixed := append(bytes.Clone(sealed[:headerSize]), theirs[headerSize:]...)
	for _, key := range []Key{k, other} {
		if got, err := key.Open(record, mixed); err == nil || got != nil {
			t.Error("a text under a foreign commitment opened")
		}
	}
}

// TestRecordsNeverMeet: two different records never share the encoding that keys and binds them.
func TestRecordsNeverMeet(t *testing.T) {
	gen := rapid.Custom(func(t *rapid.T) Record {
		return Record{Kind: rapid.StringMatching(`[a-z]{1,16}`).Draw(t, "kind"), RID: rapid.SliceOfN(rapid.Byte(), 1, ridMax).Draw(t, "rid"),
			Version: rapid.Int64().Draw(t, "version"), Schema: rapid.Uint16().Draw(t, "schema")}
	})
	k := testKey(t, 7, KeyID{1}, keys.NewKey())
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		same := a.Kind == b.Kind && bytes.Equal(a.RID, b.RID) && a.Version == b.Version
		if bytes.Equal(appendRecord(nil, 7, a), appendRecord(nil, 7, b)) != same {
			t.Fatal("two records have one encoding")
		}
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed, err := k.Seal(a, plain)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Open(a, sealed); err != nil || !bytes.Equal(got, plain) {
			t.Fatal("does not open again:", err)
		}
		if _, err := k.Open(b, sealed); (err == nil) != (same && a.Schema == b.Schema) {
			t.Fatal("opens as another record")
		}
	})
}

func FuzzOpen(f *testing.F) {
	k := Key{}
	if s, err := newSecret(7, KeyID{1}, bytes.Repeat([]byte{9}, 32)); err == nil {
		k = Key{s}
	}
	sealed, err := k.Seal(record, []byte("x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(sealed[:headerSize])
	f.Add([]byte{formVersion})
	f.Fuzz(func(t *testing.T, text []byte) {
		// Each process of the fuzzer seals under a nonce of its own, so that another one's text is as good as its own.
		if got, err := k.Open(record, text); err == nil && string(got) != "x" || err != nil && got != nil {
			t.Fatal("a made-up text opened, or an error came with plaintext")
		}
	})
}

// TestNothingPrints pushes keys and subjects through every verb, slog and JSON.
func TestNothingPrints(t *testing.T) {
	raw := []byte("ZZCANARYZZCANARYZZCANARYZZCANARY")
	subject := Subject(raw)
	k := testKey(t, 7, KeyID{1}, raw)
	k.s.prk = raw
	holder := struct {
		K Key
		S Subject
	}{k, subject}
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range []any{k, &k, subject, holder, &tenant{key: raw}, &Ring{}, &signer{public: raw}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%c"} {
			fmt.Fprintf(&out, verb, v)
		}
		log.Info("m", "v", v)
	}
	b, err := json.Marshal(k)
	if err == nil {
		t.Errorf("a key was marshalled: %s", b)
	}
	if fmt.Sprint(k) != "[key]" {
		t.Errorf("a key prints %v", k)
	}
	for _, leak := range []string{"ZZCANARY", fmt.Sprintf("%x", raw[:4]), fmt.Sprintf("%X", raw[:4]), "90 90 67", "0x5a, 0x5a"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q came out in %s", leak, out.String())
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	k := testKey(b, 7, KeyID{1}, keys.NewKey())
	plain := make([]byte, 4096)
	b.SetBytes(4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Seal(record, plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	k := testKey(b, 7, KeyID{1}, keys.NewKey())
	sealed, err := k.Seal(record, make([]byte, 4096))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Open(record, sealed); err != nil {
			b.Fatal(err)
		}
	}
}
