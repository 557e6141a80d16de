package validate

import (
	"context"
	"errors"

	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/engine/db"
)

// Warm makes what the first requests would have to wait for: the definitions of R4 are decoded, what the types of this build need is compiled, and the sets of the
// tenants with packages are made, as many as are held in memory. It can run beside requests, which wait for it at most where they would do the same
// work. The errors of tenants are joined; each says again what is wrong when the tenant writes.
func (r *Packages) Warm(ctx context.Context) error {
	var d tree.Doc
	for _, rt := range fhir.Types() {
		body := []byte(`{"resourceType":"` + rt + `"}`)
		_, _ = fhir.Scan(body) // neither is a whole resource: what they need to be judged is made, and that is all
		if err := d.Parse(body, tree.Limits{}); err != nil {
			return err
		}
		plain().Validate(&d)
	}
	tenants, err := r.tenants(ctx)
	errs := []error{err}
	for _, tn := range tenants {
		if ctx.Err() != nil {
			break
		}
		_, err := r.of(ctx, tn)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// tenants are those with packages, or with rows that say so.
func (r *Packages) tenants(ctx context.Context) (list []db.Tenant, err error) {
	err = r.db.Read(ctx, db.System, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT DISTINCT tn FROM fhir_package ORDER BY tn LIMIT $1`, int64(maxHeld))
		if err != nil {
			return err
		}
		defer rows.Close()
		list = list[:0]
		for rows.Next() {
			var tn int64
			if err := rows.Scan(&tn); err != nil {
				return err
			}
			list = append(list, db.Tenant(tn))
		}
		return rows.Err()
	})
	return list, err
}
