package normalize_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/normalize"
	"github.com/ward-health/ward/normalize/units"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

var ctx = context.Background()

var channel = normalize.Channel{ID: "lab", Processing: "P", Zone: "Europe/Berlin", Systems: map[string]string{"WARD": "http://ward.example/mrn"}}

// world is a node with a normaliser; messages come as an inbox brings them.
type world struct {
	*storetest.Running
	t    *testing.T
	n    *normalize.Normalizer
	done chan ward.ID // messages that were worked on; a merge comes by two lanes and may come twice
	seen map[ward.ID]bool
	said *units.Table // of the channel's units; set before messages are sent
}

// channel is the channel with what is said of its units.
func (w *world) channel() normalize.Channel {
	c := channel
	c.Units = w.said
	return c
}

func start(t *testing.T) *world {
	t.Helper()
	r := storetest.Node(t, storetest.SQLite)
	n, err := normalize.New(normalize.Deps{Store: r.Store, Access: r.Access})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Running: r, t: t, n: n, done: make(chan ward.ID, 8), seen: map[ward.ID]bool{}}
	w.work()
	return w
}

// work runs the jobs of messages, one after another, as the worker of the node does.
func (w *world) work() {
	run, cancel := context.WithCancel(ctx)
	q := queue.New(w.DB, "normalize")
	q.Handle(store.DeliverQueue, 2, 1, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		d, err := store.ReadDelivery(j.Ref)
		if err != nil {
			return nil, err
		}
		a, err := w.Store.Arrived(ctx, j)
		switch {
		case err != nil || a.Done:
			return nil, err
		case !a.All:
			return nil, queue.Wait(time.Millisecond)
		}
		m, err := w.Store.RawArrived(ctx, w.Permit(ward.Integration, access.Receive, ""), a)
		if err == nil {
			err = w.n.Normalize(ctx, w.Principal(ward.Integration), ward.Treatment, w.channel(), m)
		}
		if err != nil {
			w.t.Errorf("understand: %v", err)
		}
		w.done <- d.Message
		return nil, err
	})
	ended := make(chan error, 1)
	go func() { ended <- q.Run(run) }()
	w.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// arrive does what an inbox does and returns the message's id.
func (w *world) arrive(raw []byte) ward.ID {
	w.t.Helper()
	in := store.Inbound{State: store.MessageReceived, Message: ward.Message{ID: ward.NewID(), Source: channel.ID,
		ContentType: "application/hl7-v2", Received: time.Now(), Body: ward.Protected(raw)}}
	if m, err := hl7v2.Parse(raw, hl7v2.Options{}); err != nil {
		in.State, in.Reason = store.MessageHeld, "parse"
	} else {
		in.Key, in.Kind = normalize.Key(m), normalize.Kind(m)
		lanes, named := normalize.Lanes(m, channel.Systems)
		switch {
		case normalize.Apart(m.Header().ProcessingID, channel.Processing):
			in.State, in.Reason = store.MessageApart, "test-or-debug"
		case in.Kind == "":
			in.State, in.Reason = store.MessageHeld, "message-type"
		case !normalize.Understood(in.Kind):
			in.State, in.Reason = store.MessageKept, "no-rules"
		case !named:
			in.State, in.Reason = store.MessageHeld, "no-patient-id"
		default:
			in.Lanes = lanes
		}
	}
	got, err := w.Store.Receive(ctx, w.Permit(ward.Integration, access.Receive, ""), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return got.ID
}

// understand waits until the message was worked on.
func (w *world) understand(id ward.ID) {
	w.t.Helper()
	for got := range w.done {
		known := w.seen[got]
		if w.seen[got] = true; got == id {
			return
		}
		if !known {
			w.t.Fatalf("message %v was worked on, not %v", got, id)
		}
	}
}

// send brings a message and has it understood.
func (w *world) send(lines ...string) ward.ID {
	w.t.Helper()
	id := w.arrive([]byte(strings.Join(lines, "\r") + "\r"))
	w.understand(id)
	return id
}

func (w *world) info(id ward.ID) store.MessageInfo {
	w.t.Helper()
	m, err := w.Store.Message(ctx, w.Permit(ward.Steward, access.MessageRead, ""), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// refs returns what a message wrote, of one type.
func (w *world) refs(id ward.ID, rt string) []ward.Reference {
	w.t.Helper()
	var out []ward.Reference
	for _, h := range w.info(id).Hops {
		if h.Step != "applied" {
			continue
		}
		for _, r := range h.Refs {
			part := strings.Split(r, "/")
			if part[0] == rt {
				out = append(out, ward.Reference{Type: part[0], ID: part[1]})
			}
		}
	}
	return out
}

// get reads a stored resource as a clinician.
func (w *world) get(ref ward.Reference) map[string]any {
	w.t.Helper()
	v, err := w.Store.Get(ctx, w.Permit(ward.Clinician, access.Read, ref.Type), ref)
	if err != nil {
		w.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(v.Body), &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// one is the single resource of a type that a message wrote.
func (w *world) one(id ward.ID, rt string) map[string]any {
	w.t.Helper()
	refs := w.refs(id, rt)
	if len(refs) != 1 {
		w.t.Fatalf("%d %s, hops %+v", len(refs), rt, w.info(id).Hops)
	}
	return w.get(refs[0])
}

// held returns the held facts of a message, opened.
func (w *world) held(id ward.ID) []store.HeldFact {
	w.t.Helper()
	hs, _, err := w.Store.Holds(ctx, w.Permit(ward.Steward, access.HoldRead, ""), store.HoldQuery{Message: id, Count: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range hs {
		if hs[i], err = w.Store.Held(ctx, w.Permit(ward.Steward, access.HoldRead, ""), hs[i].ID); err != nil {
			w.t.Fatal(err)
		}
	}
	return hs
}

// at reads a place of a decoded body: names and positions.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}
