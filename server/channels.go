package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/connect/delivery"
	"github.com/ward-health/ward/connect/mllp"
	"github.com/ward-health/ward/engine/db"
)

// lookAgain is how soon a node opens the listener of a channel that was added on another node, or that could not be opened.
const lookAgain = 2 * time.Second

// listening keeps one MLLP listener for each active channel of the node.
type listening struct {
	node   *Node
	open   map[string]*listener // by id of the channel
	warned map[string]bool      // channels whose address cannot be listened on, and the operator was told
}

// listener is one channel's.
type listener struct {
	stop    context.CancelFunc
	stopped bool
	done    chan struct{}
}

func newListening(n *Node) *listening {
	return &listening{node: n, open: map[string]*listener{}, warned: map[string]bool{}}
}

// run opens and closes listeners until ctx ends, then stops all: frames that were read whole are still answered.
func (l *listening) run(ctx context.Context) error {
	changed, stop := l.node.access.ChannelChanges()
	defer stop()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	defer l.stopAll()
	for {
		if err := l.adjust(ctx); err != nil && ctx.Err() == nil {
			l.node.failed(ctx, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-changed:
		}
	}
}

// adjust brings the listeners to what the channels say now. One that ends may take its time to answer what it read: the
// others do not wait for it.
func (l *listening) adjust(ctx context.Context) error {
	want, err := l.node.access.ActiveChannels(ctx)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, c := range want {
		wanted[c.ID] = true
	}
	for id, o := range l.open {
		if !wanted[id] {
			o.end()
		}
		if o.ended() {
			delete(l.open, id)
		}
	}
	for _, c := range want {
		if l.open[c.ID] == nil {
			l.start(ctx, c)
		}
	}
	return nil
}

// end lets the listener stop; ended tells when it has.
func (o *listener) end() {
	if !o.stopped {
		o.stopped = true
		o.stop()
	}
}

func (o *listener) ended() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// start opens a channel's listener. An address that cannot be had is tried again; the operator is told once.
func (l *listening) start(ctx context.Context, c access.NodeChannel) {
	n := l.node
	server, err := l.server(c)
	if err == nil {
		err = l.listen(ctx, c, server)
	}
	if err == nil {
		delete(l.warned, c.ID)
	} else if !l.warned[c.ID] {
		l.warned[c.ID] = true
		n.failed(ctx, ward.E(ward.Unavailable, "server.channel", "the listener of channel "+c.ID+" cannot be opened; it is tried again every few seconds", err))
	}
}

func (l *listening) listen(ctx context.Context, c access.NodeChannel, server *mllp.Server) error {
	n := l.node
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o := &listener{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		defer cancel()
		if err := server.Serve(run, ln); err != nil && run.Err() == nil {
			n.failed(run, err)
		}
	}()
	l.open[c.ID] = o
	n.logger.Info("channel listens", "part", c.ID, "address", ln.Addr().String())
	return nil
}

// server makes the MLLP server of a channel.
func (l *listening) server(c access.NodeChannel) (*mllp.Server, error) {
	n := l.node
	in := delivery.NewInbox(delivery.Deps{Store: n.store, Access: n.access, Rules: n.rules, Observe: n.metrics.Message, Failed: n.failed},
		delivery.Channel{Tenant: c.Tenant, ID: c.ID, Processing: c.Processing, Charset: c.Charset, Systems: c.Systems})
	out := mllp.New(in, mllp.Limits{}, func(e mllp.Event) { n.metrics.Connection(e.Kind.String()) })
	out.AllowFrom, out.Gate = c.Allow, delivery.NewGate(n.layout.Dir, n.queue, db.Tenant(c.Tenant.Number))
	if !c.TLS {
		return out, nil
	}
	var pool *x509.CertPool
	if len(c.ClientCA) > 0 {
		pool = x509.NewCertPool()
		if !pool.AppendCertsFromPEM(c.ClientCA) {
			return nil, ward.E(ward.Internal, "server.channel", "the client authorities of the channel cannot be read", nil)
		}
	}
	config, err := n.tls()
	if err != nil {
		return nil, err
	}
	out.TLS = mllp.TLSConfig(tls.Certificate{}, pool)
	out.TLS.Certificates, out.TLS.GetCertificate = nil, config.GetCertificate
	return out, nil
}

// stopAll ends every listener and waits for its last reply.
func (l *listening) stopAll() {
	for _, o := range l.open {
		o.end()
	}
	for _, o := range l.open {
		<-o.done
	}
}
