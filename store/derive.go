package store

import (
	"context"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
)

// The bounds of a business key.
const (
	maxKeyParts = 16
	maxKeyBytes = 4 << 10
)

// Derive returns the id of what a business key names: UUIDv8 of the tenant's id key over system and key. Equal keys give equal ids for good.
// p is any live permit of the tenant: an id tells nothing of what it names.
//
// SPEC(DESIGN 4.7): deterministic ids come of HMAC-SHA-256 under a key that is never rotated.
func (s *Store) Derive(ctx context.Context, p access.Permit, system string, key ...string) (string, error) {
	if err := anyLeave(p); err != nil {
		return "", err
	}
	size := len(system)
	parts := [][]byte{[]byte(system)}
	for _, k := range key {
		size += len(k)
		parts = append(parts, []byte(k))
	}
	if system == "" || len(key) == 0 || len(key) > maxKeyParts || size > maxKeyBytes {
		return "", ward.E(ward.Invalid, "store.derive", "a business key has a system and 1 to 16 parts, 4 KiB together", nil)
	}
	if _, err := s.names(ctx, p.Tenant()); err != nil {
		return "", err
	}
	mac, err := s.ring.MAC(ctx, p.Tenant(), "id")
	if err != nil {
		return "", err
	}
	sum := mac.Sum(parts...)
	return ward.DerivedID([16]byte(sum[:16])).String(), nil
}
