package store

import (
	"context"
	"math"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// The queue that clears the index of erased patients. The job is written with the erasure, so it outlives the node.
const (
	purgeQueue    = "store_purge"
	purgeAttempts = 20
	purgeChunk    = 100 // resources of one transaction
)

// purge removes index rows, claims and blobs of an erased patient and marks its pointers. It opens nothing and needs no
// permit; its entry is the node's own. The destroyed key's bytes leave the live files of the database with it.
func (s *Store) purge(ctx context.Context, j queue.Job) (queue.Finish, error) {
	if len(j.Ref) != 16 {
		return nil, internal("store.purge", "a purge job names no patient", nil)
	}
	n, err := s.names(ctx, j.Tenant)
	if err != nil {
		return nil, err
	}
	if err := s.confirm(ctx, n, j.Ref); err != nil {
		return nil, err
	}
	for {
		ps, err := s.unpurged(ctx, n, j.Ref)
		if err != nil {
			return nil, err
		}
		if len(ps) == 0 {
			break
		}
		if err := s.commit(ctx, n.tn, func(tx *db.Tx) error { return purgeRows(ctx, tx, n, ps) }); err != nil {
			return nil, err
		}
	}
	if err := s.purgeBlobs(ctx, n, j.Ref); err != nil {
		return nil, err
	}
	for _, table := range []string{"key_subject", "message"} { // keys, and wraps to channels that were overwritten
		if err := s.db.Scrub(ctx, table); err != nil {
			return nil, err
		}
	}
	entry, err := s.log.Prepare(ctx, audit.Intent{Tenant: n.tn, Act: audit.ActPurge, Outcome: audit.Done, Request: j.ID,
		Purpose: ward.SystemAdmin, Subjects: []audit.Subject{{Patient: subjectOf(j.Ref), Kind: "patient", RID: j.Ref}}})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx *db.Tx) error {
		_, err := s.log.Enter(ctx, tx, entry)
		return err
	}, nil
}

// confirm refuses to clear the index of a patient who was not erased.
func (s *Store) confirm(ctx context.Context, n names, pat []byte) error {
	return s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		var e Erasure
		done, err := erasure(ctx, tx, n, pat, &e)
		if err == nil && !done {
			return internal("store.purge", "a purge job names a patient who was not erased", nil)
		}
		return err
	})
}

// unpurged reads the next pointers that still have index rows.
func (s *Store) unpurged(ctx context.Context, n names, pat []byte) (ps []*pointer, err error) {
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+resColumns+" FROM res r WHERE r.tn = $1 AND r.pat = $2 AND r.flags < $3 ORDER BY r.rid LIMIT $4",
			int64(n.tn), pat, flagErased, purgeChunk)
		return each(rows, err, func(scan scanner) error {
			p := &pointer{tn: n.tn}
			ps = append(ps, p)
			return scan.Scan(p.dest()...)
		})
	})
	return ps, err
}

func purgeRows(ctx context.Context, tx *db.Tx, n names, ps []*pointer) error {
	ix := ixRows{tn: int64(n.tn)}
	for _, p := range ps {
		old, err := unpack(p.rev)
		if err != nil || !sameMAC(p.mac, p.wantMAC(n.row)) {
			err = ix.sweep(ctx, tx, p.rid) // the packed keys cannot be trusted to be complete
		} else {
			err = ix.remove(ctx, tx, p.rid, old)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM claim WHERE tn = $1 AND rid = $2", ix.tn, p.rid); err != nil {
			return err
		}
		empty := *p // the closure may run again: what was read stays as it was
		empty.flags, empty.rev, empty.bh = p.flags|flagErased, []byte{}, zero16
		if _, err := tx.Exec(ctx, "UPDATE res SET flags = $1, rev = $2, bh = $3, mac = $4 WHERE tn = $5 AND rid = $6", empty.flags, empty.rev,
			empty.bh, empty.wantMAC(n.row), ix.tn, p.rid); err != nil {
			return err
		}
	}
	return nil
}

// sweep deletes the index rows of a resource by a walk through the tables.
func (x *ixRows) sweep(ctx context.Context, tx *db.Tx, rid int64) error {
	for _, table := range []string{"ix_tok", "ix_ref", "ix_date"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE tn = $1 AND rid = $2", x.tn, rid); err != nil {
			return err
		}
	}
	return nil
}

// purgeBlobs deletes the files of the patient's large sealed texts. Nothing opens them; they only take room.
func (s *Store) purgeBlobs(ctx context.Context, n names, pat []byte) error {
	for _, q := range []string{
		"SELECT seq, blob FROM ver WHERE tn = $1 AND pat = $2 AND blob IS NOT NULL AND seq > $3 ORDER BY seq LIMIT 500",
		"SELECT seq, blob FROM payload WHERE tn = $1 AND subj = $2 AND blob IS NOT NULL AND seq > $3 ORDER BY seq LIMIT 500",
		"SELECT m.rid, m.blob FROM about a CROSS JOIN message m WHERE a.tn = $1 AND a.pat = $2 AND m.tn = a.tn AND m.rid = a.rid AND m.blob IS NOT NULL AND m.rid > $3 ORDER BY m.rid LIMIT 500",
		"SELECT x.rid, x.blob FROM about a CROSS JOIN side_text x WHERE a.tn = $1 AND a.pat = $2 AND x.tn = a.tn AND x.message = a.rid AND x.blob IS NOT NULL AND x.rid > $3 ORDER BY x.rid LIMIT 500",
	} {
		for after := int64(math.MinInt64); ; {
			var found []blob.Digest
			err := s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
				rows, err := tx.Query(ctx, q, int64(n.tn), pat, after)
				return each(rows, err, func(scan scanner) error {
					var g blob.Digest
					found = append(found, g)
					return scan.Scan(&after, db.Fixed(found[len(found)-1][:]))
				})
			})
			if err != nil {
				return err
			}
			if len(found) == 0 {
				break
			}
			for _, g := range found {
				if err := s.blobs.Delete(ctx, g); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
