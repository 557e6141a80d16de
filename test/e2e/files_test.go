package e2e

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func today() string { return time.Now().UTC().Add(-time.Hour).Format(time.RFC3339) }

// service is the first CDS service that the node offers.
func service(n *node) string {
	n.t.Helper()
	a := n.must(200, "", "GET", "/cds-services", nil)
	var d struct{ Services []struct{ ID string } }
	if err := json.Unmarshal(a.body, &d); err != nil || len(d.Services) == 0 {
		n.t.Fatalf("no CDS service: %v %s", err, a.body)
	}
	return d.Services[0].ID
}
