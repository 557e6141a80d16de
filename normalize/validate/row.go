package validate

import (
	"context"
	"crypto/hmac"
	"encoding/binary"

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

// readRows returns the tenant's packages by name without their bodies, verified against the head.
func readRows(ctx context.Context, tx *db.Tx, m keys.MAC, tn db.Tenant) (seq int64, have []row, err error) {
	seq, mac, err := readSeq(ctx, tx, tn)
	if err != nil {
		return 0, nil, err
	}
	rows, err := tx.Query(ctx, `SELECT name, version, digest, added_us, entry, mac FROM fhir_package WHERE tn = $1 ORDER BY name`, int64(tn))
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r := row{tn: tn}
		if err := rows.Scan(&r.name, &r.version, &r.digest, &r.addedUS, &r.entry, &r.sum); err != nil {
			return 0, nil, err
		}
		if !hmac.Equal(r.sum, r.mac(m)) {
			return 0, nil, changed()
		}
		have = append(have, r)
	}
	if err := rows.Err(); err != nil {
		return 0, nil, err
	}
	if seq == 0 && len(have) == 0 && mac == nil {
		return 0, nil, nil
	}
	if !hmac.Equal(mac, headMAC(m, tn, seq, have)) {
		return 0, nil, changed()
	}
	return seq, have, nil
}

func readBody(ctx context.Context, tx *db.Tx, r *row) error {
	found, err := tx.Get(ctx, `SELECT body FROM fhir_package WHERE tn = $1 AND name = $2`, []any{int64(r.tn), r.name}, &r.body)
	if err == nil && !found {
		err = changed()
	}
	return err
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
