package store

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// feedbackKind is the kind of payload, and of its sealed record. The topic of such a row is the decision's id.
const feedbackKind = "feedback"

const (
	maxFeedback  = 16 << 10 // bytes of a body
	maxFeedbacks = 1000     // of one decision in a list
)

// The outcomes of a card.
//
// SPEC(CDS Hooks 2.0, Feedback): outcome is accepted or overridden.
const (
	Accepted   = "accepted"
	Overridden = "overridden"
)

// Feedback is what a person made of a decision that was shown.
type Feedback struct {
	Decision ward.ID
	Outcome  string           // Accepted or Overridden
	At       time.Time        // when the person acted, as the client says; zero: when it was kept
	Body     ward.Protected   // JSON, at most 16 KiB; may be left out
	By       ward.PrincipalID // who gave it: the permit's principal, whatever is put
}

// feedbackText is the sealed form.
type feedbackText struct {
	Outcome string           `json:"outcome"`
	At      time.Time        `json:"at"`
	By      ward.PrincipalID `json:"by"`
	Body    json.RawMessage  `json:"body,omitempty"`
}

func (f Feedback) text(at time.Time) ([]byte, error) {
	const op = "store.feedback"
	switch {
	case f.Decision.IsZero():
		return nil, ward.E(ward.Invalid, op, "feedback names its decision", nil)
	case f.Outcome != Accepted && f.Outcome != Overridden:
		return nil, ward.E(ward.Invalid, op, "the outcome must be accepted or overridden", nil)
	case len(f.Body) > maxFeedback:
		return nil, ward.E(ward.TooLarge, op, "the body of a feedback may have at most 16 KiB", nil)
	}
	if f.At.IsZero() {
		f.At = at
	}
	text, err := json.Marshal(feedbackText{f.Outcome, f.At.UTC(), f.By, json.RawMessage(f.Body)})
	if err != nil {
		return nil, ward.E(ward.Invalid, op, "the body of a feedback must be JSON, and its time of a year from 0 to 9999", nil)
	}
	return text, nil
}

// PutFeedback keeps a feedback under the key of the decision's patient, with its entry, in one transaction; the decision is not
// opened. p is for access.Feedback. One principal's feedback of one outcome on one decision is kept once: a repetition, whatever
// its body, changes nothing, has its entry all the same, and kept reports it. ward.NotFound: there is no such decision for
// the caller. ward.Gone: the patient was erased.
//
// SPEC(CDS Hooks 2.0, Feedback): a client may send a feedback again.
func (s *Store) PutFeedback(ctx context.Context, p access.Permit, f Feedback) (kept bool, err error) {
	const act = audit.ActFeedback
	if err := p.Allows(access.Feedback, ""); err != nil {
		return false, err
	}
	at := now()
	f.By = p.Principal().ID
	text, err := f.text(at)
	if err != nil {
		return false, err
	}
	n, err := s.namesFor(ctx, p)
	if err != nil {
		return false, err
	}
	d, err := s.decisionShown(ctx, n, p, act, f.Decision)
	if err != nil {
		return false, err
	}
	if !sameMAC(d.mac, d.wantMAC(n.row)) {
		return false, s.failed(ctx, p, act, broken("the row was changed: its digest does not fit"))
	}
	key, err := s.feedbackID(ctx, n, f)
	if err != nil {
		return false, err
	}
	if kept, err := s.keptFeedback(ctx, n, p, key); kept || err != nil {
		return kept, err
	}
	r := &row{tn: n.tn, rt: feedbackKind, id: f.Decision.String(), key: key, pat: d.pat, topic: f.Decision[:], updUS: at.UnixMicro()}
	in := p.Intent(act)
	in.Subjects = []audit.Subject{d.subject()}
	switch err := s.putPayload(ctx, n, in, r, text); {
	case err == nil:
		return false, nil
	case db.IsUnique(err): // the same was kept meanwhile
		if kept, err := s.keptFeedback(ctx, n, p, key); kept || err != nil {
			return kept, err
		}
		fallthrough
	default:
		return false, s.notPut(ctx, p, act, err)
	}
}

// feedbackID is UUIDv8 under the tenant's id key: the same for a repetition.
func (s *Store) feedbackID(ctx context.Context, n names, f Feedback) ([]byte, error) {
	mac, err := s.ring.MAC(ctx, n.tn, "id")
	if err != nil {
		return nil, err
	}
	sum := mac.Sum([]byte("ward/feedback"), f.Decision[:], []byte(f.Outcome), []byte(f.By))
	id := ward.DerivedID([16]byte(sum[:16]))
	return id[:], nil
}

// keptFeedback leaves the entry of a repetition if the feedback is there.
func (s *Store) keptFeedback(ctx context.Context, n names, p access.Permit, key []byte) (bool, error) {
	var q query
	q.add("SELECT ", payloadColumns, ", ", erasedY, " FROM payload y WHERE y.tn = ", q.arg(int64(n.tn)), " AND y.kind = ", q.arg(feedbackKind), " AND y.id = ", q.arg(key))
	r, err := s.payload(ctx, n, &q)
	if err != nil || r == nil {
		return false, err
	}
	_, err = s.begin(ctx, p, audit.ActFeedback, "kept", r)
	return err == nil, err
}

// Feedbacks returns the feedback on a decision, the newest 1000, newest first. p is for access.DecisionRead; one entry of that act names
// the decision and what was opened. Errors are those of Decision.
func (s *Store) Feedbacks(ctx context.Context, p access.Permit, decision ward.ID) ([]Feedback, error) {
	const act = audit.ActDecisionRead
	if err := p.Allows(access.DecisionRead, ""); err != nil {
		return nil, err
	}
	n, err := s.namesFor(ctx, p)
	if err != nil {
		return nil, err
	}
	d, err := s.decisionShown(ctx, n, p, act, decision)
	if err != nil {
		return nil, err
	}
	rows, err := s.findFeedback(ctx, n, d)
	if err != nil {
		return nil, err
	}
	rc, err := s.begin(ctx, p, act, "feedback "+strconv.Itoa(len(rows)), append([]*row{d}, rows...)...)
	if err != nil {
		return nil, err
	}
	out := []Feedback{}
	for _, r := range rows {
		o, err := s.open(ctx, n, p, access.DecisionRead, rc, r)
		if err != nil {
			return nil, s.opening(ctx, p, act, err)
		}
		f, err := o.feedback(r)
		if err != nil {
			return nil, s.failed(ctx, p, act, err)
		}
		out = append(out, f)
	}
	return out, nil
}

// findFeedback lists the rows on a decision. They are under the decision's own patient.
func (s *Store) findFeedback(ctx context.Context, n names, d *row) (out []*row, err error) {
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+payloadColumns+" FROM payload y WHERE y.tn = $1 AND y.subj = $2 AND y.kind = $3 AND y.topic = $4 ORDER BY y.seq DESC LIMIT "+
			strconv.Itoa(maxFeedbacks), int64(n.tn), d.pat, feedbackKind, d.key)
		return each(rows, err, func(scan scanner) error {
			r := &row{tn: n.tn}
			out = append(out, r)
			return scan.Scan(r.payloadDest()...)
		})
	})
	return out, err
}

// feedback reads the opened text of a row.
func (o *opened) feedback(r *row) (Feedback, error) {
	var t feedbackText
	if len(r.topic) != len(ward.ID{}) || o.head.id != ward.ID(r.topic).String() || json.Unmarshal(o.body, &t) != nil {
		return Feedback{}, broken("a stored feedback is not what its row says")
	}
	return Feedback{Decision: ward.ID(r.topic), Outcome: t.Outcome, At: t.At, By: t.By, Body: ward.Protected(t.Body)}, nil
}

// aboutSubject is how a widened filter sees a payload whose text does not name its patient: as the one of the filter's patients
// whose subject is the row's, or as somebody whom no filter names.
func (n names) aboutSubject(f access.Filter, pat []byte) access.Attributes {
	a := access.Attributes{Type: decisionType, Patient: "/", Conf: defaultConf} // no FHIR id
	for _, id := range named(f.Node) {
		if bytes.Equal(n.patient(id), pat) {
			a.Patient = id
		}
	}
	return a
}

// feedback compares every feedback with its decision, which is of the same patient.
func (c *checker) feedback(ctx context.Context) error {
	return c.read(ctx, "SELECT y.id FROM payload y WHERE y.tn = $1 AND y.kind = $2 AND NOT EXISTS (SELECT 1 FROM payload d WHERE d.tn = y.tn AND d.kind = $3 AND d.id = y.topic AND d.subj = y.subj) "+
		"ORDER BY y.id", []any{c.tn(), feedbackKind, decisionKind}, func(s scanner) error {
		var id []byte
		err := s.Scan(&id)
		r := row{rt: feedbackKind, key: id}
		c.fault(feedbackKind, r.where(), "its decision is gone, or of another patient")
		return err
	})
}
