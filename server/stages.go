package server

import (
	"context"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/connect/delivery"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/normalize"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/normalize/watch"
	"github.com/ward-health/ward/predict"
)

// How many new results are answered side by side, and how often an answer is tried.
const (
	eventWorkers  = 2
	eventAttempts = 10
)

// join puts the stages together that messages pass: the inbox asks normalize what a message is, its worker hands each message
// to normalize, and what is stored then goes to the models that answer new results.
func (n *Node) join() error {
	n.senders, n.series = newSenders(n.access), watch.New(n.store, nil)
	stage, err := normalize.New(normalize.Deps{Store: n.store, Access: n.access, Watch: n.series})
	if err != nil {
		return err
	}
	n.rules = delivery.Rules{Lanes: normalize.Lanes, Key: normalize.Key, Kind: normalize.Kind, Understood: normalize.Understood, Apart: normalize.Apart}
	delivery.NewWorker(n.store, n.access, n.queue, understanding{n, stage})
	n.listening = newListening(n)
	n.desk = quarantine.New(quarantine.Deps{Store: n.store, Units: n.senders.table})
	n.store.Feed(predict.EventQueue, n.registry.Answering, "Observation")
	n.queue.Handle(predict.EventQueue, eventWorkers, eventAttempts, n.predict.EventHandler(n.engine))
	return nil
}

// understanding gives normalize what it has to know of a message's channel.
type understanding struct {
	node  *Node
	stage *normalize.Normalizer
}

// Understand implements delivery.Understand.
func (u understanding) Understand(ctx context.Context, who ward.Principal, purpose ward.Purpose, tenant ward.Tenant, m ward.Message) error {
	c, err := u.node.access.ChannelOf(ctx, db.Tenant(tenant.Number), m.Source)
	if err != nil {
		return err
	}
	said, err := u.node.senders.table(ctx, db.Tenant(tenant.Number), c.ID)
	if err != nil {
		return err
	}
	return u.stage.Normalize(ctx, who, purpose, normalize.Channel{ID: c.ID, Processing: c.Processing, Zone: c.Zone, Charset: c.Charset, Systems: c.Systems, Units: said}, m)
}

// engine grants what the node does by itself on a tenant's events.
func (n *Node) engine(ctx context.Context, tn db.Tenant, request ward.ID) (access.Grant, error) {
	who, err := n.access.EngineOf(ctx, tn)
	if err != nil {
		return access.Grant{}, err
	}
	decide := func(ctx context.Context, a access.Action, rtype string) (access.Permit, error) {
		return n.access.Decide(ctx, access.Request{Principal: who, Action: a, Type: rtype, Purpose: ward.Treatment, ID: request})
	}
	p, err := decide(ctx, access.Predict, "")
	return access.Grant{Permit: p, Decide: decide}, err
}
