package cdshooks_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/predict/cdshooks"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/store"
)

// feedback sends one body to the feedback endpoint of the built-in model's service.
func (s *site) feedback(token, body string) reply {
	return s.post(token, predicttest.Model+"/feedback", body)
}

// said reads what was kept on a card.
func (s *site) said(card string) []store.Feedback {
	s.t.Helper()
	id, err := ward.ParseID(card)
	s.Must(err)
	out, err := s.Store.Feedbacks(context.Background(), s.Permit(ward.Clinician, access.DecisionRead, ""), id)
	s.Must(err)
	return out
}

// told counts the entries of feedback.
func (s *site) told() (n int) {
	for _, e := range s.Entries() {
		if e.Act == audit.ActFeedback && e.Outcome == audit.Done {
			n++
		}
	}
	return n
}

func (s *site) card(token, patient string) string {
	s.t.Helper()
	got := s.view(token, patient)
	if got.status != 200 || len(got.Cards) != 1 {
		s.t.Fatalf("%d %s", got.status, got.raw)
	}
	return got.Cards[0].UUID
}

// TestFeedback: a clinician overrides one card with a reason and accepts another; sent twice it is kept once.
func TestFeedback(t *testing.T) {
	s := start(t)
	token := s.token(ward.Clinician)
	s.Person("p", "male", "1976-03-01", "")
	got := s.view(token, "p")
	if n := strings.Count(got.raw, `"system":"`+cdshooks.ReasonSystem+`"`); n != 4 || !strings.Contains(got.raw, `"overrideReasons":[`) {
		t.Errorf("%d override reasons: %s", n, got.raw)
	}
	one, two := got.Cards[0].UUID, s.card(token, "p")
	body := fmt.Sprintf(`{"feedback":[
		{"card":%q,"outcome":"overridden","outcomeTimestamp":"2026-11-10T09:00:00.5+01:00","overrideReason":{"reason":{"system":%q,"code":"known","display":"Already known or acted on"},"userComment":"canarycomment äöü"},"extension":{"x":1}},
		{"card":%q,"outcome":"accepted","outcomeTimestamp":"2026-11-10T08:00:00Z","acceptedSuggestions":[{"id":"s1"}]}]}`, one, cdshooks.ReasonSystem, two)
	for range 2 {
		if got := s.feedback(token, body); got.status != 200 || got.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s", got.status, got.raw)
		}
	}
	if n := s.told(); n != 4 {
		t.Errorf("%d entries", n)
	}
	a, b := s.said(one), s.said(two)
	if len(a) != 1 || len(b) != 1 {
		t.Fatalf("%d and %d are kept", len(a), len(b))
	}
	if a[0].Outcome != store.Overridden || a[0].By != ward.PrincipalID(ward.Clinician) || a[0].At.Format("15:04:05.0Z") != "08:00:00.5Z" ||
		string(a[0].Body) != `{"service":"`+predicttest.Model+`","overrideReason":{"reason":{"system":"`+cdshooks.ReasonSystem+`","code":"known","display":"Already known or acted on"},"userComment":"canarycomment äöü"}}` {
		t.Errorf("%+v %s", a[0], string(a[0].Body))
	}
	if b[0].Outcome != store.Accepted || string(b[0].Body) != `{"service":"`+predicttest.Model+`","acceptedSuggestions":["s1"]}` {
		t.Errorf("%+v %s", b[0], string(b[0].Body))
	}
	s.absent("canarycomment")
	s.Clean()
}

// TestFeedbackRefused: what is not as the standard has it is refused as a whole, and nothing of it is kept.
func TestFeedbackRefused(t *testing.T) {
	s := start(t)
	token := s.token(ward.Clinician)
	s.Person("p", "male", "1976-03-01", "")
	card := s.card(token, "p")
	item := func(more string) string {
		return fmt.Sprintf(`{"card":%q,"outcomeTimestamp":"2026-11-10T08:00:00Z",%s}`, card, more)
	}
	good := item(`"outcome":"accepted"`)
	list := func(items ...string) string { return `{"feedback":[` + strings.Join(items, ",") + `]}` }
	long := strings.Repeat("ä", 1001)
	for _, c := range []struct {
		body   string
		status int
		at     string
	}{
		{``, 400, ""}, {`[]`, 400, ""}, {`{}`, 400, "feedback"}, {`{"feedback":[]}`, 400, "feedback"},
		{`{"feedback":[` + good + `],"feedback":[]}`, 400, ""},
		{list(strings.Split(strings.Repeat(good+"\n", 51), "\n")[:51]...), 400, "feedback"},
		{list(good, strings.Replace(good, card, "1", 1)), 400, "feedback[1].card"},
		{list(strings.Replace(good, card, "00000000-0000-0000-0000-000000000000", 1)), 400, "feedback[0].card"},
		{list(item(`"outcome":"ignored"`)), 400, "feedback[0].outcome"},
		{list(item(`"Outcome":"accepted"`)), 400, "feedback[0].outcome"},
		{list(strings.Replace(good, "2026-11-10T08:00:00Z", "2026-11-10", 1)), 400, "feedback[0].outcomeTimestamp"},
		{list(strings.Replace(good, "2026", "2926", 1)), 400, "feedback[0].outcomeTimestamp"},
		{list(item(`"outcome":"overridden","acceptedSuggestions":[{"id":"a"}]`)), 400, "feedback[0].acceptedSuggestions"},
		{list(item(`"outcome":"accepted","acceptedSuggestions":[{}]`)), 400, "feedback[0].acceptedSuggestions"},
		{list(item(`"outcome":"accepted","overrideReason":{"userComment":"x"}`)), 400, "feedback[0].overrideReason"},
		{list(item(`"outcome":"overridden","overrideReason":{"userComment":"` + long + `"}`)), 400, "feedback[0].overrideReason.userComment"},
		{list(item(`"outcome":"overridden","overrideReason":{"reason":{"display":"x"}}`)), 400, "feedback[0].overrideReason.reason"},
		{list(item(`"outcome":"overridden","overrideReason":{"reason":{"system":"` + cdshooks.ReasonSystem + `","code":"zz"}}`)), 400, "feedback[0].overrideReason.reason.code"},
		{`{"x":"` + strings.Repeat("x", 256<<10) + `"}`, 413, ""},
	} {
		got := s.feedback(token, c.body)
		if got.status != c.status || c.at != "" && !strings.Contains(got.raw, `"at":"`+c.at+`"`) {
			t.Errorf("%.120s: %d %s, want %d at %q", c.body, got.status, got.raw, c.status, c.at)
		}
	}
	if len(s.said(card)) != 0 || s.told() != 0 {
		t.Error("something was kept")
	}
	if got := s.post(token, "no-such-service/feedback", list(good)); got.status != 404 {
		t.Errorf("%d %s", got.status, got.raw)
	}
	if got := s.feedback("", list(good)); got.status != 401 {
		t.Errorf("%d %s", got.status, got.raw)
	}
	for _, role := range []ward.Role{ward.Registrar, ward.Auditor, ward.Admin, ward.Privacy} {
		if got := s.feedback(s.token(role), list(good)); got.status != 403 {
			t.Errorf("%s: %d %s", role, got.status, got.raw)
		}
	}
	// The largest comment is fine; an unknown card is told by its place, and what stood before it is kept.
	most := item(`"outcome":"overridden","overrideReason":{"reason":{"system":"urn:other","code":"z"},"userComment":"` + long[2:] + `"}`)
	got := s.feedback(token, list(most, strings.Replace(good, card, ward.NewID().String(), 1)))
	if got.status != 404 || !strings.Contains(got.raw, `"at":"feedback[1].card"`) || got.Message == "" || len(s.said(card)) != 1 {
		t.Errorf("%d %s", got.status, got.raw)
	}
	if _, err := s.Store.Shred(context.Background(), s.Permit(ward.Privacy, access.Shred, ""), "p"); err != nil {
		t.Fatal(err)
	}
	if got := s.feedback(token, list(good)); got.status != 410 || !strings.Contains(got.raw, `"at":"feedback[0].card"`) {
		t.Errorf("%d %s", got.status, got.raw)
	}
}
