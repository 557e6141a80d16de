package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// codeLife is how long a one-time code waits for its redemption.
const codeLife = 15 * time.Minute

var codeForm = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// OneTime is a one-time sign-in code: 128 random bits, works once, within 15 minutes. It prints itself as "[one-time]";
// Reveal gives the text.
type OneTime struct{ code string }

func newOneTime() OneTime {
	var b [16]byte
	rand.Read(b[:])
	return OneTime{codeForm.EncodeToString(b[:])}
}

// Reveal returns the code for the one place that shows it; "" for the zero value.
func (o OneTime) Reveal() string { return o.code }

// Format implements fmt.Formatter for every verb.
func (o OneTime) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[one-time]") }

// LogValue implements slog.LogValuer.
func (o OneTime) LogValue() slog.Value { return slog.StringValue("[one-time]") }

// MarshalJSON refuses.
func (o OneTime) MarshalJSON() ([]byte, error) {
	return nil, errors.New("access: a one-time code is not marshalled")
}

// MarshalText refuses.
func (o OneTime) MarshalText() ([]byte, error) { return o.MarshalJSON() }

// Link returns the address of the console's sign-in page with the code in the fragment, which browsers do not send. Whoever
// wants a token instead of a session opens /oauth/link with the same fragment, or redeems the code at /oauth/token: the code
// works once, in one of the three places.
func (a *Authority) Link(o OneTime) string { return a.issuer + signInPage + "#" + o.code }

// NewOneTime makes a sign-in code for an active human principal of the permit's tenant. Codes made before stay valid. Its
// entry is an ActTokenIssue, as that of the redemption is.
func (a *Authority) NewOneTime(ctx context.Context, p Permit, id ward.PrincipalID) (OneTime, error) {
	if err := p.Allows(AdminPrincipal, ""); err != nil {
		return OneTime{}, err
	}
	if err := inTenant(p); err != nil {
		return OneTime{}, err
	}
	if !plainID(string(id)) {
		return OneTime{}, missing(nil, noPrincipal)
	}
	entry, err := a.administer(ctx, p, AdminPrincipal, audit.ActTokenIssue, "one-time code for principal "+string(id))
	if err != nil {
		return OneTime{}, err
	}
	code := newOneTime()
	err = a.write(ctx, p.Tenant(), entry, func(tx *db.Tx) error {
		g, err := activeGrantee(ctx, tx, p.Tenant(), id)
		if err != nil {
			return err
		}
		if g.who.Kind != ward.Human {
			return ward.E(ward.Invalid, "access.code", "a one-time code is for a human; a service signs in with its client's key", nil)
		}
		return a.insertCode(ctx, tx, p.Tenant(), id, code)
	})
	if err != nil {
		return OneTime{}, err
	}
	return code, nil
}

// insertCode stores the code's digest and removes what has expired.
func (a *Authority) insertCode(ctx context.Context, tx *db.Tx, tn db.Tenant, id ward.PrincipalID, code OneTime) error {
	now := a.now()
	if _, err := tx.Exec(ctx, `DELETE FROM access_one_time WHERE tn = $1 AND expires_us < $2`, int64(tn), now.UnixMicro()); err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(code.code))
	return tx.Insert(ctx, "access_one_time", []string{"tn", "hash", "principal", "expires_us", "used_us"},
		[][]any{{int64(tn), hash[:], string(id), now.Add(codeLife).UnixMicro(), int64(0)}})
}

// coded is whom an unused code stands for.
type coded struct {
	tn   db.Tenant
	hash [32]byte
	who  ward.Principal
}

// readCode finds whom a code was made for, without using it up. A code that cannot be redeemed is ward.NotFound, or
// ward.Denied when its principal or tenant is disabled.
func (a *Authority) readCode(ctx context.Context, code string) (coded, error) {
	if _, err := codeForm.DecodeString(code); err != nil || len(code) != 26 {
		return coded{}, ward.E(ward.NotFound, "access.code", "a code has 26 letters and digits", nil)
	}
	c := coded{hash: sha256.Sum256([]byte(code))}
	tn, id, err := a.findCode(ctx, c.hash[:])
	if err != nil {
		return coded{}, err
	}
	t, err := a.dir.tenantOf(ctx, tn)
	if err != nil {
		return coded{}, err
	}
	p, err := a.dir.person(ctx, t, id)
	if err == nil && (t.Disabled || !p.active) {
		err = ward.E(ward.Denied, "access.code", "the principal or its tenant is disabled", nil)
	}
	c.tn, c.who = tn, p.who
	return c, err
}

// redeemCode uses a code up and, in the same transaction, records act and does what it was redeemed for. A code that cannot
// be redeemed is ward.Conflict (used, too old) or ward.Denied (disabled).
func (a *Authority) redeemCode(ctx context.Context, c coded, act audit.Act, then func(*db.Tx, grantee) error) (g grantee, err error) {
	request := RequestID(ctx)
	if request.IsZero() {
		request = ward.NewID()
	}
	purpose := DefaultPurpose(c.who)
	entry, err := a.log.Prepare(ctx, audit.Intent{Tenant: c.tn, Actor: c.who.ID, Act: act, Purpose: purpose,
		Outcome: audit.Done, Request: request, Policy: a.policies.Hash(), Note: "one-time code"})
	if err != nil {
		return g, err
	}
	err = a.db.Write(ctx, c.tn, func(tx *db.Tx) error {
		now := a.now().UnixMicro()
		// One conditional statement decides who was first; there is no look before it.
		n, err := tx.Exec(ctx, `UPDATE access_one_time SET used_us = $1 WHERE tn = $2 AND hash = $3 AND used_us = 0 AND expires_us > $4`,
			now, int64(c.tn), c.hash[:], now)
		if err != nil {
			return err
		}
		if n != 1 {
			return ward.E(ward.Conflict, "access.code", "the code is used or too old", nil)
		}
		if g, err = activeGrantee(ctx, tx, c.tn, c.who.ID); err != nil {
			return err
		}
		g.purpose, g.client = purpose, linkClient
		if err := then(tx, g); err != nil {
			return err
		}
		_, err = a.log.Enter(ctx, tx, entry)
		return err
	})
	return g, err
}

// findCode returns whom a code was made for; one that is unknown, used or too old is ward.NotFound.
func (a *Authority) findCode(ctx context.Context, hash []byte) (tn db.Tenant, id ward.PrincipalID, err error) {
	err = a.db.Read(ctx, db.System, func(tx *db.Tx) error {
		var n int64
		var name string
		ok, err := tx.Get(ctx, `SELECT tn, principal FROM access_one_time WHERE hash = $1 AND used_us = 0 AND expires_us > $2`,
			[]any{hash, a.now().UnixMicro()}, &n, &name)
		tn, id = db.Tenant(n), ward.PrincipalID(name)
		if err != nil || !ok {
			return missing(err, "there is no such code")
		}
		return nil
	})
	return tn, id, err
}
