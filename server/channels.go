package server

import (
	"context"
	"crypto/x509"
	"maps"
	"net"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/connect/delivery"
	"github.com/ward-health/ward/connect/mllp"
)

// lookAgain is how soon a node opens the listener of a channel that was added on another node, or that could not be opened.
const lookAgain = 2 * time.Second

// listening keeps one MLLP listener for each active channel of the node.
type listening struct {
	node *Node

	mu   sync.Mutex
	open map[string]*listener // by id of the channel
}

// listener is one channel's.
type listener struct {
	channel access.NodeChannel
	stop    context.CancelFunc
	done    chan struct{}
}

func newListening(n *Node) *listening {
	return &listening{node: n, open: map[string]*listener{}}
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

// adjust brings the listeners to what the channels say now.
func (l *listening) adjust(ctx context.Context) error {
	want, err := l.node.access.ActiveChannels(ctx)
	if err != nil {
		return err
	}
	wanted := map[string]access.NodeChannel{}
	for _, c := range want {
		wanted[c.ID] = c
	}
	l.mu.Lock()
	have := maps.Clone(l.open)
	l.mu.Unlock()
	for id, o := range have {
		select {
		case <-o.done:
		default:
			if _, ok := wanted[id]; ok {
				continue
			}
		}
		o.end()
		l.mu.Lock()
		delete(l.open, id)
		l.mu.Unlock()
	}
	for id, c := range wanted {
		l.mu.Lock()
		_, ok := l.open[id]
		l.mu.Unlock()
		if ok {
			continue
		}
		if err := l.start(ctx, c); err != nil {
			l.node.failed(ctx, err)
		}
	}
	return nil
}

func (o *listener) end() {
	o.stop()
	<-o.done
}

// start opens a channel's listener.
func (l *listening) start(ctx context.Context, c access.NodeChannel) error {
	n := l.node
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return ward.E(ward.Unavailable, "server.channel", "the address of channel "+c.ID+" cannot be listened on; it is tried again", err)
	}
	server, err := l.server(c)
	if err != nil {
		ln.Close()
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o := &listener{c, cancel, make(chan struct{})}
	go func() {
		defer close(o.done)
		if err := server.Serve(run, ln); err != nil && run.Err() == nil {
			n.failed(run, err)
		}
	}()
	l.mu.Lock()
	l.open[c.ID] = o
	l.mu.Unlock()
	n.logger.Info("channel listens", "channel", c.ID, "address", ln.Addr().String())
	return nil
}

// server makes the MLLP server of a channel.
func (l *listening) server(c access.NodeChannel) (*mllp.Server, error) {
	n := l.node
	in := delivery.NewInbox(delivery.Deps{Store: n.store, Access: n.access, Rules: n.rules, Observe: n.metrics.Message, Failed: n.failed},
		delivery.Channel{Tenant: c.Tenant, ID: c.ID, Processing: c.Processing, Charset: c.Charset, Systems: c.Systems})
	out := mllp.New(in, mllp.Limits{}, nil)
	out.AllowFrom, out.Gate = c.Allow, n.gate
	if !c.TLS {
		return out, nil
	}
	var pool *x509.CertPool
	if len(c.ClientCA) > 0 {
		pool = x509.NewCertPool()
		pool.AppendCertsFromPEM(c.ClientCA)
	}
	config, err := n.tls()
	if err != nil {
		return nil, err
	}
	out.TLS = mllp.TLSConfig(config.Certificates[0], pool)
	return out, nil
}

// stopAll ends every listener and waits for its last reply.
func (l *listening) stopAll() {
	l.mu.Lock()
	have := maps.Clone(l.open)
	l.open = map[string]*listener{}
	l.mu.Unlock()
	for _, o := range have {
		o.stop()
	}
	for _, o := range have {
		<-o.done
	}
}
