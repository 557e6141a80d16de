package index_test

import (
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/index"
	"github.com/ward-health/ward/clinical/fhir/structure"
)

func TestAllTmp(t *testing.T) {
	set := definition.R4()
	x := index.New(structure.New(set))
	seen := map[string]bool{}
	for _, rt := range set.ResourceTypesTmp() {
		tab := x.Table(rt)
		for _, p := range tab.Params {
			seen[p.URL] = true
		}
		for _, s := range tab.Skipped {
			t.Log(rt, s.Param.Code, s.Param.Expression, s.Reason)
		}
	}
	t.Log(len(seen))
}
