package plausible

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRivals: in which other units the number could just as well be meant.
func TestRivals(t *testing.T) {
	for _, c := range []struct{ name, code, value, unit, rng, earlier, want string }{
		{"magnesium, range", "19123-9", "2.0", "mg/dL", "1.7-2.2", "", "meq/L"},
		{"magnesium in equivalents, range", "2601-3", "0.8", "mmol/L", "0.7-0.9", "", ""},
		{"magnesium, earlier value", "19123-9", "2.0", "mg/dL", "", "1.9", "meq/L"},
		{"creatinine, range", "2160-0", "0.9", "mg/dL", "0.6-1.3", "", ""},
		{"creatinine, no range", "2160-0", "0.9", "mg/dL", "", "", "mmol/L"},
		{"creatinine, earlier value", "2160-0", "0.9", "mg/dL", "", "0.8", ""},
		{"sodium: equivalents are moles", "2951-2", "140", "mmol/L", "", "", ""},
		{"urea nitrogen, range", "3094-0", "15", "mg/dL", "7-20", "", ""},
		{"urea nitrogen, no range", "3094-0", "15", "mg/dL", "", "", "urea"},
		{"range in another unit says nothing", "19123-9", "2.0", "mg/dL", "0.7-0.9 mmol/L", "", "meq/L"},
		{"blood pressure", "8480-6", "120", "mm[Hg]", "", "", ""},
	} {
		f := fact(t, c.code, c.value)
		f.Unit, f.Range = c.unit, c.rng
		if c.earlier != "" {
			f.Previous = []Previous{{Value: fact(t, c.code, c.earlier).Value}}
		}
		var got []string
		for _, r := range Rivals(f) {
			got = append(got, r.Why)
		}
		if all := strings.Join(got, "; "); c.want == "" && all != "" || !strings.Contains(all, c.want) {
			t.Errorf("%s: %q, want %q", c.name, all, c.want)
		}
	}
}

// TestEarlierValueTellsUnits: a diabetic's glucose of 250 mg/dL, sent the next day as 13.9: sick, and in mmol/L.
func TestEarlierValueTellsUnits(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	f := fact(t, "2345-7", "13.9")
	f.At = now
	if got := Check(f); slices.ContainsFunc(got, func(x Finding) bool { return x.Code == UnitMislabelled }) {
		t.Fatalf("held without an earlier value: %s", codes(got))
	}
	f.Previous = []Previous{{Value: fact(t, "2345-7", "250").Value, At: now.Add(-24 * time.Hour)}}
	got := Check(f)
	i := slices.IndexFunc(got, func(x Finding) bool { return x.Code == UnitMislabelled })
	if !Wants(f) || !Hold(got) || i < 0 || got[i].Proposal == nil || got[i].Proposal.Unit != "mmol/L" {
		t.Errorf("%+v", got)
	}
	f.Range = "70-100"
	if got := Check(f); Hold(got) && slices.ContainsFunc(got, func(x Finding) bool { return x.Code == UnitMislabelled }) {
		t.Errorf("held against its range: %s", codes(got))
	}
}

func TestSameRange(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"1.7-2.2", "1.70 - 2.20", true}, {"1.7-2.2", "1.4-1.8", false}, {"<5", "<= 5", false}, {"1.7-2.2", "1.7-2.2 mg/dL", false}, {"", "", false}, {"x", "x", false}} {
		if SameRange(c.a, c.b) != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, !c.want)
		}
	}
}
