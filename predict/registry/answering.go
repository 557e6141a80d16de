package registry

import (
	"context"
	"crypto/sha256"

	"github.com/ward-health/ward/engine/db"
)

// Answering reports whether a model of the transaction's tenant that answers events was ever made active: until then no result is of
// interest to any. It decides what is worth a job and nothing else, so rows are not verified; what cannot be read counts as answering, and
// the job then says what is wrong with it.
func (r *Registry) Answering(ctx context.Context, tx *db.Tx) (bool, error) {
	rows, err := tx.Query(ctx, "SELECT DISTINCT digest FROM model_stage WHERE tn = $1 AND stage = $2", int64(tx.Tenant()), string(Active))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	var digests [][]byte
	for rows.Next() {
		var d []byte
		if err := rows.Scan(&d); err != nil {
			return false, err
		}
		digests = append(digests, d)
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	for _, d := range digests {
		if yes, err := r.answers(ctx, tx, d); yes || err != nil {
			return yes, err
		}
	}
	return false, nil
}

// answers reports whether the manifest of a digest wants events. It is the same for good, as the digest is that of the manifest.
func (r *Registry) answers(ctx context.Context, tx *db.Tx, digest []byte) (bool, error) {
	r.mu.Lock()
	yes, known := r.events[string(digest)]
	r.mu.Unlock()
	if known {
		return yes, nil
	}
	var text []byte
	found, err := tx.Get(ctx, "SELECT manifest FROM model WHERE tn = $1 AND digest = $2", []any{int64(tx.Tenant()), digest}, &text)
	if err != nil || !found {
		return err == nil, err
	}
	m, err := Read(text)
	if sum := sha256.Sum256(text); err != nil || string(sum[:]) != string(digest) {
		return true, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) >= maxVerified {
		clear(r.events)
	}
	r.events[string(digest)] = m.Events
	return m.Events, nil
}
