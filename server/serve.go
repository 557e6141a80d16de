package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/telemetry"
)

const (
	shutdownBound = 15 * time.Second // from the end of Serve's context to its return
	settleBound   = 4 * time.Second  // of it, until the log is under a checkpoint
	headerTimeout = 10 * time.Second
	readTimeout   = 2 * time.Minute
	writeTimeout  = 5 * time.Minute
	idleTimeout   = 2 * time.Minute
	headerBytes   = 32 << 10
	streamStep    = time.Minute // a stream's client must take a line within it
	restartAfter  = time.Second
	progressEvery = 500 * time.Millisecond
)

func deadline(d time.Duration) time.Time { return time.Now().Add(d) }

// newTicker returns a function that is true at most once per interval.
func newTicker(every time.Duration) func() bool {
	var last time.Time
	return func() bool {
		if time.Since(last) < every {
			return false
		}
		last = time.Now()
		return true
	}
}

// background is what runs beside requests.
type background struct {
	stopQueue, stopLog, stopSample, stopWatch, stopListening, stopWarming context.CancelFunc
	queueDone, logDone, sampleDone, watchDone, listeningDone, warm        chan struct{}
	fatal                                                                 chan error
}

// start runs the sequencer and the queue's workers and, for a node that listens, the channels. fatal gets the error of one that cannot go on: the node must stop then.
func (n *Node) start(listens bool) <-chan error {
	b := &background{queueDone: make(chan struct{}), logDone: make(chan struct{}), sampleDone: make(chan struct{}),
		watchDone: make(chan struct{}), listeningDone: make(chan struct{}), fatal: make(chan error, 5)}
	b.stopLog = n.keep("log", n.log.Run, b.logDone, b.fatal)
	b.stopQueue = n.keep("queue", n.queue.Run, b.queueDone, b.fatal)
	b.stopSample = n.keep("sample", n.sample, b.sampleDone, b.fatal)
	b.stopWatch = n.keep("watch", n.watch, b.watchDone, b.fatal)
	b.stopListening = func() {}
	if listens {
		b.stopListening = n.keep("channels", n.listening.run, b.listeningDone, b.fatal)
	} else {
		close(b.listeningDone)
	}
	b.stopWarming, b.warm = func() {}, make(chan struct{})
	close(b.warm)
	n.running = b
	return b.fatal
}

// warmUp makes what the first FHIR requests need, beside serving: a node is ready without it.
func (n *Node) warmUp() {
	b := n.running
	var ctx context.Context
	ctx, b.stopWarming = context.WithCancel(context.Background())
	b.warm = make(chan struct{})
	go func() {
		defer close(b.warm)
		if err := n.packages.Warm(ctx); err != nil && ctx.Err() == nil {
			n.failed(ctx, err)
		}
	}()
}

// keep runs fn until it is stopped. What ended because disk or database cannot be used now is started again; what is
// damaged or was taken over by another process is fatal.
func (n *Node) keep(what string, fn func(context.Context) error, done chan<- struct{}, fatal chan<- error) context.CancelFunc {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(done)
		for {
			err := fn(ctx)
			if ctx.Err() != nil {
				return
			}
			if kind := ward.KindOf(err); err == nil || kind == ward.Internal || kind == ward.Conflict {
				fatal <- ward.E(ward.Internal, "server."+what, "the "+what+" cannot go on", err)
				return
			}
			n.logger.Error("part starts again", "part", what, "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(restartAfter):
			}
		}
	}()
	return cancel
}

// quiet stops the workers, then the log after everything in it is under a published checkpoint.
func (n *Node) quiet(ctx context.Context) error {
	b := n.running
	if b == nil {
		return nil
	}
	n.running = nil
	b.stopListening()
	wait(ctx, b.listeningDone)
	b.stopWarming()
	b.stopSample()
	b.stopWatch()
	b.stopQueue()
	wait(ctx, b.queueDone)
	n.count(ctx)
	wait(ctx, b.sampleDone)
	wait(ctx, b.watchDone)
	wait(ctx, b.warm)
	err := n.settle(ctx)
	b.stopLog()
	wait(ctx, b.logDone)
	return err
}

// settle brings every entry under a published checkpoint. A transaction of somebody else in the same PostgreSQL cluster can
// hold that up for as long as it is open: the entries are durable, and the next start, or another node, publishes them.
func (n *Node) settle(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, settleBound)
	defer cancel()
	err := n.log.Flush(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		n.logger.Warn("entries are left for the next start to publish", "error", err)
		return nil
	}
	return err
}

func wait(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Serve answers on the configured address and on the node's own socket until ctx ends, then stops in order: readiness off,
// no new connections, requests drained, queue stopped, log flushed under a checkpoint if nobody else's transaction keeps it
// from that for 4 s, everything closed; within 15 s.
// The node cannot be used afterwards.
func (n *Node) Serve(ctx context.Context) error {
	public, local, err := n.listeners()
	if err != nil {
		return errors.Join(err, n.Close())
	}
	fatal := n.start(true)
	if err := errors.Join(n.enter(ctx, "start"), n.furnishAll(ctx)); err != nil {
		public.Close()
		local.Close()
		return errors.Join(err, n.Close())
	}
	servers := []*http.Server{n.server(n.public), n.server(n.local)}
	servers[1].ConnContext = credentialed
	n.serving.Store(true)
	failed := make(chan error, 2)
	for i, l := range []net.Listener{public, local} {
		go func() { failed <- servers[i].Serve(l) }()
	}
	n.warmUp()
	n.logger.Info("ready", "address", public.Addr().String(), "url", n.config.BaseURL(), "database", n.db.Engine())
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	case err = <-fatal:
	}
	return errors.Join(err, n.shutdown(servers))
}

// listeners binds the public address and the node's own socket.
func (n *Node) listeners() (public, local net.Listener, err error) {
	if n.config.Listener == nil {
		if err := n.config.Bind(); err != nil {
			return nil, nil, err
		}
	}
	public = n.config.Listener
	if !n.config.LoopbackOnly {
		config, err := n.tls()
		if err != nil {
			public.Close()
			return nil, nil, err
		}
		public = tls.NewListener(public, config)
	}
	if local, err = listenSocket(n.layout.Socket()); err != nil {
		public.Close()
		return nil, nil, err
	}
	return public, local, nil
}

func (n *Node) server(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes, ErrorLog: telemetry.ErrorLog(n.logger)}
}

func (n *Node) shutdown(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownBound)
	defer cancel()
	n.checks.Drain()
	n.logger.Info("stopping")
	var errs []error
	drained, cancelDrain := context.WithTimeout(ctx, shutdownBound*2/3)
	for _, s := range servers {
		if s.Shutdown(drained) != nil {
			s.Close()
			n.logger.Warn("requests cut off", "reason", "drain-timeout")
		}
	}
	cancelDrain()
	done := make(chan error, 1)
	go func() {
		stopped := n.enter(ctx, "stop")
		done <- errors.Join(stopped, n.quiet(ctx), n.release())
	}()
	select {
	case err := <-done:
		errs = append(errs, err)
	case <-ctx.Done():
		errs = append(errs, ward.E(ward.Unavailable, "server.stop", "the node did not stop in 15 s; nothing acknowledged is lost", ctx.Err()))
	}
	n.logger.Info("stopped")
	return errors.Join(errs...)
}

// enter records an act of the node itself.
func (n *Node) enter(ctx context.Context, note string) error {
	_, err := n.log.Begin(ctx, audit.Intent{Tenant: db.System, Act: audit.ActNode, Outcome: audit.Done,
		Purpose: ward.SystemAdmin, Request: ward.NewID(), Note: note})
	return err
}
