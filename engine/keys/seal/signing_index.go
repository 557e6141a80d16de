package seal

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// indexName is the row of key_signing whose column public lists the names of all signing keys ever made, so that one that
// was removed is missed and not silently made anew. It is no valid name of a key. It is made with the node's own keys.
const indexName = "(index)"

func newIndex(m keys.MAC, names []string) signingRow {
	row := signingRow{name: indexName, kid: make([]byte, len(KeyID{})), alg: "index", public: []byte(strings.Join(names, "\n")),
		wrapped: []byte{}, created: time.Now().UnixMicro()}
	row.mac = digest(m, row.parts())
	return row
}

// names returns what a genuine index row lists, in order.
func (w signingRow) names() []string {
	if len(w.public) == 0 {
		return nil
	}
	return strings.Split(string(w.public), "\n")
}

func insertSigning(ctx context.Context, tx *db.Tx, w signingRow) error {
	_, err := tx.Exec(ctx, "INSERT INTO key_signing ("+signingColumns+") VALUES ("+db.Placeholders(1, 8)+")",
		w.name, w.kid, w.alg, w.public, w.root, w.wrapped, w.created, w.mac)
	return err
}

// addName puts the name of a new key into the index. A name that stands there had a key already, which is gone.
func addName(ctx context.Context, tx *db.Tx, m keys.MAC, name string) error {
	const op = "seal.signer"
	rows, err := readSigning(ctx, tx, " WHERE name = $1", indexName)
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return ward.E(ward.Internal, op, "the list of signing keys is missing, so that no new one is made; run `ward store check`", nil)
	}
	if err := genuine(m, rows[0].parts(), rows[0].mac); err != nil {
		return err
	}
	names := rows[0].names()
	at, had := slices.BinarySearch(names, name)
	switch {
	case had:
		return ward.E(ward.Internal, op, "the signing key "+name+" was removed outside Ward and is not made anew; restore a backup", nil)
	case len(names) >= signingMax:
		return errTooMany
	}
	w := newIndex(m, slices.Insert(names, at, name))
	_, err = tx.Exec(ctx, "UPDATE key_signing SET public = $2, created_us = $3, mac = $4 WHERE name = $1", w.name, w.public, w.created, w.mac)
	return err
}

// signingIndex compares the index with the names of the rows there are.
func (c *check) signingIndex(m keys.MAC, rows []signingRow) {
	var index *signingRow
	present := map[string]bool{}
	for i, row := range rows {
		if row.name == indexName {
			index = &rows[i]
		} else {
			present[row.name] = true
		}
	}
	if index == nil {
		c.report("key_signing", indexName, "the list of signing keys is missing")
		return
	}
	if err := genuine(m, index.parts(), index.mac); err != nil {
		c.report("key_signing", indexName, fault(err))
		return
	}
	for _, name := range index.names() {
		if !present[name] {
			c.report("key_signing", name, "the signing key is missing: it was removed outside Ward")
		}
		delete(present, name)
	}
	for name := range present {
		c.report("key_signing", name, "the signing key is not in the list of signing keys")
	}
}
