package store_test

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

func TestVersionsOfOneResource(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		update := func(value float64) store.Result {
			t.Helper()
			got, err := one(n, n.Permit(ward.Clinician, access.Update, "Observation"), store.OpUpdate, "Observation/o", observation("o", "p", "2160-0", "2026-01-02", value))
			must(t, err)
			return got
		}
		first := update(1)
		if !first.Created || first.Kept || first.Version.Number != 1 || first.Version.Entry.IsZero() {
			t.Fatalf("first: %+v", first)
		}
		if got := update(1); got.Created || !got.Kept || got.Version.Number != 1 || got.Version.Digest != first.Version.Digest {
			t.Fatalf("equal content: %+v", got)
		}
		if got := update(2); got.Created || got.Kept || got.Version.Number != 2 {
			t.Fatalf("second: %+v", got)
		}
		v, err := get(n, ward.Clinician, "Observation/o")
		must(t, err)
		if v.Number != 2 || !bytes.Contains([]byte(v.Body), []byte(`"versionId":"2"`)) || !bytes.Contains([]byte(v.Body), []byte(`"value":2`)) || v.Seen.IsZero() {
			t.Fatalf("current version: %d", v.Number)
		}
		if got := remove(t, n, "Observation/o"); got.Version.Number != 3 || !got.Version.Deleted {
			t.Fatalf("deletion: %+v", got)
		}
		if got := remove(t, n, "Observation/o"); !got.Kept || got.Version.Number != 3 {
			t.Fatalf("second deletion: %+v", got)
		}
		_, err = get(n, ward.Clinician, "Observation/o")
		wantKind(t, err, ward.Gone)
		if ids := find(t, n, ward.Clinician, "Observation", "patient=p"); len(ids) != 0 {
			t.Fatalf("a deleted resource is found: %v", ids)
		}
		if got := update(2); !got.Created || got.Version.Number != 4 {
			t.Fatalf("after deletion: %+v", got)
		}
		checkHistory(t, n)
		n.Reopen()
		checkHistory(t, n)
		n.Clean()
	})
}

// checkHistory reads the four versions of TestVersionsOfOneResource, page by page and one by one.
func checkHistory(t *testing.T, n *storetest.Running) {
	t.Helper()
	var numbers []int64
	cursor := ""
	for {
		page, err := n.Store.History(ctx, n.Permit(ward.Clinician, access.Read, "Observation"), ref("Observation/o"), cursor, 3)
		must(t, err)
		for _, v := range page.Versions {
			numbers = append(numbers, v.Number)
			if v.Deleted != (v.Number == 3) || v.Deleted != (len(v.Body) == 0) {
				t.Fatalf("version %d: deleted %v, %d bytes", v.Number, v.Deleted, len(v.Body))
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(numbers) != 4 || numbers[0] != 4 || numbers[3] != 1 {
		t.Fatalf("history: %v", numbers)
	}
	for v, kind := range map[int64]ward.ErrorKind{1: 0, 2: 0, 3: ward.Gone, 4: 0, 5: ward.NotFound, 0: ward.NotFound, -7: ward.NotFound} {
		got, err := n.Store.VRead(ctx, n.Permit(ward.Clinician, access.Read, "Observation"), ref("Observation/o"), v)
		if kind != 0 {
			wantKind(t, err, kind)
		} else if err != nil || got.Number != v {
			t.Fatalf("version %d: %d, %v", v, got.Number, err)
		}
	}
}

func TestWhatAWriteRefuses(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	n.Put("Patient/p", patient("p"))
	clinician := func(a access.Action) access.Permit { return n.Permit(ward.Clinician, a, "Patient") }
	for name, c := range map[string]struct {
		op   store.Op
		ref  string
		body string
		more []func(*store.Change)
		kind ward.ErrorKind
	}{
		"broken JSON":            {store.OpUpdate, "Patient/q", `{"resourceType":"Patient"`, nil, ward.Invalid},
		"other type":             {store.OpUpdate, "Patient/q", observation("q", "p", "x", "2026", 1), nil, ward.Invalid},
		"other id":               {store.OpUpdate, "Patient/q", patient("r"), nil, ward.Invalid},
		"bad id":                 {store.OpUpdate, "Patient/q_q", patient("q"), nil, ward.Invalid},
		"create of a taken id":   {store.OpCreate, "Patient/p", patient("p"), nil, ward.Conflict},
		"If-Match of nothing":    {store.OpUpdate, "Patient/q", patient("q"), []func(*store.Change){ifMatch(1)}, ward.Precondition},
		"If-Match of a past":     {store.OpUpdate, "Patient/p", patient("p"), []func(*store.Change){ifMatch(7)}, ward.Precondition},
		"delete of nothing":      {store.OpDelete, "Patient/q", "", nil, ward.NotFound},
		"delete with If-Match":   {store.OpDelete, "Patient/p", "", []func(*store.Change){ifMatch(2)}, ward.Precondition},
		"delete with a body":     {store.OpDelete, "Patient/p", patient("p"), nil, ward.Invalid},
		"condition on an update": {store.OpUpdate, "Patient/p", patient("p"), []func(*store.Change){ifNoneExist(search(t, "Patient", "identifier=a"))}, ward.Invalid},
		"empty condition":        {store.OpCreate, "Patient", patient("z"), []func(*store.Change){ifNoneExist(fhir.Search{Type: "Patient"})}, ward.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			action := map[store.Op]access.Action{store.OpCreate: access.Create, store.OpUpdate: access.Update, store.OpDelete: access.Delete}[c.op]
			_, err := one(n, clinician(action), c.op, c.ref, c.body, c.more...)
			wantKind(t, err, c.kind)
		})
	}
	twice := n.Changes(ward.Integration, []ward.Reference{ref("Patient/a"), ref("Patient/a")}, []string{patient("a"), patient("a")})
	_, err := n.Store.Apply(ctx, 1, twice)
	wantKind(t, err, ward.Invalid)
	_, err = n.Store.Apply(ctx, 1, nil)
	wantKind(t, err, ward.Invalid)
	mixed := n.Changes(ward.Integration, []ward.Reference{ref("Patient/a"), ref("Patient/b")}, []string{patient("a"), patient("b")})
	mixed[1].Permit = n.Permit(ward.Integration, access.Update, "Patient") // of another request
	_, err = n.Store.Apply(ctx, 1, mixed)
	wantKind(t, err, ward.Denied)
	if n.Clean().Versions != 1 {
		t.Fatal("a refused write left something")
	}
}

func TestAllOrNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		changes := n.Changes(ward.Integration, []ward.Reference{ref("Patient/a"), ref("Patient/p")}, []string{patient("a"), strings.Replace(patient("p"), "female", "male", 1)})
		changes[1].IfMatch = 9
		_, err := n.Store.Apply(ctx, 1, changes)
		wantKind(t, err, ward.Precondition)
		var e *ward.Error
		if !asError(err, &e) || e.Path != "changes[1]" {
			t.Fatalf("the error does not name its change: %v", err)
		}
		_, err = get(n, ward.Clinician, "Patient/a")
		wantKind(t, err, ward.NotFound)
		n.Clean()
	})
}

func TestIfMatchRace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		n.Put("Observation/o", observation("o", "p", "a", "2026", 0))
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			p := n.Permit(ward.Clinician, access.Update, "Observation")
			wg.Go(func() {
				_, err := one(n, p, store.OpUpdate, "Observation/o", observation("o", "p", "a", "2026", float64(i+1)), ifMatch(1))
				switch ward.KindOf(err) {
				case ward.Precondition:
				default:
					if err != nil {
						t.Error(err)
						return
					}
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d writers won", won.Load())
		}
		if r := n.Clean(); r.Versions != 3 {
			t.Fatalf("%d versions", r.Versions)
		}
	})
}

// Writers without If-Match all succeed, one after the other: nothing acknowledged is lost or doubled.
func TestWritersOfOneResource(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		var wg sync.WaitGroup
		var mu sync.Mutex
		acknowledged := map[int64]int{}
		const writers, each = 4, 5
		for w := range writers {
			for i := range each {
				p := n.Permit(ward.Clinician, access.Update, "Observation")
				wg.Go(func() {
					for {
						got, err := one(n, p, store.OpUpdate, "Observation/o", observation("o", "p", "a", "2026", float64(1+w*each+i)))
						if ward.KindOf(err) == ward.Conflict && err != nil {
							continue
						}
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						acknowledged[got.Version.Number]++
						mu.Unlock()
						return
					}
				})
			}
		}
		wg.Wait()
		for v := range int64(writers * each) {
			if acknowledged[v+1] != 1 {
				t.Fatalf("version %d was acknowledged %d times", v+1, acknowledged[v+1])
			}
		}
		n.Clean()
	})
}

func TestIfNoneExist(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		rounds := 4
		for round := range rounds {
			id := string(rune('a' + round))
			q := search(t, "Patient", "identifier=urn:mrn|mrn-"+id)
			var wg sync.WaitGroup
			var mu sync.Mutex
			ids, created := map[string]bool{}, 0
			for range 64 {
				p := n.Permit(ward.Integration, access.Create, "Patient")
				wg.Go(func() {
					got, err := one(n, p, store.OpCreate, "Patient", patient(id), ifNoneExist(q))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					ids[got.Version.Ref.ID] = true
					if got.Created {
						created++
					} else if len(got.Version.Body) != 0 {
						t.Error("leave to create gave out the body of an existing resource")
					}
				})
			}
			wg.Wait()
			if created != 1 || len(ids) != 1 {
				t.Fatalf("round %d: %d created, %d ids", round, created, len(ids))
			}
		}
		if r := n.Clean(); r.Resources != int64(rounds) {
			t.Fatalf("%d resources", r.Resources)
		}
	})
}

// A claim never outlives its resource: after a deletion, or a change that no longer matches, a create goes through again.
func TestClaimsGoStale(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		create := func() store.Result {
			t.Helper()
			got, err := one(n, n.Permit(ward.Integration, access.Create, "Patient"), store.OpCreate, "Patient", patient("x"), ifNoneExist(search(t, "Patient", "identifier=urn:mrn|mrn-x")))
			must(t, err)
			return got
		}
		first := create()
		if again := create(); again.Created || again.Version.Ref != first.Version.Ref {
			t.Fatalf("second: %+v", again)
		}
		_, err := one(n, n.Permit(ward.Integration, access.Create, "Patient"), store.OpCreate, "Patient/planned", patient("planned"),
			ifNoneExist(search(t, "Patient", "identifier=urn:mrn|mrn-x")), func(c *store.Change) { c.NoMatch = true })
		wantKind(t, err, ward.Conflict)
		remove(t, n, first.Version.Ref.String())
		second := create()
		if !second.Created || second.Version.Ref == first.Version.Ref {
			t.Fatalf("after deletion: %+v", second)
		}
		id := second.Version.Ref.ID
		_, err = one(n, n.Permit(ward.Clinician, access.Update, "Patient"), store.OpUpdate, "Patient/"+id, strings.Replace(patient(id), "mrn-"+id, "other", 1))
		must(t, err)
		if third := create(); !third.Created {
			t.Fatalf("after a change: %+v", third)
		}
		n.Put("Patient/double", strings.Replace(patient("x"), `"id":"x"`, `"id":"double"`, 1))
		_, err = one(n, n.Permit(ward.Integration, access.Create, "Patient"), store.OpCreate, "Patient", patient("x"), ifNoneExist(search(t, "Patient", "identifier=urn:mrn|mrn-x")))
		wantKind(t, err, ward.Precondition)
		n.Clean()
	})
}

func TestResolve(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	n.Put("Patient/a", patient("a"))
	n.Put("Patient/b", patient("b"))
	p := n.Permit(ward.Integration, access.Search, "Patient")
	got, err := n.Store.Resolve(ctx, p, []fhir.Search{search(t, "Patient", "identifier=mrn-b"), search(t, "Patient", "identifier=urn:mrn|mrn-a")})
	must(t, err)
	if len(got) != 2 || got[0].ID != "b" || got[1].ID != "a" {
		t.Fatal(got)
	}
	_, err = n.Store.Resolve(ctx, p, []fhir.Search{search(t, "Patient", "identifier=mrn-c")})
	wantKind(t, err, ward.Precondition)
	_, err = n.Store.Resolve(ctx, p, []fhir.Search{search(t, "Patient", "gender=female")})
	wantKind(t, err, ward.Precondition)
}

func TestLargeBodiesAreBlobs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		large := strings.Replace(observation("o", "p", "a", "2026", 1), `"status"`, `"note":[{"text":"`+strings.Repeat("x", 40<<10)+`"}],"status"`, 1)
		n.Put("Observation/o", large)
		v, err := get(n, ward.Clinician, "Observation/o")
		must(t, err)
		if len(v.Body) < 40<<10 {
			t.Fatalf("%d bytes came back", len(v.Body))
		}
		if r := n.Clean(); r.Blobs != 1 || r.Orphans != 0 {
			t.Fatalf("%d blobs, %d orphans", r.Blobs, r.Orphans)
		}
	})
}

// A resource that moves to another patient: the old versions are hidden from both compartments.
func TestSubjectCorrected(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/"+storetest.OwnPatient, patient(storetest.OwnPatient))
		n.Put("Patient/other", patient("other"))
		n.Put("Observation/o", observation("o", "other", "a", "2026", 1))
		_, err := get(n, ward.PatientRole, "Observation/o")
		wantKind(t, err, ward.NotFound)
		n.Put("Observation/o", observation("o", storetest.OwnPatient, "a", "2026", 1))
		_, err = get(n, ward.PatientRole, "Observation/o")
		must(t, err)
		_, err = n.Store.VRead(ctx, n.Permit(ward.PatientRole, access.Read, "Observation"), ref("Observation/o"), 1)
		wantKind(t, err, ward.NotFound)
		page, err := n.Store.History(ctx, n.Permit(ward.PatientRole, access.Read, "Observation"), ref("Observation/o"), "", 10)
		must(t, err)
		if len(page.Versions) != 1 || page.Versions[0].Number != 2 {
			t.Fatalf("the patient sees %d versions", len(page.Versions))
		}
		// The other way: what was the patient's once is no longer.
		n.Put("Observation/o", observation("o", "other", "a", "2026", 2))
		_, err = n.Store.VRead(ctx, n.Permit(ward.PatientRole, access.Read, "Observation"), ref("Observation/o"), 2)
		wantKind(t, err, ward.NotFound)
		n.Clean()
	})
}
