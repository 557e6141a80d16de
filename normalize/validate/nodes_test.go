package validate_test

import (
	"context"
	"testing"
	"time"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/normalize/validate"
	"github.com/ward-health/ward/store/storetest"
)

const (
	promised = time.Second // after which a change of another node is in force for every call
	named    = "urn:ward-test:named"
	profile  = `{"resourceType":"StructureDefinition","url":"` + named + `","name":"Named","status":"active","kind":"resource","abstract":false,"type":"Patient",` +
		`"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint","differential":{"element":[{"id":"Patient.name","path":"Patient.name","min":1}]}}`
)

// refuses reports whether a Patient without a name is refused that claims to have one.
func refuses(t *testing.T, r *validate.Packages, tn db.Tenant) bool {
	t.Helper()
	v, err := r.Validator(ctx, tn)
	if err != nil {
		t.Fatal(err)
	}
	var d tree.Doc
	if err := d.Parse([]byte(`{"resourceType":"Patient","meta":{"profile":["`+named+`"]}}`), tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	return !v.ValidChecked(&d)
}

// inForce waits until a change that was answered just now is seen, and wants it in every call that begins later than was promised.
func inForce(t *testing.T, r *validate.Packages, tn db.Tenant, want bool) {
	t.Helper()
	answered := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		began := time.Now()
		if refuses(t, r, tn) == want {
			return
		}
		if began.Sub(answered) >= promised {
			t.Fatalf("a call that began %s after the change does not see it", began.Sub(answered))
		}
		<-tick.C
	}
}

// TestTwoNodes: what one node adds, replaces or takes away is in force in another one on the same database within a second.
func TestTwoNodes(t *testing.T) {
	n := storetest.Node(t, storetest.PostgreSQL)
	here := opened(t, n)
	there := validate.Open(dbtest.OpenDB(t, n.Config), n.Log, func(ctx context.Context, tn db.Tenant) (keys.MAC, error) { return n.Ring.MAC(ctx, tn, "package") })
	tn, p := db.Tenant(n.Tenant.Number), n.Operator(n.Tenant.ID, access.PackageAdd)
	if refuses(t, here, tn) || refuses(t, there, tn) {
		t.Fatal("a claim to what is not loaded is refused")
	}
	for _, step := range []struct {
		by, other *validate.Packages
		tgz       []byte // nil: the package is taken away
		want      bool
	}{
		{here, there, tgz(t, "one", profile), true}, {there, here, tgz(t, "one"), false},
		{there, here, tgz(t, "one", profile), true}, {here, there, nil, false},
	} {
		var err error
		if step.tgz != nil {
			_, _, err = step.by.Add(ctx, p, step.tgz)
		} else {
			err = step.by.Remove(ctx, p, "one")
		}
		if err != nil {
			t.Fatal(err)
		}
		if refuses(t, step.by, tn) != step.want {
			t.Error("a change is not in force at once where it was made")
		}
		inForce(t, step.other, tn, step.want)
	}
}
