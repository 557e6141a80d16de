// Package store is the one door to patient data: everything it keeps is sealed, everything it gives out is permitted,
// recorded and verified on the opened body.
//
// A read chooses its rows with the permit's filter on every alias, makes the audit entry that names them durable, and only
// then opens; what was opened is compared with the row and with the filter once more. A write is prepared and sealed
// first; what was assumed about other rows is checked again inside the one transaction that also holds its audit entry.
//
// It must never open a sealed text outside open.go and open_message.go, trust a clear column that the sealed text contradicts, answer
// differently for what is hidden and what does not exist, or keep patient data in an error, a log line or a job.
//
// Read in this order: store.go, record.go, row.go, open.go, filter.go, get.go, currents.go, index.go, plan.go, search.go, apply.go,
// prepare.go, decide.go, claim.go, write.go, payload.go, decision.go, shred.go, purge.go; then messages: message.go, receive.go, arrivals.go,
// delivery.go, open_message.go, effects.go with effects_write.go, hold.go, holds.go, release.go, merge.go, replay.go, messages.go, feed.go; last
// check.go with check_index.go, check_log.go and check_message.go.
package store

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
	"github.com/ward-health/ward/engine/queue"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the store's tables.
func Migrations() db.Migrations {
	sub, err := fs.Sub(schema, "schema")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	return db.Migrations{Owner: "store", Files: sub}
}

// Deps is what a Store stands on.
type Deps struct {
	DB     *db.DB
	Ring   *seal.Ring
	Blobs  *blob.Dir
	Log    *audit.Log
	Access *access.Authority
	Queue  *queue.Queue
	Node   uint8 // goes into row numbers; unique per node of a node set
}

// Store keeps resources, decisions, raw messages. Safe for concurrent use.
type Store struct {
	db     *db.DB
	ring   *seal.Ring
	blobs  *blob.Dir
	log    *audit.Log
	access *access.Authority
	queue  *queue.Queue
	rids   *rids
	feeds  map[string][]string // queues by resource type; written before Queue.Run only
	when   map[string]When     // by queue, likewise
	kin    *kinCache
	arrive arrivals
	commit func(ctx context.Context, tn db.Tenant, fn func(*db.Tx) error) error // db.Write; tests make it fail
}

// New makes a Store and registers its queue handlers; call it before Queue.Run.
func New(_ context.Context, d Deps) (*Store, error) {
	if d.DB == nil || d.Ring == nil || d.Blobs == nil || d.Log == nil || d.Access == nil || d.Queue == nil {
		return nil, ward.E(ward.Internal, "store.new", "the store needs database, keys, blobs, log, access and queue", nil)
	}
	s := &Store{db: d.DB, ring: d.Ring, blobs: d.Blobs, log: d.Log, access: d.Access, queue: d.Queue, rids: &rids{node: d.Node},
		feeds: map[string][]string{}, when: map[string]When{}, kin: newKinCache(),
		arrive: arrivals{waiting: map[db.Tenant][]*arriving{}}, commit: d.DB.Write}
	d.Queue.Handle(purgeQueue, 1, purgeAttempts, s.purge)
	return s, nil
}

// NewID returns the id Ward gives a new resource.
func (s *Store) NewID() string { return ward.NewID().String() }

// now is the time that rows carry: whole microseconds, as they are stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func micros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// internal is for what must not happen: a broken row, a defect.
func internal(op, what string, err error) error { return ward.E(ward.Internal, op, what, err) }

var errNotFound = ward.E(ward.NotFound, "store", "there is no such record, or it is not visible to you", nil)

var errGone = ward.E(ward.Gone, "store", "the record was deleted or erased", nil)
