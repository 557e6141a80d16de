package structure_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

func TestVal(t *testing.T) {
	s := structure.New(definition.R4())
	var c structure.Checker
	var d tree.Doc
	b, _ := os.ReadFile("/tmp/valr4/validator/manifest.json")
	var m struct {
		TestCases []struct {
			Name, File, Version, Module string
			UseTest                     *bool `json:"use-test"`
			Java                        json.RawMessage
		} `json:"test-cases"`
	}
	json.Unmarshal(b, &m)
	nerr := func(raw json.RawMessage) (n int, why string) {
		var name string
		doc := raw
		if json.Unmarshal(raw, &name) == nil {
			doc, _ = os.ReadFile("/tmp/valr4/validator/outcomes/" + name)
		}
		var o struct {
			Issue []struct {
				Severity   string
				Details    struct{ Text string }
				Expression []string
			}
			Outcome *struct {
				Issue []struct {
					Severity   string
					Details    struct{ Text string }
					Expression []string
				}
			}
		}
		if json.Unmarshal(doc, &o) != nil {
			return -1, ""
		}
		if o.Outcome != nil {
			o.Issue = o.Outcome.Issue
		}
		for _, i := range o.Issue {
			if i.Severity == "error" || i.Severity == "fatal" {
				n++
				if len(i.Expression) > 0 {
					why += i.Expression[0] + ": "
				}
				why += i.Details.Text + " || "
			}
		}
		return n, why
	}
	for _, tc := range m.TestCases {
		if !strings.HasPrefix(tc.Version, "4.0") || !strings.HasSuffix(tc.File, ".json") || tc.Java == nil {
			continue
		}
		src, err := os.ReadFile("/tmp/valr4/validator/" + tc.File)
		if err != nil {
			continue
		}
		want, why := nerr(tc.Java)
		err = d.Parse(src, tree.Limits{})
		got := 0
		if err != nil {
			got = 1
		} else {
			c.Check(s, &d, structure.Options{})
			got = len(c.Issues)
		}
		if got > 0 && want == 0 {
			t.Logf("FALSE+ %s (%s) %v", tc.Name, tc.Module, err)
			for k, i := range c.Issues {
				if k < 3 {
					t.Logf("      %+v", i)
				}
			}
		}
		if got == 0 && want > 0 && os.Getenv("MISS") != "" {
			t.Logf("MISS %s (%s) %d %.300s", tc.Name, tc.Module, want, why)
		}
	}
}
