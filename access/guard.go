package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/ward-health/ward"
)

// AuditClass is a route's audit column.
type AuditClass string

// The audit classes. None carries its reason in Route.Why.
const (
	AuditData  AuditClass = "data"
	AuditAdmin AuditClass = "admin"
	AuditNone  AuditClass = "none"
)

// Route is one row of the route table.
type Route struct {
	Pattern string       // net/http ServeMux pattern with method: "GET /fhir/R4/{type}/{id}"
	Action  Action       // "" only with AuditNone
	Audit   AuditClass   //
	Why     string       // reason, for AuditNone
	Handle  Handler      // authenticated and permitted routes
	Open    http.Handler // AuditNone routes: no principal

	// Session rows are for browsers: the principal is that of the session cookie and never that of a bearer token, methods
	// that change something must come from the node's own pages (ward.Denied), and the node's own socket does not have the
	// row. Rows without it never look at the cookie. A missing or ended session is ward.Unauthentic.
	Session bool
	// Passive Session rows, such as a page's own asking for news, are no sign that somebody is still there: they do not put
	// off the end of an idle session.
	Passive bool
}

// Handler serves a permitted request. g.Permit is for Route.Action and the {type} of the path if it has one.
type Handler func(w http.ResponseWriter, r *http.Request, g Grant)

// Grant is an authenticated request.
type Grant struct {
	Permit Permit
	// Decide asks for a further permit under the same principal, purpose and request id. On a Session row it looks first
	// whether the session still lasts (else ward.Unauthentic), so that a stream which decides again ends with it.
	Decide func(ctx context.Context, a Action, rtype string) (Permit, error)
}

// Errors writes an error in the form of the route's protocol (OperationOutcome, problem document). For a path without a
// route and for a wrong method the guard sets the status itself, whatever Errors chooses.
type Errors func(w http.ResponseWriter, r *http.Request, err error)

// RequestIDHeader carries, on every answer, the id under which log and errors know the request.
const RequestIDHeader = "Request-Id"

// Guard turns rows into handlers: authenticate, decide, call. A row without action, without audit class or, with AuditNone,
// without reason, does not mount: Guard returns an error.
func (a *Authority) Guard(routes []Route, e Errors) (http.Handler, error) {
	return a.guard(routes, e, a.bearer, true)
}

// GuardLocal is Guard for the node's own unix socket and for in-process use by the command line: uid gives the local user of the connection, who
// must be the node's own or root; the header Ward-Operator-Tenant (heeded here and nowhere else) chooses the tenant in which the operator acts.
// A request that carries an access token acts as its principal: the local user may speak for a person, with that person's rights only.
func (a *Authority) GuardLocal(routes []Route, e Errors, uid func(*http.Request) (int, bool)) (http.Handler, error) {
	if uid == nil {
		return nil, ward.E(ward.Internal, "access.guard", "the local guard needs the user of the connection", nil)
	}
	return a.guard(routes, e, func(w http.ResponseWriter, r *http.Request) (caller, error) {
		id, ok := uid(r)
		if !ok {
			id = -1
		}
		p, err := a.OperatorOf(r.Context(), id, ward.TenantID(r.Header.Get(operatorHeader)))
		if ward.KindOf(err) == ward.Denied {
			a.log.Unauthenticated("local")
		}
		if err == nil && r.Header.Get("Authorization") != "" {
			return a.bearer(w, r)
		}
		return caller{who: p, purpose: ward.SystemAdmin}, err
	}, false)
}

// authenticator resolves a request to who asks and for what; it may set headers of the refusal.
type authenticator func(http.ResponseWriter, *http.Request) (caller, error)

// caller is who asks and for what.
type caller struct {
	who     ward.Principal
	purpose ward.Purpose
	again   func(context.Context) error // nil, or whether it still holds
}

// guarded is the handler of a whole route table.
type guarded struct {
	mux    *http.ServeMux
	errors Errors
}

// row is one mounted route.
type row struct {
	route Route
	a     *Authority
	who   authenticator
	err   Errors
}

func (a *Authority) guard(routes []Route, e Errors, who authenticator, sessions bool) (http.Handler, error) {
	if e == nil {
		return nil, ward.E(ward.Internal, "access.guard", "the guard needs a writer of errors", nil)
	}
	g := &guarded{mux: http.NewServeMux(), errors: e}
	for _, rt := range routes {
		if err := CheckRoute(rt); err != nil {
			return nil, err
		}
		by := who
		if rt.Session {
			if !sessions {
				continue
			}
			by = a.cookie(rt.Passive)
		}
		if err := mount(g.mux, rt.Pattern, &row{rt, a, by, e}); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// mount turns ServeMux's panic about patterns that are malformed or overlap into an error.
func mount(mux *http.ServeMux, pattern string, h http.Handler) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = ward.E(ward.Internal, "access.guard", "the route "+pattern+" cannot be mounted", fmt.Errorf("%v", r))
		}
	}()
	mux.Handle(pattern, h)
	return nil
}

// CheckRoute refuses a row that leaves open who may use it or how it is recorded.
func CheckRoute(rt Route) error {
	bad := func(what string) error {
		return ward.E(ward.Internal, "access.guard", "the route "+rt.Pattern+" "+what, nil)
	}
	method, rest, ok := strings.Cut(rt.Pattern, " ")
	if !ok || method == "" || strings.ToUpper(method) != method || !strings.HasPrefix(rest, "/") {
		return bad("needs a pattern of method and path")
	}
	if rt.Passive && (!rt.Session || rt.Audit == AuditNone) {
		return bad("can be Passive only with a session")
	}
	switch rt.Audit {
	case AuditData, AuditAdmin:
		if _, known := acts[rt.Action]; !known {
			return bad("needs an action")
		}
		if rt.Handle == nil || rt.Open != nil {
			return bad("needs Handle and no Open")
		}
	case AuditNone:
		if strings.TrimSpace(rt.Why) == "" {
			return bad("leaves no entry and gives no reason")
		}
		if rt.Action != "" || rt.Open == nil || rt.Handle != nil {
			return bad("leaves no entry, so it needs Open and may have neither action nor Handle")
		}
	default:
		return bad("needs an audit class")
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := ward.NewID()
	w.Header().Set(RequestIDHeader, id.String())
	out := &answer{ResponseWriter: w}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, id))
	defer g.caught(out, r)
	h, _ := g.mux.Handler(r)
	// ServeMux answers a path that is not in its clean form by a redirect, which would repeat what the client sent; only
	// rows of the table are let through.
	if _, mounted := h.(*row); mounted {
		g.mux.ServeHTTP(out, r)
		return
	}
	var probe refusal
	h.ServeHTTP(&probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.Header().Get("Allow"))
		g.errors(forced(out, http.StatusMethodNotAllowed), r, ward.E(ward.Unsupported, "access.guard", "this path does not offer the method; the Allow header names those it offers", nil))
		return
	}
	g.errors(forced(out, http.StatusNotFound), r, ward.E(ward.NotFound, "access.guard", "there is nothing at this path", nil))
}

// requestKey is the context key of the request's id.
type requestKey struct{}

// RequestID returns the id of the request that a handler behind a guard serves; zero elsewhere.
func RequestID(ctx context.Context) ward.ID {
	id, _ := ctx.Value(requestKey{}).(ward.ID)
	return id
}

// caught answers for a handler that panicked. The panic's value may hold patient data and goes nowhere. When part of an
// answer is out, the connection is cut so that nobody takes the part for the whole.
func (g *guarded) caught(out *answer, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler || out.started { //nolint:errorlint // the very value that net/http knows
		panic(http.ErrAbortHandler)
	}
	g.errors(out, r, ward.E(ward.Internal, "access.guard", "the request failed inside", errors.New("panic in "+frames())))
}

// frames names the functions that led to a panic, without values.
func frames() string {
	var pcs [24]uintptr
	walk := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var out []string
	for {
		f, more := walk.Next()
		out = append(out, fmt.Sprintf("%s:%d", f.Function, f.Line))
		if !more {
			return strings.Join(out, " < ")
		}
	}
}

// ServeHTTP implements http.Handler.
func (h *row) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.route.Session {
		if err := h.a.enter(w, r); err != nil {
			h.err(w, r, err)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), errorsKey{}, h.err))
	}
	if h.route.Audit == AuditNone {
		h.route.Open.ServeHTTP(w, r)
		return
	}
	by, err := h.who(w, r)
	if err != nil {
		h.err(w, r, err)
		return
	}
	rtype := ""
	if strings.Contains(h.route.Pattern, "{type}") {
		if rtype = r.PathValue("type"); !plainType(rtype) {
			h.err(w, r, ward.E(ward.NotFound, "access.guard", "there is no such resource type", nil))
			return
		}
	}
	id := RequestID(r.Context())
	decide := func(ctx context.Context, action Action, rtype string) (Permit, error) {
		return h.a.Decide(ctx, Request{Principal: by.who, Action: action, Type: rtype, Purpose: by.purpose, ID: id})
	}
	permit, err := decide(r.Context(), h.route.Action, rtype)
	if err != nil {
		h.err(w, r, err)
		return
	}
	h.route.Handle(w, r, Grant{Permit: permit, Decide: func(ctx context.Context, action Action, rtype string) (Permit, error) {
		if by.again != nil {
			if err := by.again(ctx); err != nil {
				return Permit{}, err
			}
		}
		return decide(ctx, action, rtype)
	}})
}

// bearer authenticates by access token.
//
// SPEC(RFC 6750 3 and 3.1): a request without credentials gets the bare challenge, one with a bad token invalid_token.
func (a *Authority) bearer(w http.ResponseWriter, r *http.Request) (caller, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		a.log.Unauthenticated(sourceOf(r))
		w.Header().Set("WWW-Authenticate", `Bearer realm="ward"`)
		return caller{}, ward.E(ward.Unauthentic, "access.guard", "an access token is needed: Authorization: Bearer ...", nil)
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	err := errToken(errors.New("not one bearer token"))
	if len(values) == 1 && strings.EqualFold(scheme, "Bearer") {
		var who ward.Principal
		var purpose ward.Purpose
		if who, purpose, err = a.Authenticate(r.Context(), token); err == nil {
			return caller{who: who, purpose: purpose}, nil
		}
	}
	if ward.KindOf(err) == ward.Unauthentic {
		a.log.Unauthenticated(sourceOf(r))
		w.Header().Set("WWW-Authenticate", `Bearer realm="ward", error="invalid_token"`)
	}
	return caller{}, err
}

// answer knows whether anything of an answer is out.
type answer struct {
	http.ResponseWriter
	started bool
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.started = a.started || status >= 200
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.started = true
	return a.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (a *answer) Flush() {
	a.started = true
	http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// forced makes an answer of one status, whatever its writer chooses.
func forced(w http.ResponseWriter, status int) http.ResponseWriter {
	return &forcedStatus{ResponseWriter: w, status: status}
}

type forcedStatus struct {
	http.ResponseWriter
	status int
	done   bool
}

// WriteHeader implements http.ResponseWriter.
func (f *forcedStatus) WriteHeader(int) {
	if !f.done {
		f.done = true
		f.ResponseWriter.WriteHeader(f.status)
	}
}

// Write implements http.ResponseWriter.
func (f *forcedStatus) Write(b []byte) (int, error) {
	f.WriteHeader(f.status)
	return f.ResponseWriter.Write(b)
}

// refusal takes ServeMux's own answer to a request without a route, of which only status and Allow are of use.
type refusal struct {
	header http.Header
	status int
}

// Header implements http.ResponseWriter.
func (p *refusal) Header() http.Header {
	if p.header == nil {
		p.header = http.Header{}
	}
	return p.header
}

// Write implements http.ResponseWriter.
func (p *refusal) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (p *refusal) WriteHeader(status int) { p.status = status }
