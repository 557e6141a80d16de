package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
)

const during = 4 * time.Second

// auditAppends measures durable entries of the log (one subject each, detail sealed) beside Tessera's POSIX log.
func auditAppends(ctx context.Context, dir string) error {
	for _, callers := range []int{1, 16, 256} {
		run := filepath.Join(dir, fmt.Sprint(callers))
		if err := os.MkdirAll(run, 0o700); err != nil {
			return err
		}
		ours, err := wardAppends(ctx, run, callers)
		if err != nil {
			return err
		}
		theirs, err := tesseraAppends(ctx, run, callers, during)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("audit.appends.%d", callers)
		against(name, ours.rate(), "1/s", "tessera", theirs.rate(), true)
		against(name+".p50", ours.quantile(0.5), "ms", "tessera", theirs.quantile(0.5), false)
		against(name+".p99", ours.quantile(0.99), "ms", "tessera", theirs.quantile(0.99), false)
	}
	return nil
}

func wardAppends(ctx context.Context, dir string, callers int) (load, error) {
	c, err := openCore(ctx, dir)
	if err != nil {
		return load{}, err
	}
	tn := c.tenant.Number
	l, err := drive(callers, during, func(caller, i int) error {
		_, err := c.log.Begin(ctx, appendIntent(tn, caller, i))
		return err
	})
	if err != nil {
		return l, err
	}
	at := time.Now()
	if err := c.log.Flush(ctx); err != nil {
		return l, err
	}
	if callers == 256 {
		figure("audit.backlog.256", time.Since(at).Seconds(), "s")
	}
	return l, c.stop()
}

func appendIntent(tn int64, caller, i int) audit.Intent {
	return audit.Intent{
		Tenant: dbTenant(tn), Actor: "clinician", Act: audit.ActRead, Purpose: ward.Treatment, Outcome: audit.Done, Request: ward.NewID(),
		Subjects: []audit.Subject{{Patient: benchPatient(caller % 64), Kind: "ver", RID: []byte{0, 0, 0, 0, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}, Version: 1}},
		Note:     "GET /fhir/R4/{type}/{id}",
	}
}
