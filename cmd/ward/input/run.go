package input

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
)

// A batch goes to a worker as a whole.
const (
	batchItems = 64
	batchBytes = 1 << 20
)

type batch[T any] struct {
	items   []Item
	size    int
	results []T
	done    chan struct{}
}

// run is one Run. A batch goes into order and into todo at once: workers fill its results, whoever emits waits for them in order.
type run[T any] struct {
	ctx         context.Context
	todo, order chan *batch[T]
}

// Run reads the files and calls work on every resource, on all cores, and emit with each result, in the order of the input and one at a
// time. Each core has a work function of its own. The first error of emit, or of the context, ends the run and is returned.
func Run[T any](ctx context.Context, files []string, stdin io.Reader, newWork func() func(Item) T, emit func(Item, T) error) error {
	return over(ctx, func(ctx context.Context, fn func(Item) error) error { return Read(ctx, files, stdin, fn) }, newWork, emit)
}

// RunItems is Run over items that have been read.
func RunItems[T any](ctx context.Context, items []Item, newWork func() func(Item) T, emit func(Item, T) error) error {
	return over(ctx, func(_ context.Context, fn func(Item) error) error {
		for _, item := range items {
			if err := fn(item); err != nil {
				return err
			}
		}
		return nil
	}, newWork, emit)
}

// reading calls fn with every item, until fn returns an error, which it returns.
type reading func(ctx context.Context, fn func(Item) error) error

func over[T any](ctx context.Context, read reading, newWork func() func(Item) T, emit func(Item, T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cores := runtime.GOMAXPROCS(0)
	r := &run[T]{ctx, make(chan *batch[T]), make(chan *batch[T], 2*cores)}
	var workers sync.WaitGroup
	for range cores {
		work := newWork()
		workers.Go(func() { r.work(work) })
	}
	fed := make(chan error, 1)
	go func() { fed <- r.feed(read) }()
	err := r.drain(emit)
	if err != nil {
		cancel()
	}
	if feedErr := <-fed; err == nil || !errors.Is(feedErr, context.Canceled) {
		err = errors.Join(err, feedErr)
	}
	workers.Wait()
	return err
}

func (r *run[T]) work(work func(Item) T) {
	for b := range r.todo {
		for _, item := range b.items {
			b.results = append(b.results, work(item))
		}
		close(b.done)
	}
}

// feed reads and hands out batches.
func (r *run[T]) feed(read reading) error {
	defer close(r.todo)
	defer close(r.order)
	b := &batch[T]{done: make(chan struct{})}
	err := read(r.ctx, func(item Item) error {
		b.items = append(b.items, item)
		if b.size += len(item.Text); b.size < batchBytes && len(b.items) < batchItems {
			return nil
		}
		full := b
		b = &batch[T]{done: make(chan struct{})}
		return r.hand(full)
	})
	if err != nil || len(b.items) == 0 {
		return err
	}
	return r.hand(b)
}

func (r *run[T]) hand(b *batch[T]) error {
	for _, to := range []chan *batch[T]{r.order, r.todo} {
		select {
		case to <- b:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
	return nil
}

// drain emits the results of the batches in order.
func (r *run[T]) drain(emit func(Item, T) error) error {
	for b := range r.order {
		select {
		case <-b.done:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
		for i, item := range b.items {
			if err := emit(item, b.results[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
