package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

var ctx = context.Background()

const loinc = "http://loinc.org"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, kind ward.ErrorKind) {
	t.Helper()
	if err == nil || ward.KindOf(err) != kind {
		t.Fatalf("got error %v, want one of kind %v", err, kind)
	}
}

func patient(id string) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":%q,"identifier":[{"system":"urn:mrn","value":"mrn-%s"}],"gender":"female"}`, id, id)
}

// observation makes one with meta.security labels, such as "N" or "HIV".
func observation(id, patient, code, date string, value float64, labels ...string) string {
	var meta []string
	for _, l := range labels {
		system := "http://terminology.hl7.org/CodeSystem/v3-ActCode"
		if len(l) == 1 {
			system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
		}
		meta = append(meta, fmt.Sprintf(`{"system":%q,"code":%q}`, system, l))
	}
	security := ""
	if len(meta) > 0 {
		security = `"meta":{"security":[` + strings.Join(meta, ",") + `]},`
	}
	subject := ""
	if patient != "" {
		subject = fmt.Sprintf(`"subject":{"reference":"Patient/%s"},`, patient)
	}
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,%s"status":"final","code":{"coding":[{"system":%q,"code":%q}]},%s`+
		`"effectiveDateTime":%q,"valueQuantity":{"value":%g,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`,
		id, security, loinc, code, subject, date, value)
}

func ref(s string) ward.Reference {
	r, err := ward.ParseReference(s)
	if err != nil {
		panic(err)
	}
	return r
}

// one applies a single change.
func one(n *storetest.Running, p access.Permit, op store.Op, r, body string, more ...func(*store.Change)) (store.Result, error) {
	c := store.Change{Permit: p, Op: op, Resource: ward.Resource{Body: ward.Protected(body)}}
	c.Resource.Ref.Type, c.Resource.Ref.ID, _ = strings.Cut(r, "/")
	for _, m := range more {
		m(&c)
	}
	act := map[store.Op]audit.Act{store.OpCreate: audit.ActCreate, store.OpUpdate: audit.ActUpdate, store.OpDelete: audit.ActDelete}[op]
	out, err := n.Store.Apply(ctx, act, []store.Change{c})
	if err != nil {
		return store.Result{}, err
	}
	return out[0], nil
}

func ifMatch(v int64) func(*store.Change) { return func(c *store.Change) { c.IfMatch = v } }

func ifNoneExist(q fhir.Search) func(*store.Change) {
	return func(c *store.Change) { c.IfNoneExist = &q }
}

// remove deletes as the clinician does.
func remove(t testing.TB, n *storetest.Running, r string) store.Result {
	t.Helper()
	typ, _, _ := strings.Cut(r, "/")
	got, err := one(n, n.Permit(ward.Clinician, access.Delete, typ), store.OpDelete, r, "")
	must(t, err)
	return got
}

func search(t testing.TB, rt, query string) fhir.Search {
	t.Helper()
	v, err := url.ParseQuery(query)
	must(t, err)
	q, err := fhir.ParseSearch(rt, v)
	must(t, err)
	return q
}

// find returns the ids of all pages, newest first, and fails on an id that comes twice.
func find(t testing.TB, n *storetest.Running, role ward.Role, rt, query string) (ids []string) {
	t.Helper()
	q := search(t, rt, query)
	seen := map[string]bool{}
	for {
		page, err := n.Store.Search(ctx, n.Permit(role, access.Search, rt), q)
		must(t, err)
		for _, v := range page.Versions {
			if seen[v.Ref.ID] {
				t.Fatalf("%s came twice", v.Ref)
			}
			seen[v.Ref.ID] = true
			ids = append(ids, v.Ref.ID)
		}
		if page.Next == "" {
			return ids
		}
		q = fhir.Search{Type: rt, Cursor: page.Next}
	}
}

// alter changes the database behind the store's back.
func alter(t testing.TB, n *storetest.Running, q string, args ...any) {
	t.Helper()
	must(t, n.DB.Write(ctx, db.System, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, q, args...)
		return err
	}))
}

// number runs a query of one integer in the tenant "one".
func number(t testing.TB, n *storetest.Running, q string, args ...any) (v int64) {
	t.Helper()
	must(t, n.DB.Read(ctx, db.Tenant(n.Tenant.Number), func(tx *db.Tx) error {
		_, err := tx.Get(ctx, q, args, &v)
		return err
	}))
	return v
}

func get(n *storetest.Running, role ward.Role, r string) (ward.Version, error) {
	p := n.Permit(role, access.Read, ref(r).Type)
	return n.Store.Get(ctx, p, ref(r))
}

func asError(err error, e **ward.Error) bool { return errors.As(err, e) }
