package delivery

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/connect/mllp"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not in 30 s: %s", what)
		}
	}
}

// rules are those of a small stage: the patient is PID-3.1, results and merges are understood.
var rules = Rules{
	Lanes: func(m *hl7v2.Message, _ map[string]string) (lanes [][]byte, ok bool) {
		for _, path := range []string{"PID-3.1", "MRG-1.1"} {
			if v := m.Get(path).Text(); v != "" {
				lanes = append(lanes, []byte(v))
			}
		}
		return lanes, len(lanes) > 0
	},
	Key: func(m *hl7v2.Message) []byte {
		h := m.Header()
		if h.ControlID == "panic" {
			panic("of the rules")
		}
		return []byte(h.SendingApp.NamespaceID + "|" + h.ControlID)
	},
	Kind: func(m *hl7v2.Message) string {
		if h := m.Header(); h.Type != "" {
			return h.Type + "^" + h.Event
		}
		return ""
	},
	Understood: func(kind string) bool { return kind == "ORU^R01" || kind == "ADT^A40" },
	Apart: func(processing, standard string) bool {
		if processing == "" {
			processing = standard
		}
		return processing != "P"
	},
}

// world is a node with a channel that listens, and a worker when it is asked for.
type world struct {
	*storetest.Running
	t    *testing.T
	addr string

	mu     sync.Mutex
	events []string
	errs   []error
	seen   []string // control ids, as the stage was given them
	broken bool     // the stage fails
}

func open(t *testing.T, n *storetest.Running, gate mllp.Gate) *world {
	t.Helper()
	w := &world{Running: n, t: t}
	must(t, n.Access.AddChannel(ctx, n.Operator(n.Tenant.ID, access.AdminChannel),
		access.Channel{ID: storetest.Channel, Principal: ward.PrincipalID(ward.Integration), Listen: "127.0.0.1:0"}))
	w.listen(gate)
	return w
}

// listen serves the channel until the function that it returns is called.
func (w *world) listen(gate mllp.Gate) (stop func()) {
	w.t.Helper()
	in := NewInbox(Deps{Store: w.Store, Access: w.Access, Rules: rules, Observe: w.observe, Failed: w.failed}, Channel{Tenant: w.Tenant, ID: storetest.Channel})
	s := mllp.New(in, mllp.Limits{}, nil)
	s.Gate = gate
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	w.addr = ln.Addr().String()
	run, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Serve(run, ln); err != nil {
			w.t.Errorf("serve: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	w.t.Cleanup(stop)
	return stop
}

func (w *world) observe(e string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func (w *world) failed(_ context.Context, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

func (w *world) count(e string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.events {
		if x == e {
			n++
		}
	}
	return n
}

func (w *world) dial() *mllp.Client {
	w.t.Helper()
	c, err := mllp.Dial(ctx, w.addr, mllp.ClientOptions{})
	must(w.t, err)
	w.t.Cleanup(func() { c.Close() })
	return c
}

// send sends one message over a connection of its own.
func (w *world) send(frame []byte) []byte {
	w.t.Helper()
	c := w.dial()
	defer c.Close()
	got, err := c.Send(ctx, frame)
	must(w.t, err)
	return got
}

// unanswered wants the connection to end without a reply.
func (w *world) unanswered(frame []byte) {
	w.t.Helper()
	c := w.dial()
	defer c.Close()
	if got, err := c.Send(ctx, frame); err == nil {
		w.t.Errorf("answered with %q", got)
	}
}

// work runs the worker until the function that it returns is called.
func (w *world) work(attempts int) (stop func()) {
	q := queue.New(w.DB, "delivery")
	register(w.Store, w.Access, q, w, attempts)
	run, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- q.Run(run) }()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	w.t.Cleanup(stop)
	return stop
}

// Understand implements Understand: it notes the message and stores its value, or its merge.
func (w *world) Understand(ctx context.Context, who ward.Principal, purpose ward.Purpose, tenant ward.Tenant, m ward.Message) error {
	x, err := hl7v2.Parse([]byte(m.Body), hl7v2.Options{})
	if err != nil {
		return err
	}
	w.mu.Lock()
	broken := w.broken
	w.seen = append(w.seen, x.Header().ControlID)
	w.mu.Unlock()
	if broken || tenant.ID != w.Tenant.ID {
		return ward.E(ward.Unavailable, "test.understand", "the stage is not ready", nil)
	}
	decide := func(a access.Action, rt string) access.Permit {
		p, derr := w.Access.Decide(ctx, access.Request{Principal: who, Action: a, Type: rt, Purpose: purpose, ID: m.ID})
		if derr != nil {
			err = derr
		}
		return p
	}
	e := store.Effects{Message: m.ID, State: store.MessageApplied, Hops: []store.Hop{{Step: "applied"}}}
	if number := x.Get("PID-3.1").Text(); x.Header().Event == "A40" {
		e.Merge = &store.Merge{From: x.Get("MRG-1.1").Text(), Into: number}
	} else {
		id := "o-" + number
		e.Changes = []store.Change{{Permit: decide(access.Update, "Observation"), Op: store.OpUpdate, Resource: ward.Resource{
			Ref: ward.Reference{Type: "Observation", ID: id}, Body: ward.Protected(fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final",`+
				`"code":{"coding":[{"system":"http://loinc.org","code":"2345-7"}]},"subject":{"reference":"Patient/%s"},"valueQuantity":{"value":%s}}`,
				id, number, x.Get("OBX-5").Text()))}}}
		e.Rules, e.Patients = []string{"rule/1"}, []string{number}
	}
	p := decide(access.Receive, "")
	if err != nil {
		return err
	}
	_, err = w.Store.ApplyMessage(ctx, p, e)
	return err
}

// order returns the control ids that the stage was given, those that begin so.
func (w *world) order(prefix string) (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.seen {
		if strings.HasPrefix(c, prefix) {
			out = append(out, c)
		}
	}
	return out
}

// messages lists what was kept, oldest first.
func (w *world) messages(state store.MessageState) (all []store.MessageInfo) {
	w.t.Helper()
	for cursor := ""; ; {
		part, next, err := w.Store.Messages(ctx, w.Permit(ward.Steward, access.MessageRead, ""), store.MessageQuery{State: state, Cursor: cursor, Count: 500})
		must(w.t, err)
		if all = append(all, part...); next == "" {
			break
		}
		cursor = next
	}
	slices.Reverse(all)
	return all
}

// only returns the one message that was kept.
func (w *world) only() store.MessageInfo {
	w.t.Helper()
	all := w.messages("")
	if len(all) != 1 {
		w.t.Fatalf("%d messages", len(all))
	}
	m, err := w.Store.Message(ctx, w.Permit(ward.Steward, access.MessageRead, ""), all[0].ID)
	must(w.t, err)
	return m
}

func (w *world) raw(id ward.ID) ward.Protected {
	w.t.Helper()
	m, err := w.Store.Raw(ctx, w.Permit(ward.Steward, access.MessageOpen, ""), id)
	must(w.t, err)
	return m.Body
}

func (w *world) dead() []queue.Job {
	w.t.Helper()
	jobs, err := w.Queue.List(ctx, db.Tenant(w.Tenant.Number), store.DeliverQueue, queue.Dead, ward.ID{}, 100)
	must(w.t, err)
	return jobs
}

// idle waits until no message waits.
func (w *world) idle() {
	w.t.Helper()
	until(w.t, "all messages are worked on", func() bool { return len(w.messages(store.MessageReceived)) == 0 })
}

// oru is a result of a patient.
func oru(control, number, value string) []byte {
	return fmt.Appendf(nil, "MSH|^~\\&|LAB|NORTH|WARD|HIS|20260102030405||ORU^R01^ORU_R01|%s|P|2.5.1\rPID|1||%s^^^MRN||DOE^JANE\r"+
		"OBR|1||%s|2345-7^Glucose^LN\rOBX|1|NM|2345-7^Glucose^LN||%s|mmol/L|||||F\r", control, number, control, value)
}

// a40 merges one number into another.
func a40(control, from, into string) []byte {
	return fmt.Appendf(nil, "MSH|^~\\&|LAB|NORTH|WARD|HIS|20260102030405||ADT^A40^ADT_A39|%s|P|2.5.1\rEVN|A40|20260102\rPID|1||%s^^^MRN\rMRG|%s^^^MRN\r", control, into, from)
}

// msa returns MSA-1 and MSA-2, the raw bytes.
func msa(t testing.TB, ack []byte) (code, control string) {
	t.Helper()
	m, err := hl7v2.Parse(ack, hl7v2.Options{})
	must(t, err)
	f := m.First("MSA")
	return f.Field(1).First().Text(), string(f.Field(2).Raw())
}
