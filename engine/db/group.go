package db

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	groupTime = 5 * time.Millisecond // of work in one transaction; what waits then goes into the next
	maxTries  = 8                    // of one closure, when the engine gives transactions up
)

// lanes are the queues in front of the writer: one on SQLite, one for each tenant on PostgreSQL. A lane has at most one
// transaction at a time, and a goroutine only while somebody waits in it.
type lanes struct {
	perTenant bool
	bold      bool          // members of a group share one transaction without savepoints
	slots     chan struct{} // transactions at the same time
	maxGroup  int           // closures in one transaction
	patience  time.Duration // with a server that does not answer one statement; 0 without a server

	mu      sync.Mutex
	waiting map[Tenant]*lane // lanes that have a goroutine
}

// lane is a queue. Guarded by lanes.mu. What came with First goes by turns with the rest: neither starves the other.
type lane struct {
	requests []*request
	first    []*request
	turn     bool // the rest is next, because one of first was taken last
}

// add puts a request where it belongs.
func (q *lane) add(r *request) {
	if isFirst(r.ctx) {
		q.first = append(q.first, r)
		return
	}
	q.requests = append(q.requests, r)
}

func (q *lane) len() int { return len(q.first) + len(q.requests) }

// take removes the request whose turn it is. The lane is not empty.
func (q *lane) take() (r *request) {
	from := &q.requests
	if len(q.first) > 0 && (!q.turn || len(q.requests) == 0) {
		from = &q.first
	}
	q.turn = from == &q.first
	r, (*from)[0] = (*from)[0], nil
	*from = (*from)[1:]
	return r
}

// submit puts a request into its lane and starts the lane if it stands still.
func (d *DB) submit(r *request) {
	l := &d.lanes
	key := System
	if l.perTenant {
		key = r.tenant
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if q := l.waiting[key]; q != nil {
		q.add(r)
		return
	}
	q := &lane{}
	q.add(r)
	l.waiting[key] = q
	d.ended.Go(func() { d.drain(key, q) })
}

// drain commits group after group until nobody waits in the lane.
func (d *DB) drain(key Tenant, q *lane) {
	for !d.lanes.retire(key, q) {
		d.lanes.slots <- struct{}{}
		g := group{db: d, lane: q, start: time.Now(), bold: d.lanes.bold}
		again := g.run()
		if g.bold && len(again) > 0 {
			g = group{db: d, lane: q, start: time.Now(), from: again}
			again = g.run()
		}
		for _, r := range again {
			alone := group{db: d, lane: q, start: time.Now()}
			alone.repeat(r)
		}
		<-d.lanes.slots
	}
}

// retire ends the lane if it is empty.
func (l *lanes) retire(key Tenant, q *lane) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q.len() > 0 {
		return false
	}
	delete(l.waiting, key)
	return true
}

// next takes the first request whose caller still waits, nil if there is none. last tells that nobody waits behind it.
func (l *lanes) next(q *lane) (r *request, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for q.len() > 0 {
		r = q.take()
		if r.ctx.Err() == nil && r.state.CompareAndSwap(requestWaiting, requestTaken) {
			return r, q.len() == 0
		}
		if r.state.CompareAndSwap(requestWaiting, requestDropped) {
			r.answer(outcome{err: errDropped(r.ctx.Err())})
		}
	}
	return nil, true
}

// group is one transaction of several requests. A careful one takes back the work of one that failed by its savepoint. A bold one
// sets none, because on SQLite a savepoint costs as much as the work behind it: a request that failed before it wrote
// anything stays in the group, and after any other failure the whole transaction is rolled back and the same requests
// are run again, in their order, in a careful one.
//
// A failure is answered with the commit too: it may rest on what another of the group wrote, such as a key that is taken, and
// whoever hears of it must be able to read that.
type group struct {
	db      *DB
	lane    *lane
	start   time.Time
	bold    bool
	from    []*request // to run again, instead of what waits in the lane
	session *session
	members []member
}

// member is a request whose closure has run and which waits for the commit.
type member struct {
	request *request
	hooks   []func()
	err     error // of the closure; its work is not in the transaction
}

// run fills one transaction with what waits and commits it. It returns the requests that must be run again, each alone,
// because the engine gave the transaction up.
func (g *group) run() (again []*request) {
	for n := 0; ; n++ {
		r, last := g.next(n)
		if r == nil {
			break
		}
		if !g.one(r, len(g.members) == 0 && last) {
			return g.abandon(r)
		}
	}
	g.finish()
	return nil
}

// next takes the request that is to be run as number n of the group.
func (g *group) next(n int) (r *request, last bool) {
	if g.from != nil {
		if len(g.from) == 0 {
			return nil, true
		}
		r, g.from = g.from[0], g.from[1:]
		return r, len(g.from) == 0
	}
	if n > 0 && (n >= g.db.lanes.maxGroup || g.db.lanes.full(g.lane, time.Since(g.start) >= groupTime)) {
		return nil, true
	}
	return g.db.lanes.next(g.lane)
}

// full reports that a group that has begun is to be committed now: its last member came with First, so that somebody is on a line for
// the commit, or its time is over. One that waits with First is the last to be taken in, since it would otherwise wait for two commits.
func (l *lanes) full(q *lane, late bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return q.turn || late && len(q.first) == 0
}

// exec runs a statement of the writer's own.
func (g *group) exec(query string) error {
	ctx, cancel := g.db.lanes.limit(context.Background())
	defer cancel()
	_, err := g.session.exec(ctx, false, query)
	return err
}

// limit bounds the wait for one statement. Without a server there is nothing to wait for, and the statement's own
// context is cheaper.
func (l *lanes) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, l.patience)
}

// one runs one closure in the group's transaction. It returns false if the whole transaction was given up and this
// request has no answer yet. A lone closure needs no savepoint: its failure is the transaction's.
func (g *group) one(r *request, lone bool) bool {
	if g.session == nil {
		ctx, cancel := g.db.lanes.limit(context.Background())
		defer cancel()
		s, err := g.db.begin(ctx, g.db.writers, r.tenant, false)
		if err != nil {
			r.answer(outcome{err: g.db.wrap("db.write", "", err)})
			return true
		}
		g.session = s
	}
	safe := !lone && !g.bold
	if safe {
		if err := g.exec("SAVEPOINT member"); err != nil {
			return g.broken(r, err)
		}
	}
	tx := &Tx{db: g.db, session: g.session, base: context.Background(), tenant: r.tenant}
	r.tries++
	r.turn <- tx
	err := <-r.ran
	if err == nil && safe {
		if failed := g.exec("RELEASE SAVEPOINT member"); failed != nil {
			err = g.db.wrap("db.write", "", failed)
		}
	}
	if err == nil {
		g.members = append(g.members, member{request: r, hooks: tx.hooks})
		return true
	}
	if g.bold {
		return g.undoBold(r, tx, err)
	}
	return g.undo(r, lone, err)
}

// undoBold is undo without savepoints.
func (g *group) undoBold(r *request, tx *Tx, err error) bool {
	if !tx.wrote && tx.failed == nil {
		g.members = append(g.members, member{request: r, err: err})
		return true
	}
	g.end()
	if len(g.members) == 0 || err == errPanicked { //nolint:errorlint // the very error that run sets
		r.answer(outcome{err: err})
	}
	return len(g.members) == 0
}

// undo takes back the work of one closure. It returns false if that takes the whole transaction with it while others
// are in it, or if this closure is to be run again.
func (g *group) undo(r *request, lone bool, err error) bool {
	if retryable(err) && r.tries < maxTries {
		g.end()
		return false
	}
	if !lone {
		failed := g.exec("ROLLBACK TO SAVEPOINT member")
		if failed == nil {
			failed = g.exec("RELEASE SAVEPOINT member")
		}
		if failed == nil {
			g.members = append(g.members, member{request: r, err: err})
			return true
		}
	}
	g.end()
	r.answer(outcome{err: err})
	return len(g.members) == 0
}

// broken ends a transaction in which not even a savepoint can be set.
func (g *group) broken(r *request, err error) bool {
	g.end()
	if r.tries++; r.tries >= maxTries {
		r.answer(outcome{err: g.db.wrap("db.write", "", err)})
	}
	return false
}

// end rolls the transaction back.
func (g *group) end() {
	if g.session != nil {
		g.db.writers.give(g.session, g.session.rollback() != nil)
		g.session = nil
	}
}

// abandon returns what must be run again after the transaction was given up: its members and, if it has no answer, the
// request that was running.
func (g *group) abandon(r *request) (again []*request) {
	for _, m := range g.members {
		again = append(again, m.request)
	}
	if !r.answered {
		again = append(again, r)
	}
	return append(again, g.from...)
}

// finish commits and answers everyone.
func (g *group) finish() {
	if !slices.ContainsFunc(g.members, func(m member) bool { return m.err == nil }) {
		g.end()
		for _, m := range g.members {
			m.request.answer(outcome{err: m.err})
		}
		return
	}
	ctx, cancel := g.db.lanes.limit(context.Background())
	defer cancel()
	err := g.db.dialect.commit(ctx, g.session)
	if err != nil {
		g.end()
		failed := g.db.wrap("db.write", "", err)
		for _, m := range g.members {
			m.request.answer(outcome{err: failed})
		}
		return
	}
	g.db.writers.give(g.session, false)
	for _, m := range g.members {
		m.request.answer(outcome{hooks: m.hooks, err: m.err})
	}
}

// repeat runs one request in transactions of its own until the engine takes it, at most maxTries times in all.
func (g *group) repeat(r *request) {
	for {
		time.Sleep(time.Duration(rand.Int64N(int64(time.Millisecond) << r.tries))) //nolint:forbidigo // jitter between tries, some milliseconds
		if g.one(r, true) {
			break
		}
		if r.answered {
			return
		}
	}
	g.finish()
}

// Waiting returns how many calls of Write wait for their turn, for the node's metrics.
func (d *DB) Waiting() (n int) {
	d.lanes.mu.Lock()
	defer d.lanes.mu.Unlock()
	for _, q := range d.lanes.waiting {
		n += q.len()
	}
	return n
}
