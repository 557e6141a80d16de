package db

import (
	"context"
	"sync/atomic"

	"github.com/ward-health/ward"
)

type firstKey struct{}

// First marks a call of Write that somebody waits for at the other end of a line, such as the acknowledgement of a message:
// it does not queue behind work that may take its time, but goes by turns with it, and is committed at once.
func First(ctx context.Context) context.Context { return context.WithValue(ctx, firstKey{}, true) }

func isFirst(ctx context.Context) bool { return ctx.Value(firstKey{}) != nil }

// Write runs fn in a transaction and returns nil only after durable commit. Concurrent calls are grouped into one
// transaction (a group is one tenant on PostgreSQL); the error of one fn undoes its own work only, be it by a savepoint or
// by running the others again. fn runs in the caller's goroutine; it may be run more than once and must have no effect outside tx;
// effects go to tx.AfterCommit. fn must not call Read or Write of the same DB, and must not wait for anybody who does.
//
// A ctx that ends before fn has begun drops the call; after that Write waits for the outcome, so that the caller knows
// it. An error of the commit itself (ward.Unavailable) leaves open whether the work was kept.
func (d *DB) Write(ctx context.Context, tn Tenant, fn func(*Tx) error) error {
	const op = "db.write"
	if err := d.enter(op); err != nil {
		return err
	}
	defer d.running.Done()
	r := &request{
		ctx:    ctx,
		tenant: tn,
		turn:   make(chan *Tx),
		ran:    make(chan error),
		done:   make(chan outcome, 1),
	}
	d.submit(r)
	gone := ctx.Done()
	for {
		select {
		case tx := <-r.turn:
			gone = nil
			r.run(tx, fn)
		case o := <-r.done:
			for _, hook := range o.hooks {
				hook()
			}
			return o.err
		case <-gone:
			gone = nil
			if r.state.CompareAndSwap(requestWaiting, requestDropped) {
				return errDropped(ctx.Err())
			}
		}
	}
}

// request is one call of Write on its way. The writer hands the transaction to the caller through turn and takes it back
// through ran, so that a panic of fn, and runtime.Goexit, stay in the goroutine that caused them.
type request struct {
	ctx    context.Context
	tenant Tenant
	state  atomic.Int32
	turn   chan *Tx
	ran    chan error
	done   chan outcome // of capacity 1: exactly one answer is given

	tries    int  // how often fn has been run; the writer's
	answered bool // the writer's
}

// answer tells the caller how it ended.
func (r *request) answer(o outcome) {
	r.answered = true
	r.done <- o
}

const (
	requestWaiting int32 = iota
	requestTaken
	requestDropped
)

// outcome is the writer's answer.
type outcome struct {
	err   error
	hooks []func()
}

// errDropped is the answer to a caller whose context ended while it waited.
func errDropped(end error) error {
	f, _ := contextFailure(end)
	return ward.E(ward.Unavailable, "db.write", "the request ended before its turn to write", f)
}

// errPanicked tells the writer that fn did not return.
var errPanicked = ward.E(ward.Internal, "db.write", "the function of a transaction panicked", nil)

// run runs fn and always gives the transaction back. A panic goes on only after the work is rolled back.
func (r *request) run(tx *Tx, fn func(*Tx) error) {
	err := error(errPanicked)
	returned := false
	defer func() {
		tx.close()
		r.ran <- err
		if !returned {
			<-r.done
		}
	}()
	err = fn(tx)
	returned = true
	err = tx.result(err)
}
