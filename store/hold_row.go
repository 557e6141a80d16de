package store

import (
	"context"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// holdKind is the kind of a held fact in entries.
const holdKind = "hold"

// held is one row of hold.
type held struct {
	tn                                      db.Tenant
	rid                                     int64
	id                                      []byte
	message                                 int64 // rid
	patient                                 string
	pat                                     []byte
	class, reason, place, fact, rule, state string
	atUS                                    int64
	first, second                           string
	evidence, proposal                      int64
	proposed                                []byte
	note                                    int64
	sentUS                                  int64 // 0: not known
	mac                                     []byte
}

const holdColumns = "h.rid, h.id, h.message, h.patient, h.pat, h.class, h.reason, h.place, h.fact, h.rule, h.state, h.at_us, h.first, h.second, " +
	"h.evidence, h.proposal, h.proposed, h.note, h.sent_us, h.mac"

func (h *held) dest(more ...any) []any {
	return append([]any{&h.rid, &h.id, &h.message, &h.patient, &h.pat, &h.class, &h.reason, &h.place, &h.fact, &h.rule, &h.state, &h.atUS, &h.first, &h.second,
		&h.evidence, &h.proposal, &h.proposed, &h.note, &h.sentUS, &h.mac}, more...)
}

func (h *held) wantMAC(k keys.MAC) []byte {
	columns := []any{int64(h.tn), h.rid, h.id, h.message, h.patient, h.pat, h.class, h.reason, h.place, h.fact, h.rule, h.state, h.atUS, h.first,
		h.second, h.evidence, h.proposal, h.proposed, h.note}
	if h.sentUS != 0 { // rows from before there was such a column carry none
		columns = append(columns, h.sentUS)
	}
	return rowMAC(k, "hold", columns...)
}

var holdInsert = []string{"tn", "rid", "id", "message", "patient", "pat", "class", "reason", "place", "fact", "rule", "state", "at_us", "first", "second",
	"evidence", "proposal", "proposed", "note", "sent_us", "mac"}

func (h *held) insert(ctx context.Context, tx *db.Tx, n names) error {
	return tx.Insert(ctx, "hold", holdInsert, [][]any{{int64(h.tn), h.rid, h.id, h.message, h.patient, h.pat, h.class, h.reason, h.place, h.fact, h.rule,
		h.state, h.atUS, h.first, h.second, h.evidence, h.proposal, h.proposed, h.note, h.sentUS, h.wantMAC(n.row)}})
}

// replace writes the row if it is still the one with the digest given: the row count is the check.
func (h *held) replace(ctx context.Context, tx *db.Tx, n names, old []byte) error {
	count, err := tx.Exec(ctx, "UPDATE hold SET patient = $1, pat = $2, class = $3, reason = $4, place = $5, fact = $6, rule = $7, state = $8, at_us = $9, "+
		"first = $10, second = $11, evidence = $12, proposal = $13, proposed = $14, note = $15, sent_us = $16, mac = $17 WHERE tn = $18 AND rid = $19 AND mac = $20",
		h.patient, h.pat, h.class, h.reason, h.place, h.fact, h.rule, h.state, h.atUS, h.first, h.second, h.evidence, h.proposal, full(h.proposed), h.note,
		h.sentUS, h.wantMAC(n.row), int64(h.tn), h.rid, old)
	if err == nil && count != 1 {
		return errMoved
	}
	return err
}

func (h *held) open() bool { return h.state == string(HoldHeld) || h.state == string(HoldProposed) }

func (h *held) subject() audit.Subject {
	return audit.Subject{Patient: subjectOf(h.pat), Kind: holdKind, RID: h.id, Version: 1}
}

// subjects name the held fact and, once for each of its patients, the message whose key its texts are under.
func (h *held) subjects(m *message) []audit.Subject { return append(m.subjects(), h.subject()) }

func (h *held) fill(f Hold) {
	h.patient, h.class, h.reason, h.place, h.fact, h.rule = f.Patient, f.Class, f.Reason, f.Position, f.Fact, f.Rule
	h.sentUS = sentMicros(f.Sent)
}

// newer reports whether the fact is known to have been sent after another time of sending.
func (h *held) newer(sentUS int64) bool { return h.sentUS != 0 && sentUS != 0 && h.sentUS > sentUS }

func (h *held) public(message []byte) HeldFact {
	return HeldFact{ID: ward.ID(h.id), Message: ward.ID(message), State: HoldState(h.state), At: micros(h.atUS), First: ward.PrincipalID(h.first),
		Second: ward.PrincipalID(h.second),
		Hold:   Hold{Patient: h.patient, Class: h.class, Reason: h.reason, Position: h.place, Fact: h.fact, Rule: h.rule, Sent: sentTime(h.sentUS)}}
}

func (h *held) genuine(n names) error {
	if len(h.id) != 16 || !sameMAC(h.mac, h.wantMAC(n.row)) {
		return broken("the row of a held fact was changed: its digest does not fit")
	}
	return nil
}

// loadHolds reads held facts in order, and refuses a changed row.
func loadHolds(ctx context.Context, tx *db.Tx, n names, where string, args ...any) (out []*held, err error) {
	rows, err := tx.Query(ctx, "SELECT "+holdColumns+" FROM hold h WHERE h.tn = $1 AND "+where+" ORDER BY h.rid", append([]any{int64(n.tn)}, args...)...)
	err = each(rows, err, func(scan scanner) error {
		h := &held{tn: n.tn}
		if err := scan.Scan(h.dest()...); err != nil {
			return err
		}
		out = append(out, h)
		return h.genuine(n)
	})
	return out, err
}

// holdID names a held fact by its message, its position there, and how many of the same position come before it.
func (n names) holdID(message []byte, position string, nth int) []byte {
	sum := n.index.Sum([]byte("hold"), message, []byte(position), be8(int64(nth)))
	id := ward.DerivedID([16]byte(sum[:16]))
	return id[:]
}

// proposalDigest is what stands in a row for the SHA-256 of a proposal: a plain digest could be guessed.
func (n names) proposalDigest(sum [32]byte) []byte {
	keyed := n.index.Sum([]byte("proposal"), sum[:])
	return keyed[:16]
}
