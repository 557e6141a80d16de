package store

import (
	"context"
	"encoding/json"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// The bounds of hops.
const (
	maxHops    = 64     // of one act
	maxAllHops = 10_000 // of one message, read at once
	maxHopText = 4 << 20
)

func (h Hop) check() error {
	if h.Step == "" || !constant(h.Step) || !constant(h.Note) || len(h.Refs) > maxChanges+maxHolds || len(h.Rules) > maxChanges+maxHolds {
		return ward.E(ward.Invalid, "store.hop", "a hop has a constant step and note of at most 120 printable characters, and a bounded list of references", nil)
	}
	for _, list := range [][]string{h.Refs, h.Rules} {
		for _, s := range list {
			if len(s) > 2*maxCode || !constant(s[:min(len(s), maxCode)]) {
				return ward.E(ward.Invalid, "store.hop", "references and rules of a hop are random or keyed ids and constants", nil)
			}
		}
	}
	return nil
}

var hopInsert = []string{"tn", "rid", "n", "at_us", "step", "note", "entry", "refs", "rules", "mac"}

// hop writes the next steps of the message; the row's count is written with the row.
func (m *message) hop(ctx context.Context, tx *db.Tx, n names, entry ward.ID, hops ...Hop) error {
	at := now().UnixMicro()
	rows := make([][]any, len(hops))
	for i, h := range hops {
		refs, rules, err := h.lists()
		if err != nil {
			return err
		}
		m.hops++
		rows[i] = []any{int64(m.tn), m.rid, m.hops, at, h.Step, h.Note, entry[:], refs, rules, hopMAC(n, m.rid, m.hops, at, h.Step, h.Note, entry[:], refs, rules)}
	}
	return tx.Insert(ctx, "hop", hopInsert, rows)
}

func (h Hop) lists() (refs, rules string, err error) {
	a, errA := json.Marshal(h.Refs)
	b, errB := json.Marshal(h.Rules)
	if errA != nil || errB != nil || len(a)+len(b) > maxHopText {
		return "", "", ward.E(ward.TooLarge, "store.hop", "the references of a hop have more than 4 MiB", nil)
	}
	return string(a), string(b), nil
}

func hopMAC(n names, rid, i, at int64, step, note string, entry []byte, refs, rules string) []byte {
	return rowMAC(n.row, "hop", int64(n.tn), rid, i, at, step, note, entry, refs, rules)
}

// hopsOf reads the hops of a message, oldest first; the first is its arrival.
func hopsOf(ctx context.Context, tx *db.Tx, n names, m *message) ([]Hop, error) {
	state := "received"
	if m.hops == 0 && m.state != string(MessageReceived) {
		state = m.state
	}
	out := []Hop{{At: micros(m.receivedUS), Step: "received", Entry: ward.ID(m.entry)}}
	if state != "received" {
		out[0].Note = state
	}
	rows, err := tx.Query(ctx, "SELECT n, at_us, step, note, entry, refs, rules, mac FROM hop WHERE tn = $1 AND rid = $2 ORDER BY n LIMIT $3",
		int64(n.tn), m.rid, maxAllHops)
	err = each(rows, err, func(scan scanner) error {
		var h Hop
		var i, at int64
		var refs, rules string
		var mac []byte
		if err := scan.Scan(&i, &at, &h.Step, &h.Note, db.Fixed(h.Entry[:]), &refs, &rules, &mac); err != nil {
			return err
		}
		if !sameMAC(mac, hopMAC(n, m.rid, i, at, h.Step, h.Note, h.Entry[:], refs, rules)) {
			return broken("a hop of a message was changed: its digest does not fit")
		}
		if json.Unmarshal([]byte(refs), &h.Refs) != nil || json.Unmarshal([]byte(rules), &h.Rules) != nil {
			return broken("a hop of a message has references of an unknown form")
		}
		h.At = micros(at)
		out = append(out, h)
		return nil
	})
	return out, err
}
