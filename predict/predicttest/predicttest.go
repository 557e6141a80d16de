// Package predicttest builds a real node's core (store/storetest) with a registry that holds the built-in models, signed
// by the node's own key, and a prediction service with a clock that a test sets. Nothing in it is a stand-in.
package predicttest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store/storetest"
)

// Model is the name of the built-in model.
const Model = "egfr-ckd-epi-2021"

// Now is the time of decisions until a test sets another.
var Now = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

// Node is a running core with models.
type Node struct {
	*storetest.Running
	Registry *registry.Registry
	Predict  *predict.Service
	Signer   keys.Signer
	Public   []byte
	Now      time.Time

	t testing.TB
}

// Start makes a node whose first tenant trusts the node's model key and has the built-in models active.
func Start(t testing.TB, engine string) *Node {
	t.Helper()
	n := &Node{Running: storetest.Node(t, engine), Now: Now, t: t}
	ctx := context.Background()
	n.Must(n.DB.Migrate(ctx, registry.Migrations()))
	n.build()
	tn := db.Tenant(n.Tenant.Number)
	n.Must(n.DB.Write(ctx, tn, func(tx *db.Tx) error { return n.Registry.Trust(ctx, tx, tn, n.Public) }))
	for _, a := range registry.Builtin() {
		n.Must(n.Push(a, n.Signer, n.Public))
	}
	return n
}

// Must fails the test on an error.
func (n *Node) Must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *Node) build() {
	var err error
	n.Signer, n.Public, err = n.Ring.Signer(context.Background(), "model", keys.ES256)
	n.Must(err)
	n.Registry = registry.Open(n.DB, n.Log, func(ctx context.Context, tn db.Tenant) (keys.MAC, error) { return n.Ring.MAC(ctx, tn, "row") })
	n.Predict = predict.New(predict.Deps{Store: n.Store, Registry: n.Registry, Now: func() time.Time { return n.Now }})
}

// Reopen restarts the node over the same folder.
func (n *Node) Reopen() {
	n.t.Helper()
	n.Running.Reopen()
	n.build()
}

// Push pushes an artefact as the tenant's operator.
func (n *Node) Push(a registry.Artefact, s keys.Signer, public []byte) error {
	n.t.Helper()
	return n.Registry.Push(context.Background(), n.Operator(n.Tenant.ID, access.ModelPush), a, s, public)
}

// Ask serves the model to the tenant's clinician.
func (n *Node) Ask(patient string) (ward.Decision, error) {
	n.t.Helper()
	d, _, err := n.Predict.Serve(context.Background(), n.Grant(ward.Clinician, access.Predict, ""), Model, patient, "test")
	return d, err
}

// Person puts a Patient. Extra is further JSON members, each with a leading comma.
func (n *Node) Person(id, gender, birth, extra string) {
	n.t.Helper()
	n.Put("Patient/"+id, fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":"Canaryfamily","given":["Canarygiven"]}],"gender":%q,"birthDate":%q%s}`, id, gender, birth, extra))
}

// Result puts an Observation with a creatinine. Quantity is the JSON of valueQuantity; empty leaves it out.
func (n *Node) Result(id, patient, code, status, effective, quantity string) {
	n.t.Helper()
	n.Put("Observation/"+id, Observation(id, patient, code, status, effective, quantity))
}

// Observation is the body that Result puts.
func Observation(id, patient, code, status, effective, quantity string) string {
	body := fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":%q,"code":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":"Patient/%s"}`, id, status, code, patient)
	if effective != "" {
		body += fmt.Sprintf(`,"effectiveDateTime":%q`, effective)
	}
	if quantity != "" {
		body += `,"valueQuantity":` + quantity
	}
	return body + "}"
}

// Quantity is a UCUM quantity as JSON.
func Quantity(value, unit string) string {
	return fmt.Sprintf(`{"value":%s,"unit":%q,"system":"http://unitsofmeasure.org","code":%q}`, value, unit, unit)
}
