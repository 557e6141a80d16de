package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	Merged   []string // who is one with the patient by merges, and was erased too
	Versions int64    // sealed texts that nothing opens any more, of all of them
	At       time.Time
	Entry    ward.ID
	Text     string // certificate: what is gone now, what remains in backups and until when
}

// Shred destroys the patient's data key; index rows are gone within 5 s (a queue job). From its return on nothing of the
// patient opens, no search finds it and no write for it succeeds, also where nothing was stored yet. Shredding twice is no
// error: it is an entry of its own and returns the first erasure.
//
// The record that lives on after merges, and everything that was merged into it, is one patient: all of it is erased. A message that is
// about several patients opens for nobody once one of them was erased.
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
	if !p.Filter().Match(access.Attributes{Type: "Patient", Patient: patient, Conf: defaultConf}) {
		pat := n.patient(patient)
		return Erasure{}, s.hidden(ctx, p, audit.ActShred, audit.Subject{Patient: subjectOf(pat), Kind: "patient", RID: pat}, errForbidden)
	}
	for range maxTries {
		e, err := s.shredOnce(ctx, n, p, patient)
		if !errors.Is(err, errMoved) {
			return e, err
		}
	}
	return Erasure{}, s.failed(ctx, p, audit.ActShred, errConflict)
}

// shredOnce erases everybody who is one with the patient now; errMoved: others were merged meanwhile.
func (s *Store) shredOnce(ctx context.Context, n names, p access.Permit, patient string) (Erasure, error) {
	e := Erasure{Patient: patient}
	var all []string
	err := s.db.Read(ctx, n.tn, func(tx *db.Tx) (err error) {
		all, err = family(ctx, tx, n, patient)
		return err
	})
	if err != nil {
		return e, err
	}
	in := p.Intent(audit.ActShred)
	for _, id := range all {
		pat := n.patient(id)
		in.Subjects = append(in.Subjects, audit.Subject{Patient: subjectOf(pat), Kind: "patient", RID: pat})
	}
	entry, err := s.log.Prepare(ctx, in)
	if err != nil {
		return e, err
	}
	err = s.commit(ctx, n.tn, func(tx *db.Tx) error {
		e = Erasure{Patient: patient}
		if err := tx.Lock(ctx, mergeLock); err != nil {
			return err
		}
		if now, err := family(ctx, tx, n, patient); err != nil || !slices.Equal(now, all) {
			return cmp.Or(err, errMoved)
		}
		rc, err := s.log.Enter(ctx, tx, entry)
		if err != nil {
			return err
		}
		return s.eraseAll(ctx, tx, n, all, rc.ID(), &e)
	})
	if err != nil {
		return Erasure{}, err
	}
	e.Text = e.certificate(p.TenantID(), s.db.Engine())
	return e, nil
}

// family lists everybody who is one with a patient: the patient first, the others in order.
func family(ctx context.Context, tx *db.Tx, n names, patient string) ([]string, error) {
	up, err := chain(ctx, tx, n, patient)
	if err != nil {
		return nil, err
	}
	root := up[len(up)-1]
	below, _, err := kinBelow(ctx, tx, n, root)
	if err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(append(below, root), func(id string) bool { return id == patient })
	slices.Sort(others)
	return append([]string{patient}, others...), nil
}

// eraseAll erases whoever of them was not erased before, and sums up.
func (s *Store) eraseAll(ctx context.Context, tx *db.Tx, n names, all []string, entry ward.ID, e *Erasure) error {
	seen := map[int64]bool{}
	for i, id := range all {
		one := Erasure{Patient: id}
		pat := n.patient(id)
		done, err := erasure(ctx, tx, n, pat, &one)
		if err == nil && !done {
			err = s.erase(ctx, tx, n, pat, entry, seen, &one)
		}
		if err != nil {
			return err
		}
		if e.Versions += one.Versions; i == 0 {
			e.At, e.Entry = one.At, one.Entry
		} else {
			e.Merged = append(e.Merged, id)
		}
	}
	return nil
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
func (s *Store) erase(ctx context.Context, tx *db.Tx, n names, pat []byte, entry ward.ID, seen map[int64]bool, e *Erasure) error {
	tn := int64(n.tn)
	if err := s.ring.Destroy(ctx, tx, n.tn, subjectOf(pat)); err != nil {
		return err
	}
	_, err := tx.Get(ctx, "SELECT (SELECT COUNT(*) FROM ver v WHERE v.tn = $1 AND v.pat = $2) + (SELECT COUNT(*) FROM payload y WHERE y.tn = $1 AND y.subj = $2)",
		[]any{tn, pat}, &e.Versions)
	if err != nil {
		return err
	}
	if err := messageTexts(ctx, tx, n, pat, seen, &e.Versions); err != nil {
		return err
	}
	e.At, e.Entry = now(), entry
	if err := tx.Insert(ctx, "erased", []string{"tn", "pat", "at_us", "versions", "entry", "mac"},
		[][]any{{tn, pat, e.At.UnixMicro(), e.Versions, entry[:], erasedMAC(n, pat, e.At.UnixMicro(), e.Versions, entry[:])}}); err != nil {
		return err
	}
	return queue.Enqueue(ctx, tx, queue.Job{ID: ward.NewID(), Tenant: n.tn, Queue: purgeQueue, Key: fmt.Sprintf("%x", pat), Ref: pat, RunAt: e.At})
}

// messageTexts counts the sealed texts of messages about a patient, each message once: body, acknowledgement and what stands beside it.
func messageTexts(ctx context.Context, tx *db.Tx, n names, pat []byte, seen map[int64]bool, count *int64) error {
	rows, err := tx.Query(ctx, "SELECT a.rid, 1 + CASE WHEN length(m.reply) > 0 THEN 1 ELSE 0 END + (SELECT COUNT(*) FROM side_text x WHERE x.tn = a.tn AND x.message = a.rid) "+
		"FROM about a CROSS JOIN message m WHERE a.tn = $1 AND a.pat = $2 AND m.tn = a.tn AND m.rid = a.rid ORDER BY a.rid", int64(n.tn), pat)
	return each(rows, err, func(scan scanner) error {
		var rid, texts int64
		err := scan.Scan(&rid, &texts)
		if !seen[rid] {
			seen[rid] = true
			*count += texts
		}
		return err
	})
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
	merged := ""
	if len(e.Merged) > 0 {
		merged = "\nOne with it by merges, and erased with it: Patient/" + strings.Join(e.Merged, ", Patient/") + "."
	}
	return fmt.Sprintf(`Certificate of erasure

Patient/%s of tenant %s was erased on %s (log entry %s).%s

Gone now, on this node set: the data key of the patient was destroyed. Ward opens none of the %d sealed texts (resource versions
with their history, deletions, blobs, decisions, feedback on them, and messages as they were received with what was held of
them) for anybody, the operator included. A message that was about other patients too opens for nobody any more. No search finds them and nothing can be
written for this patient again.
Gone within 5 seconds, unless the database is too busy, then as soon as it is not (the log entry "purge" tells when): the rows
of the search index that were derived from those texts, large sealed texts kept as files, and the bytes of the wrapped key in
the live files of the database.%s

What remains: the sealed texts as unreadable bytes; for each record its type, its logical id, its times and keyed digests,
which name nobody without the tenant's keys; the entries of the log, which still verifies. A message in which Ward has not yet
recognised the patient (its state is "received", "dead" or "apart"; or it was "held" as a whole, "kept" because no rule speaks of its
kind, or "rejected", before its patient was known) is sealed under the key of its channel, not of the patient; it is not covered by this
certificate.
Backups made before the erasure still hold the wrapped key and index rows of that time. Whoever has such a backup and the
root key can open what it holds until the backup itself is destroyed: this build does not rotate tenant keys by erasure
epochs and does not rotate index keys. Destroy or expire those backups by your retention rule.
`, e.Patient, tenant, e.At.Format(time.RFC3339), e.Entry, merged, e.Versions, residue)
}
