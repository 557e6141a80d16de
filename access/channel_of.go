package access

import (
	"context"

	"github.com/ward-health/ward/engine/db"
)

// ChannelOf returns the settings of a channel of the tenant, disabled or not, for a message that came by it. Errors are those
// of ChannelOwner.
func (a *Authority) ChannelOf(ctx context.Context, tn db.Tenant, id string) (NodeChannel, error) {
	c, who, err := a.channelOwner(ctx, tn, id)
	return NodeChannel{c.Channel, who.Tenant}, err
}
