package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
)

// v1 is Ward's own interface. huma reads inputs, writes outputs and describes both; the guard of access stands before it:
// every operation is a row of the route table and reads the grant that the guard gave.
type v1 struct {
	node  *Node
	api   huma.API
	taken http.HandlerFunc // the handler that huma registered last
	rows  []access.Route
	local []access.Route // rows of the node's own socket only
}

type grantKey struct{}

// HandleFunc implements humago.Mux: it takes the handler of the operation that is being registered.
func (v *v1) HandleFunc(_ string, h func(http.ResponseWriter, *http.Request)) { v.taken = h }

// ServeHTTP implements humago.Mux and is never called: the guard calls the handlers.
func (v *v1) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, r, ward.E(ward.NotFound, "server.v1", "no such operation", nil))
}

func newV1(n *Node) *v1 {
	useProblems()
	c := huma.DefaultConfig("Ward", BuildInfo().Version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil // no $schema links
	c.RejectUnknownQueryParameters = true
	c.Info.Description = "Ward's own interface. Bodies are JSON; errors are problem documents (RFC 9457). " +
		"The tenant is that of the access token, never a part of the address."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	v := &v1{node: n}
	v.api = humago.New(v, c)
	v.administration()
	v.auditing()
	v.data()
	v.messages()
	v.channels()
	v.units()
	v.models()
	v.packages()
	v.quarantine()
	v.open()
	return v
}

// about describes one operation.
type about struct {
	method, path string
	action       access.Action
	audit        access.AuditClass
	id, summary  string
	local        bool // on the node's own socket only
}

// maxBody bounds the body of an ordinary operation.
const maxBody = 1 << 20

// operate registers fn as an operation and as a row of the route table.
func operate[I, O any](v *v1, a about, fn func(context.Context, access.Grant, *I) (*O, error)) {
	operateBig(v, maxBody, a, fn)
}

// operateBig is operate for bodies of up to max bytes.
func operateBig[I, O any](v *v1, max int64, a about, fn func(context.Context, access.Grant, *I) (*O, error)) {
	op := huma.Operation{OperationID: a.id, Method: a.method, Path: a.path, Summary: a.summary, Hidden: a.local,
		MaxBodyBytes: max, Security: []map[string][]string{{"token": {}}},
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden}}
	huma.Register(v.api, op, func(ctx context.Context, in *I) (*O, error) {
		g, ok := ctx.Value(grantKey{}).(access.Grant)
		if !ok {
			return nil, problemOf(ward.E(ward.Denied, "server.v1", "no permit", nil))
		}
		out, err := fn(ctx, g, in)
		if err != nil {
			v.node.failed(ctx, err)
			return nil, problemOf(err)
		}
		return out, nil
	})
	h := v.taken
	row := access.Route{Pattern: a.method + " " + a.path, Action: a.action, Audit: a.audit,
		Handle: func(w http.ResponseWriter, r *http.Request, g access.Grant) {
			w.Header().Set("Cache-Control", "no-store")
			h(w, r.WithContext(context.WithValue(r.Context(), grantKey{}, g)))
		}}
	if a.local {
		v.local = append(v.local, row)
	} else {
		v.rows = append(v.rows, row)
	}
}

// open adds what needs no principal.
func (v *v1) open() {
	spec, err := json.Marshal(v.api.OpenAPI())
	if err != nil {
		panic(err) // the description is built from constant types
	}
	v.rows = append(v.rows,
		access.Route{Pattern: "GET /v1/openapi.json", Audit: access.AuditNone, Why: "description of the interface, equal for all",
			Open: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/openapi+json")
				w.Write(spec)
			})},
		access.Route{Pattern: "GET /v1/version", Audit: access.AuditNone, Why: "names the build, equal for all",
			Open: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(BuildInfo())
			})})
}

// body wraps an answer for huma.
type body[T any] struct{ Body T }

func answer[T any](t T) *body[T] { return &body[T]{Body: t} }

// progress writes lines of a long operation: {"done":n,"total":m} while it runs, then {"result":...} or {"error":...}.
type progress struct {
	enc *json.Encoder
	rc  *http.ResponseController
}

// streamed answers with one JSON value a line. work reports how far it is and returns the result.
func streamed(ctx context.Context, n *Node, work func(step func(done, total int64)) (any, error)) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/x-ndjson")
		hc.SetStatus(http.StatusOK)
		_, w := humago.Unwrap(hc)
		p := progress{enc: json.NewEncoder(w), rc: http.NewResponseController(w)}
		// The work may take longer than any request may: only a client that does not read ends it. (An expired read deadline
		// would cancel the request's context.)
		p.rc.SetReadDeadline(time.Time{})
		p.rc.SetWriteDeadline(time.Time{})
		every := newTicker(progressEvery)
		result, err := work(func(done, total int64) {
			if every() {
				p.line(map[string]int64{"done": done, "total": total})
			}
		})
		if err != nil {
			n.failed(ctx, err)
			p.line(map[string]*Problem{"error": problemOf(err)})
			return
		}
		p.line(map[string]any{"result": result})
	}}
}

func (p progress) line(v any) {
	p.rc.SetWriteDeadline(deadline(streamStep))
	if p.enc.Encode(v) == nil {
		p.rc.Flush()
	}
	p.rc.SetWriteDeadline(time.Time{})
}
