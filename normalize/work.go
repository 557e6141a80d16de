package normalize

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/identity"
	"github.com/ward-health/ward/normalize/mapping"
	"github.com/ward-health/ward/normalize/plausible"
	"github.com/ward-health/ward/normalize/watch"
	"github.com/ward-health/ward/store"
)

// work is one attempt at one message.
type work struct {
	n       *Normalizer
	who     ward.Principal
	purpose ward.Purpose
	channel Channel
	zone    *time.Location
	raw     ward.Message
	permits map[need]access.Permit
	hidden  map[ward.Reference]bool // what was not seen and was there all the same

	m     *hl7v2.Message
	kind  string
	facts []*fact
	e     store.Effects
	late  []*fact
	from  *fact // the patient whose record ends, in a merge
	into  *fact // the one in whom it lives on

	disputed  map[ward.Reference]bool          // what was marked because a newer version of it is held
	wary      bool                             // a try before met a held fact that is newer
	contested map[string]bool                  // facts of which a version is held that is known to be newer than the message
	left      int                              // facts of patients who were erased
	before    map[seenKey][]plausible.Previous // earlier values
	unsure    []*fact                          // stored, and their unit is in doubt
	counts    []watch.Result                   // of results that are new
}

type need struct {
	action access.Action
	rtype  string
}

// fact is a candidate on its way into the store.
type fact struct {
	mapping.Candidate
	ref    ward.Reference
	now    *body.Value // as it is stored; nil: not yet
	number int64       // version of now
	unseen bool        // it was looked for, and nothing is there that this principal may see
	gone   bool        // it was erased with its patient
	twin   *fact       // what is stored under its other key, if it may have one
}

// permit decides once for each action and type, all under the message's id.
func (w *work) permit(ctx context.Context, a access.Action, rtype string) (access.Permit, error) {
	k := need{a, rtype}
	if p, ok := w.permits[k]; ok {
		return p, nil
	}
	p, err := w.n.access.Decide(ctx, access.Request{Principal: w.who, Action: a, Type: rtype, Purpose: w.purpose, ID: w.raw.ID})
	if err == nil {
		w.permits[k] = p
	}
	return p, err
}

// run understands the message and writes what it does.
func (w *work) run(ctx context.Context) error {
	w.e = store.Effects{Message: w.raw.ID, State: store.MessageApplied}
	w.disputed, w.before = map[ward.Reference]bool{}, map[seenKey][]plausible.Previous{}
	if done, err := w.whole(ctx); done || err != nil {
		return err
	}
	if err := w.identify(ctx); err != nil {
		return err
	}
	if done, err := w.persons(ctx); done || err != nil {
		return err
	}
	p, err := w.permit(ctx, access.Receive, "")
	if err != nil {
		return err
	}
	if err := w.n.watch.Load(ctx, p); err != nil {
		return err
	}
	if err := w.results(ctx); err != nil {
		return err
	}
	if len(w.e.Holds) > maxHolds {
		return w.hold(ctx, "too-many-doubts", "MSH", "profile")
	}
	w.hops()
	w.e.Sent = w.dated()
	return w.apply(ctx)
}

// maxHolds is what the store takes of one message.
const maxHolds = 1000

// apply hands everything to the store.
func (w *work) apply(ctx context.Context) error {
	p, err := w.permit(ctx, access.Receive, "")
	if err != nil {
		return err
	}
	_, err = w.n.store.ApplyMessage(ctx, p, w.e)
	return err
}

// erased ends a message about a patient who was erased: nothing of it is stored.
func (w *work) erased(ctx context.Context) error {
	w.e = store.Effects{Message: w.raw.ID, State: store.MessageHeld, Reason: "patient-erased",
		Hops: []store.Hop{{Step: "held", Note: "patient-erased"}}}
	return w.apply(ctx)
}

// identify gives every candidate its id, replaces open references and looks patients up that were merged.
func (w *work) identify(ctx context.Context) error {
	p, err := w.permit(ctx, access.Receive, "")
	if err != nil {
		return err
	}
	for _, f := range w.facts {
		id, err := w.n.store.Derive(ctx, p, f.Type, short(f.Key)...)
		if err != nil {
			return err
		}
		if f.Type == "Patient" && f != w.from {
			if id, err = w.n.store.Survivor(ctx, p, id); err != nil {
				return err
			}
		}
		f.ref = ward.Reference{Type: f.Type, ID: id}
	}
	for _, f := range w.facts {
		w.link(f)
	}
	return nil
}

// short keeps a business key within what the store takes: a longer one counts by its digest.
func short(key []string) []string {
	size := 0
	for _, k := range key {
		size += len(k)
	}
	if size <= 2<<10 && len(key) <= 16 {
		return key
	}
	sum := sha256.Sum256(identity.Frame(key...))
	return []string{"digest", hex.EncodeToString(sum[:])}
}

// link replaces open references.
func (w *work) link(f *fact) {
	f.Body.Set("id", body.Text(f.ref.ID))
	f.Body.Each(func(v *body.Value) {
		if i, ok := mapping.Referred(v.Str()); ok && i < len(w.facts) {
			v.Replace(w.facts[i].ref.String())
		}
	})
}

// maxWants is how many records the store reads at once.
const maxWants = 1000

// The types of facts: patients and their stays, and what is said of patients.
var (
	personTypes = []string{"Patient", "Encounter"}
	saidTypes   = []string{"Observation", "DiagnosticReport", "Condition", "AllergyIntolerance", "Procedure"}
)

// read fills in what is stored of the facts of some types, under both of their keys where they have two.
func (w *work) read(ctx context.Context, types ...string) error {
	p, err := w.permit(ctx, access.Receive, "")
	if err != nil {
		return err
	}
	var facts []*fact
	for _, f := range w.facts {
		if !slices.Contains(types, f.Type) {
			continue
		}
		if facts = append(facts, f); f.Twin == nil {
			continue
		}
		id, err := w.n.store.Derive(ctx, p, f.Type, short(f.Twin)...)
		if err != nil {
			return err
		}
		f.twin = &fact{Candidate: mapping.Candidate{Type: f.Type}, ref: ward.Reference{Type: f.Type, ID: id}}
		facts = append(facts, f.twin)
	}
	return w.load(ctx, facts)
}

// load fills in what is stored of facts.
func (w *work) load(ctx context.Context, facts []*fact) error {
	var wants []store.Want
	for _, f := range facts {
		p, err := w.permit(ctx, access.Read, f.Type)
		if err != nil {
			return err
		}
		wants = append(wants, store.Want{Permit: p, Ref: f.ref})
	}
	for len(wants) > 0 {
		n := min(len(wants), maxWants)
		found, err := w.n.store.Currents(ctx, wants[:n])
		if err != nil {
			return err
		}
		for i, v := range found {
			if err := facts[i].is(v); err != nil {
				return err
			}
		}
		facts, wants = facts[n:], wants[n:]
	}
	return nil
}

// is notes what is stored of the fact; nil: nothing that may be seen. A deletion is taken back by a new version.
func (f *fact) is(v *ward.Version) (err error) {
	switch {
	case v == nil:
		f.unseen = true
	case v.Deleted && v.Number == 0:
		f.gone = true
	case !v.Deleted:
		f.number = v.Number
		f.now, err = body.Parse([]byte(v.Body))
	}
	return err
}

// write plans one change. What was not seen is created and never replaced: it may be there, hidden by its labels.
func (w *work) write(ctx context.Context, f *fact, text []byte, scanned fhir.Scanned) error {
	op, action := store.OpUpdate, access.Update
	if f.unseen {
		op, action = store.OpCreate, access.Create
	}
	p, err := w.permit(ctx, action, f.Type)
	if err != nil {
		return err
	}
	w.e.Changes = append(w.e.Changes, store.Change{Permit: p, Op: op, IfMatch: f.number, Scanned: scanned,
		Resource: ward.Resource{Ref: f.ref, Body: ward.Protected(text)}})
	w.e.Rules = append(w.e.Rules, f.Rule)
	return nil
}

func (w *work) hop(step, note string, refs ...string) {
	w.e.Hops = append(w.e.Hops, store.Hop{Step: step, Note: note, Refs: refs})
}

// hops tells what became of the facts.
func (w *work) hops() {
	if len(w.late) > 0 {
		w.hop("late", fmt.Sprintf("%d facts are older than what is stored", len(w.late)), refs(w.late)...)
	}
	if len(w.unsure) > 0 {
		w.hop("unconfirmed", fmt.Sprintf("%d facts are in a unit that their sender has not confirmed", len(w.unsure)), refs(w.unsure)...)
	}
	if w.left > 0 {
		w.hop("erased", fmt.Sprintf("%d facts of patients who were erased are left out", w.left))
	}
	if n := len(w.e.Holds); n > 0 {
		w.hop("held", fmt.Sprintf("%d facts", n))
	}
	w.e.Hops = append(w.e.Hops, store.Hop{Step: "applied", Note: fmt.Sprintf("%d facts", len(w.e.Changes))})
}

func refs(facts []*fact) (out []string) {
	for _, f := range facts {
		out = append(out, f.ref.String())
	}
	return out
}

// created returns the resource that could not be created because one with its id is there.
func (w *work) created(err error) (ward.Reference, bool) {
	var e *ward.Error
	i := 0
	if !errors.As(err, &e) {
		return ward.Reference{}, false
	}
	if _, scanErr := fmt.Sscanf(e.Path, "changes[%d]", &i); scanErr != nil && len(w.e.Changes) != 1 {
		return ward.Reference{}, false
	}
	if i < 0 || i >= len(w.e.Changes) || w.e.Changes[i].Op != store.OpCreate {
		return ward.Reference{}, false
	}
	return w.e.Changes[i].Resource.Ref, true
}
