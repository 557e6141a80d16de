package seal

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// Live fails with ward.Gone when one of the keys was destroyed or is unknown; called inside the transaction that writes
// what they sealed. The rows stay locked against Destroy until that transaction ends (PostgreSQL: FOR SHARE; SQLite: one
// writer), so that either the destruction comes later and finds what was written, or the write fails. At most 10,000 keys.
func (r *Ring) Live(ctx context.Context, tx *db.Tx, tn db.Tenant, kids ...KeyID) error {
	kids = slices.Clone(kids)
	slices.SortFunc(kids, less)
	kids = slices.Compact(kids)
	if len(kids) > subjectsMax {
		return ward.E(ward.TooLarge, "seal.live", fmt.Sprintf("at most %d keys in one call", subjectsMax), nil)
	}
	for part := range parts(kids) {
		n, err := r.countLive(ctx, tx, tn, part)
		if err != nil {
			return err
		}
		if n != len(part) {
			return ward.E(ward.Gone, "seal.live", "a key of this write was destroyed: the patient was erased", nil)
		}
	}
	return nil
}

// countLive reads rows, not a count: an aggregate cannot lock.
func (r *Ring) countLive(ctx context.Context, tx *db.Tx, tn db.Tenant, kids []KeyID) (int, error) {
	args := []any{int64(tn), int64(live)}
	for _, k := range kids {
		args = append(args, k[:])
	}
	q := "SELECT kid FROM key_subject WHERE tn = $1 AND state = $2 AND kid IN (" + db.Placeholders(3, len(kids)) + ") ORDER BY kid"
	if r.d.Engine() == "postgres" {
		q += " FOR SHARE"
	}
	rows, err := tx.Query(ctx, q, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}

// Destroyed tells whether the subject's data key was destroyed, as the database has it now: a check must not believe a cache,
// which another node fills again within its age. A row that is missing, changed or live is false.
func (r *Ring) Destroyed(ctx context.Context, tn db.Tenant, s Subject) (bool, error) {
	t, err := r.tenant(ctx, nil, tn)
	if err != nil {
		return false, err
	}
	var rows []subjectRow
	err = r.d.Read(ctx, tn, func(tx *db.Tx) error {
		rows, err = querySubjects(ctx, tx, " WHERE tn = $1 AND subj = $2 AND use = $3"+byKey, int64(tn), s[:], int64(Data))
		return err
	})
	if err != nil || len(rows) == 0 {
		return false, err
	}
	_, err = t.open(rows[0])
	return ward.KindOf(err) == ward.Gone, nil
}

// Destroy erases the subject's data key inside tx (state destroyed, wrapped bytes overwritten with zeros and removed) and
// leaves the audit key. Caches drop it after commit. Destroying an unknown subject makes its tombstone (and its audit key,
// so that the act itself can be recorded). Destroying twice is no error. The zero Subject is refused.
func (r *Ring) Destroy(ctx context.Context, tx *db.Tx, tn db.Tenant, s Subject) error {
	if s == (Subject{}) {
		return ward.E(ward.Internal, "seal.destroy", "the tenant's shared keys are not destroyed by subject", nil)
	}
	t, err := r.tenant(ctx, tx, tn)
	if err != nil {
		return err
	}
	k := subjectOf{tn, s, Data}
	done, err := r.bury(ctx, tx, t, k)
	if err == nil && !done {
		if err = r.tombstone(ctx, tx, t, k); err == nil {
			// Ensure of another connection may have been first: then its row is there now.
			done, err = r.bury(ctx, tx, t, k)
		}
		if err == nil && !done {
			err = ward.E(ward.Internal, "seal.destroy", "a tombstone that was written is not there", nil)
		}
	}
	if err == nil {
		tx.AfterCommit(func() { r.cache.drop(k) })
	}
	return err
}

// bury destroys the row; false if there is none. The zeros come first and have the length of what they cover, so that
// SQLite overwrites the bytes in place before the row shrinks.
func (r *Ring) bury(ctx context.Context, tx *db.Tx, t *tenant, k subjectOf) (bool, error) {
	const where = " WHERE tn = $1 AND subj = $2 AND use = $3"
	key := []any{int64(k.tn), k.subj[:], int64(k.use)}
	lock := ""
	if r.d.Engine() == "postgres" { // wait for writers that hold the row by Live, and read its newest state
		lock = " FOR UPDATE"
	}
	rows, err := querySubjects(ctx, tx, where+byKey+lock, key...)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	row := rows[0]
	if err := genuine(t.rows, row.parts(), row.mac); err != nil {
		return false, err
	}
	if row.state == destroyed {
		return true, nil
	}
	if _, err := tx.Exec(ctx, "UPDATE key_subject SET wrapped = $4"+where, append(key, make([]byte, len(row.wrapped)))...); err != nil {
		return false, err
	}
	row.state, row.wrapped = destroyed, []byte{}
	row.mac = digest(t.rows, row.parts())
	n, err := tx.Exec(ctx, "UPDATE key_subject SET wrapped = $4, state = $5, mac = $6"+where, append(key, row.wrapped, row.state, row.mac)...)
	if err == nil && n != 1 {
		err = ward.E(ward.Internal, "seal.destroy", "the key row could not be overwritten", nil)
	}
	return err == nil, err
}

// tombstone keeps a subject that was never seen from getting a data key later.
func (r *Ring) tombstone(ctx context.Context, tx *db.Tx, t *tenant, k subjectOf) error {
	rows, err := t.fresh(subjectOf{k.tn, k.subj, Audit})
	if err != nil {
		return err
	}
	grave := subjectRow{tn: k.tn, subj: k.subj, use: k.use, kek: t.current, wrapped: []byte{}, state: destroyed, created: time.Now().UnixMicro()}
	rand.Read(grave.kid[:])
	grave.mac = digest(t.rows, grave.parts())
	return insertSubjects(ctx, tx, append(rows, grave))
}
