package mllp

import "context"

// slab takes a buffer. The first of a connection is its own; further ones and large ones are charged to the server's
// budget. When there is none left, a small one is waited for by answering what is in flight, a large one until the frame is
// late: large frames never hold up small ones.
func (c *conn) slab(size int) (*slab, error) {
	if size <= slabSize {
		if s := c.ownSlab(); s != nil {
			return s, nil
		}
		if c.s.budget.TryAcquire(slabSize) {
			return newSlab(slabSize, c.refund(slabSize)), nil
		}
		return c.ownWhenIdle()
	}
	ctx := c.gate
	if c.clock(); !c.slow.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, c.slow)
		defer cancel()
	}
	if c.s.budget.Acquire(ctx, int64(size)) != nil {
		if c.gate.Err() != nil {
			return nil, errStopping
		}
		return nil, &timeoutError{NoMemory}
	}
	return newSlab(size, c.refund(size)), nil
}

func (c *conn) refund(size int) func() { return func() { c.s.budget.Release(int64(size)) } }

func (c *conn) ownSlab() *slab {
	if !c.own.CompareAndSwap(false, true) {
		return nil
	}
	return newSlab(slabSize, func() { c.own.Store(false) })
}

// ownWhenIdle waits until no frame is in flight: then the present slab is alone, or the own one is free.
func (c *conn) ownWhenIdle() (*slab, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.head != c.tail && !c.abandoned {
		c.room.Wait()
	}
	if c.abandoned {
		return nil, errStopping
	}
	return c.ownSlab(), nil
}
