package normalize

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/identity"
	"github.com/ward-health/ward/normalize/mapping"
	"github.com/ward-health/ward/store"
)

// whole parses and maps the message, or ends it as a whole: done reports that it did.
func (w *work) whole(ctx context.Context) (done bool, err error) {
	w.m, err = hl7v2.Parse([]byte(w.raw.Body), hl7v2.Options{Charset: w.channel.Charset})
	if err != nil {
		return true, w.hold(ctx, "parse", place(err), "parse")
	}
	w.kind = identity.Kind(w.m)
	switch {
	case identity.Apart(w.m.Header().ProcessingID, w.channel.Processing):
		return true, w.keep(ctx, "test-or-debug")
	case !mapping.Understood(w.kind):
		return true, w.keep(ctx, "no-rules")
	}
	if _, ok := identity.Lanes(w.m, w.channel.Systems); !ok {
		return true, w.hold(ctx, "no-patient-id", "PID-3", "identity")
	}
	r, err := mapping.Map(w.m, w.kind, mapping.Options{Zone: w.zone, Systems: w.channel.Systems, Received: w.raw.Received, Channel: w.channel.ID})
	if ward.KindOf(err) == ward.TooLarge {
		return true, w.hold(ctx, "too-large", "MSH", "profile")
	}
	if err != nil {
		return false, err
	}
	for i := range r.Candidates {
		w.facts = append(w.facts, &fact{Candidate: r.Candidates[i]})
	}
	if done, err := w.merging(ctx, r); done || err != nil {
		return done, err
	}
	w.hop("normalized", fmt.Sprintf("%d facts of %d fields, %d kept in the raw message", len(w.facts), r.Fields, r.Kept))
	return false, nil
}

// merging sees to it that a merge can be done as one: one pair of patients.
func (w *work) merging(ctx context.Context, r mapping.Result) (done bool, err error) {
	if !identity.Merges(w.kind) {
		return false, nil
	}
	switch len(r.Merges) {
	case 1:
		w.source(r.Merges[0])
		return false, nil
	case 0:
		return true, w.hold(ctx, "no-merge", "MRG", "identity")
	}
	return true, w.hold(ctx, "several-merges", "MRG", "identity")
}

// place is where in the input an error stands.
func place(err error) string {
	var e *ward.Error
	if errors.As(err, &e) && e.Path != "" {
		return e.Path
	}
	return "MSH"
}

// keep ends a message that nobody has to look at.
func (w *work) keep(ctx context.Context, reason string) error {
	return w.end(ctx, store.MessageKept, reason, store.Hop{Step: "kept", Note: reason})
}

// hold ends a message that a person has to look at before anything of it is used.
func (w *work) hold(ctx context.Context, reason, position, class string) error {
	return w.end(ctx, store.MessageHeld, reason, store.Hop{Step: "held", Note: class + ": " + reason + " at " + position})
}

// end ends a message of which nothing is written. Those of whom it names and who are known are told to the store, so that the
// message ends with them.
func (w *work) end(ctx context.Context, state store.MessageState, reason string, h store.Hop) error {
	about, err := w.about(ctx)
	if err != nil {
		return err
	}
	w.e = store.Effects{Message: w.raw.ID, State: state, Reason: reason, Patients: about, Hops: []store.Hop{h}}
	return w.apply(ctx)
}

// maxAbout is how many patients a message may be about.
const maxAbout = 64

// about returns the patients that the message names and who are stored.
func (w *work) about(ctx context.Context) ([]string, error) {
	named := w.named()
	if len(named) == 0 || len(named) > maxAbout {
		return nil, nil
	}
	p, err := w.permit(ctx, access.Receive, "")
	if err != nil {
		return nil, err
	}
	var facts []*fact
	for id := range named {
		key, err := w.n.store.Derive(ctx, p, "Patient", short([]string{id.System, id.Value})...)
		if err != nil {
			return nil, err
		}
		if key, err = w.n.store.Survivor(ctx, p, key); err != nil {
			return nil, err
		}
		facts = append(facts, &fact{Candidate: mapping.Candidate{Type: "Patient"}, ref: ward.Reference{Type: "Patient", ID: key}})
	}
	if err := w.load(ctx, facts); err != nil {
		return nil, err
	}
	var out []string
	for _, f := range facts {
		if f.now != nil {
			out = append(out, f.ref.ID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// named returns whom the message names, by the key under which it would be stored.
func (w *work) named() map[identity.Identifier]bool {
	out := map[identity.Identifier]bool{}
	if w.m == nil {
		return out
	}
	for name, field := range map[string]int{"PID": 3, "MRG": 1} {
		for s := range w.m.All(name) {
			if id, ok := identity.Patient(w.m, s, field, w.names()); ok {
				out[identity.Identifier{System: id.System, Value: id.Value}] = true
			}
		}
	}
	return out
}

func (w *work) names() identity.Names {
	return identity.Names{Systems: w.channel.Systems, Channel: w.channel.ID}
}
