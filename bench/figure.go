package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// figure prints one figure line.
func figure(name string, value float64, unit string) {
	fmt.Printf("figure %s %s %s\n", name, number(value), unit)
}

// against prints a figure beside its peer's; more says whether a larger value is better.
func against(name string, value float64, unit, peer string, other float64, more bool) {
	ratio := value / other
	if !more {
		ratio = other / value
	}
	fmt.Printf("figure %s %s %s peer %s %s ratio %.2f\n", name, number(value), unit, peer, number(other), ratio)
}

func number(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// load is what callers measured together.
type load struct {
	done    int
	elapsed time.Duration
	each    []time.Duration
}

func (l load) rate() float64 { return float64(l.done) / l.elapsed.Seconds() }

// quantile returns the latency below which the share q of calls stayed, in milliseconds.
func (l load) quantile(q float64) float64 {
	if len(l.each) == 0 {
		return 0
	}
	slices.Sort(l.each)
	return float64(l.each[min(len(l.each)-1, int(q*float64(len(l.each))))].Microseconds()) / 1000
}

// drive lets callers run f back to back for the time given and collects every latency.
func drive(callers int, during time.Duration, f func(caller, i int) error) (load, error) {
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	each := make([][]time.Duration, callers)
	start := time.Now()
	for c := range callers {
		wg.Go(func() {
			for i := 0; time.Since(start) < during && failed.Load() == nil; i++ {
				at := time.Now()
				if err := f(c, i); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				each[c] = append(each[c], time.Since(at))
			}
		})
	}
	wg.Wait()
	l := load{elapsed: time.Since(start)}
	for _, e := range each {
		l.done += len(e)
		l.each = append(l.each, e...)
	}
	if err := failed.Load(); err != nil {
		return l, *err
	}
	return l, nil
}
