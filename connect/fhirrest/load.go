package fhirrest

import (
	"context"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ward-health/ward"
)

// Bounds of the bundles that are in work at one time: a body is held as sent, parsed, made literal and sealed.
const (
	bundleBytes = 256 << 20
	bundleWait  = 5 * time.Second
)

// load bounds the bundles of all clients together: bytes from before a body is read, turns while one is worked on. A
// client that sends slowly holds no turn.
type load struct {
	bytes, turns *semaphore.Weighted
	most         int64 // turns
	wait         time.Duration
}

func newLoad() *load {
	most := int64(2 * runtime.GOMAXPROCS(0))
	return &load{semaphore.NewWeighted(bundleBytes), semaphore.NewWeighted(most), most, bundleWait}
}

// take waits for n of what s bounds; give returns them. ward.Unavailable: others kept them too long.
func (l *load) take(ctx context.Context, s *semaphore.Weighted, n int64) (give func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, l.wait)
	defer cancel()
	if err := s.Acquire(ctx, n); err != nil {
		return nil, ward.E(ward.Unavailable, "fhirrest.bundle", "too many bundles are in work; send this one again after the seconds that Retry-After names", err)
	}
	return func() { s.Release(n) }, nil
}

// sizeOf is how many bytes a body is counted as before it is read: as announced, else as many as one may have.
func sizeOf(announced, limit int64) int64 {
	if announced < 0 || announced > limit {
		return limit
	}
	return announced
}
