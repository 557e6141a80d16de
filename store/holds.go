package store

import (
	"context"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// aliasH is a hold row, as filters see it.
var aliasH = alias{rt: "CAST('" + messageType + "' AS TEXT)", pat: "h.pat", conf: "CAST(" + strconv.Itoa(defaultConf) + " AS BIGINT)"}

// Holds lists held facts oldest first, under a permit for access.HoldRead; an entry of its own. Those of erased patients and those that the
// filter hides are left out. Nothing is opened.
func (s *Store) Holds(ctx context.Context, p access.Permit, q HoldQuery) (hs []HeldFact, next string, err error) {
	const act = audit.ActHoldList
	if err := p.Allows(access.HoldRead, ""); err != nil {
		return nil, "", err
	}
	n, err := s.namesFor(ctx, p, q.Patient)
	if err != nil {
		return nil, "", err
	}
	about := string(q.State) + " " + q.Class + " " + q.Message.String() + " " + q.Patient
	after := int64(0)
	if q.Cursor != "" {
		c, err := s.openCursor(ctx, p, cursorHolds, about, q.Cursor)
		if err != nil {
			return nil, "", err
		}
		after = c.Last
	}
	count := bound(q.Count)
	sql := n.holdList(p, q, after, count+1)
	last, more := int64(0), false
	var subjects []audit.Subject
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, sql.String(), sql.args...)
		return each(rows, err, func(scan scanner) error {
			h, message := &held{tn: n.tn}, []byte(nil)
			if err := scan.Scan(h.dest(&message)...); err != nil {
				return err
			}
			if len(hs) == count {
				more = true
				return nil
			}
			last = h.rid
			hs, subjects = append(hs, h.public(message)), append(subjects, h.subject())
			return h.genuine(n)
		})
	})
	if err != nil {
		return nil, "", err
	}
	if _, err := s.beginOn(ctx, p, act, "holds "+strconv.Itoa(len(hs)), subjects); err != nil {
		return nil, "", err
	}
	if more {
		next, err = s.sealCursor(ctx, p, cursorBody{Kind: cursorHolds, About: about, Last: last})
	}
	return hs, next, err
}

func (n names) holdList(p access.Permit, q HoldQuery, after int64, count int) *query {
	sql := &query{}
	sql.add("SELECT ", holdColumns, ", m.id FROM hold h CROSS JOIN message m WHERE h.tn = ", sql.arg(int64(n.tn)), " AND m.tn = h.tn AND m.rid = h.message",
		" AND h.rid > ", sql.arg(after), " AND ", n.filter(sql, p.Filter(), aliasH),
		" AND NOT EXISTS (SELECT 1 FROM erased e WHERE e.tn = h.tn AND e.pat = h.pat)")
	if q.State != "" {
		sql.add(" AND h.state = ", sql.arg(string(q.State)))
	}
	if q.Class != "" {
		sql.add(" AND h.class = ", sql.arg(q.Class))
	}
	if !q.Message.IsZero() {
		sql.add(" AND m.id = ", sql.arg(q.Message[:]))
	}
	if q.Patient != "" {
		sql.add(" AND h.pat IN (", n.anyOf(sql, q.Patient), ")")
	}
	sql.add(" ORDER BY h.rid LIMIT ", strconv.Itoa(count))
	return sql
}

// visibleHold finds a held fact with its message; one that is not there or not covered has been answered for with an entry.
func (s *Store) visibleHold(ctx context.Context, p access.Permit, act audit.Act, id ward.ID) (n names, h *held, m *message, err error) {
	if n, err = s.namesFor(ctx, p); err != nil {
		return n, nil, nil, err
	}
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		hs, err := loadHolds(ctx, tx, n, "h.id = $2", id[:])
		if err != nil || len(hs) == 0 {
			return err
		}
		h = hs[0]
		if m, err = loadMessage(ctx, tx, n, false, byRID, h.message); err == nil && m == nil {
			err = broken("the message of a held fact is missing")
		}
		return err
	})
	switch {
	case err != nil:
		return n, nil, nil, err
	case h == nil:
		return n, nil, nil, s.nothing(ctx, p, act, errNotFound)
	case !n.widen(p.Filter()).Match(messageAttributes(h.patient)):
		return n, nil, nil, s.hidden(ctx, p, act, h.subject(), errNotFound)
	}
	return n, h, m, nil
}

// Held opens one, under a permit for access.HoldRead. ward.Gone: a patient whom its message is about was erased.
func (s *Store) Held(ctx context.Context, p access.Permit, id ward.ID) (HeldFact, error) {
	const act = audit.ActHoldRead
	if err := p.Allows(access.HoldRead, ""); err != nil {
		return HeldFact{}, err
	}
	n, h, m, err := s.visibleHold(ctx, p, act, id)
	if err != nil {
		return HeldFact{}, err
	}
	rc, err := s.beginOn(ctx, p, act, "", h.subjects(m))
	if err != nil {
		return HeldFact{}, err
	}
	out := h.public(m.id)
	open := func(rid int64) (ward.Protected, error) {
		if rid == 0 || err != nil {
			return nil, err
		}
		var t *sideText
		if err := s.db.Read(ctx, n.tn, func(tx *db.Tx) (err error) { t, err = loadSide(ctx, tx, n, rid); return err }); err != nil {
			return nil, err
		}
		return s.openSide(ctx, n, p, access.HoldRead, rc, m, h.subjects(m), t)
	}
	var note ward.Protected
	out.Hold.Evidence, err = open(h.evidence)
	out.Proposal, err = open(h.proposal)
	note, err = open(h.note)
	out.Note = string(note)
	if err != nil {
		return HeldFact{}, s.opening(ctx, p, act, err)
	}
	return out, nil
}
