package validate

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// row is a package as it is stored.
type row struct {
	tn            db.Tenant
	name, version string
	digest        []byte
	body          []byte // nil where it was not asked for
	addedUS       int64
	entry         []byte
	sum           []byte // the keyed digest as read
}

func be8(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// mac covers body by its digest, which whoever reads the body compares.
func (r *row) mac(m keys.MAC) []byte {
	sum := m.Sum([]byte("fhir_package"), be8(int64(r.tn)), []byte(r.name), []byte(r.version), r.digest, be8(r.addedUS), r.entry)
	return sum[:]
}

func headMAC(m keys.MAC, tn db.Tenant, seq int64, have []row) []byte {
	parts := [][]byte{[]byte("fhir_package_head"), be8(int64(tn)), be8(seq)}
	for i := range have {
		parts = append(parts, have[i].sum)
	}
	sum := m.Sum(parts...)
	return sum[:]
}

func changed() error {
	return ward.E(ward.Internal, "validate.packages", "the tenant's FHIR packages were changed outside of Ward; nothing is validated until they are put right", nil)
}

// readSeq returns how often the tenant's packages changed, 0 if never.
func readSeq(ctx context.Context, tx *db.Tx, tn db.Tenant) (seq int64, mac []byte, err error) {
	_, err = tx.Get(ctx, `SELECT seq, mac FROM fhir_package_head WHERE tn = $1`, []any{int64(tn)}, &seq, &mac)
	return seq, mac, err
}

// stored is what the tables say of a tenant, as it was read.
type stored struct {
	seq  int64
	mac  []byte // of the head; nil: there is none
	rows []row  // by name, without bodies
}

// scan reads the tenant's rows and verifies nothing.
func scan(ctx context.Context, tx *db.Tx, tn db.Tenant) (s stored, err error) {
	if s.seq, s.mac, err = readSeq(ctx, tx, tn); err != nil {
		return s, err
	}
	rows, err := tx.Query(ctx, `SELECT name, version, digest, added_us, entry, mac FROM fhir_package WHERE tn = $1 ORDER BY name`, int64(tn))
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		r := row{tn: tn}
		if err := rows.Scan(&r.name, &r.version, &r.digest, &r.addedUS, &r.entry, &r.sum); err != nil {
			return s, err
		}
		s.rows = append(s.rows, r)
	}
	return s, rows.Err()
}

// whole reports whether the head is the one over these rows, or there is nothing at all.
func (s *stored) whole(m keys.MAC, tn db.Tenant) bool {
	if s.seq == 0 && s.mac == nil && len(s.rows) == 0 {
		return true
	}
	return hmac.Equal(s.mac, headMAC(m, tn, s.seq, s.rows))
}

// genuine reports whether the row, but for its body, is as it was written.
func (r *row) genuine(m keys.MAC) bool { return hmac.Equal(r.sum, r.mac(m)) }

// readRows returns the tenant's packages by name without their bodies, verified against the head.
func readRows(ctx context.Context, tx *db.Tx, m keys.MAC, tn db.Tenant) (seq int64, have []row, err error) {
	s, err := scan(ctx, tx, tn)
	if err != nil {
		return 0, nil, err
	}
	if slices.ContainsFunc(s.rows, func(r row) bool { return !r.genuine(m) }) || !s.whole(m, tn) {
		return 0, nil, changed()
	}
	return s.seq, s.rows, nil
}

// readBody reads the body of the very row that was read before; false: it is not there any more. A body that no package can have is left out.
func readBody(ctx context.Context, tx *db.Tx, r *row) (found bool, err error) {
	return tx.Get(ctx, `SELECT CASE WHEN LENGTH(body) <= CAST($1 AS BIGINT) THEN body END FROM fhir_package WHERE tn = $2 AND name = $3 AND mac = $4`,
		[]any{int64(MaxPackage), int64(r.tn), r.name, r.sum}, &r.body)
}

// fits reports whether the body is the one of the row's digest.
func (r *row) fits() bool {
	digest := sha256.Sum256(r.body)
	return bytes.Equal(digest[:], r.digest)
}

func (r *row) insert(ctx context.Context, tx *db.Tx) error {
	return tx.Insert(ctx, "fhir_package", []string{"tn", "name", "version", "digest", "body", "added_us", "entry", "mac"},
		[][]any{{int64(r.tn), r.name, r.version, r.digest, r.body, r.addedUS, r.entry, r.sum}})
}

func remove(ctx context.Context, tx *db.Tx, tn db.Tenant, name string) error {
	_, err := tx.Exec(ctx, `DELETE FROM fhir_package WHERE tn = $1 AND name = $2`, int64(tn), name)
	return err
}

// writeHead puts the head in place of the one of seq-1.
func writeHead(ctx context.Context, tx *db.Tx, m keys.MAC, tn db.Tenant, seq int64, have []row) error {
	mac := headMAC(m, tn, seq, have)
	if seq == 1 {
		return tx.Insert(ctx, "fhir_package_head", []string{"tn", "seq", "mac"}, [][]any{{int64(tn), seq, mac}})
	}
	_, err := tx.Exec(ctx, `UPDATE fhir_package_head SET seq = $1, mac = $2 WHERE tn = $3`, seq, mac, int64(tn))
	return err
}
