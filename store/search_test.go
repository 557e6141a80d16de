package store_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// small is a tenant of two patients and six observations, o1 the oldest.
func small(n *storetest.Running) {
	n.Put("Patient/p", patient("p"))
	n.Put("Patient/q", patient("q"))
	n.Put("Observation/o1", observation("o1", "p", "2160-0", "2025-12-31", 1))
	n.Put("Observation/o2", observation("o2", "q", "2160-0", "2026-01-01", 1))
	n.Put("Observation/o3", observation("o3", "p", "718-7", "2026-01-02T10:00:00Z", 1))
	n.Put("Observation/o4", observation("o4", "p", "2160-0", "2026-01-02", 1, "R"))
	n.Put("Observation/o5", observation("o5", "p", "2160-0", "2026-02", 1, "HIV"))
	n.Put("Observation/o6", observation("o6", "", "2160-0", "2026", 1))
}

func TestSearchByEachIndex(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		for query, want := range map[string]string{
			"":                                    "o6 o5 o4 o3 o2 o1",
			"patient=p":                           "o5 o4 o3 o1",
			"patient=Patient/q":                   "o2",
			"subject=Patient/p":                   "o5 o4 o3 o1",
			"patient=p,q":                         "o5 o4 o3 o2 o1",
			"patient=nobody":                      "",
			"code=2160-0":                         "o6 o5 o4 o2 o1",
			"code=" + loinc + "|718-7":            "o3",
			"code=urn:other|718-7":                "",
			"code=|718-7":                         "",
			"code=718-7,2160-0":                   "o6 o5 o4 o3 o2 o1",
			"patient=p&code=2160-0":               "o5 o4 o1",
			"date=2026-01-02":                     "o4 o3",
			"date=ge2026-01-02&date=lt2026-02-01": "o6 o4 o3",
			"date=lt2026-01-01":                   "o1",
			"date=sa2026-01-31":                   "o5",
			"date=eb2026-01-01":                   "o1",
			"date=ne2026-01-02":                   "o6 o5 o2 o1",
			"patient=p&date=gt2026-01-15":         "o5",
			"_id=o3":                              "o3",
			"_id=o3,o1,nobody":                    "o3 o1",
			"_id=o3&code=2160-0":                  "",
			"_security=HIV":                       "o5",
			"_lastUpdated=gt2020":                 "o6 o5 o4 o3 o2 o1",
			"_lastUpdated=lt2020":                 "",
		} {
			t.Run(query, func(t *testing.T) {
				got := strings.Join(find(t, n, ward.Clinician, "Observation", query+"&_count=2"), " ")
				if got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				q := search(t, "Observation", query+"&_summary=count")
				page, err := n.Store.Search(ctx, n.Permit(ward.Clinician, access.Search, "Observation"), q)
				must(t, err)
				if int(page.Total) != len(strings.Fields(want)) || len(page.Versions) != 0 || page.Next != "" {
					t.Errorf("count %d, %d versions", page.Total, len(page.Versions))
				}
			})
		}
		if got := find(t, n, ward.Clinician, "Patient", "identifier=urn:mrn|mrn-q"); len(got) != 1 || got[0] != "q" {
			t.Errorf("by identifier: %v", got)
		}
		n.Clean()
	})
}

// TestSearchOrMissing holds that a clause on dates finds what has none as well when it says so, across pages and in counts.
func TestSearchOrMissing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		for _, id := range []string{"o7", "o8"} {
			n.Put("Observation/"+id, `{"resourceType":"Observation","id":"`+id+`","status":"final","subject":{"reference":"Patient/p"},
				"code":{"coding":[{"system":"`+loinc+`","code":"2160-0"}]}}`)
		}
		q := search(t, "Observation", "patient=p&code=2160-0&date=gt2026-01-15&_count=1&_total=accurate")
		for i := range q.Clauses {
			q.Clauses[i].OrMissing = q.Clauses[i].Kind == fhir.Date
		}
		var got []string
		for range 9 {
			page, err := n.Store.Search(ctx, n.Permit(ward.Clinician, access.Search, "Observation"), q)
			must(t, err)
			for _, v := range page.Versions {
				got = append(got, v.Ref.ID)
			}
			if q.Cursor == "" && page.Total != 3 {
				t.Errorf("counted %d", page.Total)
			}
			if page.Next == "" {
				break
			}
			q = fhir.Search{Type: "Observation", Cursor: page.Next}
		}
		if strings.Join(got, " ") != "o8 o7 o5" {
			t.Errorf("found %v", got)
		}
	})
}

func TestSearchWithTotal(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	small(n)
	q := search(t, "Observation", "patient=p&_total=accurate&_count=3")
	page, err := n.Store.Search(ctx, n.Permit(ward.Clinician, access.Search, "Observation"), q)
	must(t, err)
	if page.Total != 4 || len(page.Versions) != 3 || page.Next == "" {
		t.Fatalf("total %d, %d versions", page.Total, len(page.Versions))
	}
	// What is created between two pages shows up on no later one.
	n.Put("Observation/o7", observation("o7", "p", "2160-0", "2026", 1))
	page, err = n.Store.Search(ctx, n.Permit(ward.Clinician, access.Search, "Observation"), fhir.Search{Type: "Observation", Cursor: page.Next})
	must(t, err)
	if page.Total != 5 || len(page.Versions) != 1 || page.Versions[0].Ref.ID != "o1" || page.Next != "" {
		t.Fatalf("second page: total %d, %d versions", page.Total, len(page.Versions))
	}
}

func TestCursorsAreBound(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	small(n)
	first, err := n.Store.Search(ctx, n.Permit(ward.Clinician, access.Search, "Observation"), search(t, "Observation", "code=2160-0&_count=2"))
	must(t, err)
	next := first.Next
	if raw, _ := base64.RawURLEncoding.DecodeString(next); strings.Contains(string(raw), "2160") {
		t.Fatal("a cursor can be read")
	}
	use := func(p access.Permit, q fhir.Search) error {
		t.Helper()
		_, err := n.Store.Search(ctx, p, q)
		return err
	}
	clinician := func() access.Permit { return n.Permit(ward.Clinician, access.Search, "Observation") }
	must(t, use(clinician(), fhir.Search{Type: "Observation", Cursor: next}))
	altered := []byte(next)
	altered[len(altered)/2] ^= 1
	same := n.Principal(ward.Clinician)
	for name, err := range map[string]error{
		"altered":         use(clinician(), fhir.Search{Type: "Observation", Cursor: string(altered)}),
		"cut":             use(clinician(), fhir.Search{Type: "Observation", Cursor: next[:40]}),
		"not base64":      use(clinician(), fhir.Search{Type: "Observation", Cursor: "%%%"}),
		"huge":            use(clinician(), fhir.Search{Type: "Observation", Cursor: strings.Repeat("A", 1<<20)}),
		"other type":      use(n.Permit(ward.Clinician, access.Search, "Patient"), fhir.Search{Type: "Patient", Cursor: next}),
		"other query":     use(clinician(), withCursor(search(t, "Observation", "code=718-7"), next)),
		"other principal": use(n.PermitOf(ward.Principal{ID: "colleague", Tenant: same.Tenant, Kind: same.Kind, Roles: same.Roles}, ward.Treatment, access.Search, "Observation"), fhir.Search{Type: "Observation", Cursor: next}),
		"other purpose":   use(n.PermitOf(same, ward.Operations, access.Search, "Observation"), fhir.Search{Type: "Observation", Cursor: next}),
		"other tenant":    use(n.OtherPermit(ward.Clinician, access.Search, "Observation"), fhir.Search{Type: "Observation", Cursor: next}),
	} {
		if err == nil || ward.KindOf(err) != ward.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = n.Store.History(ctx, n.Permit(ward.Clinician, access.Read, "Observation"), ref("Observation/o1"), next, 2)
	wantKind(t, err, ward.Invalid)
	_, _, err = n.Store.Decisions(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), "", next, 2)
	wantKind(t, err, ward.Invalid)
}

func withCursor(q fhir.Search, cursor string) fhir.Search {
	q.Cursor = cursor
	return q
}

// FuzzCursor: no text that somebody sends is a cursor, and none breaks anything.
func FuzzCursor(f *testing.F) {
	n := storetest.Node(f, storetest.SQLite)
	f.Add("")
	f.Add("AAAA")
	f.Add(base64.RawURLEncoding.EncodeToString(append([]byte{1}, make([]byte, 90)...)))
	f.Fuzz(func(t *testing.T, cursor string) {
		if cursor == "" {
			return
		}
		p, err := n.Access.Decide(ctx, access.Request{Principal: n.Principal(ward.Clinician), Action: access.Search, Type: "Patient", Purpose: ward.Treatment, ID: ward.NewID()})
		must(t, err)
		_, err = n.Store.Search(ctx, p, fhir.Search{Type: "Patient", Cursor: cursor})
		wantKind(t, err, ward.Invalid)
	})
}

// Every alias takes the filter: what a principal finds by any query is what an unlimited one finds by it, cut down to what
// the principal may see, decided by the filter's evaluator on the body.
func TestSecureView(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		rnd := rand.New(rand.NewPCG(7, 7))
		patients := []string{storetest.OwnPatient, "p1", "p2"}
		for _, p := range patients {
			n.Put("Patient/"+p, patient(p))
		}
		n.Put("Organization/org", `{"resourceType":"Organization","id":"org","name":"Ward 7"}`)
		labels := [][]string{nil, {"N"}, {"R"}, {"V"}, {"HIV"}, {"L", "PSY"}, {"unheard-of"}}
		facts := map[string]fhir.Facts{}
		for i := range 60 {
			id := fmt.Sprintf("o%d", i)
			who := append(patients, "")[rnd.IntN(4)]
			body := observation(id, who, []string{"2160-0", "718-7"}[rnd.IntN(2)], []string{"2025-05-05", "2026-01-01", "2026-06"}[rnd.IntN(3)], 1, labels[rnd.IntN(len(labels))]...)
			n.Put("Observation/"+id, body)
			fs, err := fhir.Scan([]byte(body))
			must(t, err)
			facts[id] = fs
		}
		queries := []string{"", "patient=p1", "patient=" + storetest.OwnPatient, "code=2160-0", "code=2160-0&patient=p2", "date=ge2026-01-01", "date=2025-05-05",
			"_id=o1,o2,o3,o4,o5,o6,o7,o8", "_security=HIV", "_security=R,N", "patient=p1,p2&date=lt2026-03-01"}
		for _, role := range []ward.Role{ward.Clinician, ward.PatientRole} {
			filter := n.Permit(role, access.Search, "Observation").Filter()
			for _, query := range queries {
				q := search(t, "Observation", query)
				var want []string
				for id, fs := range facts {
					fs.Updated = 1 << 50
					if q.Holds(fs) && filter.Match(access.Attributes{Type: fs.Type, Patient: fs.Patient, Conf: fs.Conf, Labels: fs.Labels}) {
						want = append(want, id)
					}
				}
				got := find(t, n, role, "Observation", query+"&_count=7")
				slices.Sort(got)
				slices.Sort(want)
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s, %q: %s", role, query, d)
				}
				page, err := n.Store.Search(ctx, n.Permit(role, access.Search, "Observation"), search(t, "Observation", query+"&_summary=count"))
				must(t, err)
				if page.Total != int64(len(want)) {
					t.Errorf("%s, %q: total %d, want %d", role, query, page.Total, len(want))
				}
			}
			for id, fs := range facts {
				_, err := get(n, role, "Observation/"+id)
				sees := filter.Match(access.Attributes{Type: fs.Type, Patient: fs.Patient, Conf: fs.Conf, Labels: fs.Labels})
				if sees != (err == nil) || err != nil && ward.KindOf(err) != ward.NotFound {
					t.Errorf("%s reads %s: %v, the filter says %v", role, id, err, sees)
				}
			}
		}
		differ(t, n, rnd, facts)
	})
}

// differ compares a filter's SQL with its evaluator on random trees.
func differ(t *testing.T, n *storetest.Running, rnd *rand.Rand, facts map[string]fhir.Facts) {
	for range 300 {
		f := access.Filter{Node: tree(rnd, 4)}
		got, err := n.Store.Visible(ctx, db.Tenant(n.Tenant.Number), f)
		must(t, err)
		for id, fs := range facts {
			want := f.Match(access.Attributes{Type: fs.Type, Patient: fs.Patient, Conf: fs.Conf, Labels: fs.Labels})
			if got[id] != want {
				t.Fatalf("%s: SQL says %v, the evaluator %v, for %#v", id, got[id], want, f.Node)
			}
		}
	}
}

func tree(rnd *rand.Rand, depth int) access.Node {
	leaf := 8
	if depth > 0 {
		leaf = 12
	}
	switch rnd.IntN(leaf) {
	case 0:
		return access.All{}
	case 1:
		return access.None{}
	case 2:
		return access.TypeIn([]string{"Observation", "Patient", "Encounter"}[:rnd.IntN(4)])
	case 3:
		return access.PatientIs([]string{"", "p1", "p2", "nobody"}[rnd.IntN(4)])
	case 4:
		return access.Shared{}
	case 5:
		return access.ConfAtMost(rnd.IntN(8) - 1)
	case 6:
		return access.Labelled{Code: []string{"HIV", "R", "PSY", "N", "x"}[rnd.IntN(5)]}
	case 7:
		if rnd.IntN(10) == 0 {
			return nil // a broken tree covers nothing
		}
		return access.Labelled{Code: "V"}
	case 8, 9:
		return access.Not{Node: tree(rnd, depth-1)}
	case 10:
		return access.And(branches(rnd, depth-1))
	}
	return access.Or(branches(rnd, depth-1))
}

func branches(rnd *rand.Rand, depth int) (out []access.Node) {
	for range rnd.IntN(4) {
		out = append(out, tree(rnd, depth))
	}
	return out
}

// No query walks a whole table: the driver is found by an index, and every other table by its key.
func TestPlansUseIndexes(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	for _, role := range []ward.Role{ward.Clinician, ward.PatientRole} {
		for _, query := range []string{"", "patient=p", "code=a", "code=a,b", "patient=p&code=a&date=ge2026", "date=2026-01-01", "date=ge2026", "_id=a,b", "_security=HIV"} {
			plan, err := n.Store.Explain(ctx, n.Permit(role, access.Search, "Observation"), search(t, "Observation", query))
			must(t, err)
			for _, line := range plan {
				if strings.HasPrefix(line, "SCAN") && line != "SCAN d" && line != "SCAN (subquery)" && !strings.Contains(line, "SCAN d") {
					t.Errorf("%s %q: %s", role, query, strings.Join(plan, "; "))
					break
				}
				if strings.Contains(line, "TEMP B-TREE FOR ORDER BY") && !strings.ContainsAny(query, ",") && !strings.HasPrefix(query, "date=2026") {
					t.Errorf("%s %q sorts: %s", role, query, strings.Join(plan, "; "))
				}
			}
		}
	}
}

func TestNothingCrossesTenants(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		_, err := n.Store.Get(ctx, n.OtherPermit(ward.Clinician, access.Read, "Observation"), ref("Observation/o1"))
		wantKind(t, err, ward.NotFound)
		page, err := n.Store.Search(ctx, n.OtherPermit(ward.Clinician, access.Search, "Observation"), search(t, "Observation", "_total=accurate"))
		must(t, err)
		if len(page.Versions) != 0 || page.Total != 0 {
			t.Fatalf("%d versions of another tenant", len(page.Versions))
		}
		got, err := one(n, n.OtherPermit(ward.Clinician, access.Update, "Observation"), store.OpUpdate, "Observation/o1", observation("o1", "p", "x", "2026", 5))
		must(t, err)
		if !got.Created || got.Version.Number != 1 {
			t.Fatalf("the same id in another tenant: %+v", got)
		}
		n.Clean()
	})
}
