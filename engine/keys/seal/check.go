package seal

import (
	"context"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// checkPage is how many subject rows one snapshot reads.
const checkPage = 1000

// Check verifies every key row: unwraps, MAC over all columns, tombstones carry no key bytes, nothing that a tenant or a
// subject must have is missing (a subject of which every row is gone is found where its records are checked). It reports each fault and trusts no cache. row is "tn/version", "tn/kid" or a name; no
// pseudonym of a patient. The error is for a check that could not be made, not for a fault.
func (r *Ring) Check(ctx context.Context, report func(table, row, fault string)) error {
	c := &check{r: r, report: report, tenants: map[db.Tenant]*tenant{}, shared: map[db.Tenant]int{}}
	if err := c.tenantRows(ctx); err != nil {
		return err
	}
	if err := c.subjectRows(ctx); err != nil {
		return err
	}
	if err := c.pairs(ctx); err != nil {
		return err
	}
	for tn, t := range c.tenants {
		if t.current == 0 {
			report("key_tenant", fmt.Sprintf("%d", tn), "the tenant has no live tenant key")
		}
		if c.shared[tn] != 2 {
			report("key_subject", fmt.Sprintf("%d", tn), "the tenant has not its two shared keys")
		}
	}
	node := c.tenants[db.System]
	if node == nil {
		report("key_mac", "0", "the node's own keys are missing or broken; signing keys were not checked")
		return nil
	}
	return c.signingRows(ctx, node)
}

type check struct {
	r       *Ring
	report  func(table, row, fault string)
	tenants map[db.Tenant]*tenant // those whose MAC key opened
	shared  map[db.Tenant]int
}

func (c *check) tenantRows(ctx context.Context) error {
	var ms []macRow
	var ks []tenantRow
	err := c.r.d.Read(ctx, db.System, func(tx *db.Tx) (err error) {
		if ms, err = readMACs(ctx, tx, ""); err == nil {
			ks, err = readTenants(ctx, tx, "")
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range ms {
		t, err := c.r.openTenant(ctx, m)
		if err != nil {
			c.report("key_mac", fmt.Sprintf("%d", m.tn), fault(err))
			continue
		}
		c.tenants[m.tn] = t
	}
	for _, k := range ks {
		row := fmt.Sprintf("%d/%d", k.tn, k.version)
		if t := c.tenants[k.tn]; t == nil {
			c.report("key_tenant", row, "there is no usable MAC key to check the row with")
		} else if err := c.r.openKEK(ctx, t, k); err != nil {
			c.report("key_tenant", row, fault(err))
		} else if (k.state == destroyed && len(k.wrapped) != 0) || k.state < live || k.state > destroyed {
			c.report("key_tenant", row, "the row's state and key bytes contradict each other")
		}
	}
	return nil
}

// subjectRows walks the table by its primary key, one page a snapshot.
func (c *check) subjectRows(ctx context.Context) error {
	clause, args := "", []any(nil)
	for {
		var page []rawSubject
		err := c.r.d.Read(ctx, db.System, func(tx *db.Tx) error {
			page = page[:0]
			return eachSubject(ctx, tx, clause+byKey+fmt.Sprintf(" LIMIT %d", checkPage), args, func(w rawSubject) error {
				page = append(page, w)
				return nil
			})
		})
		if err != nil {
			return err
		}
		for _, w := range page {
			c.subject(w)
		}
		if len(page) < checkPage {
			return nil
		}
		last := page[len(page)-1]
		clause, args = " WHERE (tn, subj, use) > ($1, $2, $3)", []any{int64(last.tn), last.subj, last.use}
	}
}

func (c *check) subject(w rawSubject) {
	name := fmt.Sprintf("%d/%x", w.tn, w.kid)
	row, ok := w.row()
	if !ok {
		c.report("key_subject", name, "a column has the wrong length")
		return
	}
	t := c.tenants[row.tn]
	if t == nil {
		c.report("key_subject", name, "there is no usable MAC key to check the row with")
		return
	}
	if _, err := t.open(row); err != nil && ward.KindOf(err) != ward.Gone {
		c.report("key_subject", name, fault(err))
		return
	}
	if row.subj == (Subject{}) && row.state == live {
		c.shared[row.tn]++
	}
}

// pairs finds subjects of which one of the two rows was removed.
func (c *check) pairs(ctx context.Context) error {
	const q = `SELECT a.tn, a.kid FROM key_subject a LEFT JOIN key_subject b
		ON b.tn = a.tn AND b.subj = a.subj AND b.use = 3 - a.use WHERE b.tn IS NULL ORDER BY a.tn, a.subj, a.use LIMIT 1000`
	return c.r.d.Read(ctx, db.System, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, q)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var tn int64
			var kid []byte
			if err := rows.Scan(&tn, &kid); err != nil {
				return unscanned(ctx, rows, "key_subject", err)
			}
			c.report("key_subject", fmt.Sprintf("%d/%x", tn, kid), "the subject's key of the other use is missing")
		}
		return rows.Err()
	})
}

func (c *check) signingRows(ctx context.Context, node *tenant) error {
	var rows []signingRow
	err := c.r.d.Read(ctx, db.System, func(tx *db.Tx) (err error) {
		rows, err = readSigning(ctx, tx, "")
		return err
	})
	if err != nil {
		return err
	}
	c.signingIndex(node.rows, rows)
	for _, row := range rows {
		if row.name == indexName {
			continue
		}
		if _, err := c.r.openSigning(ctx, node, row); err != nil {
			c.report("key_signing", row.name, fault(err))
		}
	}
	return nil
}

// fault is the public text of an error: precise, and without bytes of keys.
func fault(err error) string {
	if e, ok := err.(*ward.Error); ok {
		return e.Public
	}
	return ward.PublicText(err)
}
