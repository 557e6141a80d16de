package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// wants makes a Want per reference, all under one request of a role.
func wants(t testing.TB, n *storetest.Running, role ward.Role, refs ...string) (out []store.Want) {
	t.Helper()
	g := n.Grant(role, access.Read, ref(refs[0]).Type)
	for _, r := range refs {
		p, err := g.Decide(ctx, access.Read, ref(r).Type)
		must(t, err)
		out = append(out, store.Want{Permit: p, Ref: ref(r)})
	}
	return out
}

// during returns the entries that the log gets while fn runs.
func during(n *storetest.Running, fn func()) []audit.Entry {
	before := len(n.Entries())
	fn()
	return n.Entries()[before:]
}

// detail opens what an entry says, under an entry of its own.
func detail(t testing.TB, n *storetest.Running, e audit.Entry) audit.Detail {
	t.Helper()
	rc, err := n.Log.Begin(ctx, n.Permit(ward.Auditor, access.LogRead, "").Intent(audit.ActLogRead))
	must(t, err)
	d, err := n.Log.Detail(ctx, rc, db.Tenant(n.Tenant.Number), e.ID)
	must(t, err)
	return d
}

func TestCurrents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		n.Put("Observation/o", observation("o", "p", "a", "2026", 1))
		n.Put("Observation/o", observation("o", "p", "a", "2026", 2))
		n.Put("Observation/large", strings.Replace(observation("large", "p", "a", "2026", 1), `"status"`, `"note":[{"text":"`+strings.Repeat("x", 20<<10)+`"}],"status"`, 1))
		n.Put("Observation/gone", observation("gone", "p", "a", "2026", 1))
		remove(t, n, "Observation/gone")
		n.Put("Observation/erased", observation("erased", "erased", "a", "2026", 1))
		shred(t, n, "erased")
		eventually(t, "the purge", func() bool { return acts(n)[audit.ActPurge] == 1 })

		list := wants(t, n, ward.Clinician, "Observation/o", "Observation/none", "Patient/p", "Observation/gone", "Observation/erased", "Observation/o", "Observation/large")
		var got []*ward.Version
		entries := during(n, func() {
			var err error
			got, err = n.Store.Currents(ctx, list)
			must(t, err)
		})
		if len(entries) != 1 || entries[0].Act != audit.ActRead || entries[0].Outcome != audit.Done {
			t.Fatalf("entries %+v", entries)
		}
		for i, v := range got {
			single, err := n.Store.Get(ctx, n.Permit(ward.Clinician, access.Read, list[i].Ref.Type), list[i].Ref)
			switch list[i].Ref.ID {
			case "none":
				wantKind(t, err, ward.NotFound)
				if v != nil {
					t.Errorf("%v came of nothing", v)
				}
			case "erased":
				wantKind(t, err, ward.Gone)
				if diff := cmp.Diff(&ward.Version{Ref: list[i].Ref, Deleted: true}, v); diff != "" {
					t.Errorf("erased: %s", diff)
				}
			case "gone":
				wantKind(t, err, ward.Gone)
				if v == nil || !v.Deleted || v.Number != 2 || len(v.Body) != 0 || v.Ref != list[i].Ref {
					t.Errorf("deleted: %+v", v)
				}
			default:
				must(t, err)
				if v == nil || v.Seen != entries[0].ID {
					t.Fatalf("%s: not there, or not under the entry", list[i].Ref)
				}
				v.Seen = single.Seen
				if diff := cmp.Diff(&single, v); diff != "" {
					t.Errorf("%s is another than Get gives: %s", list[i].Ref, diff)
				}
			}
		}
		n.Clean()
	})
}

// TestCurrentsNames: the entry names what was opened, once each, and nothing that was not.
func TestCurrentsNames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Observation/a", observation("a", "p", "a", "2026", 1))
		n.Put("Observation/b", observation("b", "q", "a", "2026", 1))
		n.Put("Observation/c", observation("c", "r", "a", "2026", 1))
		entries := during(n, func() {
			_, err := n.Store.Currents(ctx, wants(t, n, ward.Clinician, "Observation/a", "Observation/b", "Observation/none", "Observation/a"))
			must(t, err)
		})
		var named []string
		for _, s := range detail(t, n, entries[0]).Subjects {
			for _, id := range []string{"a", "b", "c"} {
				sub, err := n.Store.SubjectOf(ctx, n.Operator(n.Tenant.ID, access.StoreCheck), ref("Observation/"+id))
				must(t, err)
				if cmp.Equal(sub, s) {
					named = append(named, id)
				}
			}
		}
		slices.Sort(named)
		if len(entries) != 1 || !slices.Equal(named, []string{"a", "b"}) {
			t.Fatalf("%d entries, named %v", len(entries), named)
		}
	})
}

// TestCurrentsHides: what the filter hides looks like what is not there, and each is a denial beside the one entry.
func TestCurrentsHides(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Observation/mine", observation("mine", storetest.OwnPatient, "a", "2026", 1))
		n.Put("Observation/other", observation("other", "p", "a", "2026", 1))
		var got []*ward.Version
		entries := during(n, func() {
			var err error
			got, err = n.Store.Currents(ctx, wants(t, n, ward.PatientRole, "Observation/other", "Observation/mine", "Observation/none"))
			must(t, err)
		})
		if got[0] != nil || got[2] != nil || got[1] == nil || got[1].Ref.ID != "mine" {
			t.Fatalf("got %v", got)
		}
		outcomes := map[audit.Outcome]int{}
		for _, e := range entries {
			outcomes[e.Outcome]++
		}
		if len(entries) != 2 || outcomes[audit.Denied] != 1 || outcomes[audit.Done] != 1 {
			t.Fatalf("outcomes %v", outcomes)
		}
	})
}

func TestCurrentsRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Observation/o", observation("o", "p", "a", "2026", 1))
		good := wants(t, n, ward.Clinician, "Observation/o")
		refused := func(kind ward.ErrorKind, list ...store.Want) {
			t.Helper()
			got, err := n.Store.Currents(ctx, list)
			wantKind(t, err, kind)
			if got != nil {
				t.Errorf("got %v", got)
			}
		}
		refused(ward.Denied, append(good, wants(t, n, ward.Clinician, "Observation/o")...)...) // another request
		refused(ward.Denied, append(good, store.Want{Permit: n.OtherPermit(ward.Clinician, access.Read, "Observation"), Ref: ref("Observation/o")})...)
		refused(ward.Denied, store.Want{Permit: good[0].Permit, Ref: ref("Patient/p")})
		refused(ward.Denied, store.Want{Ref: ref("Observation/o")})
		refused(ward.Denied, store.Want{Permit: n.Permit(ward.Clinician, access.Update, "Observation"), Ref: ref("Observation/o")})
		refused(ward.TooLarge, slices.Repeat(good, 1001)...)
		none, err := n.Store.Currents(ctx, nil)
		if err != nil || none != nil {
			t.Errorf("of nothing: %v, %v", none, err)
		}
		foreign, err := n.Store.Currents(ctx, []store.Want{{Permit: n.OtherPermit(ward.Clinician, access.Read, "Observation"), Ref: ref("Observation/o")}})
		must(t, err)
		if foreign[0] != nil {
			t.Error("another tenant's record was opened")
		}
		alter(t, n, "UPDATE ver SET mac = digest")
		refused(ward.Internal, good...)
		n.CloseLog()
		refused(ward.Unavailable, wants(t, n, ward.Clinician, "Observation/none")...)
	})
}

// TestCurrentsMany reads as many as a call takes, in more than one query.
func TestCurrentsMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		const many = 1000
		refs, bodies, names := make([]ward.Reference, many), make([]string, many), make([]string, many)
		for i := range many {
			names[i] = fmt.Sprintf("Observation/o%d", i)
			refs[i] = ref(names[i])
			bodies[i] = observation(refs[i].ID, "p", "a", "2026", float64(i))
		}
		_, err := n.Store.Apply(ctx, audit.ActTransaction, n.Changes(ward.Integration, refs, bodies))
		must(t, err)
		var got []*ward.Version
		entries := during(n, func() {
			got, err = n.Store.Currents(ctx, wants(t, n, ward.Clinician, names...))
			must(t, err)
		})
		for i, v := range got {
			if v == nil || v.Ref != refs[i] || !strings.Contains(string(v.Body), fmt.Sprintf(`"value":%d,`, i)) {
				t.Fatalf("%d is %+v", i, v)
			}
		}
		if len(entries) != 1 {
			t.Fatalf("%d entries", len(entries))
		}
	})
}
