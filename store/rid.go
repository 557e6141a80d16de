package store

import (
	"sync"
	"time"
)

// ridEpoch is the first instant of row numbers, in Unix milliseconds: 2025-01-01T00:00:00Z.
const ridEpoch = 1_735_689_600_000

// rids makes row numbers: 41 bits of milliseconds since ridEpoch, 8 bits of node, 14 bits of counter. They rise strictly
// within a process, so that a scan in falling order is newest first. A clock set back is outrun by the counter.
type rids struct {
	node uint8
	mu   sync.Mutex
	last int64 // milliseconds<<14 | counter of the newest number made
}

func (r *rids) next(now time.Time) int64 {
	fresh := max(now.UnixMilli()-ridEpoch, 0) << 14
	r.mu.Lock()
	r.last = max(r.last+1, fresh)
	n := r.last
	r.mu.Unlock()
	return n>>14<<22 | int64(r.node)<<14 | n&(1<<14-1)
}
