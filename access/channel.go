package access

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// channelTopic wakes those who wait for a change of the node's channels.
const channelTopic = "access_channel"

// Channel is where messages of one source come in, on a listener of its own.
type Channel struct {
	ID         string            // 1 to 40 of a-z, 0-9 and -, a letter first; unique in the node, never reused
	Principal  ward.PrincipalID  // active service principal of the tenant with the role integration
	Listen     string            // IP address and port of the listener; port 0, on loopback only, is any free one
	TLS        bool              //
	ClientCA   []byte            // PEM; certificates of senders are required when given, and must come from one of these authorities
	Allow      []netip.Prefix    // peers; empty: all; required for a non-loopback address without ClientCA
	Processing string            // meaning of an empty MSH-11: P, D or T (HL7 table 0103); "" in AddChannel is P
	Zone       string            // IANA time zone of times without offset; "" in AddChannel is UTC
	Charset    string            // of messages with an empty MSH-18: "" is UTF-8, "8859/1" (HL7 table 0211) ISO 8859-1
	Systems    map[string]string // identifier system (a URI) by assigning authority (PID-3.4) as it stands in the message
	Purpose    ward.Purpose      // of what the channel does; unstated in AddChannel is the principal's default one
	Disabled   bool
}

// NodeChannel is a channel with its tenant, as the node's listeners need it.
type NodeChannel struct {
	Channel
	Tenant ward.Tenant
}

// noChannel is the text of a channel that is not there.
const noChannel = "there is no channel of this name in the tenant; ward channel list shows all"

// AddChannel adds a channel of an active service principal with the role integration of the permit's tenant. Ids are
// unique in the node and never reused, and no two active channels of the node share an address (else ward.Conflict).
// Errors: ward.Invalid names the field; ward.NotFound and ward.Denied are about the principal.
func (a *Authority) AddChannel(ctx context.Context, p Permit, c Channel) error {
	if err := p.Allows(AdminChannel, ""); err != nil {
		return err
	}
	if err := inTenant(p); err != nil {
		return err
	}
	c, err := checkChannel(c, a.now())
	if err != nil {
		return err
	}
	entry, err := a.administer(ctx, p, AdminChannel, audit.ActChannelAdd, "channel "+c.ID)
	if err != nil {
		return err
	}
	// The transaction is the node's: names and addresses are compared with those of all tenants.
	err = a.write(ctx, db.System, entry, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, channelTopic); err != nil {
			return err
		}
		if err := freeChannel(ctx, tx, c); err != nil {
			return err
		}
		return a.insertChannel(ctx, tx, p.Tenant(), c)
	})
	return unique(err, "a channel of this name exists or existed; choose another")
}

func (a *Authority) insertChannel(ctx context.Context, tx *db.Tx, tn db.Tenant, c Channel) error {
	g, err := activeGrantee(ctx, tx, tn, c.Principal)
	if err != nil {
		return err
	}
	bad := func(path, what string) error { return ward.E(ward.Invalid, "access.channel", what, nil).At(path) }
	if g.who.Kind != ward.Service || !g.who.Has(ward.Integration) {
		return bad("principal", "a channel belongs to a service principal with the role integration")
	}
	if c.Purpose == ward.PurposeUnstated {
		c.Purpose = DefaultPurpose(g.who)
	}
	if _, err := a.evaluate(Request{Principal: g.who, Action: Receive, Purpose: c.Purpose}); err != nil {
		return bad("purpose", "the policies do not let this principal receive messages for this purpose of use; TREAT is the usual one")
	}
	row, err := channelRow(tn, c, a.now())
	if err != nil {
		return err
	}
	tx.Notify(channelTopic)
	return tx.Insert(ctx, "access_channel", channelColumns, [][]any{row})
}

// freeChannel refuses a name that was ever used and an address that an active channel of the node listens on.
func freeChannel(ctx context.Context, tx *db.Tx, c Channel) error {
	var n int64
	if _, err := tx.Get(ctx, `SELECT COUNT(*) FROM access_channel WHERE id = $1`, []any{c.ID}, &n); err != nil {
		return err
	}
	if n != 0 {
		return ward.E(ward.Conflict, "access.channel", "a channel of this name exists or existed; choose another", nil).At("id")
	}
	taken, err := listening(ctx, tx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(taken, func(other string) bool { return overlap(c.Listen, other) }) {
		return ward.E(ward.Conflict, "access.channel", "an active channel of this node listens on this address already; choose another port", nil).At("listen")
	}
	return nil
}

// overlap reports whether two addresses in canonical form cannot both be listened on.
func overlap(one, other string) bool {
	a, errA := netip.ParseAddrPort(one)
	b, errB := netip.ParseAddrPort(other)
	if errA != nil || errB != nil {
		return one == other
	}
	return a.Port() == b.Port() && a.Port() != 0 && (a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified())
}

// DisableChannel ends a channel: it takes no message any more. Disabling twice is no error.
func (a *Authority) DisableChannel(ctx context.Context, p Permit, id string) error {
	if err := p.Allows(AdminChannel, ""); err != nil {
		return err
	}
	if err := inTenant(p); err != nil {
		return err
	}
	if !ward.TenantID(id).Valid() {
		return missing(nil, noChannel)
	}
	entry, err := a.administer(ctx, p, AdminChannel, audit.ActChannelDisable, "channel "+id)
	if err != nil {
		return err
	}
	return a.write(ctx, p.Tenant(), entry, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE access_channel SET state = $1 WHERE tn = $2 AND id = $3`, int64(disabled), int64(p.Tenant()), id)
		if err == nil && n == 0 {
			return missing(nil, noChannel)
		}
		tx.Notify(channelTopic)
		return err
	})
}

// Channels lists the tenant's channels by id, disabled ones too, after the one given, at most n (1,000 if n is not in 1..1000).
func (a *Authority) Channels(ctx context.Context, p Permit, after string, n int) ([]Channel, error) {
	if err := a.list(ctx, p, AdminChannel, "channels"); err != nil {
		return nil, err
	}
	if err := inTenant(p); err != nil {
		return nil, err
	}
	var out []Channel
	err := a.db.Read(ctx, p.Tenant(), func(tx *db.Tx) error {
		rows, err := readChannels(ctx, tx, `WHERE tn = $1 AND id > $2 ORDER BY id LIMIT $3`, int64(p.Tenant()), after, pageSize(n))
		out = nil
		for _, r := range rows {
			out = append(out, r.Channel)
		}
		return err
	})
	return out, err
}

// ActiveChannels returns, for the node's own listeners and in order of tenant and id, every channel that may take messages:
// those that are disabled, or whose principal or tenant is, are left out. It asks no permit: a channel is no patient data.
func (a *Authority) ActiveChannels(ctx context.Context) (out []NodeChannel, err error) {
	err = a.db.Read(ctx, db.System, func(tx *db.Tx) error {
		out = nil
		rows, err := readChannels(ctx, tx, `WHERE state = $1 ORDER BY tn, id`, int64(active))
		if err != nil {
			return err
		}
		for _, r := range rows {
			g, err := activeGrantee(ctx, tx, r.tn, r.Principal)
			if kind := ward.KindOf(err); err != nil && kind != ward.Denied && kind != ward.NotFound {
				return err
			}
			if err == nil {
				out = append(out, NodeChannel{r.Channel, g.who.Tenant})
			}
		}
		return nil
	})
	return out, err
}

// ChannelChanges returns a wake-up channel for changes of what ActiveChannels returns, and a function that ends it. It is a
// hint only, see db.DB.Listen: whoever waits also looks from time to time.
func (a *Authority) ChannelChanges() (<-chan struct{}, func()) { return a.db.Listen(channelTopic) }

// ChannelPrincipal returns under whom and for what a channel of the tenant takes a message, for each message anew: what is
// remembered is as old as for a token, at most one second where another node may change it. A channel that is unknown, of
// another tenant or disabled, or whose principal or tenant is, is ward.Unauthentic; other errors mean that it could not be
// found out.
func (a *Authority) ChannelPrincipal(ctx context.Context, tenant ward.Tenant, id string) (ward.Principal, ward.Purpose, error) {
	c, who, err := a.channelOwner(ctx, db.Tenant(tenant.Number), id)
	if err == nil && c.Disabled {
		err = channelEnded(errors.New("the channel is disabled"))
	}
	if err != nil {
		return ward.Principal{}, "", err
	}
	return who, c.Purpose, nil
}

// ChannelOwner is ChannelPrincipal for a message that was taken before: a channel that was disabled since still has its
// owner, so that nothing is dropped. A principal or tenant that was disabled is ward.Unauthentic here too.
func (a *Authority) ChannelOwner(ctx context.Context, tn db.Tenant, id string) (ward.Tenant, ward.Principal, ward.Purpose, error) {
	c, who, err := a.channelOwner(ctx, tn, id)
	if err != nil {
		return ward.Tenant{}, ward.Principal{}, "", err
	}
	return who.Tenant, who, c.Purpose, nil
}

// channelEnded is the one answer to every channel that takes no message.
func channelEnded(why error) error {
	return ward.E(ward.Unauthentic, "access.channel", "the channel is unknown or disabled, or its principal or tenant is; ward channel list shows what there is", why)
}

// channelOwner finds a channel, disabled or not, and its principal, who is active.
func (a *Authority) channelOwner(ctx context.Context, tn db.Tenant, id string) (channel, ward.Principal, error) {
	ended := func(err error) (channel, ward.Principal, error) {
		if ward.KindOf(err) == ward.NotFound {
			err = channelEnded(err)
		}
		return channel{}, ward.Principal{}, err
	}
	c, err := a.dir.channel(ctx, id)
	if err != nil {
		return ended(err)
	}
	if c.tn != tn {
		return ended(channelEnded(errors.New("the channel is of another tenant")))
	}
	t, err := a.dir.numbered(ctx, tn)
	if err != nil {
		return ended(err)
	}
	p, err := a.dir.person(ctx, t, c.Principal)
	if err != nil {
		return ended(err)
	}
	if t.Disabled || !p.active || p.who.Kind != ward.Service || !p.who.Has(ward.Integration) {
		return ended(channelEnded(errors.New("tenant or principal disabled")))
	}
	who := p.who
	who.Roles = slices.Clone(who.Roles)
	return c, who, nil
}
