// Package queue runs durable jobs kept in SQL: ids and references only, never patient data.
//
// A job is enqueued in the transaction of what caused it and is done in the transaction of what it caused, so that
// neither is ever lost; it may be run more than once (at least once), and Once makes a consumer take a message once.
// Jobs of one key run in the order in which their transactions committed, one at a time; a job that cannot be done is
// dead, keeps its reason and holds back the jobs behind it until it is replayed.
//
// Read queue.go, enqueue.go, claim.go, run.go, then wait.go.
package queue

import (
	"context"
	"embed"
	"hash/fnv"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// Job is one unit of work. Jobs of one (tenant, queue, key) run strictly in order, one at a time.
type Job struct {
	ID      ward.ID   // zero: a new one
	Tenant  db.Tenant // zero: that of the transaction
	Queue   string    // lower-case letters, digits and _, at most 40
	Key     string    // order key, pseudonymous, at most 200 bytes; empty: no order
	Ref     []byte    // what to work on: ids and references only, at most 4 KiB
	Attempt int       // from 1
	State   State
	Reason  string    // why it is dead, or why the last attempt failed, without patient data
	RunAt   time.Time // not before; zero: now
}

// State is a job's state: ready -> leased -> done | ready (retry) | dead; dead -> ready (replay).
type State string

// The states of a job. Done jobs are deleted.
const (
	Ready  State = "ready"
	Leased State = "leased"
	Done   State = "done"
	Dead   State = "dead"
)

// The states in the table.
const (
	rowWaiting = iota // ready, but behind another job of its key
	rowReady
	rowLeased
	rowDead
)

// rowStates are the states as the table knows them, from and to.
var rowStates = [...]State{rowWaiting: Ready, rowReady: Ready, rowLeased: Leased, rowDead: Dead}

const (
	maxRef     = 4 << 10
	maxKey     = 200
	maxName    = 40
	maxReason  = 500
	maxList    = 1000
	never      = math.MaxInt64 // due_us of a job that nobody may take
	lockLanes  = 64            // locks per tenant and queue
	jobColumns = "id, tn, queue, key, ref, attempt, state, reason, run_us"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the tables of the queue.
func Migrations() db.Migrations {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		panic(err) // the name is a constant
	}
	return db.Migrations{Owner: "queue", Files: files}
}

// topic is what db.Notify is told when a queue has work.
func topic(queue string) string { return "queue_" + queue }

// unorderedPrefix begins the key of a job that was given none: it is alone in it.
const unorderedPrefix = "~"

func (j Job) unordered() bool { return j.Key == "" || strings.HasPrefix(j.Key, unorderedPrefix) }

// lockKey takes the lock under which the order of a key changes: jobs are added at the end and the next one becomes
// ready. Without it a job that is added while the last one is finished could wait for ever.
func lockKey(ctx context.Context, tx *db.Tx, j Job) error {
	if j.unordered() {
		return nil
	}
	return tx.Lock(ctx, lockName(j))
}

// lockName spreads the keys of a queue over a fixed number of locks.
func lockName(j Job) string {
	h := fnv.New32a()
	h.Write([]byte(j.Key))
	return "queue " + strconv.FormatInt(int64(j.Tenant), 10) + " " + j.Queue + " " + strconv.FormatUint(uint64(h.Sum32()%lockLanes), 10)
}

// scan reads the columns jobColumns.
func scan(row interface{ Scan(...any) error }) (Job, error) {
	var j Job
	var state, run int64
	if err := row.Scan(db.Fixed(j.ID[:]), &j.Tenant, &j.Queue, &j.Key, &j.Ref, &j.Attempt, &state, &j.Reason, &run); err != nil {
		return j, err
	}
	if state < 0 || state >= int64(len(rowStates)) {
		return j, ward.E(ward.Internal, "queue.scan", "a job has a state that this version does not know", nil)
	}
	if j.unordered() {
		j.Key = ""
	}
	j.State, j.RunAt = rowStates[state], time.UnixMicro(run)
	return j, nil
}
