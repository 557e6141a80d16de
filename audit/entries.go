package audit

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

const (
	pageSize   = 128   // entries read at once
	maxEntries = 4_096 // of one call of Entries
)

// Entry is one leaf, decoded. Details stay sealed.
type Entry struct {
	Index   int64
	ID      ward.ID
	At      time.Time
	Act     Act
	Outcome Outcome
	Purpose ward.Purpose
	Tenant  [8]byte  // pseudonym
	Actor   [16]byte // pseudonym
	Leaf    []byte
}

func newEntryView(index int64, leaf []byte) (Entry, error) {
	l, err := verify.ParseLeaf(leaf)
	if err != nil {
		return Entry{}, err
	}
	return Entry{Index: index, ID: l.ID, At: time.UnixMilli(l.At), Act: Act(l.Act), Outcome: Outcome(l.Outcome),
		Purpose: purposeOf(l.Purpose), Tenant: l.Tenant, Actor: l.Actor, Leaf: leaf}, nil
}

// place is one row of audit_pos with the payload of its entry, or the reason why there is none.
type place struct {
	idx     int64
	id      ward.ID
	tn      db.Tenant
	src     int64
	a, b    int64
	payload []byte
}

const placeQuery = `SELECT p.idx, p.id, p.tn, p.src, p.a, p.b, r.payload, j.payload FROM audit_pos p
	LEFT JOIN audit_row r ON p.src = 1 AND r.tn = p.tn AND r.node = p.a AND r.n = p.b
	LEFT JOIN audit_journal j ON p.src = 3 AND j.tn = p.tn AND j.node = p.a AND j.n = p.b `

// places reads rows of audit_pos, with payloads of entries that are rows.
func places(ctx context.Context, tx *db.Tx, clause string, args ...any) ([]place, error) {
	rows, err := tx.Query(ctx, placeQuery+clause, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []place
	for rows.Next() {
		var p place
		var row, journal []byte
		var tn int64
		if err := rows.Scan(&p.idx, db.Fixed(p.id[:]), &tn, &p.src, &p.a, &p.b, &row, &journal); err != nil {
			return nil, scanFault(ctx, rows, ward.E(ward.Internal, "audit.entries", "a row of audit_pos cannot be read; run the log's check", err))
		}
		p.tn = db.Tenant(tn)
		switch p.src {
		case srcRow:
			p.payload = row
		case srcTable:
			p.payload = journal
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// resolve returns the entry at a place, after checking that it is the one that the place names.
func (p *place) resolve(from *loader) (payload, error) {
	b := p.payload
	if p.src == srcFile && from.j != nil {
		var err error
		if b, err = from.load(p.a, p.b); err != nil {
			return payload{}, err
		}
	}
	e, err := parsePayload(b)
	if err != nil {
		return payload{}, err
	}
	if e.id != p.id || e.tenant != p.tn {
		return payload{}, errPlace
	}
	return e, nil
}

var errPlace = ward.E(ward.Internal, "audit.entries", "a row of audit_pos does not name the entry that lies at its place; run the log's check", nil)

// each calls fn for the entries with indices from (included) to to (not included), in order. The payload is valid during
// the call. fn may use the database.
func (l *Log) each(ctx context.Context, from, to int64, fn func(idx int64, p *payload) error) error {
	return l.eachOf(ctx, from, to, "", func(p *place, e *payload) error { return fn(p.idx, e) })
}

func (l *Log) eachOf(ctx context.Context, from, to int64, tenant string, fn func(*place, *payload) error) error {
	load := &loader{j: l.files}
	defer load.close()
	for ; from < to; from += pageSize {
		var page []place
		end := min(to, from+pageSize)
		err := l.db.Read(ctx, db.System, func(tx *db.Tx) error {
			var err error
			page, err = places(ctx, tx, "WHERE p.idx >= $1 AND p.idx < $2"+tenant+" ORDER BY p.idx", from, end)
			return err
		})
		if err != nil {
			return err
		}
		if tenant == "" && int64(len(page)) != end-from {
			return ward.E(ward.Internal, "audit.entries", "rows of audit_pos are missing; run the log's check", nil)
		}
		for i := range page {
			e, err := page[i].resolve(load)
			if err == nil {
				err = fn(&page[i], &e)
			}
			if err != nil {
				return readable(ctx, err)
			}
		}
	}
	return nil
}

// readable makes a ward.Error of what is none. When the request has ended, that is the reason, not the log.
func readable(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ward.E(ward.Unavailable, "audit.entries", "the request ended before the log was read", ended)
	}
	if ward.KindOf(err) != ward.Internal || errors.Is(err, errPlace) {
		return err
	}
	return ward.E(ward.Internal, "audit.entries", "an entry cannot be read from its source; run the log's check", err)
}

// Entries returns up to n sequenced entries from index on; at most 4,096.
func (l *Log) Entries(ctx context.Context, index int64, n int) ([]Entry, error) {
	if index < 0 || n < 0 {
		return nil, ward.E(ward.Invalid, "audit.entries", "index and number must not be negative", nil)
	}
	size, err := l.sequencedSize(ctx)
	if err != nil {
		return nil, err
	}
	var out []Entry
	err = l.each(ctx, index, min(size, index+int64(min(n, maxEntries))), func(idx int64, p *payload) error {
		e, err := newEntryView(idx, append([]byte(nil), p.leaf...))
		out = append(out, e)
		return err
	})
	return out, err
}

func (l *Log) sequencedSize(ctx context.Context) (size int64, err error) {
	err = l.db.Read(ctx, db.System, func(tx *db.Tx) error {
		s, _, err := readState(ctx, tx, l.mac)
		size = s.edge.Size
		return err
	})
	return size, err
}

// mayOpen checks the receipt under which entries are opened: it must be of one of the acts.
func mayOpen(r Receipt, tn db.Tenant, acts ...Act) error {
	if err := r.live(tn); err != nil {
		return err
	}
	if !slices.Contains(acts, r.act) {
		return refuse("is of an act that does not open entries of the log")
	}
	return nil
}

// Detail opens the detail of entry id. Opening is itself an act: the caller passes the Receipt of an ActLogRead or
// ActLogExport entry of the same tenant. Parts under an erased audit key are left out. An id that is
// not sequenced yet, or of another tenant, is ward.NotFound.
func (l *Log) Detail(ctx context.Context, r Receipt, tn db.Tenant, id ward.ID) (Detail, error) {
	if err := mayOpen(r, tn, ActLogRead, ActLogExport); err != nil {
		return Detail{}, err
	}
	p, err := l.find(ctx, id)
	if err != nil {
		return Detail{}, err
	}
	if p.tn != tn {
		return Detail{}, noEntry
	}
	load := &loader{j: l.files}
	defer load.close()
	e, err := p.resolve(load)
	if err != nil {
		return Detail{}, readable(ctx, err)
	}
	d, err := l.open(ctx, &e)
	if err != nil {
		return Detail{}, err
	}
	kept := d.Subjects[:0]
	for _, s := range d.Subjects {
		if s.Kind != "" {
			kept = append(kept, s)
		}
	}
	d.Subjects = kept
	return d, nil
}

var noEntry = ward.E(ward.NotFound, "audit.entries", "the log has no entry with this id under a checkpoint; an entry gets there within a second", nil)

func (l *Log) find(ctx context.Context, id ward.ID) (place, error) {
	var found []place
	err := l.db.Read(ctx, db.System, func(tx *db.Tx) error {
		var err error
		found, err = places(ctx, tx, "WHERE p.id = $1 ORDER BY p.idx", id[:])
		return err
	})
	if err == nil && len(found) != 1 {
		err = noEntry
	}
	if err != nil {
		return place{}, err
	}
	return found[0], nil
}

// WriteDigests calls fn for every sequenced write entry of a tenant in order with what its detail names: used by
// store.Check to find versions that are gone. It needs a Receipt as Detail does, or one of ActStoreCheck. subjects and writes have the order and
// length that the Intent gave them; subjects under an erased audit key are zero.
func (l *Log) WriteDigests(ctx context.Context, r Receipt, tn db.Tenant, fn func(id ward.ID, subjects []Subject, writes [][32]byte) error) error {
	if err := mayOpen(r, tn, ActLogRead, ActLogExport, ActStoreCheck); err != nil {
		return err
	}
	size, err := l.sequencedSize(ctx)
	if err != nil {
		return err
	}
	var own error // of fn, handed back as it is
	err = l.eachTenant(ctx, size, tn, func(e *payload) error {
		leaf, err := verify.ParseLeaf(e.leaf)
		if err != nil || leaf.Writes == ([32]byte{}) {
			return err
		}
		d, err := l.open(ctx, e)
		if err == nil {
			own = fn(e.id, d.Subjects, d.Writes)
			err = own
		}
		return err
	})
	if own != nil {
		return own
	}
	return err
}

func (l *Log) eachTenant(ctx context.Context, size int64, tn db.Tenant, fn func(*payload) error) error {
	clause := " AND p.tn = " + itoa(int64(tn))
	return l.eachOf(ctx, 0, size, clause, func(_ *place, e *payload) error { return fn(e) })
}

// Accounting calls fn for every sequenced entry that names a patient of the tenant, in order: the accounting of
// disclosures. It needs a Receipt as Detail does, of an entry that names the patient among its subjects.
//
// SPEC(45 CFR 164.528): an individual may have an accounting of disclosures of the six years before the request.
func (l *Log) Accounting(ctx context.Context, r Receipt, tn db.Tenant, patient seal.Subject, fn func(Entry) error) error {
	if err := mayOpen(r, tn, ActLogRead, ActLogExport); err != nil {
		return err
	}
	if _, ok := r.patients[digestPatient(tn, patient)]; !ok {
		return refuse("does not name the patient")
	}
	load := &loader{j: l.files}
	defer load.close()
	for after := int64(-1); ; {
		var page []place
		err := l.db.Read(ctx, db.System, func(tx *db.Tx) error {
			var err error
			page, err = places(ctx, tx, `WHERE p.idx IN (SELECT idx FROM audit_subject WHERE tn = $1 AND tag = $2 AND idx > $3
				ORDER BY idx LIMIT `+itoa(pageSize)+`) ORDER BY p.idx`, int64(tn), patient[:], after)
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			e, err := page[i].resolve(load)
			if err != nil {
				return readable(ctx, err)
			}
			view, err := newEntryView(page[i].idx, append([]byte(nil), e.leaf...))
			if err != nil {
				return readable(ctx, err)
			}
			if err := fn(view); err != nil {
				return err
			}
			after = page[i].idx
		}
	}
}
