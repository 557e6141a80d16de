package normalize

import (
	"context"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/identity"
	"github.com/ward-health/ward/normalize/mapping"
	"github.com/ward-health/ward/store"
)

// authoritative reports whether messages of the kind come from who keeps demographics and stays.
func authoritative(kind string) bool { return kind != "ORU^R01" }

// persons plans what becomes of patients and stays; done reports that the message ended as a whole. What is said of them is read along,
// but for a merge, which may end there.
func (w *work) persons(ctx context.Context) (done bool, err error) {
	types := personTypes
	if w.from == nil {
		types = slices.Concat(personTypes, saidTypes)
	}
	if err := w.read(ctx, types...); err != nil {
		return false, err
	}
	if w.drop(); w.left > 0 && (w.from != nil || !slices.ContainsFunc(w.facts, isPatient)) {
		return false, ward.E(ward.Gone, "normalize.read", "the patient was erased", nil)
	}
	for _, f := range w.facts {
		if f.Type == "Patient" {
			w.e.Patients = append(w.e.Patients, f.ref.ID)
			if f != w.from && w.somebodyElse(f) {
				return true, w.hold(ctx, "identity-conflict", f.At, "identity")
			}
		}
	}
	slices.Sort(w.e.Patients)
	w.e.Patients = slices.Compact(w.e.Patients)
	if w.from != nil {
		if done, err := w.merge(ctx); done || err != nil {
			return done, err
		}
	}
	for _, f := range w.facts {
		if f == w.from || f.Type != "Patient" && f.Type != "Encounter" {
			continue
		}
		if err := w.person(ctx, f); err != nil {
			return false, err
		}
	}
	return false, nil
}

func isPatient(f *fact) bool { return f.Type == "Patient" }

// somebodyElse reports whether the message speaks of another person than is stored under the number.
func (w *work) somebodyElse(f *fact) bool {
	if f.now == nil {
		return false
	}
	if authoritative(w.kind) {
		return replaced(f.now, f.Body)
	}
	return otherPerson(f.now, f.Body)
}

// person plans one patient or stay.
func (w *work) person(ctx context.Context, f *fact) error {
	switch {
	case f.now == nil:
		if authoritative(w.kind) { // what a laboratory says of a person never makes the administration's word look old
			stamp(f.Body, f)
		}
		return w.checked(ctx, f, f.Body)
	case !authoritative(w.kind):
		return nil
	case f.Type == "Encounter" && w.moves(ctx, f):
		return w.holdFact(ctx, f, mapping.ClassOrder, reasonMoved, nil)
	}
	since, _ := lag(f)
	unsure := f.Future || f.unsure(since)
	switch {
	case f == w.into && (unsure || since > 0):
		return w.checked(ctx, f, joined(f))
	case f.Future:
		return w.holdFact(ctx, f, mapping.ClassOrder, reasonFuture, nil)
	case unsure:
		return w.holdFact(ctx, f, mapping.ClassOrder, reasonOrder, nil)
	case since > 0:
		w.late = append(w.late, f)
		return nil
	}
	o := patch(f)
	stamp(o, f)
	return w.checked(ctx, f, o)
}

// joined is the survivor of a merge that is older than what is stored of it: it gets the link and the old identifiers, which no
// newer message takes back, and nothing else.
func joined(f *fact) *body.Value {
	o := f.now.Clone()
	for _, id := range f.Body.Get("identifier").Items() {
		if id.Get("use").Str() == "old" {
			add(o, "identifier", id)
		}
	}
	return o.Set("link", f.Body.Get("link"))
}

// source makes the fact of the patient whose record ends.
func (w *work) source(m mapping.Merge) {
	id, _ := identity.Patient(w.m, m.From, 1, w.names())
	o := body.NewObject().Set("resourceType", body.Text("Patient"))
	o.Set("identifier", body.NewArray(identifierOf(id)))
	w.from = &fact{Candidate: mapping.Candidate{Type: "Patient", Key: []string{id.System, id.Value}, Body: o,
		At: w.m.Path(m.From, 0, 0, 0, 0), Rule: "ADT_A39.MRG/1", Sent: w.facts[m.Into].Sent}}
	w.facts = append(w.facts, w.from)
}

func identifierOf(id identity.Identifier) *body.Value {
	return body.NewObject().Set("system", body.Text(id.System)).Set("value", body.Text(id.Value))
}

// merge plans that the source lives on in the first patient of the message.
//
// SPEC(FHIR R5 Patient $merge): the source becomes inactive with a link replaced-by, the target gets a link replaces and the
// source's identifiers as old ones.
func (w *work) merge(ctx context.Context) (done bool, err error) {
	into := w.facts[slices.IndexFunc(w.facts, isPatient)]
	p, err := w.permit(ctx, access.Receive, "")
	if err != nil {
		return false, err
	}
	lives, err := w.n.store.Survivor(ctx, p, w.from.ref.ID)
	switch {
	case err != nil:
		return false, err
	case lives == into.ref.ID && w.from.ref.ID != into.ref.ID:
		return false, nil // it was done before
	case w.from.ref.ID == into.ref.ID:
		return true, w.hold(ctx, "merge-cycle", w.from.At, "identity")
	case lives != w.from.ref.ID:
		return true, w.hold(ctx, "merge-conflict", w.from.At, "identity")
	case strangers(w.from.now, into):
		return true, w.hold(ctx, "identity-conflict", w.from.At, "identity")
	}
	w.into = into
	w.e.Merge = &store.Merge{From: w.from.ref.ID, Into: into.ref.ID}
	ended := w.from.Body
	if w.from.now != nil {
		ended = w.from.now.Clone()
	}
	ended.Set("active", body.Bool(false)).Set("link", links(ended, into.ref, "replaced-by"))
	for _, id := range ended.Get("identifier").Items() {
		old := body.NewObject().Set("use", body.Text("old")).Set("system", id.Get("system")).Set("value", id.Get("value"))
		add(into.Body, "identifier", old)
	}
	base := into.now
	if base == nil {
		base = into.Body
	}
	into.Body.Set("link", links(base, w.from.ref, "replaces"))
	return false, w.checked(ctx, w.from, ended)
}

// strangers reports whether the patient whose record ends cannot be the one in whom it is to live on.
func strangers(from *body.Value, into *fact) bool {
	other := into.now
	if other == nil {
		other = into.Body
	}
	return from != nil && (otherPerson(from, other) || replaced(from, other))
}

// links are the links of a body with one more.
func links(o *body.Value, to ward.Reference, kind string) *body.Value {
	list := body.NewArray()
	for _, l := range o.Get("link").Items() {
		if l.At("other.reference").Str() != to.String() {
			list.Append(l)
		}
	}
	list.Append(body.NewObject().Set("other", body.NewObject().Set("reference", body.Text(to.String()))).Set("type", body.Text(kind)))
	return list
}

// add appends an identifier unless the list has it.
func add(o *body.Value, name string, item *body.Value) {
	list := o.Get(name)
	if list == nil {
		list = body.NewArray()
	}
	for _, x := range list.Items() {
		if x.Get("system").Str() == item.Get("system").Str() && x.Get("value").Str() == item.Get("value").Str() {
			return
		}
	}
	list.Append(item)
	o.Set(name, list)
}
