// Package mllp carries frames over TCP and TLS by the Minimal Lower Layer Protocol of HL7 (MLLP, release 1): a server and
// a client.
//
// It knows bytes and frames only. A frame's content is opaque: no segment is looked at, no acknowledgement is made here.
// The server reads frames of one connection in order, hands each to the Handler in that order, lets it answer later from any
// goroutine, and writes the replies in the order of the frames. What it acknowledges is therefore decided by the Handler
// alone; a frame without a reply is one that the sender sends again.
//
// It must never hand on a frame of which it has not seen both ends, answer out of order, answer a frame of one message with
// the reply to another, take a peer that was not let in by address or by certificate, hold unbounded memory for a peer, or
// put content into an event or an error. Buffers hold patient data: each byte is wiped when its frame has been answered.
// What crypto/tls and the kernel keep for themselves cannot be wiped from here.
//
// Read in this order: frame.go, reader.go, slab.go, handler.go, limits.go, event.go, server.go, admit.go, conn.go,
// deadline.go, memory.go, reply.go, end.go, tls.go, client.go.
package mllp
