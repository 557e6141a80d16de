package validate

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// Verification is what Verify takes.
type Verification struct {
	Decide   func(context.Context) (access.Permit, error) // asked for every package; all of one tenant and for access.StoreCheck
	Progress func(done, total int64)
	Fault    func(where, what string) // where names the row, neither says what it holds
}

// Verify re-verifies the packages of the permits' tenant: each row by its keyed digest, its body by the digest of the row, that the body still reads as a
// package, and by the head that none is missing, added or put back. It may run beside changes, and returns how many packages it saw.
func (r *Packages) Verify(ctx context.Context, c Verification) (int64, error) {
	p, err := c.permit(ctx, nil)
	if err != nil {
		return 0, err
	}
	in := p.Intent(audit.ActStoreCheck)
	in.Note = "packages"
	if _, err := r.log.Begin(ctx, in); err != nil {
		return 0, err
	}
	tn := p.Tenant()
	mac, err := r.macs(ctx, tn)
	if err != nil {
		return 0, err
	}
	s, err := r.scanned(ctx, tn)
	if err != nil {
		return 0, err
	}
	if !s.whole(mac, tn) {
		c.Fault("fhir_package_head", "the digest over all packages does not fit: the head was changed, or a package is missing, was added or was put back")
	}
	for i, of := range s.rows {
		if _, err := c.permit(ctx, &tn); err != nil {
			return 0, err
		}
		if err := r.checkRow(ctx, mac, s.seq, i, of, c.Fault); err != nil {
			return 0, err
		}
		c.Progress(int64(i+1), int64(len(s.rows)))
	}
	return int64(len(s.rows)), nil
}

// permit decides anew; tn is the tenant of the first one.
func (c Verification) permit(ctx context.Context, tn *db.Tenant) (access.Permit, error) {
	p, err := c.Decide(ctx)
	if err == nil {
		err = p.Allows(access.StoreCheck, "")
	}
	if err == nil && tn != nil && p.Tenant() != *tn {
		err = ward.E(ward.Denied, "validate.verify", "the permits of one check must be of one tenant", nil)
	}
	return p, err
}

func (r *Packages) scanned(ctx context.Context, tn db.Tenant) (s stored, err error) {
	err = r.db.Read(ctx, tn, func(tx *db.Tx) (err error) {
		s, err = scan(ctx, tx, tn)
		return err
	})
	return s, err
}

// checkRow judges the i-th row. Its name is told only if it is one that Ward wrote.
func (r *Packages) checkRow(ctx context.Context, mac keys.MAC, seq int64, i int, of row, fault func(where, what string)) error {
	if !of.genuine(mac) {
		fault(fmt.Sprintf("fhir_package row %d by name", i+1), "the row was changed: its digest does not fit")
		return nil
	}
	what, err := r.checkBody(ctx, seq, of)
	if what != "" {
		fault("fhir_package "+of.name, what)
	}
	return err
}

// checkBody says what is wrong with the body of a row, "" for nothing.
func (r *Packages) checkBody(ctx context.Context, seq int64, of row) (what string, err error) {
	if err := r.enter(ctx); err != nil {
		return "", err
	}
	defer r.leave()
	found, now := false, int64(0)
	err = r.db.Read(ctx, of.tn, func(tx *db.Tx) (err error) {
		if found, err = readBody(ctx, tx, &of); err != nil || found {
			return err
		}
		now, _, err = readSeq(ctx, tx, of.tn)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case !found && now == seq:
		return "the row was removed while it was read", nil
	case !found: // it was taken away since
		return "", nil
	case !of.fits():
		return "the body was changed: it is not the one of the row's digest", nil
	}
	if _, err := definition.ReadPackage(bytes.NewReader(of.body), definition.PackageLimits{}); err != nil {
		return "the body does not read as a package any more", nil
	}
	return "", nil
}
