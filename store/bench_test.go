package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

func BenchmarkApply1(b *testing.B) { benchmarkApply(b, 1) }

func BenchmarkApply200(b *testing.B) { benchmarkApply(b, 200) }

// benchmarkApply writes bundles of one patient with observations, from several callers.
func benchmarkApply(b *testing.B, size int) {
	n := storetest.Node(b, storetest.SQLite)
	g := n.Grant(ward.Integration, access.Transaction, "")
	patients, err := g.Decide(ctx, access.Update, "Patient")
	must(b, err)
	observations, err := g.Decide(ctx, access.Update, "Observation")
	must(b, err)
	var next atomic.Int64
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			k := next.Add(1)
			id := fmt.Sprintf("p%d", k)
			changes := make([]store.Change, size)
			for i := range changes {
				r := ward.Reference{Type: "Observation", ID: fmt.Sprintf("o%d-%d", k, i)}
				changes[i] = store.Change{Permit: observations, Op: store.OpUpdate, Resource: ward.Resource{Ref: r, Body: ward.Protected(observation(r.ID, id, "2160-0", "2026-01-02T03:04:05Z", float64(i)))}}
			}
			if size > 1 {
				changes[0] = store.Change{Permit: patients, Op: store.OpUpdate, Resource: ward.Resource{Ref: ward.Reference{Type: "Patient", ID: id}, Body: ward.Protected(patient(id))}}
			}
			if _, err := n.Store.Apply(ctx, audit.ActTransaction, changes); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "resources/s")
}

func BenchmarkGet(b *testing.B) {
	n := storetest.Node(b, storetest.SQLite)
	const many = 500
	for i := range many {
		n.Put(fmt.Sprintf("Observation/o%d", i), observation(fmt.Sprintf("o%d", i), fmt.Sprintf("p%d", i%20), "2160-0", "2026", 1))
	}
	var next atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, err := n.Access.Decide(ctx, access.Request{Principal: n.Principal(ward.Clinician), Action: access.Read, Type: "Observation", Purpose: ward.Treatment, ID: ward.NewID()})
			if err == nil {
				_, err = n.Store.Get(ctx, p, ward.Reference{Type: "Observation", ID: fmt.Sprintf("o%d", next.Add(1)%many)})
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkCreate keeps one new resource per call, from 1 and from 64 callers.
func BenchmarkCreate(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			n := storetest.Node(b, storetest.SQLite)
			p := n.Permit(ward.Integration, access.Create, "Observation")
			side(b, callers, func(k int64) error {
				body := observation("", fmt.Sprint("p", k%1000), "2160-0", "2026-01-02T03:04:05Z", float64(k))
				_, err := one(n, p, store.OpCreate, "Observation", strings.Replace(body, `"id":"",`, "", 1))
				return err
			})
		})
	}
}

// side runs fn b.N times from a number of callers.
func side(b *testing.B, callers int, fn func(k int64) error) {
	var next atomic.Int64
	var wait sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wait.Go(func() {
			for k := next.Add(1); k <= int64(b.N); k = next.Add(1) {
				if err := fn(k); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "1/s")
}

// BenchmarkReceive keeps small messages, each durable with its entry and job, from 1 and from 64 callers.
func BenchmarkReceive(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			n := storetest.Node(b, storetest.SQLite)
			n.Receive(storetest.ORU("first", "p"))
			p := n.Permit(ward.Integration, access.Receive, "")
			side(b, callers, func(k int64) error {
				_, err := n.Store.Receive(ctx, p, storetest.ORU(fmt.Sprint("c", k), fmt.Sprint("p", k%1000)))
				return err
			})
		})
	}
}

// BenchmarkMessages has workers of the queue open messages that wait and write ten observations for each.
func BenchmarkMessages(b *testing.B) {
	for _, workers := range []int{1, 4, 16} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			n := storetest.Node(b, storetest.SQLite)
			ids := make([]ward.ID, b.N)
			for i := range ids {
				ids[i] = n.Receive(storetest.ORU(fmt.Sprint("c", i), fmt.Sprint("p", i%300))).ID
			}
			n.Halt()
			q := queue.New(n.DB, "bench")
			ctx, cancel := context.WithCancel(context.Background())
			var done atomic.Int64
			q.Handle(store.DeliverQueue, workers, 3, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
				d, err := store.ReadDelivery(j.Ref)
				if err != nil {
					return nil, err
				}
				a, err := n.Store.Arrived(ctx, j)
				if err != nil {
					return nil, err
				}
				m, err := n.Store.RawArrived(ctx, n.Permit(ward.Integration, access.Receive, ""), a)
				if err != nil {
					return nil, err
				}
				who := strings.Split(strings.Split(string(m.Body), "PID|1||")[1], "^")[0]
				var refs []ward.Reference
				var bodies []string
				for i := range 10 {
					id := fmt.Sprintf("o%x-%d", d.Message[8:], i)
					refs, bodies = append(refs, ward.Reference{Type: "Observation", ID: id}), append(bodies, observation(id, who, "2160-0", "2026-01-02T03:04:05Z", float64(i)))
				}
				p, e := n.Effects(d.Message, refs, bodies, who)
				if _, err := n.Store.ApplyMessage(ctx, p, e); err != nil {
					return nil, err
				}
				if done.Add(1) == int64(b.N) {
					cancel()
				}
				return nil, nil
			})
			b.ResetTimer()
			must(b, q.Run(ctx))
			b.StopTimer()
			if done.Load() != int64(b.N) {
				b.Fatalf("%d of %d", done.Load(), b.N)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
