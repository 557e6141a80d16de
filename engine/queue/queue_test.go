package queue_test

import (
	"testing"
	"time"

	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/engine/queue/queuetest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestConformance(t *testing.T) {
	for _, engine := range []string{dbtest.SQLite, dbtest.PostgreSQL} {
		t.Run(engine, func(t *testing.T) {
			queuetest.Run(t, func(t *testing.T) *queuetest.Fixture {
				c := dbtest.Open(t, engine)
				return &queuetest.Fixture{
					Open: func() *db.DB { return dbtest.OpenDB(t, c) },
					Tune: func(q *queue.Queue, lease, poll time.Duration) {
						queue.Tune(q, lease, poll, time.Millisecond, 4*time.Millisecond)
					},
				}
			})
		})
	}
}

// TestPause holds the form of the backoff: full jitter below an exponential limit that starts at 1 s and ends at 5 min.
func TestPause(t *testing.T) {
	q := queue.New(nil, "a")
	for attempt, limit := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second,
		10: 5 * time.Minute, 40: 5 * time.Minute, 1 << 30: 5 * time.Minute} {
		low, high := limit, time.Duration(0)
		for range 2000 {
			p := q.Pause(attempt)
			low, high = min(low, p), max(high, p)
		}
		if low <= 0 || high > limit || low > limit/50 || high < limit-limit/50 {
			t.Errorf("attempt %d: pauses from %v to %v, want about 0 to %v", attempt, low, high, limit)
		}
	}
}
