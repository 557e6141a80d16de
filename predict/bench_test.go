package predict_test

import (
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/store/storetest"
)

// BenchmarkServe is the governed path, durable entries and kept decision included.
func BenchmarkServe(b *testing.B) {
	n := predicttest.Start(b, storetest.SQLite)
	n.PushMortality()
	n.Person("p", "male", birth(61), "")
	n.Result("p.cr", "p", "2160-0", "final", recent, predicttest.Quantity("1.0", "mg/dL"))
	for _, l := range usual("") {
		n.Result("p."+l[0], "p", lookup(l[0]).code, "final", recent, predicttest.Quantity(l[1], l[2]))
	}
	for _, model := range []string{predicttest.Model, predicttest.Mortality} {
		b.Run(model, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					d, _, err := n.Predict.Serve(ctx, n.Grant(ward.Clinician, access.Predict, ""), model, "p", "bench")
					if err != nil || d.Output == nil {
						b.Errorf("%q, %v", d.Reasons, err)
						return
					}
				}
			})
		})
	}
}
