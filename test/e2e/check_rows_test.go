package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ward-health/ward/server"
)

// TestCheckNamesThePackage: what was changed is told on a line of its own, and nothing of what it holds.
func TestCheckNamesThePackage(t *testing.T) {
	n := newNode(t, nil)
	n.ward("package", "add", packageFile(t, "one", 0))
	n.ward("package", "add", packageFile(t, "two", 0))
	n.ward("store", "check")
	if err := n.sql(`UPDATE fhir_package SET version = 'Kanarienvogel' WHERE name = 'one'`); err != nil {
		t.Fatal(err)
	}
	if err := n.sql(`UPDATE fhir_package SET body = (SELECT p.body FROM fhir_package p WHERE p.name = 'one') WHERE name = 'two'`); err != nil {
		t.Fatal(err)
	}
	out, errs, code := n.run("ward", "store", "check")
	if code != 3 || !strings.Contains(out, "fhir_package row 1 by name") || !strings.Contains(out, "fhir_package two") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	if strings.Contains(out+errs, "Kanarienvogel") {
		t.Errorf("content is told: %s%s", out, errs)
	}
}

// TestCheckNamesTheSeries: what is counted of a sender is covered too, each column of its row.
func TestCheckNamesTheSeries(t *testing.T) {
	n := newNode(t, nil)
	n.people()
	n.start()
	s := &sender{node: n, doc: n.token("doc"), aud: n.token("aud")}
	s.address = n.channel("lab")
	s.listens(s.address)
	s.result("4711", "1.0", "mg/dL", "")
	n.stop()
	var clean server.CheckResult
	if err := json.Unmarshal([]byte(n.ward("store", "check", "--json")), &clean); err != nil || clean.Series != 1 || len(clean.Faults) != 0 {
		t.Fatalf("%+v: %v", clean, err)
	}
	for _, column := range []string{"name16", "ver", "body"} {
		turn := `UPDATE series SET ` + column + ` = flip(` + column + `)` // once more is back again
		if err := n.sql(turn); err != nil {
			t.Fatal(err)
		}
		if out, errs, code := n.run("ward", "store", "check"); code != 3 || !strings.Contains(out, "series ") || !strings.Contains(out, "; 1 faults") {
			t.Errorf("%s: exit %d: %s%s", column, code, out, errs)
		}
		if err := n.sql(turn); err != nil {
			t.Fatal(err)
		}
	}
	n.ward("store", "check")
}
