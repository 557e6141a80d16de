package delivery

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/connect/mllp"
	"github.com/ward-health/ward/store"
)

// ContentType of a raw HL7 v2 message.
const ContentType = "application/hl7-v2"

// Rules is what the stage that understands messages says of them.
type Rules struct {
	Lanes      func(m *hl7v2.Message, systems map[string]string) (lanes [][]byte, ok bool) // patients, framed; false: it names nobody
	Key        func(m *hl7v2.Message) []byte                                               // what makes it one message; nil: its bytes do
	Kind       func(m *hl7v2.Message) string                                               // "ORU^R01", "" if it is none
	Understood func(kind string) bool                                                      // whether there are rules for it
	Apart      func(processing, standard string) bool                                      // test or debug traffic (MSH-11)
}

// Channel is where an inbox listens, as far as it matters to messages.
type Channel struct {
	Tenant     ward.Tenant
	ID         string
	Processing string // meaning of an empty MSH-11
	Charset    string // of messages with an empty MSH-18
	Systems    map[string]string
}

// What became of a message, as Observe is told.
const (
	Accepted = "accepted"
	Repeated = "repeated"
	Reused   = "control_id_reused"
	Apart    = "apart"
	Kept     = "kept"
	Held     = "held"
	Rejected = "rejected"
	Failed   = "failed" // not kept: the sender got no acknowledgement
)

// Deps is what an inbox stands on.
type Deps struct {
	Store   *store.Store
	Access  *access.Authority
	Rules   Rules
	Observe func(e string)                       // may be nil
	Failed  func(ctx context.Context, err error) // operator's log; may be nil
	Now     func() time.Time                     // nil: time.Now
}

// Inbox takes the frames of one channel. Safe for concurrent use.
type Inbox struct {
	deps    Deps
	channel Channel

	mu    sync.Mutex
	tails map[tail]chan struct{} // the last message under way of each connection and lane
}

// tail names the messages that must become durable in the order in which they came.
type tail struct {
	conn uint64
	lane string
}

// NewInbox makes the inbox of a channel.
func NewInbox(d Deps, c Channel) *Inbox {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Observe == nil {
		d.Observe = func(string) {}
	}
	if d.Failed == nil {
		d.Failed = func(context.Context, error) {}
	}
	return &Inbox{deps: d, channel: c, tails: map[tail]chan struct{}{}}
}

// Serve implements mllp.Handler. It returns at once; what came by one connection for one lane is made durable in the order in
// which it came, everything else side by side, so that a connection that sends ahead shares the group commits of the store.
// The reply leaves after the commit (I3); if the message could not be kept there is none, and the sender sends again.
func (i *Inbox) Serve(ctx context.Context, from mllp.Peer, frame []byte, reply func([]byte, error)) {
	in, err := i.read(frame)
	if err != nil {
		reply(nil, err)
		return
	}
	before, done := i.queue(from.Conn, in.Lanes)
	go func() {
		defer done()
		for _, w := range before {
			select {
			case <-w:
			case <-ctx.Done():
			}
		}
		reply(i.keep(ctx, in))
	}()
}

// queue puts a message behind those of its lanes and returns what it has to wait for, and what ends the wait of the next.
func (i *Inbox) queue(conn uint64, lanes [][]byte) (before []chan struct{}, done func()) {
	if len(lanes) == 0 {
		lanes = [][]byte{nil}
	}
	mine := make(chan struct{})
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, l := range lanes {
		t := tail{conn, string(l)}
		if w, ok := i.tails[t]; ok {
			before = append(before, w)
		}
		i.tails[t] = mine
	}
	return before, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		for _, l := range lanes {
			if t := (tail{conn, string(l)}); i.tails[t] == mine {
				delete(i.tails, t)
			}
		}
		close(mine)
	}
}

// arrival is a frame that was looked at.
type arrival struct {
	store.Inbound
	refused bool // it is never taken here, and not kept
	silent  bool // the sender wants no answer
}

// read decides what becomes of a frame.
func (i *Inbox) read(frame []byte) (arrival, error) {
	at := i.deps.Now()
	a := arrival{Inbound: store.Inbound{State: store.MessageReceived, Message: ward.Message{ID: ward.NewID(), Source: i.channel.ID,
		ContentType: ContentType, Received: at, Body: ward.Protected(frame)}}}
	m, err := hl7v2.Parse(frame, hl7v2.Options{Charset: i.channel.Charset})
	if err != nil {
		a.State, a.Reason = store.MessageHeld, "parse"
		v := verdict{code: "AE", severity: "E", status: "100", where: "MSH", text: "the message cannot be parsed; it was kept for a person to look at"}
		a.Reply, err = unparsed(v, a.Message.ID, at)
		return a, err
	}
	v := i.judge(&a, m)
	a.silent = !wanted(m.Header(), v)
	if a.Reply, err = reply(m, v, a.Message.ID, at); err != nil { // what the header repeats cannot be written: a text without content can
		a.Reply, err = unparsed(v, a.Message.ID, at)
	}
	return a, err
}

// judge reads the header.
func (i *Inbox) judge(a *arrival, m *hl7v2.Message) verdict {
	h, r := m.Header(), i.deps.Rules
	a.Key, a.Kind = r.Key(m), r.Kind(m)
	// SPEC(HL7 2.5.1 2.15.9.11 MSH-11 and table 0103): D debugging, P production, T training.
	switch h.ProcessingID {
	case "", "P", "D", "T":
	default:
		a.refused = true
		return verdict{code: "AR", severity: "E", status: "202", where: "MSH-11", text: "MSH-11 must be P, T or D"}
	}
	// SPEC(HL7 2.5.1 2.15.9.12 MSH-12): the receiver refuses a version that it does not know.
	if h.Version != "" && !strings.HasPrefix(h.Version, "2.") && h.Version != "2" {
		a.refused = true
		return verdict{code: "AR", severity: "E", status: "203", where: "MSH-12", text: "MSH-12 must be a version 2.1 to 2.9"}
	}
	switch {
	case r.Apart(h.ProcessingID, i.channel.Processing):
		a.State, a.Reason = store.MessageApart, "test-or-debug"
		return accepted
	case a.Kind == "":
		a.State, a.Reason = store.MessageHeld, "message-type"
		return verdict{code: "AA", severity: "W", status: "200", where: "MSH-9", text: "the message was kept; MSH-9 names no type and event"}
	case !r.Understood(a.Kind):
		a.State, a.Reason = store.MessageKept, "no-rules"
		return verdict{code: "AA", severity: "W", status: "200", where: "MSH-9", text: "the message was kept; there are no rules for its type and event"}
	}
	lanes, ok := r.Lanes(m, i.channel.Systems)
	if !ok {
		a.State, a.Reason = store.MessageHeld, "no-patient-id"
		return verdict{code: "AA", severity: "W", status: "101", where: "PID-3", text: "the message was kept for a person to look at; it names no patient"}
	}
	a.Lanes = lanes
	return accepted
}

// keep makes the message durable and returns the acknowledgement.
func (i *Inbox) keep(ctx context.Context, a arrival) ([]byte, error) {
	if a.refused {
		i.deps.Observe(Rejected)
		return i.spoken(a, a.Reply), nil
	}
	got, err := i.receive(ctx, a.Inbound)
	if err != nil {
		i.deps.Observe(Failed)
		i.deps.Failed(ctx, err)
		return nil, err
	}
	i.count(a, got)
	return i.spoken(a, got.Reply), nil
}

// spoken is the reply, or none where the sender asked for silence.
func (i *Inbox) spoken(a arrival, r ward.Protected) []byte {
	if a.silent {
		return nil
	}
	return []byte(r)
}

// receive stores the message under a permit of the channel's principal.
func (i *Inbox) receive(ctx context.Context, in store.Inbound) (store.Received, error) {
	who, purpose, err := i.deps.Access.ChannelPrincipal(ctx, i.channel.Tenant, i.channel.ID)
	if err != nil {
		return store.Received{}, err
	}
	p, err := i.deps.Access.Decide(ctx, access.Request{Principal: who, Action: access.Receive, Purpose: purpose, ID: in.Message.ID})
	if err != nil {
		return store.Received{}, err
	}
	return i.deps.Store.Receive(ctx, p, in)
}

func (i *Inbox) count(a arrival, got store.Received) {
	e := map[store.MessageState]string{store.MessageReceived: Accepted, store.MessageApart: Apart, store.MessageKept: Kept, store.MessageHeld: Held}[a.State]
	if got.Repeat {
		e = Repeated
	}
	i.deps.Observe(e)
	if got.Reused {
		i.deps.Observe(Reused)
	}
}
