// Package seal keeps the data keys (tenant, patient, shared) and seals and opens records with them. Only audit, store
// and server may import it.
//
// Root key -> tenant key versions -> random key per subject and use -> HKDF per record. What a key sealed opens nowhere
// once the key is destroyed. Every row of a key carries a MAC, is bound by what wraps it to its place, and is checked
// each time it is read.
//
// It must never derive a key that has to be destroyed apart, try several keys on one text, or hand out key bytes.
//
// Read in this order: seal.go, record.go, ring.go, tenant.go, subject.go, shred.go, content.go, cache.go, signing.go,
// signing_index.go, check.go.
package seal

import (
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/ward-health/ward/engine/db"
)

// Subject is the pseudonymous identity of a patient inside a tenant: a 128-bit keyed digest of "Patient/id". The zero
// Subject means "no patient": the tenant's shared keys.
type Subject [16]byte

// Format implements fmt.Formatter: a pseudonym of a patient is not for logs and messages.
func (s Subject) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[subject]") }

// LogValue implements slog.LogValuer.
func (s Subject) LogValue() slog.Value { return slog.StringValue("[subject]") }

// KeyID names one key; random.
type KeyID [16]byte

// String returns the id in hex.
func (k KeyID) String() string { return hex.EncodeToString(k[:]) }

// Use separates keys of one subject: data and audit keys are erased apart.
type Use uint8

// The uses of a subject key.
const (
	Data  Use = 1
	Audit Use = 2
)

// The states of a key row.
const (
	live      = 1
	destroyed = 2
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the tables of keys.
func Migrations() db.Migrations {
	sub, err := fs.Sub(schema, "schema")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	return db.Migrations{Owner: "seal", Files: sub}
}
