package mllp

import (
	"net"
	"net/netip"
	"slices"

	"github.com/ward-health/ward"
)

// check refuses to listen where nothing would tell who may send: deny first.
func (s *Server) check(ln net.Listener) error {
	a, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		return ward.E(ward.Invalid, "mllp.serve", "the listener is not a TCP listener; MLLP is served over TCP", nil)
	}
	for _, p := range s.AllowFrom {
		if !p.IsValid() || p.Addr().Is4In6() {
			return ward.E(ward.Invalid, "mllp.serve", "a prefix of the allow list is not valid; write prefixes such as 10.1.2.0/24 or fd00:1::/32", nil)
		}
	}
	if !a.IP.IsLoopback() && len(s.AllowFrom) == 0 && !requiresCertificate(s.TLS) {
		return ward.E(ward.Invalid, "mllp.serve", "the listener is reachable from other machines and nothing tells who may send; give an allow "+
			"list of address prefixes, or TLS with a pool that client certificates must come from", nil)
	}
	return nil
}

// mayConnect decides by address alone. Without a list, other machines are let in only to show a certificate.
func (s *Server) mayConnect(a netip.Addr) bool {
	if len(s.AllowFrom) == 0 {
		return a.IsLoopback() || requiresCertificate(s.TLS)
	}
	return slices.ContainsFunc(s.AllowFrom, func(p netip.Prefix) bool { return p.Contains(a) })
}

// mayStay decides again once the handshake has shown what the peer holds.
func (s *Server) mayStay(p Peer) bool {
	return p.Certificate != nil || len(s.AllowFrom) > 0 || p.Addr.Addr().IsLoopback()
}

// addrOf returns the peer's address without zone and never as mapped IPv6; ok is false if it has none.
func addrOf(nc net.Conn) (netip.AddrPort, bool) {
	t, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	a := t.AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()), a.IsValid()
}

// source is what MaxConnsPerIP counts: one who has an IPv6 address has at least its /64.
func source(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// enter counts a connection in, or says why not.
func (s *Server) enter(from netip.Addr) Why {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch key := source(from); {
	case s.total >= s.limits.MaxConns:
		return TooMany
	case s.per[key] >= s.limits.MaxConnsPerIP:
		return TooManyIP
	default:
		s.total++
		s.per[key]++
		return None
	}
}

func (s *Server) leave(from netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := source(from)
	s.total--
	if s.per[key]--; s.per[key] == 0 {
		delete(s.per, key)
	}
}
