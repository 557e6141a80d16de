package audit

import (
	"fmt"
	"unicode/utf8"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// Bounds of one entry.
const (
	MaxSubjects = 10_000 // records one entry may name, and ciphertexts it may have written
	MaxNote     = 1024   // bytes
	maxActor    = 256    // bytes
)

// Subject is one record that an act opens or writes.
type Subject struct {
	Patient seal.Subject // zero: no patient
	Kind    string       // "ver", "decision", "raw": 1 to 16 letters a-z
	RID     []byte       // as in seal.Record: 1 to 32 bytes
	Version int64
}

// Intent is what is about to happen (or, for denials, what was refused).
type Intent struct {
	Tenant   db.Tenant
	Actor    ward.PrincipalID // empty for unauthenticated counts
	Act      Act
	Purpose  ward.Purpose
	Outcome  Outcome
	Request  ward.ID    // one per request of a client
	Policy   [32]byte   // SHA-256 of the policy set that decided; leaves carry the first 8 bytes
	Model    [32]byte   // manifest digest, predictions only (then the leaf carries it instead of Policy)
	Subjects []Subject  // at most 10,000
	Writes   [][32]byte // SHA-256 of each ciphertext written, in order
	Note     string     // sealed: route pattern, counts, reason; at most 1 KiB; no patient data
}

func (in *Intent) check() error {
	bad := func(format string, args ...any) error {
		return ward.E(ward.Internal, "audit.intent", "an audit entry cannot be made: "+fmt.Sprintf(format, args...), nil)
	}
	switch {
	case in.Tenant < 0:
		return bad("the tenant number is negative")
	case in.Act.String() == "unknown":
		return bad("act %d is unknown", in.Act)
	case in.Outcome < Done || in.Outcome > Failed:
		return bad("the outcome is not set")
	case in.Purpose != ward.PurposeUnstated && !in.Purpose.Valid():
		return bad("the purpose of use is unknown")
	case len(in.Actor) > maxActor:
		return bad("the actor has more than %d bytes", maxActor)
	case len(in.Note) > MaxNote || !utf8.ValidString(in.Note):
		return bad("the note is not UTF-8 of at most %d bytes", MaxNote)
	case len(in.Subjects) > MaxSubjects || len(in.Writes) > MaxSubjects:
		return ward.E(ward.TooLarge, "audit.intent", fmt.Sprintf("an audit entry names at most %d records; split the request", MaxSubjects), nil)
	}
	for i := range in.Subjects {
		s := &in.Subjects[i]
		if !validKind(s.Kind) || len(s.RID) == 0 || len(s.RID) > 32 {
			return bad("record %d needs a kind of 1 to 16 letters a-z and a row identity of 1 to 32 bytes", i)
		}
	}
	return nil
}

func validKind(s string) bool {
	if len(s) == 0 || len(s) > 16 {
		return false
	}
	for _, c := range []byte(s) {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// purposeNumber is the position in ward.Purposes from 1; 0 means none was stated.
func purposeNumber(p ward.Purpose) uint8 {
	for i, q := range purposes {
		if p == q {
			return uint8(i + 1)
		}
	}
	return 0
}

func purposeOf(n uint8) ward.Purpose {
	if n == 0 || int(n) > len(purposes) {
		return ward.PurposeUnstated
	}
	return purposes[n-1]
}

var purposes = ward.Purposes()
