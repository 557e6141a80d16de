package registry

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// Stage says what a version is used for.
type Stage string

// The stages. A version answers from the moment that makes it active until another of its name is made active or it is
// retired itself; a shadow version computes beside the active one and is shown to nobody.
const (
	Shadow  Stage = "shadow"
	Active  Stage = "active"
	Retired Stage = "retired"
)

func (s Stage) valid() bool { return s == Shadow || s == Active || s == Retired }

// Event is one line of the history of stages, which is never changed: it answers which version was active when.
type Event struct {
	Seq    int64
	At     time.Time
	Name   string
	Digest [32]byte
	Stage  Stage
	Entry  ward.ID
}

// stageRow is an Event as it is stored. Its keyed digest covers that of the row before it, and the head covers the last:
// a row that was changed, removed or added is found, the newest too.
type stageRow struct {
	tn     db.Tenant
	seq    int64
	name   string
	digest []byte
	stage  Stage
	atUS   int64
	entry  []byte
}

func (s stageRow) mac(m keys.MAC, before []byte) []byte {
	sum := m.Sum([]byte("model_stage"), be8(int64(s.tn)), be8(s.seq), []byte(s.name), s.digest, []byte(s.stage), be8(s.atUS), s.entry, before)
	return sum[:]
}

func headMAC(m keys.MAC, tn db.Tenant, seq int64, last []byte) []byte {
	sum := m.Sum([]byte("model_head"), be8(int64(tn)), be8(seq), last)
	return sum[:]
}

// history is all of a tenant's stages, verified.
type history struct {
	rows []stageRow
	last []byte // keyed digest of the newest row
}

// maxStages bounds a tenant's history.
const maxStages = 100_000

// stagesQuery has its bound in the text: SQLite plans a statement with a bound limit anew each time.
var stagesQuery = `SELECT seq, name, digest, stage, at_us, entry, mac FROM model_stage WHERE tn = $1 ORDER BY seq LIMIT ` + strconv.Itoa(maxStages)

// readHistory reads and verifies the whole chain.
func readHistory(ctx context.Context, tx *db.Tx, m keys.MAC, tn db.Tenant) (history, error) {
	var h history
	rows, err := tx.Query(ctx, stagesQuery, int64(tn))
	if err != nil {
		return h, err
	}
	defer rows.Close()
	for rows.Next() {
		s := stageRow{tn: tn}
		var mac []byte
		if err := rows.Scan(&s.seq, &s.name, &s.digest, &s.stage, &s.atUS, &s.entry, &mac); err != nil {
			return h, err
		}
		if s.seq != int64(len(h.rows))+1 {
			return h, unsigned("the history of the tenant's models has a gap; no model answers", nil)
		}
		if err := same(mac, s.mac(m, h.last)); err != nil {
			return h, err
		}
		h.rows, h.last = append(h.rows, s), mac
	}
	if err := rows.Err(); err != nil {
		return h, err
	}
	return h, h.whole(ctx, tx, m, tn)
}

// whole compares the chain with its head.
func (h history) whole(ctx context.Context, tx *db.Tx, m keys.MAC, tn db.Tenant) error {
	var seq int64
	var mac []byte
	found, err := tx.Get(ctx, `SELECT seq, mac FROM model_head WHERE tn = $1`, []any{int64(tn)}, &seq, &mac)
	switch {
	case err != nil:
		return err
	case !found && len(h.rows) == 0:
		return nil
	case !found || seq != int64(len(h.rows)):
		return unsigned("the history of the tenant's models was cut; no model answers", nil)
	}
	return same(mac, headMAC(m, tn, seq, h.last))
}

// add appends a line inside tx.
func (h history) add(ctx context.Context, tx *db.Tx, m keys.MAC, s stageRow) error {
	s.seq = int64(len(h.rows)) + 1
	if s.seq > maxStages {
		return ward.E(ward.TooLarge, "registry.stage", "the tenant's history of models is full", nil)
	}
	mac := s.mac(m, h.last)
	if err := tx.Insert(ctx, "model_stage", []string{"tn", "seq", "name", "digest", "stage", "at_us", "entry", "mac"},
		[][]any{{int64(s.tn), s.seq, s.name, s.digest, string(s.stage), s.atUS, s.entry, mac}}); err != nil {
		return err
	}
	head := headMAC(m, s.tn, s.seq, mac)
	if s.seq == 1 {
		return tx.Insert(ctx, "model_head", []string{"tn", "seq", "mac"}, [][]any{{int64(s.tn), s.seq, head}})
	}
	n, err := tx.Exec(ctx, `UPDATE model_head SET seq = $1, mac = $2 WHERE tn = $3 AND seq = $4`, s.seq, head, int64(s.tn), s.seq-1)
	if err == nil && n != 1 {
		err = ward.E(ward.Conflict, "registry.stage", "the models were changed by somebody else; try again", nil)
	}
	return err
}

// active returns the artefact that answers under a name, nil if none does.
func (h history) active(name string) []byte {
	var later [][]byte // artefacts that a newer line speaks of
	for _, s := range slices.Backward(h.rows) {
		if s.name != name {
			continue
		}
		if s.stage == Active {
			if slices.ContainsFunc(later, func(d []byte) bool { return bytes.Equal(d, s.digest) }) {
				return nil
			}
			return s.digest
		}
		later = append(later, s.digest)
	}
	return nil
}

// stage returns what an artefact is used for now.
func (h history) stage(digest []byte) Stage {
	for _, s := range slices.Backward(h.rows) {
		if bytes.Equal(s.digest, digest) {
			if s.stage == Active && !bytes.Equal(h.active(s.name), digest) {
				return Retired
			}
			return s.stage
		}
	}
	return ""
}

// standing lists the lines by which artefacts are in a stage now, each artefact once, in the order in which they came to it.
func (h history) standing(stage Stage, name string) (out []stageRow) {
	for _, s := range h.rows {
		if s.stage == stage && (name == "" || s.name == name) && h.stage(s.digest) == stage &&
			!slices.ContainsFunc(out, func(o stageRow) bool { return bytes.Equal(o.digest, s.digest) }) {
			out = append(out, s)
		}
	}
	return out
}

func (s stageRow) event() Event {
	return Event{Seq: s.seq, At: time.UnixMicro(s.atUS).UTC(), Name: s.name, Digest: [32]byte(s.digest), Stage: s.stage, Entry: ward.ID(s.entry)}
}
