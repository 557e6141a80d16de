package predict_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/store/storetest"
)

// TestMessyRecords asks about patients whose records are as records are: several results of an analyte, of every status, in right and
// wrong units, with vague, open, future and missing times, some under the codes of two analytes. Whatever is decided, every
// source is recorded and the decision is recomputed equal; a number stands on finished results in a unit of the right kind only.
func TestMessyRecords(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.PushMortality()
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	numbers, refused, without := 0, 0, 0
	for i := range 120 {
		patient := fmt.Sprintf("messy-%d", i)
		n.Person(patient, pick("male", "female"), birth(30+r.IntN(40)), "")
		var refs []ward.Reference
		var bodies []string
		unfit := 0 // how much of this patient's record is unfit
		if i%3 == 0 {
			unfit = 12
		}
		for _, a := range analytes {
			for k := range r.IntN(4) {
				id := fmt.Sprintf("%s.%s%d", patient, a.name, k)
				day := predicttest.Now.AddDate(0, 0, -r.IntN(500))
				when := on(day.Format(time.RFC3339))
				status := "final"
				u := r.IntN(len(a.units))
				unit := a.units[u]
				switch r.IntN(40) {
				case 0, 1:
					when = on(day.Format("2006-01"))
				case 2:
					when = period(day.Format(time.DateOnly), "")
				case 3, 4:
					status = pick("preliminary", "registered", "cancelled", "entered-in-error", "amended", "corrected", "unknown")
				}
				if r.IntN(1000) < unfit {
					when = pick("", on("2027-03-01"), when)
					unit = pick("U/L", "mg%", unit)
				}
				value := fmt.Sprintf("%.4g", (a.low+r.Float64()*(a.high-a.low))/a.size[u])
				code := a.code
				if r.IntN(60) == 0 {
					code += `"},{"system":"http://loinc.org","code":"` + analytes[r.IntN(len(analytes))].code
				}
				body := predicttest.Observation(id, patient, "CODE", status, "", predicttest.Quantity(value, unit))
				body = strings.Replace(strings.TrimSuffix(body, "}")+when+"}", "CODE", code, 1)
				refs, bodies = append(refs, ward.Reference{Type: "Observation", ID: id}), append(bodies, body)
			}
		}
		if len(refs) == 0 {
			continue
		}
		if _, err := n.Store.Apply(ctx, audit.ActTransaction, n.Changes(ward.Integration, refs, bodies)); err != nil {
			t.Fatal(err)
		}
		d, err := n.AskModel(predicttest.Mortality, patient)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range d.Inputs {
			if in.Missing != "" {
				without++
			}
			if (in.Source == "") != (in.Version == 0) || in.Source == "" && d.Output != nil && in.Missing == "" || in.Missing != "" && (in.Unit != "" || in.Value != 0) {
				t.Errorf("%s: %+v", patient, in)
			}
		}
		if d.Output != nil {
			numbers++
		} else {
			refused++
		}
		got, err := n.Predict.Replay(ctx, n.Grant(ward.Clinician, access.DecisionReplay, ""), d.ID)
		if err != nil || !got.Equal {
			t.Errorf("%s: %+v, %v: %q", patient, got, err, d.Reasons)
		}
	}
	t.Logf("%d numbers, %d refusals, %d values missing", numbers, refused, without)
	if numbers < 20 || refused < 20 || without < 50 {
		t.Errorf("%d numbers, %d refusals, %d values missing: the records are not messy enough, or too messy", numbers, refused, without)
	}
}
