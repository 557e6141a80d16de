package cdshooks

import (
	stdjson "encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
)

// The bounds of a feedback request.
const (
	maxFeedback    = 256 << 10
	maxItems       = 50
	maxSuggestions = 20
	maxSuggestion  = 64
	maxComment     = 1000
	maxCode        = 64
	maxText        = 256
	maxAhead       = 24 * time.Hour // of a client's clock
)

// ReasonSystem is the code system of the override reasons that cards offer.
const ReasonSystem = "urn:ward:override-reason"

// coding is a Coding as CDS Hooks uses it.
type coding struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Display string `json:"display"`
}

// overrideReasons is what every card offers.
//
// SPEC(CDS Hooks 2.0, Card Attributes): overrideReasons is a list of Codings with display, from which the user may choose.
var overrideReasons = []coding{
	{ReasonSystem, "not-applicable", "Does not apply to this patient"},
	{ReasonSystem, "data-wrong", "The data it rests on are wrong or outdated"},
	{ReasonSystem, "known", "Already known or acted on"},
	{ReasonSystem, "disagree", "Clinical judgement differs"},
}

// feedback is the part of a feedback request that is read.
type feedback struct {
	Feedback []item `json:"feedback"`
}

type item struct {
	Card     string     `json:"card"`
	Outcome  string     `json:"outcome"`
	Accepted []accepted `json:"acceptedSuggestions"`
	Override *override  `json:"overrideReason"`
	At       string     `json:"outcomeTimestamp"`
}

type accepted struct {
	ID string `json:"id"`
}

type override struct {
	Reason  *coding `json:"reason,omitempty"`
	Comment string  `json:"userComment,omitempty"`
}

// feedback takes what users made of cards. All items are checked before the first is kept; they are then kept one by one, and
// what was kept before one that cannot be stays: to send all again is no harm.
func (a *API) feedback(w http.ResponseWriter, r *http.Request, g access.Grant) {
	id := r.PathValue("id")
	if _, known := a.services[id]; !known {
		a.refuse(w, r, unknownService())
		return
	}
	body, err := readBody(w, r, maxFeedback, "feedback is at most 256 KiB; send it in parts")
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	items, err := parseFeedback(body, id, time.Now())
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	for i, f := range items {
		if err := a.predict.Feedback(r.Context(), g, f); err != nil {
			a.refuse(w, r, noCard(err, i))
			return
		}
	}
	write(w, http.StatusOK, []byte("{}"))
}

// noCard says which card is unknown; other errors stay as they are.
func noCard(err error, i int) error {
	k := ward.KindOf(err)
	if k != ward.NotFound && k != ward.Gone {
		return err
	}
	return ward.E(k, "cdshooks.feedback", "there is no such card for this caller; items before it were kept", err).At(fmt.Sprintf("feedback[%d].card", i))
}

// parseFeedback reads a request strictly.
//
// SPEC(CDS Hooks 2.0, Feedback): card, outcome and outcomeTimestamp are required; acceptedSuggestions belong to accepted,
// overrideReason to overridden.
func parseFeedback(body []byte, service string, now time.Time) ([]store.Feedback, error) {
	var q feedback
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, invalid("", "the request must be one JSON object of CDS Hooks feedback, without doubled members")
	}
	if len(q.Feedback) == 0 || len(q.Feedback) > maxItems {
		return nil, invalid("feedback", "must have 1 to 50 items")
	}
	var out []store.Feedback
	for i, it := range q.Feedback {
		f, err := it.read(fmt.Sprintf("feedback[%d].", i), service, now)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (it item) read(at, service string, now time.Time) (f store.Feedback, err error) {
	if f.Decision, err = ward.ParseID(it.Card); err != nil || f.Decision.IsZero() {
		return f, invalid(at+"card", "must be the uuid of a card")
	}
	if it.Outcome != store.Accepted && it.Outcome != store.Overridden {
		return f, invalid(at+"outcome", "must be accepted or overridden")
	}
	f.Outcome = it.Outcome
	if f.At, err = time.Parse(time.RFC3339, it.At); err != nil || f.At.Year() < 2000 || f.At.After(now.Add(maxAhead)) {
		return f, invalid(at+"outcomeTimestamp", "must be a time with zone, such as 2026-11-03T08:30:00Z, and not in the future")
	}
	if err := it.suggestions(at + "acceptedSuggestions"); err != nil {
		return f, err
	}
	if it.Override != nil {
		if it.Outcome != store.Overridden {
			return f, invalid(at+"overrideReason", "belongs to the outcome overridden")
		}
		if err := it.Override.check(at + "overrideReason."); err != nil {
			return f, err
		}
	}
	f.Body, err = it.body(service)
	return f, err
}

func (it item) suggestions(at string) error {
	if len(it.Accepted) > 0 && it.Outcome != store.Accepted {
		return invalid(at, "belong to the outcome accepted")
	}
	if len(it.Accepted) > maxSuggestions {
		return invalid(at, "may be at most 20")
	}
	for _, s := range it.Accepted {
		if s.ID == "" || len(s.ID) > maxSuggestion {
			return invalid(at, "each has an id of at most 64 bytes")
		}
	}
	return nil
}

func (o override) check(at string) error {
	if utf8.RuneCountInString(o.Comment) > maxComment {
		return invalid(at+"userComment", "may have at most 1000 characters")
	}
	r := o.Reason
	switch {
	case r == nil:
	case r.Code == "" || len(r.Code) > maxCode || len(r.System) > maxText || len(r.Display) > maxText:
		return invalid(at+"reason", "must be a Coding with a code of at most 64 bytes, system and display of at most 256")
	case r.System == ReasonSystem && !slices.ContainsFunc(overrideReasons, func(c coding) bool { return c.Code == r.Code }):
		return invalid(at+"reason.code", "must be one of the card's override reasons")
	}
	return nil
}

// body is what is kept of an item beside outcome and time.
func (it item) body(service string) (ward.Protected, error) {
	kept := struct {
		Service  string    `json:"service"`
		Accepted []string  `json:"acceptedSuggestions,omitempty"`
		Override *override `json:"overrideReason,omitempty"`
	}{Service: service, Override: it.Override}
	for _, s := range it.Accepted {
		kept.Accepted = append(kept.Accepted, s.ID)
	}
	b, err := stdjson.Marshal(kept)
	if err != nil {
		return nil, ward.E(ward.Internal, "cdshooks.feedback", "the feedback cannot be written", err)
	}
	return ward.Protected(b), nil
}
