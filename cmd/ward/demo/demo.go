package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/server"
)

// Options of a demo.
type Options struct {
	Once     bool     // end after the summary instead of staying up
	Patients int      // simulated patients
	Seed     uint64   // of the simulation
	Input    []string // files and directories to load instead
	Dir      string   // data directory; a temporary one when empty
	Out      io.Writer
}

// ErrFailed is returned when a step failed; each failure was told where it happened.
var ErrFailed = errors.New("the demo failed: see the steps marked FAILED")

const startBound = 30 * time.Second

// Run shows the path. A temporary directory is removed at the end.
func Run(ctx context.Context, o Options) (err error) {
	in, err := o.data()
	if err != nil {
		return err
	}
	dir, clean, err := directory(o.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clean()) }()
	s := &steps{w: o.Out}
	n, err := start(ctx, s, dir)
	if err != nil {
		return ErrFailed
	}
	t := &tour{steps: s, port: n.port, in: in, dir: dir, seed: o.Seed, adminLink: n.report.Link}
	tourErr := t.run(ctx)
	if tourErr == nil && !o.Once {
		t.stay(ctx)
	}
	if err := s.do("stop the node", func() (string, error) { return "drained, log under its last checkpoint, closed", n.stop() }); err != nil {
		tourErr = err
	}
	if tourErr != nil || s.failed > 0 {
		return ErrFailed
	}
	s.say("")
	s.say("by FHIR: resources %d cards %d reads %d denials %d", t.resources, t.cards, t.reads, t.denials)
	s.say("demo: messages %d facts %d held %d decisions %d log %d verified", t.sent, t.facts, t.held, t.decisions, t.log)
	return nil
}

// data is what to load: the simulation, or the files named.
func (o Options) data() (*input, error) {
	if len(o.Input) > 0 {
		return readInput(o.Input)
	}
	return simulated(o.Patients, o.Seed), nil
}

// directory gives a fresh directory and what removes it, if it is temporary.
func directory(named string) (dir string, clean func() error, err error) {
	if named != "" {
		dir, err = filepath.Abs(named)
		return dir, func() error { return nil }, err
	}
	parent, err := os.MkdirTemp("", "ward-demo-")
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(parent, "data"), func() error { return os.RemoveAll(parent) }, nil
}

// running is the demo's node.
type running struct {
	port   port
	report server.Report
	stop   func() error
}

// start makes a node and serves it on a port that is free, in this process; from here on only the port is used.
func start(ctx context.Context, s *steps, dir string) (*running, error) {
	s.say("Ward demo: everything below goes through the node's MLLP and HTTP ports with real tokens.")
	s.say("")
	n := &running{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	err = s.do("make a node", func() (string, error) {
		n.report, err = server.Init(ctx, dir, server.InitOptions{Listen: address, LoopbackOnly: true, TenantName: "Demo hospital",
			Log: server.LogConfig{Level: "warn"}})
		return "keys, tenant main, administrator admin", err
	})
	if err == nil {
		err = s.do("start it", func() (string, error) {
			n.stop, err = serve(ctx, dir, listener)
			if err != nil {
				return "", err
			}
			n.port = port{base: "http://" + address, http: &http.Client{Timeout: 2 * time.Minute}}
			return n.port.base, n.port.ready(ctx)
		})
	}
	if err != nil {
		listener.Close()
		if n.stop != nil {
			err = errors.Join(err, n.stop())
		}
		return nil, err
	}
	return n, nil
}

func serve(ctx context.Context, dir string, l net.Listener) (stop func() error, err error) {
	c, err := server.Load(dir)
	if err != nil {
		return nil, err
	}
	c.Listener = l
	node, err := server.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	// The node outlives an interrupt of the demo until stop, so that it can end in order.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- node.Serve(serving) }()
	return func() error {
		cancel()
		return <-done
	}, nil
}

// ready waits for /readyz.
func (p port) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := p.call(ctx, nil, http.MethodGet, "/readyz", "", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ward.E(ward.Unavailable, "demo.start", fmt.Sprintf("the node was not ready within %s", startBound), err)
		case <-tick.C:
		}
	}
}
