package mllp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/ward-health/ward"
)

// TestCaps: connections over the caps are closed at once, and room that comes free is used.
func TestCaps(t *testing.T) {
	for _, c := range []struct {
		l   Limits
		why Why
	}{{Limits{MaxConnsPerIP: 2}, TooManyIP}, {Limits{MaxConns: 2}, TooMany}} {
		t.Run(c.why.String(), func(t *testing.T) {
			n := serve(t, echo, c.l)
			a, b := n.raw(), n.raw()
			n.wait(t, Accepted, None, 2)
			k := n.raw()
			if got, err := io.ReadAll(k); len(got) > 0 || err != nil {
				t.Errorf("%q %v", got, err)
			}
			n.wait(t, Refused, c.why, 1)
			a.Close()
			n.wait(t, Closed, ByPeer, 1)
			for i := 0; ; i++ { // the place is given back right after the event
				k := n.raw()
				put(t, k, framed("A"))
				k.CloseWrite()
				if got, _ := io.ReadAll(k); string(got) == framed("re A") {
					break
				} else if i > 1000 {
					t.Fatal("the place did not come free")
				}
			}
			put(t, b, framed("B"))
			b.CloseWrite()
			if got := rest(t, b); got != framed("re B") {
				t.Errorf("%q", got)
			}
		})
	}
}

// fakeAddr is a listener that claims another address.
type fakeAddr struct {
	net.Listener
	addr net.Addr
}

func (f fakeAddr) Addr() net.Addr { return f.addr }

// TestDenyFirst: where other machines reach the listener, something must tell who may send.
func TestDenyFirst(t *testing.T) {
	pki := newPKI(t)
	mutual, plain := TLSConfig(pki.server, pki.pool), TLSConfig(pki.server, nil)
	lan := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	open, local := &net.TCPAddr{IP: net.IPv4zero, Port: 1}, &net.TCPAddr{IP: net.IPv6loopback, Port: 1}
	for _, c := range []struct {
		name  string
		addr  net.Addr
		allow []netip.Prefix
		tls   *tls.Config
		ok    bool
	}{
		{"loopback", local, nil, nil, true},
		{"open", open, nil, nil, false},
		{"open, TLS without client certificates", open, nil, plain, false},
		{"open, list", open, lan, nil, true},
		{"open, mTLS", open, nil, mutual, true},
		{"open, invalid prefix", open, []netip.Prefix{{}}, nil, false},
		{"open, mapped prefix", open, []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}, nil, false},
		{"no TCP", &net.UnixAddr{Name: "x", Net: "unix"}, lan, nil, false},
	} {
		s := New(echo, Limits{}, nil)
		s.AllowFrom, s.TLS = c.allow, c.tls
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		err = s.Serve(ctx, fakeAddr{ln, c.addr})
		if (err == nil) != c.ok || err != nil && ward.KindOf(err) != ward.Invalid {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: the listener was left open", c.name)
		}
	}
}

// TestMayConnect is the table of who is let in by address.
func TestMayConnect(t *testing.T) {
	pki := newPKI(t)
	for _, c := range []struct {
		from  string
		allow string
		tls   *tls.Config
		want  bool
	}{
		{"127.0.0.1", "", nil, true},
		{"127.9.9.9", "", nil, true},
		{"::1", "", nil, true},
		{"10.0.0.1", "", nil, false},
		{"10.0.0.1", "", TLSConfig(pki.server, nil), false},
		{"10.0.0.1", "", TLSConfig(pki.server, pki.pool), true},
		{"10.0.0.1", "10.0.0.0/24", nil, true},
		{"::ffff:10.0.0.1", "10.0.0.0/24", nil, true},
		{"10.0.1.1", "10.0.0.0/24", nil, false},
		{"127.0.0.1", "10.0.0.0/24", nil, false},
		{"fe80::1%eth0", "fe80::/64", nil, true},
	} {
		s := New(echo, Limits{}, nil)
		if c.allow != "" {
			s.AllowFrom = []netip.Prefix{netip.MustParsePrefix(c.allow)}
		}
		s.TLS = c.tls
		a := netip.MustParseAddr(c.from)
		addr, ok := addrOf(from{addr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, 5))})
		if got := ok && s.mayConnect(addr.Addr()); got != c.want {
			t.Errorf("%s by %q: %v", c.from, c.allow, got)
		}
	}
	s := New(echo, Limits{}, nil)
	far, near := netip.MustParseAddrPort("10.0.0.1:5"), netip.MustParseAddrPort("127.0.0.1:5")
	for p, want := range map[Peer]bool{{Addr: far}: false, {Addr: near}: true, {Addr: far, Certificate: pki.client.Leaf}: true} {
		if s.mayStay(p) != want {
			t.Errorf("%v with certificate %v may stay: %v", p.Addr, p.Certificate != nil, !want)
		}
	}
	if a, b := source(netip.MustParseAddr("2001:db8::1")), source(netip.MustParseAddr("2001:db8::ffff:1")); a != b {
		t.Error("two addresses of one /64 count apart")
	}
	if a, b := source(netip.MustParseAddr("10.0.0.1")), source(netip.MustParseAddr("10.0.0.2")); a == b {
		t.Error("two IPv4 addresses count together")
	}
}

type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

// TestNotAllowed: a peer outside the list is closed before a byte of it is read.
func TestNotAllowed(t *testing.T) {
	n := serve(t, echo, Limits{}, func(s *Server) { s.AllowFrom = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	k := n.raw()
	io.WriteString(k, framed("A"))
	if got, _ := io.ReadAll(k); len(got) > 0 {
		t.Errorf("%q", got)
	}
	n.wait(t, Refused, NotAllowed, 1)
}
