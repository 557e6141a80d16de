package mapping_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/identity"
	"github.com/ward-health/ward/normalize/mapping"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden compares what our own messages say with what they said when somebody looked at it last.
func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.hl7")
	if err != nil || len(names) == 0 {
		t.Fatal("no messages", err)
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := hl7v2.Parse(raw, hl7v2.Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		r, err := mapping.Map(m, identity.Kind(m), mapping.Options{Zone: zone, Systems: map[string]string{"WARD": "http://ward.example/mrn"}})
		if err != nil {
			t.Fatal(name, err)
		}
		var out bytes.Buffer
		for _, c := range r.Candidates {
			fmt.Fprintf(&out, "%s %s %q\n%s\n", c.At, c.Rule, c.Key, c.Body.Bytes())
			for _, d := range c.Doubts {
				fmt.Fprintf(&out, "doubt %s %s %s\n", d.Class, d.Reason, d.Position)
			}
		}
		fmt.Fprintf(&out, "fields %d kept %d merges %d\n", r.Fields, r.Kept, len(r.Merges))
		golden := name[:len(name)-len("hl7")] + "golden"
		if *update {
			if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), out.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
