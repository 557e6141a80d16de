package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ward-health/ward"
)

type uidKey struct{}

// peerUID is the local user of a connection to the node's own socket, as the kernel told it.
func peerUID(r *http.Request) (int, bool) {
	uid, ok := r.Context().Value(uidKey{}).(int)
	return uid, ok
}

// credentialed puts the peer's uid into the context of every request of a connection.
func credentialed(ctx context.Context, c net.Conn) context.Context {
	switch c := c.(type) {
	case *net.UnixConn:
		raw, err := c.SyscallConn()
		if err != nil {
			return ctx
		}
		var cred *unix.Ucred
		var credErr error
		err = raw.Control(func(fd uintptr) {
			cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		})
		if err == nil && credErr == nil {
			ctx = context.WithValue(ctx, uidKey{}, int(cred.Uid))
		}
	case *inProcessConn:
		ctx = context.WithValue(ctx, uidKey{}, os.Getuid())
	}
	return ctx
}

// listenSocket makes the node's own socket, mode 0600, in place of a stale one: the caller holds the directory's lock.
func listenSocket(path string) (net.Listener, error) {
	const op = "server.socket"
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, ward.E(ward.Unavailable, op, "the old socket cannot be removed: "+path, err)
	}
	var l net.Listener
	err := atSocket(path, func(short string) (err error) {
		l, err = net.Listen("unix", short)
		return err
	})
	if err != nil {
		return nil, ward.E(ward.Unavailable, op, "the node's socket cannot be made: "+path, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, ward.E(ward.Unavailable, op, "the node's socket cannot be made private: "+path, err)
	}
	return &socketListener{Listener: l, path: path}, nil
}

type socketListener struct {
	net.Listener
	path string
	once sync.Once
}

func (l *socketListener) Close() error {
	l.once.Do(func() { os.Remove(l.path) })
	return l.Listener.Close()
}

func dialSocket(ctx context.Context, path string) (c net.Conn, err error) {
	err = atSocket(path, func(short string) error {
		c, err = new(net.Dialer).DialContext(ctx, "unix", short)
		return err
	})
	return c, err
}

// atSocket calls fn with a name of the socket that fits into sockaddr_un (107 bytes), however deep its directory lies.
func atSocket(path string, fn func(short string) error) error {
	if len(path) <= 100 {
		return fn(path)
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return fn(fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), filepath.Base(path)))
}

// inProcess is a listener whose connections never leave the process.
type inProcess struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

type inProcessConn struct{ net.Conn }

func newInProcess() *inProcess {
	return &inProcess{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *inProcess) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *inProcess) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *inProcess) Addr() net.Addr { return &net.UnixAddr{Name: "in-process", Net: "unix"} }

func (l *inProcess) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- &inProcessConn{server}:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
