package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/ward-health/ward"
)

func lane(names ...string) (out [][]byte) {
	for _, n := range names {
		out = append(out, []byte(n))
	}
	return out
}

// A message waits for those before it in any of its lanes, and is not kept when one of them was not.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrder()
		first, other := o.enter(1, lane("a")), o.enter(1, lane("b"))
		both, far := o.enter(1, lane("a", "b", "a")), o.enter(2, lane("a"))
		last := o.enter(1, lane("b"))
		must(t, far.wait(ctx))
		must(t, other.wait(ctx))
		got := make(chan error, 2)
		go func() { got <- both.wait(ctx) }()
		synctest.Wait()
		o.leave(other, false)
		synctest.Wait()
		if len(got) != 0 {
			t.Fatal("the message did not wait for its first lane")
		}
		o.leave(first, true)
		if err := <-got; !errors.Is(err, errBefore) {
			t.Fatalf("%v", err)
		}
		o.leave(both, true)
		if err := last.wait(ctx); !errors.Is(err, errBefore) {
			t.Fatalf("%v", err)
		}
		o.leave(last, true)
		if o.enter(1, lane("c")) != nil {
			t.Error("a connection that failed took another message")
		}
		o.leave(far, false)
		if len(o.last) != 0 {
			t.Errorf("%d places are left", len(o.last))
		}
	})
}

func TestOrderEnds(t *testing.T) {
	o := newOrder()
	first, second := o.enter(1, lane("a")), o.enter(1, lane("a"))
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := second.wait(stopped); ward.KindOf(err) != ward.Unavailable {
		t.Errorf("%v", err)
	}
	o.leave(second, true)
	o.leave(first, false)
	for conn := range uint64(maxBroken + 10) {
		if x := o.enter(conn+2, nil); x != nil {
			o.leave(x, true)
		}
	}
	if len(o.broken) != maxBroken || len(o.oldest) != maxBroken {
		t.Errorf("%d connections are remembered", len(o.broken))
	}
}

// Whatever fails, what is kept of a lane of a connection is a beginning of what came.
func TestOrderKeepsABeginning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOrder()
		n := rapid.IntRange(1, 30).Draw(t, "messages")
		fails := map[int]bool{rapid.IntRange(0, n).Draw(t, "fails"): true}
		type sent struct {
			turn  *turn
			lanes []string
		}
		var all []sent
		for range n {
			names := []string{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "lane"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "lane")}[:rapid.IntRange(1, 2).Draw(t, "lanes")]
			all = append(all, sent{o.enter(1, lane(names...)), names})
		}
		kept, result := make([]bool, n), make(chan int, n)
		for i, s := range all {
			go func() {
				err := s.turn.wait(ctx)
				kept[i] = err == nil && !fails[i]
				o.leave(s.turn, !kept[i])
				result <- i
			}()
		}
		for range n {
			<-result
		}
		stopped := map[string]bool{}
		for i, s := range all {
			for _, l := range s.lanes {
				if kept[i] && stopped[l] {
					t.Fatalf("message %d was kept after one of its lane was not", i)
				}
			}
			for _, l := range s.lanes {
				stopped[l] = stopped[l] || !kept[i]
			}
		}
	})
}
