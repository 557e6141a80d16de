package fhirrest

import (
	"time"

	"golang.org/x/sync/semaphore"
)

// MaxNext is the bound of a page link.
const MaxNext = maxNext

// Crowd takes all of the turns, or all of the bytes, that bundles share, as other clients do, and makes waiting short.
func (a *API) Crowd(bytes bool) (leave func()) {
	s, n := a.load.turns, int64(1)
	if bytes {
		s, n = a.load.bytes, bundleBytes
	}
	wait := a.load.wait
	a.load.wait = time.Millisecond
	taken := int64(0)
	for s.TryAcquire(n) {
		taken += n
	}
	return func() {
		s.Release(taken)
		a.load.wait = wait
	}
}

// Idle reports whether no bundle holds anything.
func (a *API) Idle() bool {
	all := func(s *semaphore.Weighted, n int64) bool {
		ok := s.TryAcquire(n)
		if ok {
			s.Release(n)
		}
		return ok
	}
	return all(a.load.bytes, bundleBytes) && all(a.load.turns, a.load.most)
}

// At sets the clock.
func (a *API) At(now func() time.Time) { a.now = now }
