package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/store"
)

// observation returns a made-up laboratory result of about 700 bytes.
func observation(patient string, n int) []byte {
	return fmt.Appendf(nil, `{"resourceType":"Observation","status":"final","identifier":[{"system":"http://ward.example/lab","value":"%s-%d"}],`+
		`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":"2160-0","display":"Creatinine [Mass/volume] in Serum or Plasma"}],"text":"Creatinine"},`+
		`"subject":{"reference":"Patient/%s"},"effectiveDateTime":"2026-03-%02dT08:00:00Z","issued":"2026-03-%02dT09:00:00Z",`+
		`"valueQuantity":{"value":%d.%02d,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},`+
		`"referenceRange":[{"low":{"value":0.6,"unit":"mg/dL"},"high":{"value":1.3,"unit":"mg/dL"},"text":"adult"}]}`,
		patient, n, patient, n%28+1, n%28+1, n%3, n%100)
}

func patientBody(id string) []byte {
	return fmt.Appendf(nil, `{"resourceType":"Patient","id":"%s","identifier":[{"system":"http://ward.example/mrn","value":"%s"}],`+
		`"name":[{"family":"Bench","given":["Made","Up"]}],"gender":"female","birthDate":"1970-01-01"}`, id, id)
}

// seeded stores patients with observations and returns the references of the observations.
func seeded(ctx context.Context, c *core, patients, each int) ([]ward.Reference, error) {
	var refs []ward.Reference
	for n := range patients {
		id := fmt.Sprintf("bench-%d", n)
		p, err := c.permit(ctx, access.Update, "Patient")
		if err != nil {
			return nil, err
		}
		o, err := c.permit(ctx, access.Create, "Observation")
		if err != nil {
			return nil, err
		}
		changes := []store.Change{{Permit: p, Op: store.OpUpdate, Resource: ward.Resource{Ref: ward.Reference{Type: "Patient", ID: id}, Body: patientBody(id)}}}
		if _, err := c.store.Apply(ctx, audit.ActUpdate, changes); err != nil {
			return nil, err
		}
		changes = changes[:0]
		for i := range each {
			changes = append(changes, store.Change{Permit: o, Op: store.OpCreate, Resource: ward.Resource{Ref: ward.Reference{Type: "Observation"}, Body: observation(id, i)}})
		}
		results, err := c.store.Apply(ctx, audit.ActTransaction, changes)
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			refs = append(refs, r.Version.Ref)
		}
	}
	return refs, nil
}

// readers measures Store.Get with its durable entry, from the decision on, as a handler does it.
func readers(ctx context.Context, c *core, refs []ward.Reference, callers int, during time.Duration) (load, error) {
	return drive(callers, during, func(caller, i int) error {
		p, err := c.permit(ctx, access.Read, "Observation")
		if err != nil {
			return err
		}
		_, err = c.store.Get(ctx, p, refs[(caller*7919+i*31)%len(refs)])
		return err
	})
}

// auditedReads measures reads idle and while bundles are imported.
func auditedReads(ctx context.Context, dir string) error {
	c, err := openCore(ctx, dir)
	if err != nil {
		return err
	}
	refs, err := seeded(ctx, c, 100, 50)
	if err != nil {
		return err
	}
	for _, callers := range []int{1, 16, 256} {
		idle, err := readers(ctx, c, refs, callers, during)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("store.audited_reads.%d", callers)
		figure(name, idle.rate(), "1/s")
		figure(name+".p50", idle.quantile(0.5), "ms")
		figure(name+".p99", idle.quantile(0.99), "ms")
		busy, imported, err := readersDuringImport(ctx, c, refs, callers)
		if err != nil {
			return err
		}
		figure(name+".import", busy.rate(), "1/s")
		figure(name+".import.p50", busy.quantile(0.5), "ms")
		figure(name+".import.p99", busy.quantile(0.99), "ms")
		figure(name+".import.beside", imported, "resources/s")
		figure(name+".import.cost", busy.quantile(0.99)/idle.quantile(0.99), "times idle p99 (bar: at most 4)")
	}
	return c.stop()
}

func readersDuringImport(ctx context.Context, c *core, refs []ward.Reference, callers int) (load, float64, error) {
	running, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var imported load
	var failed error
	wg.Go(func() {
		imported, failed = drive(2, during, func(caller, i int) error {
			if running.Err() != nil {
				return nil
			}
			return applyBundle(ctx, c, fmt.Sprintf("import-%d-%d-%d", callers, caller, i%50), 200)
		})
	})
	busy, err := readers(ctx, c, refs, callers, during)
	cancel()
	wg.Wait()
	if err == nil {
		err = failed
	}
	return busy, imported.rate() * 200, err
}

// applyBundle writes n observations of one patient in one transaction.
func applyBundle(ctx context.Context, c *core, patient string, n int) error {
	p, err := c.permit(ctx, access.Create, "Observation")
	if err != nil {
		return err
	}
	changes := make([]store.Change, n)
	for i := range changes {
		changes[i] = store.Change{Permit: p, Op: store.OpCreate, Resource: ward.Resource{Ref: ward.Reference{Type: "Observation"}, Body: observation(patient, i)}}
	}
	_, err = c.store.Apply(ctx, audit.ActTransaction, changes)
	return err
}

// durableWrites measures single creates, each durable on return.
func durableWrites(ctx context.Context, dir string) error {
	c, err := openCore(ctx, dir)
	if err != nil {
		return err
	}
	for _, callers := range []int{1, 64} {
		l, err := drive(callers, during, func(caller, i int) error {
			return applyBundle(ctx, c, fmt.Sprintf("w-%d-%d", callers, caller), 1)
		})
		if err != nil {
			return err
		}
		name := fmt.Sprintf("store.writes.%d", callers)
		figure(name, l.rate(), "1/s")
		figure(name+".p50", l.quantile(0.5), "ms")
		figure(name+".p99", l.quantile(0.99), "ms")
	}
	return c.stop()
}
