// Command bench measures Ward and, in the same run, its peers. Each figure is one line:
//
//	figure NAME VALUE UNIT [peer NAME VALUE ratio R]
//
// A ratio above 1 always means that Ward is better. Figures report; they never fail a run, but a measurement that cannot
// be made does. -name PREFIX runs the measurements whose figures begin with it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// measurement is one function and the prefix of the figures it prints.
type measurement struct {
	prefix string
	run    func(ctx context.Context, dir string) error
}

func measurements() []measurement {
	return []measurement{
		{"audit.appends", auditAppends},
		{"store.audited_reads", auditedReads},
		{"store.writes", durableWrites},
		{"store.import", importBundles},
		{"mllp.acks", mllpAcks},
		{"feed", feedThrough},
		{"predict.governed", governedPredictions},
		{"treeshap", contributions},
		{"fhir.validate.structural", validateStructural},
		{"fhir.validate.us-core", validateUSCore},
		{"fhir.view", viewRows},
		{"fhirpath.evals", fhirpathEvals},
		{"start.empty", startAndMemory},
		{"memory.idle", startAndMemory},
		{"binary.size", binarySize},
	}
}

func main() {
	name := flag.String("name", "", "run the measurements whose figure names begin with this prefix")
	flag.Parse()
	if err := run(context.Background(), *name); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string) error {
	base, err := os.MkdirTemp("", "ward-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	if err := diskFsync(ctx, base); err != nil {
		return err
	}
	done := map[string]bool{}
	for _, m := range measurements() {
		if !strings.HasPrefix(m.prefix, name) && !strings.HasPrefix(name, m.prefix) {
			continue
		}
		key := fmt.Sprintf("%p", m.run)
		if done[key] {
			continue
		}
		done[key] = true
		dir, err := os.MkdirTemp(base, "run-")
		if err != nil {
			return err
		}
		start := time.Now()
		if err := m.run(ctx, dir); err != nil {
			return fmt.Errorf("%s: %w", m.prefix, err)
		}
		fmt.Printf("# %s took %.1f s\n", m.prefix, time.Since(start).Seconds())
		os.RemoveAll(dir)
	}
	return nil
}
