package mllp

import (
	"context"
	"crypto/x509"
	"net/netip"
)

// Handler takes the frames of all connections.
//
// Serve is called in the order of the frames of one connection, one at a time, and concurrently for different
// connections. It must return soon (after it has put the message into its own order); until it does, nothing more is read
// from that connection. The answer is given by reply, exactly once, from any goroutine, before or after Serve returns:
//
//   - reply(b, nil) sends b, framed, after the replies to all earlier frames. b is copied before reply returns.
//   - reply(nil, nil) sends nothing and goes on: for senders that want no acknowledgement.
//   - reply(_, err) sends nothing; the connection is closed after the replies to earlier frames have left, and replies to
//     later frames are discarded. The sender sends again. An unsendable b (over MaxFrame, holding VT or FS) is such an error.
//
// reply never blocks on the network. A call after the first is ignored. frame belongs to the server and is valid until
// reply is called; its bytes are wiped then. ctx outlives the connection and ends when the grace time of Serve is over.
type Handler interface {
	Serve(ctx context.Context, from Peer, frame []byte, reply func(reply []byte, err error))
}

// Peer is who sent a frame.
type Peer struct {
	Addr        netip.AddrPort    // of the TCP connection; IPv4 is never shown as mapped IPv6
	Certificate *x509.Certificate // verified against the server's pool; nil without mTLS
	Conn        uint64            // number of the connection, unique in one Server
}

// Sync makes a Handler of a function that answers before it returns. Frames of one connection are then served one after
// the other.
func Sync(f func(ctx context.Context, from Peer, frame []byte) (reply []byte, err error)) Handler {
	return syncHandler(f)
}

type syncHandler func(context.Context, Peer, []byte) ([]byte, error)

func (f syncHandler) Serve(ctx context.Context, from Peer, frame []byte, reply func([]byte, error)) {
	reply(f(ctx, from, frame))
}

// Gate holds back reading. Wait is called once per frame, when its first byte has arrived and before more is read; while
// it blocks, the connection's socket is not read, so the sender's TCP window closes. An error closes the connection after
// the replies to earlier frames. ctx ends when the connection is to stop; frames that were held back then are not handed on.
type Gate interface {
	Wait(ctx context.Context) error
}
