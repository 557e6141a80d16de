package e2e

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ward-health/ward/engine/db/dbtest"
)

// TestForeignTransaction leaves a transaction of somebody else open in the PostgreSQL cluster, which keeps newer entries from
// getting their index. The node stops in time and without an error, and publishes after the next start.
func TestForeignTransaction(t *testing.T) {
	dsn := dbtest.Postgres(t)
	n := newNode(t, []string{"WARD_TEST_DSN=" + dsn}, "--dsn", "env:WARD_TEST_DSN")
	n.people()
	n.start()
	doc := n.token("doc")
	other, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(t.Context())
	if _, err := other.Exec(t.Context(), "BEGIN; SELECT pg_current_xact_id()"); err != nil {
		t.Fatal(err)
	}
	n.must(201, doc, http.MethodPut, "/fhir/R4/Patient/held", []byte(`{"resourceType":"Patient","id":"held"}`))
	n.stop()
	if _, err := other.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	n.start()
	doc = n.token("doc")
	n.must(200, doc, http.MethodGet, "/fhir/R4/Patient/held", nil)
	n.stop()
	n.ward("audit", "verify")
	n.ward("store", "check")
}
