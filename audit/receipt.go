package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// receiptLife is how long a receipt opens anything.
const receiptLife = 2 * time.Minute

// Receipt proves that an entry is durable (Begin) or commits with the running transaction (Enter). Only this package
// makes one; the zero Receipt covers nothing. It lives for two minutes. A receipt of a denied or failed act covers
// nothing either.
type Receipt struct {
	id      ward.ID
	tenant  db.Tenant
	request ward.ID
	act     Act
	outcome Outcome
	expires time.Time // with a monotonic reading
	one     subjectDigest
	many    map[subjectDigest]struct{} // two and more subjects

	patients map[subjectDigest]struct{} // whom an entry for reading the log names
}

// subjectDigest stands for one subject of one tenant.
type subjectDigest [32]byte

func digestSubject(tn db.Tenant, s *Subject) subjectDigest {
	var room [160]byte
	b := append(room[:0], "ward/receipt/v1|"...)
	b = binary.BigEndian.AppendUint64(b, uint64(tn))
	return sha256.Sum256(appendSubject(append(b, s.Patient[:]...), s))
}

func digestPatient(tn db.Tenant, patient seal.Subject) subjectDigest {
	return digestSubject(tn, &Subject{Patient: patient})
}

// appendSubject encodes kind, rid and version so that no two records share bytes.
func appendSubject(b []byte, s *Subject) []byte {
	b = append(append(b, byte(len(s.Kind))), s.Kind...)
	b = append(append(b, byte(len(s.RID))), s.RID...)
	return binary.BigEndian.AppendUint64(b, uint64(s.Version))
}

func newReceipt(in *Intent, id ward.ID) Receipt {
	r := Receipt{id: id, tenant: in.Tenant, request: in.Request, act: in.Act, outcome: in.Outcome}
	if len(in.Subjects) == 1 {
		r.one = digestSubject(in.Tenant, &in.Subjects[0])
	} else if len(in.Subjects) > 1 {
		r.many = make(map[subjectDigest]struct{}, len(in.Subjects))
		for i := range in.Subjects {
			r.many[digestSubject(in.Tenant, &in.Subjects[i])] = struct{}{}
		}
	}
	if in.Act == ActLogRead || in.Act == ActLogExport {
		r.patients = make(map[subjectDigest]struct{})
		for i := range in.Subjects {
			if p := in.Subjects[i].Patient; p != (seal.Subject{}) {
				r.patients[digestPatient(in.Tenant, p)] = struct{}{}
			}
		}
	}
	return r
}

// issued starts the receipt's life, once the entry is durable.
func (r Receipt) issued() Receipt {
	r.expires = time.Now().Add(receiptLife)
	return r
}

// ID returns the entry's id.
func (r Receipt) ID() ward.ID { return r.id }

// Covers returns nil only if the receipt is of this tenant and request, names the subject, and has not expired.
func (r Receipt) Covers(tn db.Tenant, request ward.ID, s Subject) error {
	if err := r.live(tn); err != nil {
		return err
	}
	if request.IsZero() || r.request != request {
		return refuse("is of another request")
	}
	d := digestSubject(tn, &s)
	if r.many == nil {
		if r.one == (subjectDigest{}) || r.one != d {
			return refuse("does not name the record")
		}
		return nil
	}
	if _, ok := r.many[d]; !ok {
		return refuse("does not name the record")
	}
	return nil
}

// live checks what every use of a receipt needs.
func (r Receipt) live(tn db.Tenant) error {
	switch {
	case r.id.IsZero():
		return refuse("is missing")
	case r.outcome != Done:
		return refuse("is of an act that was not permitted")
	case r.tenant != tn:
		return refuse("is of another tenant")
	case r.expires.IsZero() || !time.Now().Before(r.expires):
		return refuse("has expired")
	}
	return nil
}

func refuse(why string) error {
	return ward.E(ward.Internal, "audit.receipt", "the record stays closed: its audit receipt "+why, nil)
}
