package access

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// channelColumns are the columns of access_channel in the order of channelRow.
var channelColumns = []string{"tn", "id", "principal", "listen", "tls", "client_ca", "allow", "processing", "zone", "charset",
	"systems", "purpose", "state", "made_us"}

// channel is a row of access_channel.
type channel struct {
	Channel
	tn db.Tenant
}

func channelRow(tn db.Tenant, c Channel, now time.Time) ([]any, error) {
	allow := make([]string, len(c.Allow))
	for i, p := range c.Allow {
		allow[i] = p.String()
	}
	systems, err := json.Marshal(c.Systems)
	if err != nil {
		return nil, ward.E(ward.Internal, "access.channel", "the channel cannot be written", err)
	}
	ca := c.ClientCA
	if ca == nil {
		ca = []byte{}
	}
	return []any{int64(tn), c.ID, string(c.Principal), c.Listen, c.TLS, ca, strings.Join(allow, ","), c.Processing, c.Zone, c.Charset,
		string(systems), string(c.Purpose), int64(active), now.UnixMicro()}, nil
}

// readChannels reads the rows that the clause selects.
func readChannels(ctx context.Context, tx *db.Tx, clause string, args ...any) ([]channel, error) {
	rows, err := tx.Query(ctx, `SELECT tn, id, principal, listen, tls, client_ca, allow, processing, zone, charset, systems, purpose, state
		FROM access_channel `+clause, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []channel
	for rows.Next() {
		c, err := scanChannel(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

func scanChannel(scan func(...any) error) (c channel, err error) {
	var principal, allow, systems, purpose string
	var tn, tls, state int64
	if err := scan(&tn, &c.ID, &principal, &c.Listen, &tls, &c.ClientCA, &allow, &c.Processing, &c.Zone, &c.Charset, &systems, &purpose, &state); err != nil {
		return c, err
	}
	c.tn, c.Principal, c.Purpose = db.Tenant(tn), ward.PrincipalID(principal), ward.Purpose(purpose)
	c.TLS, c.Disabled = tls != 0, state != active
	if len(c.ClientCA) == 0 {
		c.ClientCA = nil
	}
	broken := func(err error) (channel, error) {
		return c, ward.E(ward.Internal, "access.channel", "the row of channel "+c.ID+" cannot be read", err)
	}
	for _, s := range strings.Split(allow, ",") {
		if s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return broken(err)
		}
		c.Allow = append(c.Allow, p)
	}
	if err := json.Unmarshal([]byte(systems), &c.Systems); err != nil {
		return broken(err)
	}
	return c, nil
}

// listening returns the addresses of the node's active channels.
func listening(ctx context.Context, tx *db.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT listen FROM access_channel WHERE state = $1 ORDER BY listen`, int64(active))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// channel returns a channel by its id, disabled or not; an unknown one is ward.NotFound. Callers do not change what it holds.
func (d *directory) channel(ctx context.Context, id string) (channel, error) {
	return d.channels.get(id, func() (c channel, err error) {
		err = d.db.Read(ctx, db.System, func(tx *db.Tx) error {
			rows, err := readChannels(ctx, tx, `WHERE id = $1`, id)
			if err != nil || len(rows) != 1 {
				return missing(err, noChannel)
			}
			c = rows[0]
			return nil
		})
		return c, err
	})
}
