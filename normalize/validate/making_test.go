package validate_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	clinical "github.com/ward-health/ward/clinical/fhir/validate"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/normalize/validate"
	"github.com/ward-health/ward/store/storetest"
)

// gated are packages over the tables of n that ask gate before each look at them.
func gated(n *storetest.Running, gate func(context.Context) error) *validate.Packages {
	return validate.Open(n.DB, n.Log, func(ctx context.Context, tn db.Tenant) (keys.MAC, error) {
		if err := gate(ctx); err != nil {
			return nil, err
		}
		return n.Ring.MAC(ctx, tn, "package")
	})
}

// until waits for a condition that another goroutine is about to bring.
func until(holds func() bool) {
	for !holds() {
		runtime.Gosched()
	}
}

// answer is what a caller got.
type answer struct {
	v   *clinical.Validator
	err error
}

// call asks for the validator in a goroutine of its own, and returns when the caller waits with so many.
func call(ctx context.Context, r *validate.Packages, tn db.Tenant, with int) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		v, err := r.Validator(ctx, tn)
		out <- answer{v, err}
	}()
	until(func() bool { return r.Waiting(tn) == with })
	return out
}

// one makes packages with one package, and opens them behind a gate.
func one(t *testing.T, n *storetest.Running, gate func(context.Context) error) (*validate.Packages, db.Tenant) {
	t.Helper()
	add(t, n, opened(t, n), "one")
	return gated(n, gate), db.Tenant(n.Tenant.Number)
}

// TestMadeOnce: callers that come while nothing is in memory share one set, and it is made once.
func TestMadeOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		var looks atomic.Int32
		open := make(chan struct{})
		r, tn := one(t, n, func(context.Context) error { looks.Add(1); <-open; return nil })
		var callers []<-chan answer
		for i := range 16 {
			callers = append(callers, call(ctx, r, tn, i+1))
		}
		close(open)
		first := <-callers[0]
		for i, c := range callers[1:] {
			if a := <-c; a.err != nil || a.v == nil || a.v != first.v {
				t.Errorf("caller %d got another set: %v", i+1, a.err)
			}
		}
		if looks.Load() != 1 {
			t.Errorf("the tables were looked at %d times", looks.Load())
		}
	})
}

// TestLeaving: a caller whose context ends returns at once and fails nobody, be it the one that began; the last one takes the work along, and the next begins anew.
func TestLeaving(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		open := make(chan struct{})
		stopped := make(chan struct{}, 1)
		r, tn := one(t, n, func(ctx context.Context) error {
			select {
			case <-open:
				return nil
			case <-ctx.Done():
				stopped <- struct{}{}
				return ctx.Err()
			}
		})
		brief, end := context.WithCancel(ctx)
		first := call(brief, r, tn, 1)
		second := call(ctx, r, tn, 2)
		end()
		if a := <-first; !errors.Is(a.err, context.Canceled) {
			t.Errorf("the first caller: %v", a.err)
		}
		alone, end := context.WithCancel(ctx)
		other := gated(n, func(ctx context.Context) error { <-ctx.Done(); stopped <- struct{}{}; return ctx.Err() })
		last := call(alone, other, tn, 1)
		end()
		if a := <-last; !errors.Is(a.err, context.Canceled) {
			t.Errorf("the last caller: %v", a.err)
		}
		<-stopped
		if other.Waiting(tn) != 0 || other.Held(tn) {
			t.Error("what nobody waits for can be joined, or is held")
		}
		close(open)
		if a := <-second; a.err != nil || a.v == nil {
			t.Errorf("the second caller: %v", a.err)
		}
	})
}

// TestFailureIsNotKept: whoever waited for what failed, or panicked, is told, and the next call tries again.
func TestFailureIsNotKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		broken := errors.New("the key cannot be had")
		var looks atomic.Int32
		open := make(chan struct{})
		r, tn := one(t, n, func(context.Context) error {
			<-open
			switch looks.Add(1) {
			case 1:
				return broken
			case 2:
				panic("Kanarienvogel")
			}
			return nil
		})
		first, second := call(ctx, r, tn, 1), call(ctx, r, tn, 2)
		close(open)
		if a, b := <-first, <-second; !errors.Is(a.err, broken) || !errors.Is(b.err, broken) {
			t.Errorf("%v, %v", a.err, b.err)
		}
		if _, err := r.Validator(ctx, tn); err == nil || errors.Is(err, broken) {
			t.Errorf("after a panic: %v", err)
		}
		if v, err := r.Validator(ctx, tn); v == nil || err != nil {
			t.Errorf("after failures: %v", err)
		}
	})
}

// TestSlowMakingIsLookedAtAgain: whoever joins what was begun longer ago than a set stays fresh has the tables looked at once more, for the time since.
func TestSlowMakingIsLookedAtAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		var looks atomic.Int32
		open := make(chan struct{})
		r, tn := one(t, n, func(context.Context) error { looks.Add(1); <-open; return nil })
		r.Stale()
		first := call(ctx, r, tn, 1)
		until(func() bool { return looks.Load() == 1 })
		second := call(ctx, r, tn, 2)
		close(open)
		if a, b := <-first, <-second; a.err != nil || b.err != nil || looks.Load() != 2 {
			t.Errorf("the tables were looked at %d times: %v %v", looks.Load(), a.err, b.err)
		}
	})
}

// TestNoRoom: whoever waits for room to read packages leaves when its context ends, and whoever comes after that is served when there is room.
func TestNoRoom(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		r, tn := one(t, n, func(context.Context) error { return nil })
		r.Fill()
		brief, end := context.WithCancel(ctx)
		first := call(brief, r, tn, 1)
		end()
		if a := <-first; !errors.Is(a.err, context.Canceled) {
			t.Errorf("%v", a.err)
		}
		second := call(ctx, r, tn, 1)
		select {
		case <-second:
			t.Error("packages were read without room")
		default:
		}
		r.Empty()
		if a := <-second; a.err != nil {
			t.Error(a.err)
		}
	})
}
