package seal

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// Bounds of one call and of one statement.
const (
	subjectsMax = 10_000
	chunk       = 128
)

// parts cuts a list into pieces of a power of two, so that statements come in few texts and are prepared once.
func parts[T any](all []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for n := chunk; len(all) > 0; n /= 2 {
			for len(all) >= n {
				if !yield(all[:n]) {
					return
				}
				all = all[n:]
			}
		}
	}
}

const subjectColumns = "tn, subj, use, kid, kek_version, wrapped, state, created_us, mac"

// Ensure makes keys of both uses for every subject that has none, in one durable write. A destroyed subject is ward.Gone,
// and then nothing is made. The zero Subject is passed over: its keys came with the tenant. When all keys are cached the
// database is not asked. At most 10,000 subjects.
func (r *Ring) Ensure(ctx context.Context, tn db.Tenant, subjects ...Subject) error {
	want := r.uncached(tn, subjects)
	if len(want) == 0 {
		return nil
	}
	if len(want) > subjectsMax {
		return ward.E(ward.TooLarge, "seal.ensure", fmt.Sprintf("at most %d subjects in one call", subjectsMax), nil)
	}
	t, err := r.tenant(ctx, nil, tn)
	if err != nil {
		return err
	}
	epoch, at := r.cache.now(), time.Now()
	var rows []subjectRow
	err = r.d.Read(ctx, tn, func(tx *db.Tx) error {
		rows, err = readSubjects(ctx, tx, tn, want)
		return err
	})
	if err != nil {
		return err
	}
	missing, err := r.admit(t, rows, want, epoch, at)
	if err != nil || len(missing) == 0 {
		return err
	}
	return r.create(ctx, t, missing)
}

// create inserts new keys; where another node or caller was first, its row stands.
func (r *Ring) create(ctx context.Context, t *tenant, missing []subjectOf) error {
	fresh, err := t.fresh(missing...)
	if err != nil {
		return err
	}
	var subjects []Subject
	for _, m := range missing {
		subjects = append(subjects, m.subj)
	}
	subjects = slices.Compact(subjects) // missing is in order
	epoch, at := r.cache.now(), time.Now()
	var rows []subjectRow
	err = r.d.Write(ctx, t.tn, func(tx *db.Tx) error {
		if err := insertSubjects(ctx, tx, fresh); err != nil {
			return err
		}
		var err error
		rows, err = readSubjects(ctx, tx, t.tn, subjects)
		return err
	})
	if err != nil {
		return err
	}
	missing, err = r.admit(t, rows, subjects, epoch, at)
	if err == nil && len(missing) > 0 {
		err = ward.E(ward.Internal, "seal.ensure", "keys that were written are not there", nil)
	}
	return err
}

// uncached returns the subjects, in order and once each, that the cache does not know in both uses.
func (r *Ring) uncached(tn db.Tenant, subjects []Subject) []Subject {
	var want []Subject
	for _, s := range subjects {
		if s == (Subject{}) {
			continue
		}
		_, data := r.cache.subject(subjectOf{tn, s, Data})
		_, audit := r.cache.subject(subjectOf{tn, s, Audit})
		if !data || !audit {
			want = append(want, s)
		}
	}
	slices.SortFunc(want, less)
	return slices.Compact(want)
}

// admit opens and caches the rows and returns, in order, which keys of the wanted subjects have none.
func (r *Ring) admit(t *tenant, rows []subjectRow, want []Subject, epoch uint64, at time.Time) ([]subjectOf, error) {
	have := make(map[subjectOf]bool, len(rows))
	opened := make([]*cached, 0, len(rows))
	for _, row := range rows {
		s, err := t.open(row)
		if err != nil {
			return nil, err
		}
		k := subjectOf{row.tn, row.subj, row.use}
		have[k] = true
		opened = append(opened, &cached{subject: k, secret: s, read: at})
	}
	for _, v := range opened {
		r.cache.put(epoch, v)
	}
	var missing []subjectOf
	for _, s := range want {
		for _, u := range []Use{Data, Audit} {
			if k := (subjectOf{t.tn, s, u}); !have[k] {
				missing = append(missing, k)
			}
		}
	}
	return missing, nil
}

// Current returns the key to seal with. The subject must have been ensured (else ward.NotFound); a destroyed one is
// ward.Gone. The audit key of a subject stays when its data key is destroyed.
func (r *Ring) Current(ctx context.Context, tn db.Tenant, s Subject, u Use) (Key, error) {
	if sec, ok := r.cache.subject(subjectOf{tn, s, u}); ok {
		return Key{sec}, nil
	}
	return r.load(ctx, tn, " WHERE tn = $1 AND subj = $2 AND use = $3", int64(tn), s[:], int64(u))
}

// Key returns the key that kid names. A destroyed one is ward.Gone, an unknown one ward.NotFound.
func (r *Ring) Key(ctx context.Context, tn db.Tenant, kid KeyID) (Key, error) {
	if sec, ok := r.cache.kid(kidOf{tn, kid}); ok {
		return Key{sec}, nil
	}
	return r.load(ctx, tn, " WHERE tn = $1 AND kid = $2", int64(tn), kid[:])
}

func (r *Ring) load(ctx context.Context, tn db.Tenant, where string, args ...any) (Key, error) {
	t, err := r.tenant(ctx, nil, tn)
	if err != nil {
		return Key{}, err
	}
	epoch, at := r.cache.now(), time.Now()
	var rows []subjectRow
	err = r.d.Read(ctx, tn, func(tx *db.Tx) error {
		rows, err = querySubjects(ctx, tx, where+byKey, args...)
		return err
	})
	if err != nil {
		return Key{}, err
	}
	if len(rows) == 0 {
		return Key{}, ward.E(ward.NotFound, "seal.key", "there is no such key", nil)
	}
	s, err := t.open(rows[0])
	if err != nil {
		return Key{}, err
	}
	r.cache.put(epoch, &cached{subject: subjectOf{tn, rows[0].subj, rows[0].use}, secret: s, read: at})
	return Key{s}, nil
}

// open checks a row and unwraps its key; ward.Gone for a tombstone.
func (t *tenant) open(row subjectRow) (*secret, error) {
	if row.tn != t.tn {
		return nil, ward.E(ward.Internal, "seal.open", "a key row belongs to another tenant", nil)
	}
	if err := genuine(t.rows, row.parts(), row.mac); err != nil {
		return nil, err
	}
	if row.state == destroyed && len(row.wrapped) == 0 {
		return nil, ward.E(ward.Gone, "seal.key", "the key was destroyed: what it sealed was erased for good", nil)
	}
	kek := t.keks[row.kek]
	if row.state != live || kek == nil {
		return nil, ward.E(ward.Internal, "seal.open", "a key row has a state or tenant key version that is not known", nil)
	}
	key, err := kek.Unwrap(row.aad(), row.wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newSecret(t.tn, row.kid, key)
}

// fresh makes rows of new random keys.
func (t *tenant) fresh(of ...subjectOf) ([]subjectRow, error) {
	now := time.Now().UnixMicro()
	rows := make([]subjectRow, len(of))
	for i, k := range of {
		row := subjectRow{tn: t.tn, subj: k.subj, use: k.use, kek: t.current, state: live, created: now}
		rand.Read(row.kid[:])
		key := keys.NewKey()
		var err error
		if row.wrapped, err = t.keks[t.current].Wrap(row.aad(), key); err != nil {
			return nil, err
		}
		clear(key)
		row.mac = digest(t.rows, row.parts())
		rows[i] = row
	}
	return rows, nil
}

// insertSubjects adds rows in the order of their key, so that concurrent writers meet in one order; a row that exists stands.
func insertSubjects(ctx context.Context, tx *db.Tx, rows []subjectRow) error {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b subjectRow) int {
		return cmp.Or(less(a.subj, b.subj), cmp.Compare(a.use, b.use))
	})
	for part := range parts(rows) {
		var q strings.Builder
		var args []any
		q.WriteString("INSERT INTO key_subject (" + subjectColumns + ") VALUES ")
		for i, row := range part {
			if i > 0 {
				q.WriteString(", ")
			}
			v := row.values()
			q.WriteString("(" + db.Placeholders(len(args)+1, len(v)) + ")")
			args = append(args, v...)
		}
		q.WriteString(" ON CONFLICT DO NOTHING")
		if _, err := tx.Exec(ctx, q.String(), args...); err != nil {
			return err
		}
	}
	return nil
}

// readSubjects reads the rows of the subjects, both uses.
func readSubjects(ctx context.Context, tx *db.Tx, tn db.Tenant, subjects []Subject) ([]subjectRow, error) {
	var out []subjectRow
	for part := range parts(subjects) {
		args := []any{int64(tn)}
		for _, s := range part {
			args = append(args, s[:])
		}
		rows, err := querySubjects(ctx, tx, " WHERE tn = $1 AND subj IN ("+db.Placeholders(2, len(part))+")"+byKey, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

// byKey is the order of the primary key.
const byKey = " ORDER BY tn, subj, use"

func querySubjects(ctx context.Context, tx *db.Tx, clause string, args ...any) ([]subjectRow, error) {
	var out []subjectRow
	err := eachSubject(ctx, tx, clause, args, func(w rawSubject) error {
		row, ok := w.row()
		if !ok {
			return unreadable("key_subject", nil)
		}
		out = append(out, row)
		return nil
	})
	return out, err
}

// rawSubject is a row as the database gave it; widths are not believed yet.
type rawSubject struct {
	subjectRow
	subj, kid []byte
	use       int64
}

func (w rawSubject) row() (subjectRow, bool) {
	r := w.subjectRow
	if len(w.subj) != len(r.subj) || len(w.kid) != len(r.kid) || w.use < 0 || w.use > 255 {
		return r, false
	}
	r.subj, r.kid, r.use = Subject(w.subj), KeyID(w.kid), Use(w.use)
	return r, true
}

func eachSubject(ctx context.Context, tx *db.Tx, clause string, args []any, fn func(rawSubject) error) error {
	rows, err := tx.Query(ctx, "SELECT "+subjectColumns+" FROM key_subject"+clause, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var w rawSubject
		if err := rows.Scan(&w.tn, &w.subj, &w.use, &w.kid, &w.kek, &w.wrapped, &w.state, &w.created, &w.mac); err != nil {
			return unscanned(ctx, rows, "key_subject", err)
		}
		if err := fn(w); err != nil {
			return err
		}
	}
	return rows.Err()
}
