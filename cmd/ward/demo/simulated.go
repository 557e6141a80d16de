package demo

import (
	"time"

	"github.com/ward-health/ward/clinical/simulate"
)

// simulated makes up a hospital. The cards are asked for the first patient, whose creatinine is in order, and for the one
// whose creatinine has a unit that no model may guess about.
func simulated(patients int, seed uint64) *input {
	in := &input{items: map[string][]item{}, skipped: map[string]int{}}
	h := simulate.New(seed, time.Now()).Hospital(patients)
	for _, g := range h.Groups {
		t := transaction{from: "simulation", apart: true}
		for _, r := range g.Resources {
			t.entries = append(t.entries, item{r.Type, r.ID, r.Body, ""}.entry())
		}
		in.bundles = append(in.bundles, t)
	}
	for _, p := range h.Truth {
		if p.Case == simulate.MassUnit && len(in.charts) == 0 || p.Case == simulate.WrongUnit {
			in.charts = append(in.charts, p.Patient)
		}
	}
	return in
}
