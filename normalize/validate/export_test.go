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

// Waiting is how many callers wait for the tenant's set.
func (r *Packages) Waiting(tn db.Tenant) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.making[tn]; m != nil {
		return m.waiting
	}
	return 0
}

// Stale makes every set too old for the next call.
func (r *Packages) Stale() { r.fresh = 0 }

// Fill takes all the room to read packages in, Empty gives it back.
func (r *Packages) Fill() {
	for range cap(r.room) {
		r.room <- struct{}{}
	}
}

func (r *Packages) Empty() {
	for range cap(r.room) {
		<-r.room
	}
}
