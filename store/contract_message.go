package store

import (
	"context"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/queue"
)

// DeliverQueue is the queue of messages to understand. A job's Ref is an encoded Delivery, its Key the lane.
const DeliverQueue = "deliver"

// Inbound is a raw message with what its arrival fixes.
type Inbound struct {
	Message ward.Message // Source is the channel's id; a zero ID is made

	// Key is what makes two arrivals one message: sending application and facility and control id, framed; only its keyed
	// digest, with the channel, is kept. Empty: the body itself is the key.
	Key []byte
	// Lanes are the patients as the sender names them (identifier system and value, framed); messages of one lane are worked on
	// in the order of their commit. At most two (a merge names both); none: the channel is the lane. Only keyed digests are kept.
	Lanes  [][]byte
	Kind   string         // message code and event, "ORU^R01"; "" if unknown. Not patient data: 1 to 20 of [A-Z0-9_^]
	State  MessageState   // MessageReceived (it is enqueued), or MessageApart, MessageHeld, MessageKept (it is not)
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
// job used up its attempts: it holds back its lane until it is replayed.
const (
	MessageReceived MessageState = "received"
	MessageApplied  MessageState = "applied"
	MessageHeld     MessageState = "held"     // whole: it cannot be parsed, or says of nobody
	MessageApart    MessageState = "apart"    // test or debug traffic: never understood
	MessageKept     MessageState = "kept"     // of a kind that no rule speaks of
	MessageRejected MessageState = "rejected" // held, and a person said that it is not to be used
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

// Effects is all that one message does, in one transaction.
type Effects struct {
	Message  ward.ID
	State    MessageState // MessageApplied, MessageHeld or MessageKept
	Reason   string       // constant code
	Changes  []Change
	Holds    []Hold
	Merge    *Merge
	Patients []string // FHIR ids of whom it is about: its key is wrapped to them and the channel's wrap is destroyed
	Hops     []Hop    // At and Entry are set by the store; a hop with nil Refs and Step "applied" gets those of Changes
	Rules    []string // one per change: the rule that made it
}

// Merge says that a patient's record lives on in another.
type Merge struct{ From, Into string } // FHIR ids

// HoldState is where a held fact stands.
type HoldState string

// The states of a held fact. Held -> Proposed (first person) -> Released (second person) | Held (proposal taken back); any -> Rejected;
// Superseded: a later version of the same fact was stored or held.
const (
	HoldHeld       HoldState = "held"
	HoldProposed   HoldState = "proposed"
	HoldReleased   HoldState = "released"
	HoldRejected   HoldState = "rejected"
	HoldSuperseded HoldState = "superseded"
)

// Hold is one fact that must not be used as it stands.
type Hold struct {
	Patient  string         // FHIR id; "" when nobody is known
	Class    string         // constant: "unit", "unmapped-code", "plausibility", "identity", "parse", "profile", "order"
	Reason   string         // constant code
	Position string         // "OBX[3]-5": segment names and positions only
	Fact     string         // "Observation/id" that it would become, "" if none
	Rule     string         // rule and version
	Evidence ward.Protected // JSON, sealed: what was sent, why it is doubted, what is proposed, the resource as it would be
}

// HeldFact is a Hold as it stands.
type HeldFact struct {
	ID       ward.ID
	Message  ward.ID
	Hold     Hold // Evidence only from Held
	State    HoldState
	At       time.Time
	First    ward.PrincipalID // who proposed the release
	Second   ward.PrincipalID // who released or rejected
	Proposal ward.Protected   // JSON of the proposed release; only from Held
	Note     string           // reason of a rejection, at most 200 characters; only from Held
}

// HoldQuery chooses held facts; zero fields choose all.
type HoldQuery struct {
	State   HoldState
	Class   string
	Message ward.ID
	Patient string
	Cursor  string
	Count   int
}

// Delivery is what a job of DeliverQueue names.
type Delivery struct {
	Message ward.ID
	Lane    int // which of Lanes this job is of
}

// ReadDelivery reads a job's Ref.
func ReadDelivery(ref []byte) (Delivery, error) { panic("unbuilt") }

// Arrived notes that the job is at the head of its lane and reports whether all lanes of its message are: a merge is worked on only then.
// done reports that the message is no longer MessageReceived: the job has nothing to do.
func (s *Store) Arrived(ctx context.Context, j queue.Job) (all, done bool, err error) { panic("unbuilt") }

// ApplyMessage writes everything that a message does, with one entry, in one transaction, if the message is still MessageReceived; if it is
// not, nothing is written and the result is nil. p is for access.Receive; the permits of Changes are for their own types. Errors as Apply.
func (s *Store) ApplyMessage(ctx context.Context, p access.Permit, e Effects) ([]Result, error) {
	panic("unbuilt")
}

// Messages lists messages newest first, under a permit for access.MessageRead; an entry of its own. Nothing is opened.
func (s *Store) Messages(ctx context.Context, p access.Permit, q MessageQuery) (ms []MessageInfo, next string, err error) {
	panic("unbuilt")
}

// Message returns one with its hops, under a permit for access.MessageRead.
func (s *Store) Message(ctx context.Context, p access.Permit, id ward.ID) (MessageInfo, error) {
	panic("unbuilt")
}

// ReplayMessage enqueues a message again (held, applied, kept or dead) behind what its lanes hold now, or, for a dead one, in its place. p is for
// access.MessageReplay. Deterministic ids make the replay an upsert. ward.Conflict: it is being worked on.
func (s *Store) ReplayMessage(ctx context.Context, p access.Permit, id ward.ID) error { panic("unbuilt") }

// RejectMessage ends a held message, under a permit for access.HoldReject; note is at most 200 characters and is sealed.
func (s *Store) RejectMessage(ctx context.Context, p access.Permit, id ward.ID, note string) error {
	panic("unbuilt")
}

// Holds lists held facts oldest first, under a permit for access.HoldRead.
func (s *Store) Holds(ctx context.Context, p access.Permit, q HoldQuery) (hs []HeldFact, next string, err error) {
	panic("unbuilt")
}

// Held opens one, under a permit for access.HoldRead.
func (s *Store) Held(ctx context.Context, p access.Permit, id ward.ID) (HeldFact, error) { panic("unbuilt") }

// Propose keeps a first person's wish to release, with the resource as it is to be stored (JSON, sealed), under a permit for access.HoldRelease.
// Proposing again replaces the proposal and its person.
func (s *Store) Propose(ctx context.Context, p access.Permit, id ward.ID, proposal ward.Protected) error {
	panic("unbuilt")
}

// Release stores the changes and ends the hold, in one transaction, under a permit for access.HoldRelease of a principal who is not the one
// that proposed (else ward.Denied), if the proposal is still the one with digest proposal (SHA-256 of its bytes; else ward.Precondition).
func (s *Store) Release(ctx context.Context, p access.Permit, id ward.ID, proposal [32]byte, changes []Change) ([]Result, error) {
	panic("unbuilt")
}

// Reject ends a hold without storing anything; what was held stays sealed and readable.
func (s *Store) Reject(ctx context.Context, p access.Permit, id ward.ID, note string) error { panic("unbuilt") }

// Derive returns the id of what a business key names: UUIDv8 of the tenant's id key over system and key. Equal keys give equal ids for good.
//
// SPEC(DESIGN 4.7): deterministic ids come of HMAC-SHA-256 under a key that is never rotated.
func (s *Store) Derive(ctx context.Context, p access.Permit, system string, key ...string) (string, error) {
	panic("unbuilt")
}

// Survivor follows merges from a patient's FHIR id to the record that lives on; the same id when it was never merged.
func (s *Store) Survivor(ctx context.Context, p access.Permit, patient string) (string, error) {
	panic("unbuilt")
}

// Change feed: Feed makes every committed version of the given types a job of the queue, in the transaction that writes it: one job per
// patient and write, keyed by patient; Ref is an encoded Event. Call it before Queue.Run. Versions without a patient make no job.
func (s *Store) Feed(queue string, types ...string) { panic("unbuilt") }

// Event is what a job of a feed names.
type Event struct {
	Patient string // FHIR id
	Refs    []ward.Reference
}

// ReadEvent reads a job's Ref.
func ReadEvent(ref []byte) (Event, error) { panic("unbuilt") }
