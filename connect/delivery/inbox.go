package delivery

import (
	"context"
	"fmt"
	"strings"
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
	order   *order
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
	if c.Processing == "" {
		c.Processing = "P"
	}
	return &Inbox{d, c, newOrder()}
}

// Serve implements mllp.Handler. It returns at once; what came by one connection for one lane is made durable in the order in
// which it came, everything else side by side, so that a connection that sends ahead shares the group commits of the store.
// The reply leaves after the commit (I3); if the message could not be kept there is none, and the sender sends again.
func (i *Inbox) Serve(ctx context.Context, from mllp.Peer, frame []byte, reply func([]byte, error)) {
	a, err := i.look(frame)
	if err != nil {
		i.lost(ctx, err)
		reply(nil, err)
		return
	}
	t := i.order.enter(from.Conn, a.turns())
	if t == nil {
		reply(nil, errBefore)
		return
	}
	go func() {
		b, err := i.keep(ctx, t, a)
		i.order.leave(t, err != nil)
		reply(b, err)
	}()
}

// arrival is a frame that was looked at.
type arrival struct {
	store.Inbound
	refused bool // it is never taken here, and not kept
	silent  bool // the sender wants no answer
}

// turns are the lanes in which the arrival has to keep its place: those of the store.
func (a *arrival) turns() [][]byte {
	switch {
	case a.refused || a.State != store.MessageReceived:
		return nil
	case len(a.Lanes) == 0:
		return [][]byte{nil}
	}
	return a.Lanes
}

// look decides what becomes of a frame. What makes the rules panic is kept as what cannot be read.
func (i *Inbox) look(frame []byte) (a arrival, err error) {
	at, id := i.deps.Now(), ward.NewID()
	fresh := store.Inbound{State: store.MessageReceived, Message: ward.Message{ID: id, Source: i.channel.ID, ContentType: ContentType,
		Received: at, Body: ward.Protected(frame)}}
	hold := func(reason string, v verdict) {
		a = arrival{Inbound: fresh}
		a.State, a.Reason = store.MessageHeld, reason
		a.Reply, err = unrepeated(v, id, at)
	}
	defer func() {
		if recover() != nil {
			hold("parse", unread)
		}
	}()
	m, err := hl7v2.Parse(frame, hl7v2.Options{Charset: i.channel.Charset})
	if err != nil {
		hold("parse", unread)
		return a, err
	}
	a = arrival{Inbound: fresh}
	v := i.judge(&a, m)
	_, wanted := v.answer(m.Header())
	a.silent = !wanted
	if a.Reply, err = reply(m, v, i.channel.Processing, id, at); err == nil {
		return a, nil
	}
	if a.refused {
		a.Reply, err = unrepeated(v, id, at)
		return a, err
	}
	hold("header", unrepeatable)
	return a, err
}

// The verdicts on what cannot be answered in its own terms.
var (
	unread       = verdict{code: "AE", severity: "E", status: "100", where: "MSH", text: "the message cannot be parsed; it was kept for a person to look at"}
	unrepeatable = verdict{code: "AE", severity: "E", status: "102", where: "MSH",
		text: "the header cannot be repeated in an acknowledgement; the message was kept for a person to look at"}
)

// judge reads the header.
func (i *Inbox) judge(a *arrival, m *hl7v2.Message) verdict {
	h, r := m.Header(), i.deps.Rules
	a.Key, a.Kind = r.Key(m), r.Kind(m)
	if !knownProcessing(h.ProcessingID) {
		a.refused = true
		return verdict{code: "AR", severity: "E", status: "202", where: "MSH-11", text: "MSH-11 must be P, T or D"}
	}
	// SPEC(HL7 2.5.1 2.15.9.12 MSH-12): the receiver refuses a version that it does not know.
	if !knownVersion(h.Version) {
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

// SPEC(HL7 2.5.1 2.15.9.11 MSH-11 and table 0103): D debugging, P production, T training.
func knownProcessing(id string) bool { return id == "" || id == "P" || id == "D" || id == "T" }

// knownVersion reads MSH-12: "2.5.1"; senders of old leave it out or write the release alone.
//
// SPEC(HL7 2.9 table 0104): versions are 2.0 to 2.9, some with a point release.
func knownVersion(v string) bool {
	v = strings.TrimSpace(v)
	rest, ok := strings.CutPrefix(v, "2.")
	if !ok {
		return v == "" || v == "2"
	}
	return rest != "" && rest[0] >= '0' && rest[0] <= '9' && (len(rest) == 1 || rest[1] < '0' || rest[1] > '9')
}

// keep makes the message durable in its turn and returns the acknowledgement.
func (i *Inbox) keep(ctx context.Context, t *turn, a arrival) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil { // the value may hold content
			err = ward.E(ward.Internal, "delivery.keep", "keeping the message panicked", fmt.Errorf("panic of type %T", p))
			i.lost(ctx, err)
		}
	}()
	if a.refused {
		i.deps.Observe(Rejected)
		return i.spoken(a, a.Reply), nil
	}
	if err := t.wait(ctx); err != nil {
		i.deps.Observe(Failed)
		return nil, err
	}
	got, err := i.receive(ctx, a.Inbound)
	if err != nil {
		i.lost(ctx, err)
		return nil, err
	}
	i.count(a, got)
	return i.spoken(a, got.Reply), nil
}

// lost tells the operator that a message was not kept.
func (i *Inbox) lost(ctx context.Context, err error) {
	i.deps.Observe(Failed)
	i.deps.Failed(ctx, err)
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
