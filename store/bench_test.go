package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
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

// BenchmarkReceive keeps small messages from 64 callers, each durable with its entry and job.
func BenchmarkReceive(b *testing.B) {
	n := storetest.Node(b, storetest.SQLite)
	n.Receive(storetest.ORU("first", "p"))
	p := n.Permit(ward.Integration, access.Receive, "")
	var next atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			k := next.Add(1)
			if _, err := n.Store.Receive(ctx, p, storetest.ORU(fmt.Sprint("c", k), fmt.Sprint("p", k%1000))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
