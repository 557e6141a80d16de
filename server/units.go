package server

import (
	"context"
	"sync"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/normalize/units"
)

// senders gives the stages what persons have said of the units of a channel. Safe for concurrent use.
type senders struct {
	access *access.Authority

	mu    sync.Mutex
	built map[string]builtUnits // by channel
}

// builtUnits is the table of what was said last.
type builtUnits struct {
	of    *access.Unit // the first of the list that it was built from: the directory gives the same list while nothing changes
	table *units.Table
}

func newSenders(a *access.Authority) *senders {
	return &senders{access: a, built: map[string]builtUnits{}}
}

// table returns what is said of a channel's units.
func (s *senders) table(ctx context.Context, tn db.Tenant, channel string) (*units.Table, error) {
	said, err := s.access.UnitsOf(ctx, tn, channel)
	if err != nil || len(said) == 0 {
		return &units.Table{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.built[channel]; have.of == &said[0] {
		return have.table, nil
	}
	all := make([]units.Override, len(said))
	for i, u := range said {
		all[i] = override(u)
	}
	t, err := units.New(all)
	if err == nil {
		s.built[channel] = builtUnits{&said[0], t}
	}
	return t, err
}

func override(u access.Unit) units.Override {
	return units.Override{Sender: u.Channel, Code: u.Code, From: u.Source, Unit: u.Unit, Ranges: u.Ranges, Since: u.At, Lapsed: u.Lapsed}
}

// count writes what was counted over the results of senders and is not written yet, each tenant's under its channel's permit.
func (n *Node) count(ctx context.Context) {
	if n.series == nil {
		return
	}
	for tn, sender := range n.series.Unsaid() {
		_, who, purpose, err := n.access.ChannelOwner(ctx, tn, sender)
		var p access.Permit
		if err == nil {
			p, err = n.access.Decide(ctx, access.Request{Principal: who, Action: access.Receive, Purpose: purpose})
		}
		if err == nil {
			err = n.series.Flush(ctx, p, true)
		}
		if err != nil {
			n.logger.Warn("what was counted over the results of a tenant's senders since the last write is lost", "error", err)
		}
	}
}
