package predict_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/store/storetest"
)

// lab is one creatinine: effective is a member of its own, "" for none.
type lab struct{ id, code, status, effective, quantity, extra string }

func final(id, effective, value string) lab {
	return lab{id, "2160-0", "final", effective, predicttest.Quantity(value, "mg/dL"), ""}
}

func molar(id, effective, value string) lab {
	return lab{id, "14682-9", "final", effective, predicttest.Quantity(value, "umol/L"), ""}
}

func as(status string, l lab) lab { l.status = status; return l }

func with(extra string, l lab) lab { l.extra = extra; return l }

func on(date string) string { return fmt.Sprintf(`,"effectiveDateTime":%q`, date) }

func period(start, end string) string {
	return strings.Replace(fmt.Sprintf(`,"effectivePeriod":{"start":%q,"end":%q}`, start, end), `,"end":""`, "", 1)
}

// TestWhichIsNewest: no number comes from a result of which it is not certain that it is the newest, and none is passed over
// in silence.
func TestWhichIsNewest(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	const unclear, newer, maybe, dateless = "newest cannot be told", "a newer result, marked preliminary, was not used",
		"a result that may be newer, marked preliminary, was not used", "a finished result that does not say when it was taken was not used"
	for name, c := range map[string]struct {
		labs  []lab
		used  string // "": no number
		aside []string
		why   string // "": nothing but the basis
	}{
		"year-beside-day":        {[]lab{final("vague", on("2026"), "0.8"), final("exact", on("2026-09-01"), "6.0")}, "", []string{"vague"}, unclear},
		"year-first-window":      {[]lab{final("vague", on("2026"), "0.8"), final("exact", on("2026-11-20"), "6.0")}, "", []string{"vague"}, unclear},
		"month-beside-day":       {[]lab{final("vague", on("2026-11"), "6.0"), final("exact", on("2026-11-20"), "0.8")}, "", []string{"vague"}, unclear},
		"open-period":            {[]lab{final("open", period("2026-01-01", ""), "0.8"), final("exact", on("2026-09-01"), "6.0")}, "", []string{"open"}, unclear},
		"long-period":            {[]lab{final("long", period("2026-01-01", "2026-11-20"), "0.8"), final("exact", on("2026-09-01"), "6.0")}, "", []string{"long"}, unclear},
		"window-edge":            {[]lab{final("span", period("2026-10-23", "2026-10-26"), "0.8"), final("exact", on("2026-10-24"), "6.0")}, "", []string{"span"}, unclear},
		"day-beside-hour":        {[]lab{final("day", on("2026-11-10"), "0.8"), final("hour", on(recent), "6.0")}, "", []string{"day"}, unclear},
		"one-instant-two-values": {[]lab{final("a", on(recent), "0.8"), final("b", on(recent), "6.0")}, "", []string{"*"}, unclear},
		"year-of-same-value":     {[]lab{final("vague", on("2026"), "1.0"), final("exact", on("2026-09-01"), "1")}, "exact", nil, ""},
		"older-year":             {[]lab{final("vague", on("2025"), "0.8"), final("exact", on("2026-09-01"), "6.0")}, "exact", nil, ""},
		"ended-period":           {[]lab{final("ended", period("2026-08-01", "2026-08-31"), "0.8"), final("exact", on("2026-09-01"), "6.0")}, "exact", nil, ""},
		"both-units-rounded":     {[]lab{final("mass", on(recent), "1.0"), molar("moles", on(recent), "91")}, "*", nil, ""},
		"both-units-apart":       {[]lab{final("mass", on(recent), "1.0"), molar("moles", on(recent), "120")}, "", []string{"*"}, unclear},
		"coarse-mass":            {[]lab{final("mass", on(recent), "1"), molar("moles", on(recent), "120")}, "", []string{"*"}, unclear},
		"newer-preliminary":      {[]lab{final("final", on("2026-10-25"), "0.8"), as("preliminary", final("early", on("2026-11-22"), "6.0"))}, "final", []string{"early"}, newer},
		"vague-preliminary":      {[]lab{final("final", on("2026-10-25"), "0.8"), as("preliminary", final("early", on("2026"), "6.0"))}, "final", []string{"early"}, maybe},
		"dateless-preliminary":   {[]lab{final("final", on("2026-10-25"), "0.8"), as("preliminary", final("early", "", "6.0"))}, "final", []string{"early"}, maybe},
		"newer-registered":       {[]lab{final("final", on("2026-10-25"), "0.8"), as("registered", lab{"early", "2160-0", "", on("2026-11-22"), "", ""})}, "final", []string{"early"}, "a newer result, marked registered, was not used"},
		"older-preliminary":      {[]lab{final("final", on("2026-10-25"), "0.8"), as("preliminary", final("early", on("2026-10-24"), "6.0"))}, "final", nil, ""},
		"its-own-preliminary":    {[]lab{final("final", on(recent), "0.8"), as("preliminary", final("early", on(recent), "6.0"))}, "final", nil, ""},
		"newer-withdrawn":        {[]lab{final("final", on("2026-10-25"), "0.8"), as("entered-in-error", final("wrong", on("2026-11-22"), "6.0")), as("cancelled", final("off", on("2026-11-22"), "6.0"))}, "final", nil, ""},
		"dateless-final":         {[]lab{final("dated", on(recent), "0.8"), final("dateless", "", "6.0")}, "dated", []string{"dateless"}, dateless},
		"end-alone":              {[]lab{final("dated", on(recent), "0.8"), final("until", `,"effectivePeriod":{"end":"2026-11-20"}`, "6.0")}, "dated", []string{"until"}, dateless},
		"end-alone-before":       {[]lab{final("dated", on(recent), "0.8"), final("until", `,"effectivePeriod":{"end":"2026-11-01"}`, "6.0")}, "dated", nil, ""},
		"both":                   {[]lab{final("dated", on(recent), "0.8"), final("dateless", "", "6.0"), as("preliminary", final("early", on("2026-11-22"), "6.0"))}, "dated", []string{"early", "dateless"}, newer},
		"refused-and-newer":      {[]lab{final("final", on("2026-10-25"), "88"), as("preliminary", final("early", on("2026-11-22"), "6.0"))}, "", []string{"early"}, newer},
	} {
		t.Run(name, func(t *testing.T) {
			n.Person(name, "male", birth(50), "")
			for _, l := range c.labs {
				n.Put("Observation/"+name+"."+l.id, l.body(name))
			}
			d, err := n.Ask(name)
			if err != nil || (d.Output != nil) != (c.used != "") {
				t.Fatalf("%+v %q %v", d.Output, d.Reasons, err)
			}
			if got := strings.TrimPrefix(d.Inputs[0].Source, "Observation/"+name+"."); c.used != "" && c.used != "*" && got != c.used {
				t.Errorf("used %s, not %s", got, c.used)
			}
			var aside []string
			for _, in := range d.Inputs[3:] {
				if in.Version != 1 || len(in.Digest) != 64 || in.Unit != "" || in.Value != 0 || in.Name != "creatinine" {
					t.Errorf("%+v", in)
				}
				aside = append(aside, strings.TrimPrefix(in.Source, "Observation/"+name+"."))
			}
			if len(c.aside) == 1 && c.aside[0] == "*" && len(aside) == 1 {
				aside[0] = "*"
			}
			if !slices.Equal(aside, c.aside) {
				t.Errorf("set aside %q, not %q", aside, c.aside)
			}
			all := strings.Join(d.Reasons, "; ")
			if !strings.Contains(all, c.why) || c.why == "" && (strings.Contains(all, "not used") || strings.Contains(all, "cannot")) {
				t.Errorf("reasons %q, not %q", all, c.why)
			}
			if len(aside) == 2 && !strings.Contains(all, dateless) {
				t.Errorf("reasons %q", all)
			}
			same(t, n, d)
		})
	}
}

func (l lab) body(patient string) string {
	body := predicttest.Observation(patient+"."+l.id, patient, l.code, l.status, "", l.quantity)
	return strings.TrimSuffix(body, "}") + l.effective + l.extra + "}"
}

// same replays a decision.
func same(t *testing.T, n *predicttest.Node, d ward.Decision) {
	t.Helper()
	r, err := n.Predict.Replay(ctx, n.Grant(ward.Clinician, access.DecisionReplay, ""), d.ID)
	if err != nil || !r.Equal || r.Erased {
		t.Errorf("replay: %+v, %v", r, err)
	}
}

// TestVagueTime: a vague time is not shown as a day.
func TestVagueTime(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	for name, c := range map[string][2]string{
		"year": {on("2026"), "taken between 2026-01-01 and 2026-12-31"},
		"day":  {on("2026-11-10"), "taken on 2026-11-10"},
		"open": {period("2026-11-10", ""), "taken on or after 2026-11-10"},
		"span": {period("2026-11-09", "2026-11-10"), "taken between 2026-11-09 and 2026-11-10"},
	} {
		n.Person(name, "male", birth(50), "")
		n.Put("Observation/"+name+".x", final("x", c[0], "1.0").body(name))
		if d, err := n.Ask(name); err != nil || d.Output == nil || !strings.HasSuffix(d.Reasons[0], c[1]) {
			t.Errorf("%s: %q, %v", name, d.Reasons, err)
		}
	}
}

// TestModified: what may turn the meaning of a source around is not passed over.
func TestModified(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	const modifier, focus = `,"modifierExtension":[{"url":"http://example.org/negated","valueBoolean":true}]`, `,"focus":[{"reference":"Patient/donor"}]`
	for name, c := range map[string]struct{ person, result, want string }{
		"result":   {"", modifier, "the newest creatinine result carries a modifierExtension"},
		"disputed": {"", `,"meta":{"tag":[{"system":"urn:ward:fact","code":"disputed"}]}`, "the newest creatinine result is disputed"},
		"unsure":   {"", `,"meta":{"tag":[{"system":"urn:ward:fact","code":"unit-unconfirmed"}]}`, "the newest creatinine result is in a unit that its sender has not confirmed"},
		"focus":    {"", focus, "Observation.focus"},
		"patient":  {modifier, "", "the patient's record carries a modifierExtension"},
	} {
		n.Person(name, "male", birth(50), c.person)
		n.Put("Observation/"+name+".old", final("old", on("2026-10-01"), "1.0").body(name))
		n.Put("Observation/"+name+".x", with(c.result, final("x", on(recent), "1.0")).body(name))
		d, err := n.Ask(name)
		if err != nil || d.Output != nil || len(d.Reasons) != 1 || !strings.Contains(d.Reasons[0], c.want) || d.Inputs[0].Source != "Observation/"+name+".x" {
			t.Errorf("%s: %+v %q, %v", name, d.Output, d.Reasons, err)
			continue
		}
		same(t, n, d)
	}
}

// TestCodeAndUnit: where code and unit contradict each other, the answer says what was taken.
func TestCodeAndUnit(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	mass, moles := predicttest.Quantity("1.0", "mg/dL"), predicttest.Quantity("88.40168", "umol/L")
	for name, c := range map[string]struct{ code, quantity, want string }{
		"mass-as-moles": {"2160-0", moles, "the result's code speaks of mass, its unit of substance; the unit was taken"},
		"moles-as-mass": {"14682-9", mass, "the result's code speaks of substance, its unit of mass; the unit was taken"},
		"mass":          {"2160-0", mass, ""},
		"moles":         {"14682-9", moles, ""},
		"both-codes":    {`2160-0"},{"system":"http://loinc.org","code":"14682-9`, moles, ""},
	} {
		n.Person(name, "male", birth(50), "")
		body := lab{"x", "CODE", "final", on(recent), c.quantity, ""}.body(name)
		n.Put("Observation/"+name+".x", strings.Replace(body, "CODE", c.code, 1))
		d, err := n.Ask(name)
		if err != nil || d.Output == nil || d.Output.Value != 91.69 {
			t.Errorf("%s: %+v %q, %v", name, d.Output, d.Reasons, err)
			continue
		}
		if slices.Contains(d.Reasons, c.want) != (c.want != "") || c.want == "" && strings.Contains(strings.Join(d.Reasons, ""), "speaks of") {
			t.Errorf("%s: %q", name, d.Reasons)
		}
		same(t, n, d)
	}
}
