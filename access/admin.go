package access

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// maxName bounds display names, in bytes.
const maxName = 200

// administer checks the permit of an administrative write and prepares its entry.
func (a *Authority) administer(ctx context.Context, p Permit, action Action, act audit.Act, note string) (audit.Prepared, error) {
	if err := p.Allows(action, ""); err != nil {
		return audit.Prepared{}, err
	}
	in := p.Intent(act)
	in.Note = note
	return a.log.Prepare(ctx, in)
}

// write runs fn and adds the entry in one transaction; afterwards no request sees what was remembered before.
func (a *Authority) write(ctx context.Context, tn db.Tenant, entry audit.Prepared, fn func(*db.Tx) error) error {
	return a.db.Write(ctx, tn, func(tx *db.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if _, err := a.log.Enter(ctx, tx, entry); err != nil {
			return err
		}
		tx.AfterCommit(a.dir.forget)
		return nil
	})
}

// list records an administrative read before it happens.
func (a *Authority) list(ctx context.Context, p Permit, action Action, note string) error {
	if err := p.Allows(action, ""); err != nil {
		return err
	}
	in := p.Intent(audit.ActAdminRead)
	in.Note = note
	_, err := a.log.Begin(ctx, in)
	return err
}

// inTenant refuses acts of the node's own operator that need a tenant.
func inTenant(p Permit) error {
	if p.Tenant() <= 0 {
		return ward.E(ward.Invalid, "access.admin", "this act belongs to one tenant; name it with --tenant", nil)
	}
	return nil
}

// checkName accepts a display name.
func checkName(name string) error {
	bad := strings.TrimSpace(name) == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl)
	if bad {
		return ward.E(ward.Invalid, "access.admin", "a name has 1 to 200 bytes of printable text", nil).At("name")
	}
	return nil
}

// plainID accepts the id of a principal or client: 1 to 64 of letters, digits and . _ @ -, not beginning with a sign.
func plainID(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '@' && c != '-') {
			return false
		}
	}
	return true
}

// pageSize bounds a list.
func pageSize(n int) int64 {
	if n <= 0 || n > 1000 {
		return 1000
	}
	return int64(n)
}

// unique turns a violated key into ward.Conflict.
func unique(err error, public string) error {
	if db.IsUnique(err) {
		return ward.E(ward.Conflict, "access.admin", public, nil)
	}
	return err
}
