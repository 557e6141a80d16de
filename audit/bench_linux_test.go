package audit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// BenchmarkBegin measures durable appends by 1, 16 and 256 callers while the sequencer runs.
func BenchmarkBegin(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			r := newRig(b, dbtest.OpenDB(b, dbtest.Open(b, dbtest.SQLite)))
			l := r.open()
			for i := range 20 {
				r.begin(l, read(i)) // keys are made
			}
			ctx, cancel := context.WithCancel(bg)
			ran := make(chan error, 1)
			go func() { ran <- l.Run(ctx) }()
			var next atomic.Int64
			var wg sync.WaitGroup
			took := make([]time.Duration, b.N)
			before := cpu()
			b.ResetTimer()
			b.ReportAllocs()
			for range callers {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						begin := time.Now()
						if _, err := l.Begin(bg, read(int(i))); err != nil {
							b.Error(err)
							return
						}
						took[i-1] = time.Since(begin)
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-us/op") // sequencing included
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
			cancel()
			if err := <-ran; err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(l.Size()), "sequenced")
			r.must(l.Close())
		})
	}
}

// cpu returns the processor time used by this process: comparable on a busy machine.
func cpu() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLeaf measures what full verification does per leaf.
func BenchmarkLeaf(b *testing.B) {
	l := fullLeaf()
	leaf := l.Append(nil)
	b.SetBytes(int64(len(leaf)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verify.ParseLeaf(leaf); err != nil {
			b.Fatal(err)
		}
		h := verify.LeafHash(leaf)
		verify.NodeHash(h, h)
	}
}
