package mllp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/ward-health/ward"
)

// ClientOptions say how to connect. Of Limits, a client uses MaxFrame, MaxSkip, FirstByte, Read and Write.
type ClientOptions struct {
	TLS *tls.Config // nil: no TLS. Without ServerName, the host of the address is verified.
	Limits
}

// Client sends frames over one connection. Either Send is used, by one goroutine at a time, or Write and Read are, by one
// goroutine each. After an error the connection is of no more use: a reply that comes late would be taken for the reply to
// another message. Dial again then.
type Client struct {
	nc     net.Conn
	limits Limits
	rd     *Reader
	slow   time.Time // when the reply that has begun must be whole; used by the reading goroutine only

	wmu sync.Mutex
	buf []byte

	mu      sync.Mutex
	waiting int       // frames written and not replied to
	since   time.Time // when waiting for the reply that is due began
	armed   time.Time // the read deadline in force
	broken  bool
}

// Dial connects to addr ("host:port"). ctx bounds connecting and the TLS handshake only.
func Dial(ctx context.Context, addr string, o ClientOptions) (*Client, error) {
	l := o.Limits.filled()
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, ward.E(ward.Unavailable, "mllp.dial", "no connection to the peer; see that it listens and that the address is right", err)
	}
	if o.TLS != nil {
		if nc, err = handshake(ctx, nc, addr, o.TLS, l.Read); err != nil {
			return nil, err
		}
	}
	c := &Client{nc: nc, limits: l}
	c.rd = newReader(network{c}, l)
	return c, nil
}

func handshake(ctx context.Context, nc net.Conn, addr string, cfg *tls.Config, d time.Duration) (net.Conn, error) {
	cfg = cfg.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	if cfg.CipherSuites == nil {
		cfg.CipherSuites = suites12
	}
	if d >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	t := tls.Client(nc, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, ward.E(ward.Unavailable, "mllp.dial", "the TLS handshake failed; see that both sides trust each other's certificate "+
			"and that the peer speaks TLS on this port", err)
	}
	return t, nil
}

// Send writes one frame and waits for its reply, which belongs to the caller. Errors: ward.Invalid and ward.TooLarge for
// a frame that cannot be sent (nothing was sent, the client stays of use); ward.Unavailable if no reply came, and then
// nobody knows whether the peer took the frame: send it again over a new connection.
func (c *Client) Send(ctx context.Context, frame []byte) ([]byte, error) {
	if err := Check(frame, c.limits.MaxFrame); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, c.cut)()
	if c.rd.pending() {
		c.cut()
		return nil, ward.E(ward.Conflict, "mllp.send", "the peer sent something that was not asked for, so no reply could be told from it; "+
			"connect again", nil)
	}
	if err := c.Write(frame); err != nil {
		return nil, sendError(ctx, err)
	}
	reply, err := c.Read()
	if err != nil {
		return nil, sendError(ctx, err)
	}
	return reply, nil
}

func sendError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ward.E(ward.Unavailable, "mllp.send", "sending was given up before the reply came; send again over a new connection", context.Cause(ctx))
	}
	return err
}

// Write writes frames in one write, for pipelining; Read reads the replies in order.
func (c *Client) Write(frames ...[]byte) error {
	for _, f := range frames {
		if err := Check(f, c.limits.MaxFrame); err != nil {
			return err
		}
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.unusable() {
		return broken()
	}
	c.buf = c.buf[:0]
	for _, f := range frames {
		c.buf = Append(c.buf, f)
	}
	c.expect(len(frames))
	_ = c.nc.SetWriteDeadline(after(time.Now(), c.limits.Write))
	_, err := c.nc.Write(c.buf)
	clear(c.buf)
	if cap(c.buf) > 1<<20 {
		c.buf = nil
	}
	if err != nil {
		c.cut()
		return ward.E(ward.Unavailable, "mllp.write", "the frame could not be written; send again over a new connection", err)
	}
	return nil
}

func broken() error {
	return ward.E(ward.Unavailable, "mllp.write", "this connection failed before or was closed; connect again", nil)
}

// expect counts frames that await replies.
func (c *Client) expect(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == 0 {
		c.since = time.Now()
		c.arm(after(c.since, c.limits.FirstByte)) // Read may be waiting without end
	}
	c.waiting += n
}

// arm sets the read deadline unless the connection was cut; c.mu is held.
func (c *Client) arm(d time.Time) {
	if !c.broken && !d.Equal(c.armed) {
		c.armed = d
		_ = c.nc.SetReadDeadline(d)
	}
}

// Read returns the next reply, which belongs to the caller. It waits without end while no frame is unanswered, else
// FirstByte for a reply to begin and Read for it to end. io.EOF: the peer ended the connection and no reply is due.
func (c *Client) Read() ([]byte, error) {
	if c.unusable() {
		return nil, broken()
	}
	frame, err := c.rd.Next()
	if err != nil {
		return nil, c.readError(err)
	}
	reply := bytes.Clone(frame)
	c.rd.letGo()
	c.slow = time.Time{}
	c.mu.Lock()
	c.waiting = max(c.waiting-1, 0)
	c.since = time.Now()
	c.mu.Unlock()
	return reply, nil
}

func (c *Client) readError(err error) error {
	c.mu.Lock()
	due := c.waiting
	c.mu.Unlock()
	mine := c.unusable()
	c.cut()
	var bad BadFrame
	switch {
	case mine:
		return broken()
	case errors.Is(err, io.EOF) && due == 0:
		return io.EOF
	case errors.As(err, &bad), ward.KindOf(err) == ward.TooLarge, errors.Is(err, errFlood):
		return ward.E(ward.Unavailable, "mllp.read", "the peer answered with what is no reply frame; connect again", err)
	default:
		return ward.E(ward.Unavailable, "mllp.read", fmt.Sprintf("the replies to %d frames did not come; send them again over a new connection", due), err)
	}
}

// Start runs write and read, each in a goroutine of its own, and waits for both. When write returns nil, the end is said
// to the peer (CloseWrite), so that read sees io.EOF after the last reply; read's io.EOF is no error. The first error of
// either, or the end of ctx, cuts the connection.
func (c *Client) Start(ctx context.Context, write, read func() error) error {
	defer context.AfterFunc(ctx, c.cut)()
	var wg sync.WaitGroup
	var first [2]error
	wg.Go(func() {
		if first[0] = write(); first[0] == nil {
			first[0] = c.CloseWrite()
		}
		if first[0] != nil {
			c.cut()
		}
	})
	wg.Go(func() {
		if first[1] = read(); errors.Is(first[1], io.EOF) {
			first[1] = nil
		}
		if first[1] != nil {
			c.cut()
		}
	})
	wg.Wait()
	return errors.Join(first[0], first[1])
}

// CloseWrite says that no more frames come; replies can still be read.
func (c *Client) CloseWrite() error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	if err := half.CloseWrite(); err != nil {
		return ward.E(ward.Unavailable, "mllp.close", "the end could not be said to the peer", err)
	}
	return nil
}

// cut makes the connection unusable at once.
func (c *Client) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	_ = c.nc.SetDeadline(time.Unix(1, 0))
}

func (c *Client) unusable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// Close closes the connection. It may be called at any time, more than once.
func (c *Client) Close() error {
	c.cut()
	if err := c.nc.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return ward.E(ward.Unavailable, "mllp.close", "the connection could not be closed", err)
	}
	return nil
}

// network is what the Reader of a Client reads from.
type network struct{ *Client }

func (c network) Read(b []byte) (int, error) {
	if !c.rd.partial() {
		c.slow = time.Time{}
	} else if c.slow.IsZero() {
		c.slow = after(time.Now(), c.limits.Read)
	}
	for {
		c.mu.Lock()
		c.arm(c.deadline())
		c.mu.Unlock()
		n, err := c.nc.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.late() {
			return n, err
		}
	}
}

// deadline is the read deadline that holds; c.mu is held.
func (c *Client) deadline() time.Time {
	switch {
	case !c.slow.IsZero():
		return c.slow
	case c.waiting > 0:
		return after(c.since, c.limits.FirstByte)
	default:
		return time.Time{}
	}
}

func (c *Client) late() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.deadline()
	return c.broken || !d.IsZero() && !d.After(time.Now())
}
