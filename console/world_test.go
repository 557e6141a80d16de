package console_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/console"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/normalize"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/normalize/units"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

var ctx = context.Background()

var channel = normalize.Channel{ID: "lab", Processing: "P", Zone: "Europe/Berlin", Systems: map[string]string{"WARD": "http://ward.example/mrn"}, Units: said}

// said is that the laboratory means mg/dL of magnesium, as two persons would have confirmed.
var said = func() *units.Table {
	t, err := units.New([]units.Override{{Sender: "lab", Code: "19123-9", From: "mg/dL", Unit: "mg/dL", Ranges: []string{"1.7-2.4"}, Since: time.Now()}})
	if err != nil {
		panic(err) // constants
	}
	return t
}()

// world is a node with a console on a real listener.
type world struct {
	*predicttest.Node
	t      *testing.T
	norm   *normalize.Normalizer
	done   chan ward.ID
	server *httptest.Server

	mu     sync.Mutex
	errors []error // what the console observed
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{Node: predicttest.Start(t, storetest.SQLite), t: t, done: make(chan ward.ID, 1)}
	w.pushMortality()
	var err error
	if w.norm, err = normalize.New(normalize.Deps{Store: w.Store, Access: w.Access}); err != nil {
		t.Fatal(err)
	}
	w.work()
	c, err := console.New(console.Deps{Store: w.Store, Desk: quarantine.New(quarantine.Deps{Store: w.Store}), Predict: w.Predict,
		Registry: w.Registry, Log: w.Log, Now: func() time.Time { return w.Now }, Observe: func(_ context.Context, err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.errors = append(w.errors, err)
		}})
	if err != nil {
		t.Fatal(err)
	}
	guarded, err := w.Access.Guard(append(w.Access.SessionRoutes(), c.Routes()...), c.Errors)
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(guarded)
	t.Cleanup(func() {
		w.server.CloseClientConnections()
		w.server.Close()
	})
	return w
}

// pushMortality makes the example model of trees active beside the built-in one.
func (w *world) pushMortality() {
	w.t.Helper()
	a := registry.Artefact{Files: map[string][]byte{}}
	for _, name := range []string{"manifest.json", "CARD.md", "calibration.json", "model.json"} {
		b, err := os.ReadFile(filepath.Join("..", "examples", "mortality", "artefact", name))
		if err != nil {
			w.t.Fatal(err)
		}
		if name == "manifest.json" {
			a.Manifest = b
		} else {
			a.Files[name] = b
		}
	}
	w.Must(w.Push(a, w.Signer, w.Public))
}

// work understands messages as the worker of a node does.
func (w *world) work() {
	run, cancel := context.WithCancel(ctx)
	q := queue.New(w.DB, "console")
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
			err = w.norm.Normalize(ctx, w.Principal(ward.Integration), ward.Treatment, channel, m)
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

// send brings a message as an inbox does, and waits until it is understood if it is to be.
func (w *world) send(lines ...string) ward.ID {
	w.t.Helper()
	raw := []byte(strings.Join(lines, "\r") + "\r")
	in := store.Inbound{State: store.MessageReceived, Message: ward.Message{ID: ward.NewID(), Source: channel.ID,
		ContentType: "application/hl7-v2", Received: time.Now(), Body: ward.Protected(raw)}}
	m, err := hl7v2.Parse(raw, hl7v2.Options{})
	if err != nil {
		in.State, in.Reason = store.MessageHeld, "parse"
	} else {
		in.Key, in.Kind = normalize.Key(m), normalize.Kind(m)
		if in.Lanes, _ = normalize.Lanes(m, channel.Systems); len(in.Lanes) == 0 {
			in.State, in.Reason = store.MessageHeld, "no-patient-id"
		}
	}
	got, err := w.Store.Receive(ctx, w.Permit(ward.Integration, access.Receive, ""), in)
	w.Must(err)
	if in.State == store.MessageReceived && !got.Repeat {
		if done := <-w.done; done != got.ID {
			w.t.Fatalf("message %v was worked on, not %v", done, got.ID)
		}
	}
	return got.ID
}

var control int

// oru is a result message about a patient, taken at a time.
func (w *world) oru(pid, at string, obx ...string) ward.ID {
	w.t.Helper()
	control++
	lines := []string{fmt.Sprintf(`MSH|^~\&|LAB|WARDHOSP|WARD|WARD|%s||ORU^R01|C%d|P|2.5.1`, at, control), pid,
		fmt.Sprintf("OBR|1||O%d^LAB|24323-8^Panel^LN|||%s|||||||||||||||%s|||F", control, at, at)}
	for i, x := range obx {
		lines = append(lines, fmt.Sprintf("OBX|%d|%s", i+1, x))
	}
	return w.send(lines...)
}

// patientOf is the FHIR id of whom a message is about.
func (w *world) patientOf(id ward.ID) string {
	w.t.Helper()
	m, err := w.Store.Message(ctx, w.Permit(ward.Steward, access.MessageRead, ""), id)
	w.Must(err)
	for _, h := range m.Hops {
		for _, r := range h.Refs {
			if part := strings.Split(r, "/"); part[0] == "Patient" {
				return part[1]
			}
		}
	}
	w.t.Fatalf("the message wrote no patient: %+v", m.Hops)
	return ""
}

// human adds a person with roles.
func (w *world) human(id ward.PrincipalID, name string, roles ...ward.Role) {
	w.t.Helper()
	_, err := w.Access.AddPrincipal(ctx, w.Operator(w.Tenant.ID, access.AdminPrincipal), ward.Principal{ID: id, Kind: ward.Human, Name: name, Roles: roles})
	w.Must(err)
}

func (w *world) code(id ward.PrincipalID) string {
	w.t.Helper()
	c, err := w.Access.NewOneTime(ctx, w.Operator(w.Tenant.ID, access.AdminPrincipal), id)
	w.Must(err)
	return c.Reveal()
}

// visitor is a browser without script.
type visitor struct {
	w *world
	c *http.Client
}

func (w *world) visitor() visitor {
	jar, err := cookiejar.New(nil)
	w.Must(err)
	return visitor{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signedIn is a visitor with a session.
func (w *world) signedIn(id ward.PrincipalID) visitor {
	w.t.Helper()
	v := w.visitor()
	if r := v.post("/console/session", "code", w.code(id)); r.status != http.StatusSeeOther || r.to != "/console/" {
		w.t.Fatalf("sign-in of %s: %d %s %s", id, r.status, r.to, r.body)
	}
	return v
}

// reply is what a visitor gets.
type reply struct {
	status int
	to     string
	body   string
	header http.Header
}

func (v visitor) do(r *http.Request) reply {
	v.w.t.Helper()
	got, err := v.c.Do(r)
	v.w.Must(err)
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	v.w.Must(err)
	return reply{got.StatusCode, got.Header.Get("Location"), string(b), got.Header}
}

func (v visitor) get(path string) reply {
	v.w.t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", v.w.server.URL+path, nil)
	v.w.Must(err)
	return v.do(r)
}

// post sends a form as a page of the node does.
func (v visitor) post(path string, fields ...string) reply {
	v.w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(ctx, "POST", v.w.server.URL+path, strings.NewReader(form.Encode()))
	v.w.Must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.do(r)
}

// page gets a page that must be there, with the headers of every page.
func (v visitor) page(path string) string {
	v.w.t.Helper()
	r := v.get(path)
	if r.status != http.StatusOK {
		v.w.t.Fatalf("GET %s: %d %s\n%v", path, r.status, r.body, v.w.seen())
	}
	for _, part := range []string{"default-src 'none'", "style-src 'self'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(r.header.Get("Content-Security-Policy"), part) {
			v.w.t.Errorf("GET %s: the policy lacks %s", path, part)
		}
	}
	if r.header.Get("Cache-Control") != "no-store" || r.header.Get("X-Content-Type-Options") != "nosniff" || r.header.Get("Referrer-Policy") != "no-referrer" {
		v.w.t.Errorf("GET %s: %v", path, r.header)
	}
	return r.body
}

// seen are the errors that the console observed until now.
func (w *world) seen() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]error(nil), w.errors...)
}
