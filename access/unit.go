package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// Unit is what the sender of a channel means by a unit text under one of its codes: said by one person and confirmed by another.
type Unit struct {
	Channel string
	Code    string           // local code (OBX-3.1) or LOINC code; "" is all codes
	Source  string           // the unit text as sent (OBX-6.1), exactly; "" is none
	Unit    string           // what it means, UCUM
	Ranges  []string         // the reference ranges (OBX-7) that such results come with; none: they come without
	Waits   bool             // a proposal: not in force
	Lapsed  bool             // taken back: it was in force once, and the unit is in doubt
	First   ward.PrincipalID // who proposed it
	Second  ward.PrincipalID // who confirmed it, or took it back
	Reason  string           // of the proposal, 1 to 200 characters
	At      time.Time        // of the newest act
}

// The bounds of what is said of units.
const (
	maxUnits     = 1_000 // of one channel
	maxUnitText  = 64    // bytes of each text
	maxRanges    = 16
	maxUnitNotes = 200 // characters of a reason
)

var (
	errNoUnit     = ward.E(ward.NotFound, "access.unit", "nothing of that kind is said of this channel's units; ward channel unit list shows all", nil)
	errOtherUnit  = ward.E(ward.Precondition, "access.unit", "the proposal is not the one that was seen; look at it again", nil)
	errSecondUnit = ward.E(ward.Denied, "access.unit", "a confirmation needs a second person: whoever proposed it cannot confirm it", nil)
	errLentUnit   = ward.E(ward.Denied, "access.unit", "the second person signs in itself: a token that the operator obtained for it does not count", nil)
)

// Digest names the proposal as it stands: what a second person confirms.
func (u Unit) Digest() [32]byte {
	text, err := json.Marshal([]any{u.Channel, u.Code, u.Source, u.Unit, u.Ranges, u.First, u.Reason, u.At.UnixMicro()})
	if err != nil {
		panic(err) // plain text and numbers
	}
	return sha256.Sum256(text)
}

// ProposeUnit keeps what a first person says, under a permit for HoldRelease; it takes effect when a second one confirms it. Proposing again
// replaces the proposal. What is in force meanwhile stays. Whether unit and ranges can be read is for the caller to see to.
// Errors: ward.Invalid names the field; ward.NotFound: no such channel in the tenant.
func (a *Authority) ProposeUnit(ctx context.Context, p Permit, u Unit) (Unit, error) {
	if err := p.Allows(HoldRelease, ""); err != nil {
		return u, err
	}
	if err := inTenant(p); err != nil {
		return u, err
	}
	if err := checkUnit(u); err != nil {
		return u, err
	}
	u.Waits, u.Lapsed, u.First, u.Second, u.At = true, false, p.Principal().ID, "", a.now().UTC().Truncate(time.Microsecond)
	entry, err := a.administer(ctx, p, HoldRelease, audit.ActUnitPropose, u.note())
	if err != nil {
		return u, err
	}
	return u, a.write(ctx, p.Tenant(), entry, func(tx *db.Tx) error {
		if err := roomForUnit(ctx, tx, p.Tenant(), u); err != nil {
			return err
		}
		return putUnit(ctx, tx, p.Tenant(), u)
	})
}

// ConfirmUnit puts in force what a first person proposed, under a permit for HoldRelease of another person who signed in itself, if it is
// still the proposal with the digest given. Errors: ward.Denied, with an entry; ward.Precondition; ward.NotFound.
func (a *Authority) ConfirmUnit(ctx context.Context, p Permit, channel, code, source string, digest [32]byte) (u Unit, err error) {
	if err := p.Allows(HoldRelease, ""); err != nil {
		return u, err
	}
	if err := inTenant(p); err != nil {
		return u, err
	}
	u = Unit{Channel: channel, Code: code, Source: source, Waits: true}
	entry, err := a.administer(ctx, p, HoldRelease, audit.ActUnitConfirm, u.note())
	if err != nil {
		return u, err
	}
	err = a.write(ctx, p.Tenant(), entry, func(tx *db.Tx) error {
		if u, err = readUnit(ctx, tx, p.Tenant(), u); err != nil {
			return err
		}
		seen := u.Digest()
		switch {
		case u.First == p.Principal().ID:
			return errSecondUnit
		case p.Principal().Borrowed:
			return errLentUnit
		case subtle.ConstantTimeCompare(seen[:], digest[:]) != 1:
			return errOtherUnit
		}
		if err := dropUnit(ctx, tx, p.Tenant(), u); err != nil {
			return err
		}
		u.Waits, u.Second, u.At = false, p.Principal().ID, a.now().UTC().Truncate(time.Microsecond)
		return putUnit(ctx, tx, p.Tenant(), u)
	})
	if ward.KindOf(err) == ward.Denied {
		return u, a.breach(ctx, p, u, err)
	}
	return u, err
}

// breach records that one person wanted to be both.
func (a *Authority) breach(ctx context.Context, p Permit, u Unit, answer error) error {
	in := p.Intent(audit.ActUnitConfirm)
	in.Outcome, in.Note = audit.Denied, "a second person is needed: "+u.note()
	if _, err := a.log.Begin(ctx, in); err != nil {
		return err
	}
	return answer
}

// WithdrawUnit takes back what is in force, and a proposal that waits, under a permit for HoldRelease. One person may: it only takes trust
// away. What was in force lapses: results under that text are in doubt until something else is confirmed.
func (a *Authority) WithdrawUnit(ctx context.Context, p Permit, channel, code, source string) error {
	if err := p.Allows(HoldRelease, ""); err != nil {
		return err
	}
	if err := inTenant(p); err != nil {
		return err
	}
	u := Unit{Channel: channel, Code: code, Source: source}
	entry, err := a.administer(ctx, p, HoldRelease, audit.ActUnitWithdraw, u.note())
	if err != nil {
		return err
	}
	return a.write(ctx, p.Tenant(), entry, func(tx *db.Tx) error {
		proposal := u
		proposal.Waits = true
		_, waiting := readUnit(ctx, tx, p.Tenant(), proposal)
		have, err := readUnit(ctx, tx, p.Tenant(), u)
		if ward.KindOf(err) == ward.NotFound && waiting == nil {
			return dropUnit(ctx, tx, p.Tenant(), proposal)
		}
		if err != nil {
			return err
		}
		if err := dropUnit(ctx, tx, p.Tenant(), proposal); err != nil {
			return err
		}
		have.Lapsed, have.Second, have.At = true, p.Principal().ID, a.now().UTC().Truncate(time.Microsecond)
		return putUnit(ctx, tx, p.Tenant(), have)
	})
}

// Units lists what is said of a channel's units, proposals after what is in force, under a permit for HoldRead.
func (a *Authority) Units(ctx context.Context, p Permit, channel string) ([]Unit, error) {
	if err := a.list(ctx, p, HoldRead, "units of channel "+channelName(channel)); err != nil {
		return nil, err
	}
	if err := inTenant(p); err != nil {
		return nil, err
	}
	var out []Unit
	err := a.db.Read(ctx, p.Tenant(), func(tx *db.Tx) (err error) {
		if err := hasChannel(ctx, tx, p.Tenant(), channel); err != nil {
			return err
		}
		out, err = readUnits(ctx, tx, `WHERE tn = $1 AND channel = $2 ORDER BY waits, code, source`, int64(p.Tenant()), channel)
		return err
	})
	return out, err
}

// UnitsOf returns what is in force or lapsed for a channel of the tenant, remembered as channels are. It asks no permit: it is no patient data.
// Callers do not change it.
func (a *Authority) UnitsOf(ctx context.Context, tn db.Tenant, channel string) ([]Unit, error) {
	return a.dir.units.get(unitKey{tn, channel}, func() (out []Unit, err error) {
		err = a.db.Read(ctx, tn, func(tx *db.Tx) error {
			out, err = readUnits(ctx, tx, `WHERE tn = $1 AND channel = $2 AND waits = 0 ORDER BY code, source`, int64(tn), channel)
			return err
		})
		return out, err
	})
}

// note names what is spoken of for an entry.
func (u Unit) note() string {
	return "channel " + channelName(u.Channel) + " code " + unitCode(u.Code)
}

func channelName(id string) string {
	if !ward.TenantID(id).Valid() {
		return "?"
	}
	return id
}

func unitCode(s string) string {
	if s == "" {
		return "any"
	}
	if len(s) > maxUnitText || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "?" // a code has no blanks: whatever stands there is not repeated
	}
	return s
}

func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func checkUnit(u Unit) error {
	bad := func(path, what string) error { return ward.E(ward.Invalid, "access.unit", what, nil).At(path) }
	for path, s := range map[string]string{"code": u.Code, "source": u.Source, "unit": u.Unit} {
		if len(s) > maxUnitText || !plainText(s) || s != strings.TrimSpace(s) {
			return bad(path, "must be at most 64 bytes of printable text without blanks around it")
		}
	}
	if u.Unit == "" {
		return bad("unit", "what the sender means must be named, in UCUM")
	}
	if len(u.Ranges) > maxRanges || slices.ContainsFunc(u.Ranges, func(r string) bool { return r == "" || len(r) > maxUnitText || !plainText(r) }) {
		return bad("ranges", "must be at most 16 reference ranges of 1 to 64 bytes of printable text")
	}
	if strings.TrimSpace(u.Reason) == "" || utf8.RuneCountInString(u.Reason) > maxUnitNotes || !plainText(u.Reason) {
		return bad("reason", "must be 1 to 200 characters: who of the sender confirmed it, and how")
	}
	return nil
}
