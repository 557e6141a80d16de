package validate

import (
	"context"

	"github.com/ward-health/ward/engine/db"
)

// Held reports whether the tenant's set is in memory.
func (r *Packages) Held(tn db.Tenant) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held[tn] != nil
}

// Forge writes a package as Ward would, whatever the body is.
func (r *Packages) Forge(ctx context.Context, tn db.Tenant, name string, body []byte, digest [32]byte) error {
	mac, err := r.macs(ctx, tn)
	if err != nil {
		return err
	}
	n := row{tn: tn, name: name, version: "1", digest: digest[:], body: body, entry: make([]byte, 16)}
	n.sum = n.mac(mac)
	return r.db.Write(ctx, tn, func(tx *db.Tx) error {
		if err := n.insert(ctx, tx); err != nil {
			return err
		}
		return writeHead(ctx, tx, mac, tn, 1, []row{n})
	})
}
