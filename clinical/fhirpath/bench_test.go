package fhirpath

import (
	"os"
	"syscall"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// BenchmarkEval evaluates simple expressions on one goroutine, from a Doc that is parsed.
func BenchmarkEval(b *testing.B) {
	dir := os.Getenv("WARD_GOLD")
	if dir == "" {
		b.Skip("WARD_GOLD is not set: nothing is measured")
	}
	patient, observation := readInput(b, dir, "patient-example.xml"), readInput(b, dir, "observation-example.xml")
	for _, c := range []struct {
		text  string
		focus Node
	}{
		{"Patient.name.given", patient},
		{"name.where(use = 'official').family", patient},
		{"birthDate", patient},
		{"Patient.gender = 'male'", patient},
		{"contact.exists() implies contact.all(name.exists() or telecom.exists())", patient},
		{"name.first().given.first()", patient},
		{"Observation.value.ofType(Quantity).value > 5", observation},
		{"Observation.code.coding.where(system = 'http://loinc.org').code", observation},
	} {
		b.Run(c.text, func(b *testing.B) {
			e, ctx := MustCompile(c.text), &Context{Set: definition.R4()}
			dst := make(Collection, 0, 16)
			b.ReportAllocs()
			before := cpu()
			for b.Loop() {
				var err error
				if dst, err = e.Append(dst[:0], ctx, c.focus.Item()); err != nil || len(dst) == 0 {
					b.Fatal(err, len(dst))
				}
			}
			b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpu is the processor time of this process, which other processes of a busy machine do not lengthen.
func cpu() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
