package validate

import "github.com/ward-health/ward/engine/db"

// Held reports whether the tenant's set is in memory.
func (r *Packages) Held(tn db.Tenant) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held[tn] != nil
}
