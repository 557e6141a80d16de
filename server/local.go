package server

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/ward-health/ward"
)

// Local is how the command line speaks to a node: over the socket of the running one, or to one opened in this process
// when none runs. Both ways pass the same routes and guards.
type Local struct {
	Client  *http.Client // any address reaches the node; http://ward is the custom
	Running bool         // true: another process serves
	close   func() error
}

// Connect reaches the node of a data directory. ward.NotFound: there is none; ward.Unavailable: another process holds the
// directory and does not answer.
func Connect(ctx context.Context, dir string) (*Local, error) {
	l := Layout{dir}
	if !l.Initialised() {
		return nil, ward.E(ward.NotFound, "server.connect", "there is no node in "+dir+"; make one with: ward init --dir "+dir+
			" (or name another directory with --dir or WARD_DIR)", nil)
	}
	if c, err := dialSocket(ctx, l.Socket()); err == nil {
		c.Close()
		return &Local{Running: true, close: func() error { return nil }, Client: clientOf(func(ctx context.Context) (net.Conn, error) {
			return dialSocket(ctx, l.Socket())
		})}, nil
	}
	c, err := Load(dir)
	if err != nil {
		return nil, err
	}
	n, err := Open(ctx, c)
	if err != nil {
		return nil, err
	}
	return n.inProcess(), nil
}

func clientOf(dial func(context.Context) (net.Conn, error)) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		Proxy:       nil, MaxIdleConnsPerHost: 2,
	}}
}

func (n *Node) inProcess() *Local {
	n.start(false)
	pipe := newInProcess()
	s := n.server(n.local)
	s.ConnContext = credentialed
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(pipe) // ends with Close and nothing else
	}()
	client := clientOf(pipe.dial)
	return &Local{Client: client, close: func() error {
		client.CloseIdleConnections()
		err := s.Close()
		<-done
		return errors.Join(err, n.Close())
	}}
}

// Close gives the directory back if this process held it.
func (l *Local) Close() error { return l.close() }
