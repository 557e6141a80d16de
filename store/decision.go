package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// maxDecision bounds one decision as JSON.
const maxDecision = 1 << 20

// PutDecision keeps a decision under its patient's key, with the entry of the answer, in one transaction. p is for
// access.Predict; model is the digest of the model's manifest, which the log leaf carries. ward.Gone: the patient was erased.
func (s *Store) PutDecision(ctx context.Context, p access.Permit, d ward.Decision, model [32]byte) (entry ward.ID, err error) {
	const op = "store.decision"
	if err := p.Allows(access.Predict, ""); err != nil {
		return ward.ID{}, err
	}
	if !ward.ValidID(d.Patient) || d.ID.IsZero() {
		return ward.ID{}, ward.E(ward.Invalid, op, "a decision has an id and names its patient by FHIR id", nil)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return ward.ID{}, ward.E(ward.Invalid, op, "the decision has no JSON form: a number in it is not finite", nil)
	}
	if len(text) > maxDecision {
		return ward.ID{}, ward.E(ward.TooLarge, op, "a decision may have at most 1 MiB", nil)
	}
	n, err := s.namesFor(ctx, p)
	if err != nil {
		return ward.ID{}, err
	}
	at := d.At
	if at.IsZero() {
		at = now()
	}
	r := &row{tn: n.tn, rt: decisionKind, id: d.Patient, key: d.ID[:], pat: n.patient(d.Patient), topic: bytes.Clone(model[:16]), updUS: at.UnixMicro()}
	if !n.widen(p.Filter()).Match(access.Attributes{Type: decisionType, Patient: d.Patient, Conf: defaultConf}) {
		return ward.ID{}, s.hidden(ctx, p, audit.ActPredict, r.subject(), errForbidden)
	}
	in := p.Intent(audit.ActPredict)
	in.Model = model
	if err := s.putPayload(ctx, n, in, r, text); err != nil {
		return ward.ID{}, s.notPut(ctx, p, audit.ActPredict, err)
	}
	return ward.ID(r.entry), nil
}

// leaveForDecision returns the action and act under which a permit may open decisions: reading or replaying.
func leaveForDecision(p access.Permit) (access.Action, audit.Act, error) {
	if p.Allows(access.DecisionReplay, "") == nil {
		return access.DecisionReplay, audit.ActDecisionReplay, nil
	}
	return access.DecisionRead, audit.ActDecisionRead, p.Allows(access.DecisionRead, "")
}

// Decision opens one decision and names the audit entry under which it was made. p is for access.DecisionRead, or for
// access.DecisionReplay: then the entry of the reading says so.
func (s *Store) Decision(ctx context.Context, p access.Permit, id ward.ID) (d ward.Decision, entry ward.ID, err error) {
	a, act, err := leaveForDecision(p)
	if err != nil {
		return d, entry, err
	}
	n, err := s.namesFor(ctx, p)
	if err != nil {
		return d, entry, err
	}
	r, err := s.decisionShown(ctx, n, p, act, id)
	if err != nil {
		return d, entry, err
	}
	rc, err := s.begin(ctx, p, act, "", r)
	if err != nil {
		return d, entry, err
	}
	if d, err = s.openDecision(ctx, n, p, a, rc, r); err != nil {
		return ward.Decision{}, entry, s.opening(ctx, p, act, err)
	}
	return d, ward.ID(r.entry), nil
}

func (s *Store) openDecision(ctx context.Context, n names, p access.Permit, a access.Action, rc audit.Receipt, r *row) (d ward.Decision, err error) {
	o, err := s.open(ctx, n, p, a, rc, r)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(o.body, &d); err != nil || d.Patient != o.head.id || !bytes.Equal(d.ID[:], r.key) {
		return ward.Decision{}, broken("a stored decision is not what its row says")
	}
	return d, nil
}

// Source opens a version that a decision recorded as one of its inputs, for recomputing that decision. p is for
// access.DecisionReplay. A version that the decision does not name is ward.NotFound, whoever asks: leave to replay is no
// leave to read. One entry names the decision and the version. ward.Gone: it was erased.
func (s *Store) Source(ctx context.Context, p access.Permit, decision ward.ID, ref ward.Reference, version int64) (ward.Version, error) {
	const act = audit.ActDecisionReplay
	var none ward.Version
	if err := p.Allows(access.DecisionReplay, ""); err != nil {
		return none, err
	}
	n, err := s.namesFor(ctx, p)
	if err != nil {
		return none, err
	}
	d, err := s.lookupDecision(ctx, n, p, decision)
	if err != nil {
		return none, err
	}
	v, err := s.lookup(ctx, n, p, ref, max(version, 1))
	switch {
	case err != nil:
		return none, err
	case d == nil || v == nil:
		return none, s.nothing(ctx, p, act, errNotFound)
	case !d.visible:
		return none, s.hidden(ctx, p, act, d.subject(), errNotFound)
	case !v.visible:
		return none, s.hidden(ctx, p, act, v.subject(), errNotFound)
	case d.erased || v.erased || v.flags&flagErased != 0 || Op(v.op) == OpDelete:
		return none, s.nothing(ctx, p, act, errGone)
	}
	rc, err := s.begin(ctx, p, act, "source", d, v)
	if err != nil {
		return none, err
	}
	opened, err := s.openDecision(ctx, n, p, access.DecisionReplay, rc, d)
	if err != nil {
		return none, s.opening(ctx, p, act, err)
	}
	if !slices.ContainsFunc(opened.Inputs, func(in ward.Input) bool {
		return in.Source == ref.String() && in.Version == version && in.Digest == hex.EncodeToString(v.digest)
	}) {
		return none, errNotFound
	}
	o, err := s.open(ctx, n, p, access.DecisionReplay, rc, v)
	if err != nil {
		return none, s.opening(ctx, p, act, err)
	}
	return o.stamp(v)
}

// lookupDecision finds the row of a decision, hidden or not; nil if there is none.
func (s *Store) lookupDecision(ctx context.Context, n names, p access.Permit, id ward.ID) (*row, error) {
	var q query
	tn := q.arg(int64(n.tn))
	sees := n.filter(&q, p.Filter(), aliasY)
	q.add("SELECT ", payloadColumns, ", ", erasedY, ", CASE WHEN ", sees, " THEN 1 ELSE 0 END FROM payload y WHERE y.tn = ", tn,
		" AND y.kind = ", q.arg(decisionKind), " AND y.id = ", q.arg(id[:]))
	var visible bool
	r, err := s.payload(ctx, n, &q, &visible)
	if r != nil {
		r.visible = visible
	}
	return r, err
}

// decisionShown is lookupDecision for a caller who may know of it: otherwise it leaves the act's entry and returns the answer.
func (s *Store) decisionShown(ctx context.Context, n names, p access.Permit, act audit.Act, id ward.ID) (*row, error) {
	r, err := s.lookupDecision(ctx, n, p, id)
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, s.nothing(ctx, p, act, errNotFound)
	case !r.visible:
		return nil, s.hidden(ctx, p, act, r.subject(), errNotFound)
	case r.erased:
		return nil, s.nothing(ctx, p, act, errGone)
	}
	return r, nil
}

// maxDecisions bounds a page of decisions.
const maxDecisions = 200

// Decisions returns decisions newest first, of one patient (and who was merged into it) if given. p is for access.DecisionRead. Those of erased patients
// and those that the filter hides are left out.
func (s *Store) Decisions(ctx context.Context, p access.Permit, patient, cursor string, count int) (ds []ward.Decision, next string, err error) {
	if err := p.Allows(access.DecisionRead, ""); err != nil {
		return nil, "", err
	}
	n, err := s.namesFor(ctx, p, patient)
	if err != nil {
		return nil, "", err
	}
	before := int64(newest)
	if cursor != "" {
		c, err := s.openCursor(ctx, p, cursorDecisions, patient, cursor)
		if err != nil {
			return nil, "", err
		}
		before = c.Last
	}
	rows, more, err := s.findDecisions(ctx, n, p, patient, before, min(bound(count), maxDecisions))
	if err != nil {
		return nil, "", err
	}
	rc, err := s.begin(ctx, p, audit.ActDecisionList, "decisions "+strconv.Itoa(len(rows)), rows...)
	if err != nil {
		return nil, "", err
	}
	for _, r := range rows {
		d, err := s.openDecision(ctx, n, p, access.DecisionRead, rc, r)
		switch k := ward.KindOf(err); {
		case err == nil:
			ds = append(ds, d)
		case k != ward.Gone && k != ward.NotFound:
			return nil, "", s.failed(ctx, p, audit.ActDecisionList, err)
		}
	}
	if more {
		next, err = s.sealCursor(ctx, p, cursorBody{Kind: cursorDecisions, About: patient, Last: rows[len(rows)-1].seq})
	}
	return ds, next, err
}

func (s *Store) findDecisions(ctx context.Context, n names, p access.Permit, patient string, before int64, count int) ([]*row, bool, error) {
	var q query
	q.add("SELECT ", payloadColumns, ", ", erasedY, " FROM payload y WHERE y.tn = ", q.arg(int64(n.tn)), " AND y.kind = ", q.arg(decisionKind),
		" AND y.seq < ", q.arg(before), " AND ", n.filter(&q, p.Filter(), aliasY), " AND NOT EXISTS (SELECT 1 FROM erased e WHERE e.tn = y.tn AND e.pat = y.subj)")
	if patient != "" {
		q.add(" AND y.subj IN (", n.anyOf(&q, patient), ")")
	}
	q.add(" ORDER BY y.seq DESC LIMIT ", strconv.Itoa(count+1))
	var out []*row
	err := s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, q.String(), q.args...)
		return each(rows, err, func(scan scanner) error {
			r := &row{tn: n.tn}
			out = append(out, r)
			return scan.Scan(r.payloadDest(&r.erased)...)
		})
	})
	if err != nil {
		return nil, false, err
	}
	out, more := cut(out, count)
	return out, more, nil
}
