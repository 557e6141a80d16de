package validate_test

import (
	"sort"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

// TestConcurrent: one Validator, warm or cold, says the same to many at once.
func TestConcurrent(t *testing.T) {
	p, all := usCore(t, "610")
	set, _ := definition.R4().With(p)
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	sort.Strings(names)
	names = names[:60]
	want := map[string][]issue.Issue{}
	alone := validate.New(set, validate.Options{})
	for _, name := range names {
		want[name] = alone.Validate(parse(t, all[name]))
	}
	v := validate.New(set, validate.Options{})
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			d := &tree.Doc{}
			for i := range names {
				name := names[(i+k*15)%len(names)]
				if err := d.Parse(all[name], tree.Limits{}); err != nil {
					t.Error(err)
					return
				}
				if diff := cmp.Diff(want[name], v.Validate(d)); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		})
	}
	wg.Wait()
}
