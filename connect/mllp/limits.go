package mllp

import "time"

// Limits bound what a peer may cost. A zero value takes the default; a negative duration means no limit.
type Limits struct {
	MaxFrame int // bytes of one frame's content and of one reply; default 16 MiB
	MaxSkip  int // bytes that are no frame between two frames before the connection is closed; default 64 KiB

	FirstByte time.Duration // server: from accept to the first frame; client: from sending to the reply's first byte; default 60 s
	Read      time.Duration // from a frame's first byte to its last, and for a TLS handshake; default 30 s
	Write     time.Duration // for one write, which may carry several replies; default 30 s
	Idle      time.Duration // between two frames, counted from the last frame or reply; default 30 min

	MaxConns      int   // connections of one server; default 1024
	MaxConnsPerIP int   // connections from one IPv4 address or one IPv6 /64; default 256
	Pipeline      int   // frames of one connection that may await their replies; default 64
	MaxBytes      int64 // buffers of all connections beyond 32 KiB for each, at least 3 * MaxFrame; default 256 MiB
}

func (l Limits) filled() Limits {
	number(&l.MaxFrame, 16<<20)
	number(&l.MaxSkip, 64<<10)
	number(&l.FirstByte, time.Minute)
	number(&l.Read, 30*time.Second)
	number(&l.Write, 30*time.Second)
	number(&l.Idle, 30*time.Minute)
	number(&l.MaxConns, 1024)
	number(&l.MaxConnsPerIP, 256)
	number(&l.Pipeline, 64)
	number(&l.MaxBytes, 256<<20)
	l.MaxFrame, l.MaxSkip, l.Pipeline = max(l.MaxFrame, 1), max(l.MaxSkip, 1), max(l.Pipeline, 1)
	l.MaxConns, l.MaxConnsPerIP = max(l.MaxConns, 0), max(l.MaxConnsPerIP, 0)
	l.MaxBytes = max(l.MaxBytes, 3*int64(l.MaxFrame)+4*slabSize)
	return l
}

func number[T ~int | ~int64](v *T, byDefault T) {
	if *v == 0 {
		*v = byDefault
	}
}

// after returns the moment d from now, or the zero time (never) if d is no limit.
func after(now time.Time, d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return now.Add(d)
}
