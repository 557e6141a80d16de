package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// Erasure is what Shred did.
type Erasure struct {
	Patient  string
	Versions int64 // sealed texts that nothing opens any more
	At       time.Time
	Entry    ward.ID
	Text     string // certificate: what is gone now, what remains in backups and until when
}

// Shred destroys the patient's data key; index rows are gone within 5 s (a queue job). From its return on nothing of the
// patient opens, no search finds it and no write for it succeeds, also where nothing was stored yet. Shredding twice is no
// error: it is an entry of its own and returns the first erasure.
//
// SPEC(GDPR art. 17; DESIGN I7): after an erasure bodies, blobs and payloads of the patient open nowhere; the log still verifies.
func (s *Store) Shred(ctx context.Context, p access.Permit, patient string) (Erasure, error) {
	const op = "store.shred"
	if err := p.Allows(access.Shred, ""); err != nil {
		return Erasure{}, err
	}
	if !ward.ValidID(patient) {
		return Erasure{}, ward.E(ward.Invalid, op, "a patient is named by its FHIR id: 1 to 64 letters, digits, '-' and '.'", nil)
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return Erasure{}, err
	}
	pat := n.patient(patient)
	in := p.Intent(audit.ActShred)
	in.Subjects = []audit.Subject{{Patient: subjectOf(pat), Kind: "patient", RID: pat}}
	if !p.Filter().Match(access.Attributes{Type: "Patient", Patient: patient, Conf: defaultConf}) {
		return Erasure{}, s.hidden(ctx, p, audit.ActShred, in.Subjects[0], errForbidden)
	}
	entry, err := s.log.Prepare(ctx, in)
	if err != nil {
		return Erasure{}, err
	}
	e := Erasure{Patient: patient}
	err = s.commit(ctx, n.tn, func(tx *db.Tx) error {
		rc, err := s.log.Enter(ctx, tx, entry)
		if err != nil {
			return err
		}
		done, err := erasure(ctx, tx, n, pat, &e)
		if err != nil || done {
			return err
		}
		return s.erase(ctx, tx, n, pat, rc.ID(), &e)
	})
	if err != nil {
		return Erasure{}, err
	}
	e.Text = e.certificate(p.TenantID(), s.db.Engine())
	return e, nil
}

// erasure reads the erasure of a patient, if there was one.
func erasure(ctx context.Context, tx *db.Tx, n names, pat []byte, e *Erasure) (bool, error) {
	var at int64
	done, err := tx.Get(ctx, "SELECT at_us, versions, entry FROM erased WHERE tn = $1 AND pat = $2", []any{int64(n.tn), pat},
		&at, &e.Versions, db.Fixed(e.Entry[:]))
	e.At = micros(at)
	return done, err
}

// erase destroys the key, counts what it had sealed, and leaves the tombstone and the job that clears the index.
func (s *Store) erase(ctx context.Context, tx *db.Tx, n names, pat []byte, entry ward.ID, e *Erasure) error {
	tn := int64(n.tn)
	if err := s.ring.Destroy(ctx, tx, n.tn, subjectOf(pat)); err != nil {
		return err
	}
	_, err := tx.Get(ctx, "SELECT (SELECT COUNT(*) FROM ver v WHERE v.tn = $1 AND v.pat = $2) + (SELECT COUNT(*) FROM payload y WHERE y.tn = $1 AND y.subj = $2)",
		[]any{tn, pat}, &e.Versions)
	if err != nil {
		return err
	}
	e.At, e.Entry = now(), entry
	if err := tx.Insert(ctx, "erased", []string{"tn", "pat", "at_us", "versions", "entry", "mac"},
		[][]any{{tn, pat, e.At.UnixMicro(), e.Versions, entry[:], erasedMAC(n, pat, e.At.UnixMicro(), e.Versions, entry[:])}}); err != nil {
		return err
	}
	return queue.Enqueue(ctx, tx, queue.Job{ID: ward.NewID(), Tenant: n.tn, Queue: purgeQueue, Key: fmt.Sprintf("%x", pat), Ref: pat, RunAt: e.At})
}

func erasedMAC(n names, pat []byte, at, versions int64, entry []byte) []byte {
	return rowMAC(n.row, "erased", int64(n.tn), pat, at, versions, entry)
}

// certificate is the text that a controller can hand on. It claims what is so, and names what is not.
func (e *Erasure) certificate(tenant ward.TenantID, engine string) string {
	residue := ""
	if engine == "postgres" {
		residue = "\nPostgreSQL's write-ahead log and its archive keep those bytes until they are recycled; that is your database's setting."
	}
	return fmt.Sprintf(`Certificate of erasure

Patient/%s of tenant %s was erased on %s (log entry %s).

Gone now, on this node set: the data key of the patient was destroyed. Ward opens none of the %d sealed texts (resource versions
with their history, deletions, blobs, decisions) for anybody, the operator included. No search finds them and nothing can be
written for this patient again.
Gone within 5 seconds, unless the database is too busy, then as soon as it is not (the log entry "purge" tells when): the rows
of the search index that were derived from those texts, large sealed texts kept as files, and the bytes of the wrapped key in
the live files of the database.%s

What remains: the sealed texts as unreadable bytes; for each record its type, its logical id, its times and keyed digests,
which name nobody without the tenant's keys; the entries of the log, which still verifies. Raw messages as they were
received are sealed under the key of their channel, not of the patient; they are not covered by this certificate.
Backups made before the erasure still hold the wrapped key and index rows of that time. Whoever has such a backup and the
root key can open what it holds until the backup itself is destroyed: this build does not rotate tenant keys by erasure
epochs and does not rotate index keys. Destroy or expire those backups by your retention rule.
`, e.Patient, tenant, e.At.Format(time.RFC3339), e.Entry, e.Versions, residue)
}
