package ward

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

func TestIDsAreOrderedAndUnique(t *testing.T) {
	const callers, each = 8, 2000
	var wg sync.WaitGroup
	made := make([][]ID, callers)
	for c := range callers {
		wg.Go(func() {
			for range each {
				made[c] = append(made[c], NewID())
			}
		})
	}
	wg.Wait()
	seen := map[ID]bool{}
	for _, ids := range made {
		for i, id := range ids {
			if seen[id] {
				t.Fatalf("id %s made twice", id)
			}
			seen[id] = true
			if i > 0 && bytes.Compare(ids[i-1][:], id[:]) >= 0 {
				t.Fatalf("ids of one caller do not rise: %s then %s", ids[i-1], id)
			}
			if id[6]>>4 != 7 || id[8]>>6 != 2 {
				t.Fatalf("id %s is not a UUIDv7", id)
			}
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("018f2f3e-7b1a-7c00-8000-000000000001")
	f.Add("018f2f3e7b1a7c008000000000000001")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			return
		}
		if id.String() != strings.ToLower(s) {
			t.Fatalf("%q parsed to %s", s, id)
		}
	})
}

func TestProtectedNeverPrints(t *testing.T) {
	p := Protected("ZZCANARY")
	r := Resource{Ref: Reference{Type: "Patient", ID: "1"}, Body: p}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, p, r, &r)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "p", p, "r", r)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "p", p, "r", r)
	if b, err := json.Marshal(r); err == nil {
		t.Errorf("a protected body was marshalled: %s", b)
	}
	for _, form := range []string{"ZZCANARY", fmt.Sprintf("%x", "ZZCANARY"), "90 90 67"} {
		if strings.Contains(strings.ToUpper(out.String()), strings.ToUpper(form)) {
			t.Errorf("protected bytes came out as %s", form)
		}
	}
}

func TestErrorKeepsKindAndHidesCause(t *testing.T) {
	cause := errors.New("secret cause")
	err := fmt.Errorf("wrapped: %w", E(NotFound, "store.get", "no such resource", cause))
	if KindOf(err) != NotFound || PublicText(err) != "no such resource" || !errors.Is(err, cause) {
		t.Fatalf("kind %v, public %q", KindOf(err), PublicText(err))
	}
	for _, e := range []error{cause, E(Internal, "x", "leaks", cause)} {
		if got := PublicText(e); strings.Contains(got, "secret") || strings.Contains(got, "leaks") {
			t.Fatalf("public text of an internal error: %q", got)
		}
	}
}

func TestForms(t *testing.T) {
	for s, want := range map[TenantID]bool{"a": true, "st-anna-2": true, "": false, "2a": false, "A": false, "a_b": false} {
		if s.Valid() != want {
			t.Errorf("tenant %q valid = %v", s, !want)
		}
	}
	for s, want := range map[string]bool{"Patient/1": true, "Patient/": false, "Patient": false, "/1": false, "Patient/a b": false} {
		if _, err := ParseReference(s); (err == nil) != want {
			t.Errorf("reference %q: %v", s, err)
		}
	}
}
