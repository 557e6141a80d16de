package console

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store"
)

// Deps is what the console stands on.
type Deps struct {
	Store    *store.Store
	Desk     *quarantine.Desk
	Predict  *predict.Service
	Registry *registry.Registry
	Log      *audit.Log
	Now      func() time.Time // nil: time.Now

	// Observe is told of every error that a page is answered with, under the request's context, before the answer is
	// written. nil: nobody is told. It is called by many goroutines at once.
	Observe func(ctx context.Context, err error)
}

// Console serves the pages. Safe for concurrent use.
type Console struct {
	store    *store.Store
	desk     *quarantine.Desk
	predict  *predict.Service
	registry *registry.Registry
	log      *audit.Log
	now      func() time.Time
	observe  func(context.Context, error)
	pages    pages
	streams  chan struct{} // as many as live updates may run at once
	every    time.Duration // between two live updates

	quiet    chan struct{} // closed: streams end
	quieted  sync.Once
	followed sync.Once // the server ends the streams when it stops
}

// New makes the console. An error means that a template does not parse or that a part is missing.
func New(d Deps) (*Console, error) {
	if d.Store == nil || d.Desk == nil || d.Predict == nil || d.Registry == nil || d.Log == nil {
		return nil, ward.E(ward.Internal, "console.new", "the console needs store, desk, predictions, registry and log", nil)
	}
	p, err := readPages()
	if err != nil {
		return nil, err
	}
	c := &Console{store: d.Store, desk: d.Desk, predict: d.Predict, registry: d.Registry, log: d.Log, now: d.Now, observe: d.Observe,
		pages: p, streams: make(chan struct{}, maxStreams), every: liveEvery, quiet: make(chan struct{})}
	if c.now == nil {
		c.now = time.Now
	}
	if c.observe == nil {
		c.observe = func(context.Context, error) {}
	}
	return c, nil
}

// handler serves a permitted request; an error that it returns is observed and answered as a page.
type handler func(w http.ResponseWriter, r *http.Request, g access.Grant) error

// row is a page of a session: its action is that of the main call that it makes.
func (c *Console) row(pattern string, a access.Action, class access.AuditClass, h handler) access.Route {
	return access.Route{Pattern: pattern, Action: a, Audit: class, Session: true, Handle: func(w http.ResponseWriter, r *http.Request, g access.Grant) {
		if err := h(w, r, g); err != nil {
			c.observe(r.Context(), err)
			c.Errors(w, r, err)
		}
	}}
}

// Routes returns the rows of the route table. Those of the session's own acts are access.SessionRoutes.
func (c *Console) Routes() []access.Route {
	data := func(pattern string, a access.Action, h handler) access.Route {
		return c.row(pattern, a, access.AuditData, h)
	}
	admin := func(pattern string, a access.Action, h handler) access.Route {
		return c.row(pattern, a, access.AuditAdmin, h)
	}
	live := admin("GET /console/live", access.Console, c.live)
	live.Passive = true
	return append(c.openRoutes(),
		admin("GET /console/{$}", access.Console, c.home),
		live,
		data("GET /console/patients", access.Search, c.patients),
		data("POST /console/patients", access.Search, c.findPatient),
		data("GET /console/patients/{id}", access.Read, c.patient),
		data("POST /console/patients/{id}/ask", access.Predict, c.ask),
		data("GET /console/records/{type}/{id}/{version}", access.Read, c.record),
		data("GET /console/decisions", access.DecisionRead, c.decisions),
		data("GET /console/decisions/{id}", access.DecisionRead, c.decision),
		data("GET /console/decisions/{id}/proof", access.DecisionRead, c.decisionProof),
		data("POST /console/decisions/{id}/replay", access.DecisionReplay, c.replay),
		data("GET /console/quarantine", access.HoldRead, c.holds),
		data("GET /console/quarantine/{id}", access.HoldRead, c.hold),
		data("POST /console/quarantine/{id}/preview", access.HoldRead, c.previewHold),
		data("POST /console/quarantine/{id}/propose", access.HoldRelease, c.proposeHold),
		data("POST /console/quarantine/{id}/release", access.HoldRelease, c.releaseHold),
		data("POST /console/quarantine/{id}/reject", access.HoldReject, c.rejectHold),
		data("GET /console/messages", access.MessageRead, c.messages),
		data("GET /console/messages/{id}", access.MessageRead, c.message),
		data("GET /console/messages/{id}/raw", access.MessageOpen, c.raw),
		data("POST /console/messages/{id}/replay", access.MessageReplay, c.replayMessage),
		data("POST /console/messages/{id}/reject", access.HoldReject, c.rejectMessage),
		admin("GET /console/log", access.LogRead, c.entries),
		admin("GET /console/log/{id}", access.LogRead, c.entry),
		admin("GET /console/log/{id}/proof", access.LogRead, c.entryProof),
		admin("POST /console/log/verify", access.LogRead, c.verifyLog),
	)
}

// openRoutes are the pages that ask for no session and show nothing of anybody.
func (c *Console) openRoutes() []access.Route {
	open := func(pattern, why string, h http.HandlerFunc) access.Route {
		return access.Route{Pattern: pattern, Audit: access.AuditNone, Why: why, Open: h, Session: true}
	}
	return []access.Route{
		open("GET /console", "leads to the overview", func(w http.ResponseWriter, _ *http.Request) {
			see(w, home)
		}),
		open("GET /console/signin", "the sign-in form holds no data", c.signIn),
		open("POST /console/theme", "keeps a colour scheme in a cookie of the browser", c.theme),
		open("GET /console/static/{name}", "style and script of the pages, no data", c.static),
	}
}
