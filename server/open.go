package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/connect/delivery"
	"github.com/ward-health/ward/connect/fhirrest"
	"github.com/ward-health/ward/console"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/seal"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/engine/telemetry"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/normalize/validate"
	"github.com/ward-health/ward/normalize/watch"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/cdshooks"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store"
)

// Node is one opened node. It holds its data directory until Close.
type Node struct {
	config Config
	layout Layout
	logger *slog.Logger

	unlockDir func()
	db        *db.DB
	ring      *seal.Ring
	blobs     *blob.Dir
	log       *audit.Log
	queue     *queue.Queue
	access    *access.Authority
	store     *store.Store
	registry  *registry.Registry
	packages  *validate.Packages
	predict   *predict.Service
	rules     delivery.Rules
	listening *listening
	desk      *quarantine.Desk
	senders   *senders
	series    *watch.Watch
	console   *console.Console

	routes  []access.Route // of every listener
	own     []access.Route // of the node's own socket only
	public  http.Handler
	local   http.Handler
	metrics *telemetry.Metrics
	checks  telemetry.Checks

	serving atomic.Bool
	running *background
}

// Open takes the data directory and puts the node together. Nothing listens yet and nothing runs in the background.
// A directory that another process holds is ward.Unavailable, a wrong passphrase ward.Unauthentic.
func Open(ctx context.Context, c Config) (n *Node, err error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	n = &Node{config: c, layout: Layout{c.Dir}, logger: newLogger(c.Log)}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.release())
			n = nil
		}
	}()
	if n.unlockDir, err = n.layout.lockDir(); err != nil {
		return n, err
	}
	if err = n.ground(ctx); err != nil {
		return n, err
	}
	if err = n.core(ctx); err != nil {
		return n, err
	}
	return n, n.roof()
}

// ground opens keys, database, blobs.
func (n *Node) ground(ctx context.Context) error {
	passphrase, credential, err := n.config.unlock()
	if err != nil {
		return err
	}
	root, err := keys.OpenFile(n.layout.RootKey(), passphrase, credential)
	if err != nil {
		return err
	}
	where := db.Config{Path: n.layout.Database()}
	if !n.config.Database.DSN.IsZero() {
		dsn, err := n.config.Database.DSN.Resolve()
		if err != nil {
			return err
		}
		where = db.Config{DSN: string(dsn)}
	}
	if n.db, err = db.Open(ctx, where); err != nil {
		return err
	}
	if err := n.db.Migrate(ctx, seal.Migrations(), queue.Migrations(), audit.Migrations(), access.Migrations(),
		store.Migrations(), registry.Migrations(), validate.Migrations()); err != nil {
		return err
	}
	if n.ring, err = seal.Open(ctx, n.db, root); err != nil {
		return err
	}
	n.blobs, err = blob.OpenDir(n.layout.Blobs())
	return err
}

// core opens log, authority, store, models.
func (n *Node) core(ctx context.Context) (err error) {
	n.log, err = audit.Open(ctx, audit.Config{Dir: n.layout.Log(), Emergency: n.layout.Emergency(), Origin: n.config.origin(),
		Every: n.config.Audit.Every}, n.db, n.ring)
	if err != nil {
		return err
	}
	owner := make([]byte, 8)
	rand.Read(owner)
	n.queue = queue.New(n.db, n.config.NodeSet+"/"+hex.EncodeToString(owner))
	if n.db.Engine() == "sqlite" { // the directory's lock says that no other process has it
		if err = n.queue.Alone(ctx); err != nil {
			return err
		}
	}
	if n.access, err = access.New(ctx, access.Config{Issuer: n.config.BaseURL()}, n.db, n.ring, n.log); err != nil {
		return err
	}
	n.store, err = store.New(ctx, store.Deps{DB: n.db, Ring: n.ring, Blobs: n.blobs, Log: n.log, Access: n.access,
		Queue: n.queue, Node: n.config.Node})
	if err != nil {
		return err
	}
	n.registry = registry.Open(n.db, n.log, func(ctx context.Context, tn db.Tenant) (keys.MAC, error) { return n.ring.MAC(ctx, tn, "model") })
	n.packages = validate.Open(n.db, n.log, func(ctx context.Context, tn db.Tenant) (keys.MAC, error) { return n.ring.MAC(ctx, tn, "package") })
	n.predict = predict.New(predict.Deps{Store: n.store, Registry: n.registry, Failed: n.failed})
	return n.join()
}

// roof joins the routes and mounts them behind the guards.
func (n *Node) roof() (err error) {
	n.observe()
	v := newV1(n)
	rows := fhirrest.New(fhirrest.Deps{Store: n.store, Conformance: n.packages, Base: n.config.BaseURL() + "/fhir/R4", Observe: n.failed}).Routes()
	rows = append(rows, cdshooks.New(n.predict, n.failed).Link(n.access.Issuer()).Routes()...)
	rows = append(rows, n.access.Routes()...)
	rows = append(rows, n.access.SessionRoutes()...)
	pages, err := console.New(console.Deps{Store: n.store, Desk: n.desk, Predict: n.predict, Registry: n.registry, Log: n.log, Observe: n.failed})
	if err != nil {
		return err
	}
	n.console = pages
	rows = append(rows, pages.Routes()...)
	rows = append(rows, access.Route{Pattern: "GET /log/{path...}", Audit: access.AuditNone,
		Why: "public side of the log: signed checkpoint and commitments only", Open: http.StripPrefix("/log", n.log.Handler())})
	rows = append(rows, n.health()...)
	n.routes = append(rows, v.rows...)
	n.own = v.local
	guarded, err := n.access.Guard(n.routes, n.refuse)
	if err != nil {
		return err
	}
	both := append(append([]access.Route{}, n.routes...), n.own...)
	guardedLocal, err := n.access.GuardLocal(both, n.refuse, peerUID)
	if err != nil {
		return err
	}
	n.public = n.observed(guarded, n.routes)
	n.local = n.observed(guardedLocal, both)
	return nil
}

// Routes returns the route table of the listeners.
func (n *Node) Routes() []access.Route { return n.routes }

// LocalRoutes returns the rows that only the node's own socket serves.
func (n *Node) LocalRoutes() []access.Route { return n.own }

// Handler serves the routes of the listeners, for use inside the process.
func (n *Node) Handler() http.Handler { return n.public }

// Log returns the node's log.
func (n *Node) Log() *audit.Log { return n.log }

// Close stops what runs and gives the directory back. It is safe to call twice.
func (n *Node) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownBound)
	defer cancel()
	return errors.Join(n.quiet(ctx), n.release())
}

// release closes what is open, in the order opposite to opening.
func (n *Node) release() error {
	var errs []error
	if n.log != nil {
		errs = append(errs, n.log.Close())
		n.log = nil
	}
	if n.db != nil {
		errs = append(errs, n.db.Close())
		n.db = nil
	}
	if n.unlockDir != nil {
		n.unlockDir()
		n.unlockDir = nil
	}
	return errors.Join(errs...)
}

// refuse answers an error of the guard.
func (n *Node) refuse(w http.ResponseWriter, r *http.Request, err error) {
	n.failed(r.Context(), err)
	if strings.HasPrefix(r.URL.Path, "/console/") {
		n.console.Errors(w, r, err)
		return
	}
	writeError(w, r, err)
}

// failed writes an error to the operator's log when nobody else can learn of it.
func (n *Node) failed(ctx context.Context, err error) {
	kind := ward.KindOf(err)
	n.metrics.Error(kind)
	if kind != ward.Internal && kind != ward.Unavailable {
		return
	}
	if id := access.RequestID(ctx); !id.IsZero() {
		ctx = telemetry.WithRequest(ctx, id)
	}
	n.logger.ErrorContext(ctx, "operation failed", "error", err)
}

// newLogger writes the operator's log to stderr through the allow-list (I8).
func newLogger(c LogConfig) *slog.Logger {
	if c.Format == "text" {
		return telemetry.NewTextLogger(os.Stderr, levels[c.Level])
	}
	return telemetry.NewLogger(os.Stderr, levels[c.Level])
}

// levels of the operator's log, by the names that settings use; left out: info.
var levels = map[string]slog.Level{"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
