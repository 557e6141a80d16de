package mllp

import "time"

// Kind is what an Event tells of.
type Kind uint8

// The kinds of events. The names are stable and few: they may label metrics.
const (
	Accepted Kind = iota // a connection was let in, its TLS handshake done
	Refused              // a connection was not let in: Why
	Frame                // a frame was read whole: Bytes of content
	Reply                // a reply was written: Bytes of content, Took since the frame was whole
	Bad                  // bytes were skipped: Why, Bytes
	Timeout              // a deadline passed: Why
	TooLarge             // a frame was over MaxFrame
	Failed               // the handler gave an error or an unsendable reply: Err
	Closed               // the connection is gone: Why
)

var kindNames = [...]string{"accepted", "refused", "frame", "reply", "bad-frame", "timeout", "too-large", "failed", "closed"}

// String returns the kind's name.
func (k Kind) String() string { return name(kindNames[:], int(k)) }

// Why is the reason in an Event.
type Why uint8

// The reasons.
const (
	None       Why = iota
	NotAllowed     // refused: the address is not in AllowFrom
	NoIdentity     // refused: no verified certificate, and the address alone does not suffice
	TooMany        // refused: MaxConns is reached
	TooManyIP      // refused: MaxConnsPerIP is reached
	Handshake      // refused: the TLS handshake failed: Err
	AcceptFail     // refused: the operating system gave no connection: Err
	Unframed       // bad frame: bytes without a start block
	Cut            // bad frame: a start block or the end of the connection came before the end block
	Empty          // bad frame: no content
	NoFrame        // timeout: no frame came in time (FirstByte or Idle)
	Slow           // timeout: a frame did not end in time (Read)
	NotRead        // timeout: the peer did not read a reply in time (Write)
	NoMemory       // timeout: no buffer came free in time (MaxBytes)
	ByPeer         // closed: the peer ended the connection
	Lost           // closed: reading or writing failed: Err
	Flooded        // closed: over MaxSkip bytes that are no frame
	Bound          // closed: after a timeout or a frame over MaxFrame
	ByHandler      // closed: after a Failed event
	ByGate         // closed: the gate gave an error: Err
	Stopped        // closed: the server stops
)

var whyNames = [...]string{"", "not-allowed", "no-identity", "too-many", "too-many-ip", "handshake", "accept", "unframed", "cut", "empty",
	"no-frame", "slow", "not-read", "no-memory", "by-peer", "lost", "flooded", "bound", "by-handler", "by-gate", "stopped"}

// String returns the reason's name.
func (w Why) String() string { return name(whyNames[:], int(w)) }

func name(of []string, i int) string {
	if i < len(of) {
		return of[i]
	}
	return "unknown"
}

// Event is something to count. It never holds content. Err is the error of the network, of TLS, of the gate or of the
// handler as it came; Ward's own errors are made to be logged.
type Event struct {
	Kind  Kind
	Why   Why
	From  Peer
	Bytes int
	Took  time.Duration
	Err   error
}
