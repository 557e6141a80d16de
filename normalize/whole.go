package normalize

import (
	"context"
	"errors"
	"fmt"

	"github.com/ward-health/ward"
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
	r, err := mapping.Map(w.m, w.kind, mapping.Options{Zone: w.zone, Systems: w.channel.Systems, Received: w.raw.Received})
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
		return false, w.source(r.Merges[0])
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
	w.e.State, w.e.Reason = store.MessageKept, reason
	w.hop("kept", reason)
	return w.apply(ctx)
}

// hold ends a message that a person has to look at before anything of it is used.
func (w *work) hold(ctx context.Context, reason, position, class string) error {
	w.e = store.Effects{Message: w.raw.ID, State: store.MessageHeld, Reason: reason,
		Hops: []store.Hop{{Step: "held", Note: class + ": " + reason + " at " + position}}}
	return w.apply(ctx)
}
