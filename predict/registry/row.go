package registry

import (
	"context"
	"crypto/hmac"
	"encoding/binary"

	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

type keyRow struct {
	tn      db.Tenant
	kid     string
	public  []byte
	addedUS int64
}

type modelRow struct {
	tn               db.Tenant
	digest           []byte
	name, version    string
	manifest, bundle []byte
	pushedUS         int64
	entry            []byte
}

// fileRow is one file of an artefact.
type fileRow struct {
	tn     db.Tenant
	digest []byte // of the artefact
	name   string
	body   []byte
}

func be8(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// The keyed digests begin with the table's name, so that no row can stand in for one of another table.

func (k keyRow) mac(m keys.MAC) []byte {
	sum := m.Sum([]byte("model_key"), be8(int64(k.tn)), []byte(k.kid), k.public, be8(k.addedUS))
	return sum[:]
}

func (r modelRow) mac(m keys.MAC) []byte {
	sum := m.Sum([]byte("model"), be8(int64(r.tn)), r.digest, []byte(r.name), []byte(r.version), r.manifest, r.bundle, be8(r.pushedUS), r.entry)
	return sum[:]
}

func (f fileRow) mac(m keys.MAC) []byte {
	sum := m.Sum([]byte("model_file"), be8(int64(f.tn)), f.digest, []byte(f.name), f.body)
	return sum[:]
}

// same refuses a row whose keyed digest does not hold.
func same(have, want []byte) error {
	if !hmac.Equal(have, want) {
		return unsigned("a registry row was changed outside of Ward; the model does not answer", nil)
	}
	return nil
}

func (k keyRow) insert(ctx context.Context, tx *db.Tx, m keys.MAC) error {
	return tx.Insert(ctx, "model_key", []string{"tn", "kid", "public", "added_us", "mac"},
		[][]any{{int64(k.tn), k.kid, k.public, k.addedUS, k.mac(m)}})
}

func (r modelRow) insert(ctx context.Context, tx *db.Tx, m keys.MAC) error {
	return tx.Insert(ctx, "model", []string{"tn", "digest", "name", "version", "manifest", "bundle", "pushed_us", "entry", "mac"},
		[][]any{{int64(r.tn), r.digest, r.name, r.version, r.manifest, r.bundle, r.pushedUS, r.entry, r.mac(m)}})
}

func (f fileRow) insert(ctx context.Context, tx *db.Tx, m keys.MAC) error {
	return tx.Insert(ctx, "model_file", []string{"tn", "digest", "name", "body", "mac"}, [][]any{{int64(f.tn), f.digest, f.name, f.body, f.mac(m)}})
}

// readFiles reads the files of an artefact.
func readFiles(ctx context.Context, tx *db.Tx, m keys.MAC, tn db.Tenant, digest []byte) (map[string][]byte, error) {
	rows, err := tx.Query(ctx, `SELECT name, body, mac FROM model_file WHERE tn = $1 AND digest = $2 ORDER BY name`, int64(tn), digest)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][]byte{}
	for rows.Next() {
		f := fileRow{tn: tn, digest: digest}
		var mac []byte
		if err := rows.Scan(&f.name, &f.body, &mac); err != nil {
			return nil, err
		}
		if err := same(mac, f.mac(m)); err != nil {
			return nil, err
		}
		out[f.name] = f.body
	}
	return out, rows.Err()
}

func readKey(ctx context.Context, tx *db.Tx, m keys.MAC, tn db.Tenant, kid string) (keyRow, bool, error) {
	k := keyRow{tn: tn, kid: kid}
	var mac []byte
	found, err := tx.Get(ctx, `SELECT public, added_us, mac FROM model_key WHERE tn = $1 AND kid = $2`, []any{int64(tn), kid}, &k.public, &k.addedUS, &mac)
	if err != nil || !found {
		return keyRow{}, false, err
	}
	return k, true, same(mac, k.mac(m))
}

func readModel(ctx context.Context, tx *db.Tx, m keys.MAC, tn db.Tenant, digest []byte) (modelRow, bool, error) {
	r := modelRow{tn: tn, digest: digest}
	var mac []byte
	found, err := tx.Get(ctx, `SELECT name, version, manifest, bundle, pushed_us, entry, mac FROM model WHERE tn = $1 AND digest = $2`,
		[]any{int64(tn), digest}, &r.name, &r.version, &r.manifest, &r.bundle, &r.pushedUS, &r.entry, &mac)
	if err != nil || !found {
		return modelRow{}, false, err
	}
	return r, true, same(mac, r.mac(m))
}

// versionDigest returns the digest of a name and version that is there already.
func versionDigest(ctx context.Context, tx *db.Tx, tn db.Tenant, name, version string) (digest []byte, found bool, err error) {
	found, err = tx.Get(ctx, `SELECT digest FROM model WHERE tn = $1 AND name = $2 AND version = $3`, []any{int64(tn), name, version}, &digest)
	return digest, found, err
}
