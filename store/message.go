package store

import (
	"strings"
	"time"

	"github.com/ward-health/ward"
)

// Inbound is a raw message with what its arrival fixes.
type Inbound struct {
	Message ward.Message // Source is the channel's id; a zero ID is made

	// Key is what makes two arrivals one message: sending application and facility and control id, framed; only its keyed
	// digest, with the channel, is kept. Empty: the body itself is the key. At most 4 KiB.
	Key []byte
	// Lanes are the patients as the sender names them (identifier system and value, framed); messages of one lane are worked on
	// in the order of their commit. At most two (a merge names both); none: the channel is the lane. Only keyed digests are kept.
	Lanes  [][]byte
	Kind   string         // message code and event, "ORU^R01"; "" if unknown. Not patient data: 1 to 20 of [A-Z0-9_^]
	State  MessageState   // MessageReceived (it is enqueued; also if empty), or MessageApart, MessageHeld, MessageKept (it is not)
	Reason string         // constant code, for the states that are not enqueued
	Reply  ward.Protected // the acknowledgement, kept sealed and given again for each repetition; at most 64 KiB
}

// Received says what became of an arrival.
type Received struct {
	ID     ward.ID
	Repeat bool           // the same key and the same body were kept before: nothing was written but an entry
	Reused bool           // the same key came before with another body: both are kept
	Reply  ward.Protected // the acknowledgement of the first arrival when Repeat, else the one given
}

// MessageState is where a message stands.
type MessageState string

// The states of a message. Received -> Applied | Held | Kept; Held -> Received (replay) | Rejected. Dead is a received message whose
// job used up its attempts: it holds back its lane until it is replayed or rejected.
const (
	MessageReceived MessageState = "received"
	MessageApplied  MessageState = "applied"
	MessageHeld     MessageState = "held"     // whole: it cannot be parsed, or says of nobody
	MessageApart    MessageState = "apart"    // test or debug traffic: never understood
	MessageKept     MessageState = "kept"     // of a kind that no rule speaks of
	MessageRejected MessageState = "rejected" // held or dead, and a person said that it is not to be used
	MessageDead     MessageState = "dead"     // received; only MessageInfo says so, the job knows
)

// Hop is one step of a message on its way.
type Hop struct {
	At    time.Time `json:"at"`
	Step  string    `json:"step"`            // constant: "received", "normalized", "applied", "held", "repeat", "replayed", ...
	Note  string    `json:"note,omitempty"`  // constants and numbers only
	Entry ward.ID   `json:"entry,omitzero"`  // entry of the log
	Refs  []string  `json:"refs,omitempty"`  // "Observation/id/_history/1": random or keyed ids; "hold/id"
	Rules []string  `json:"rules,omitempty"` // ids of the rules that made Refs, one per ref
}

// MessageInfo is what is known of a message without opening it.
type MessageInfo struct {
	ID       ward.ID
	Channel  string
	Kind     string
	Received time.Time
	State    MessageState
	Reason   string
	Reused   bool
	Repeats  int64
	Facts    int64 // resources that it wrote
	Held     int64 // facts of it that were held
	Size     int64
	Entry    ward.ID // of its arrival
	Hops     []Hop   // oldest first; only from Message
}

// MessageQuery chooses messages; zero fields choose all.
type MessageQuery struct {
	State   MessageState
	Channel string
	Cursor  string
	Count   int
}

// The bounds of a message and of what is said about it.
const (
	maxRaw    = 16 << 20
	maxReply  = 64 << 10
	maxKeyLen = 4 << 10
	maxLanes  = 2
	maxCode   = 120 // constants: codes, steps, rules, positions
	maxNote   = 200 // characters that a person gives as a reason
)

const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// check refuses an arrival that does not keep its own promises.
func (in *Inbound) check() error {
	const op = "store.receive"
	if in.State == "" {
		in.State = MessageReceived
	}
	m := in.Message
	switch {
	case m.Source == "" || len(m.Source) > 200 || len(m.ContentType) > 200:
		return ward.E(ward.Invalid, op, "a message names its channel and content type in at most 200 bytes each", nil)
	case len(m.Body) > maxRaw:
		return ward.E(ward.TooLarge, op, "a message may have at most 16 MiB", nil)
	case len(in.Reply) > maxReply:
		return ward.E(ward.TooLarge, op, "an acknowledgement may have at most 64 KiB", nil)
	case len(in.Key) > maxKeyLen || len(in.Lanes) > maxLanes || len(in.Kind) > 20 || strings.Trim(in.Kind, upper+"_^") != "":
		return ward.E(ward.Invalid, op, "a message has a key of at most 4 KiB, at most two lanes and a kind of at most 20 of [A-Z0-9_^]", nil)
	case !constant(in.Reason):
		return ward.E(ward.Invalid, op, "a reason is a constant code of at most 120 printable characters", nil)
	}
	for _, l := range in.Lanes {
		if len(l) == 0 || len(l) > maxKeyLen {
			return ward.E(ward.Invalid, op, "a lane has 1 byte to 4 KiB", nil)
		}
	}
	switch in.State {
	case MessageReceived, MessageApart, MessageHeld, MessageKept:
		return nil
	}
	return ward.E(ward.Invalid, op, "a message arrives as received, apart, held or kept", nil)
}

// constant reports whether s can be a constant of the program or of its rules: printable ASCII, short.
func constant(s string) bool {
	if len(s) > maxCode {
		return false
	}
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
