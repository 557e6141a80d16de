package main

import (
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ward-health/ward/examples/mortality"
	"github.com/ward-health/ward/predict/conformal"
	"github.com/ward-health/ward/predict/engine"
	"github.com/ward-health/ward/predict/explain"
)

//go:embed treeshap.py
var treeshapScript []byte

const (
	python = "/usr/bin/python3"

	shapRows  = 2000
	shapLeast = 2 * time.Second // of processor time
	shapApart = 1e-5            // by which contributions may differ from XGBoost's, on the scale of the margin
)

// contributions measures rows explained per second of processor time beside XGBoost's pred_contribs on the same rows, each in its
// process with one thread, after checking that both say the same.
func contributions(ctx context.Context, dir string) error {
	if text, err := exec.CommandContext(ctx, python, "-c", "import numpy, xgboost").CombinedOutput(); err != nil {
		return fmt.Errorf("the peer xgboost needs %s with numpy and xgboost (Debian: apt-get install python3-xgboost): %w: %s", python, err, text)
	}
	script := filepath.Join(dir, "treeshap.py")
	if err := os.WriteFile(script, treeshapScript, 0o600); err != nil {
		return err
	}
	if text, err := exec.CommandContext(ctx, python, script, "train", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("training: %w: %s", err, text)
	}
	_, files := mortality.Artefact()
	if err := os.WriteFile(filepath.Join(dir, "mortality.json"), files["model.json"], 0o600); err != nil {
		return err
	}
	for _, m := range []struct{ model, figure string }{{"mortality", "treeshap.rows_per_cpu_s"}, {"depth6", "treeshap.rows_per_cpu_s.depth6"}} {
		if err := beside(ctx, dir, script, m.model, m.figure); err != nil {
			return fmt.Errorf("%s: %w", m.model, err)
		}
	}
	return nil
}

// beside measures one model both ways.
func beside(ctx context.Context, dir, script, model, name string) error {
	text, err := os.ReadFile(filepath.Join(dir, model+".json"))
	if err != nil {
		return err
	}
	trees, err := engine.ReadXGBoost(text)
	if err != nil {
		return err
	}
	explainer, err := explain.Compile(trees, explain.Options{})
	if err != nil {
		return err
	}
	x := shapInput(trees, shapRows)
	theirs, want, err := xgboostContribs(ctx, dir, script, model, x)
	if err != nil {
		return err
	}
	phi := make([]float64, len(x))
	explainer.Batch(phi, x)
	apart, err := difference(phi, explainer.Base(), want, len(trees.Features()))
	if err != nil {
		return err
	}
	ours, err := rowsPerCPUSecond(func() { explainer.Batch(phi, x) }, shapRows)
	if err != nil {
		return err
	}
	against(name, ours, "1/s", "xgboost", theirs, true)
	figure(strings.Replace(name, "rows_per_cpu_s", "difference", 1), apart, "log-odds")
	return nil
}

// xgboostContribs returns XGBoost's rows per CPU second and its contributions, a base behind those of each row.
func xgboostContribs(ctx context.Context, dir, script, model string, x []float32) (float64, []float32, error) {
	var rows []byte
	for _, v := range x {
		rows = binary.LittleEndian.AppendUint32(rows, math.Float32bits(v))
	}
	stem := filepath.Join(dir, model)
	if err := os.WriteFile(stem+".rows", rows, 0o600); err != nil {
		return 0, nil, err
	}
	cmd := exec.CommandContext(ctx, python, script, "contribs", dir, model)
	cmd.Env, cmd.Stderr = append(os.Environ(), "OMP_NUM_THREADS=1"), os.Stderr
	said, err := cmd.Output()
	if err != nil {
		return 0, nil, fmt.Errorf("xgboost: %w", err)
	}
	rate, err := strconv.ParseFloat(strings.TrimSpace(string(said)), 64)
	if err != nil {
		return 0, nil, err
	}
	text, err := os.ReadFile(stem + ".contribs")
	if err != nil {
		return 0, nil, err
	}
	out := make([]float32, len(text)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(text[4*i:]))
	}
	return rate, out, nil
}

// difference returns the largest difference to XGBoost's contributions; beyond the bound there is nothing to compare.
func difference(phi []float64, base float64, want []float32, width int) (most float64, err error) {
	rows := len(phi) / width
	if len(want) != rows*(width+1) {
		return 0, fmt.Errorf("xgboost gave %d contributions for %d rows of %d", len(want), rows, width)
	}
	for i := range rows {
		theirs := want[i*(width+1):]
		most = max(most, math.Abs(base-float64(theirs[width])))
		for j := range width {
			most = max(most, math.Abs(phi[i*width+j]-float64(theirs[j])))
		}
	}
	if !(most <= shapApart) {
		return most, fmt.Errorf("contributions differ from xgboost's by %g", most)
	}
	return most, nil
}

// rowsPerCPUSecond repeats f, which handles that many rows, and returns rows per second of this process's processor time: its
// garbage collection and its runtime count.
func rowsPerCPUSecond(f func(), rows int) (float64, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	runtime.GC()
	start, err := processorTime()
	if err != nil {
		return 0, err
	}
	for n := rows; ; n += rows {
		f()
		now, err := processorTime()
		if err != nil {
			return 0, err
		}
		if now-start >= shapLeast {
			return float64(n) / (now - start).Seconds(), nil
		}
	}
}

func processorTime() (time.Duration, error) {
	var r syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), err
}

// shapInput makes rows around the thresholds that each feature is asked for, one value in ten missing.
func shapInput(t *engine.Trees, n int) []float32 {
	r, width := rand.New(rand.NewPCG(1, 1)), len(t.Features())
	cuts := make([][]float32, width)
	for i := range t.Count() {
		for _, node := range t.Nodes(i) {
			if !node.Leaf() {
				cuts[node.Feature] = append(cuts[node.Feature], node.Value)
			}
		}
	}
	x := make([]float32, n*width)
	for i := range x {
		at := cuts[i%width]
		switch {
		case r.IntN(10) == 0:
			x[i] = float32(math.NaN())
		case len(at) > 0:
			v := at[r.IntN(len(at))]
			x[i] = v + float32(r.NormFloat64())*float32(math.Abs(float64(v)))/8
		}
	}
	return x
}

// bareEngine returns the milliseconds of one answer of the mortality model with nothing around it: margin, probability,
// contributions and interval.
func bareEngine() (float64, error) {
	_, files := mortality.Artefact()
	trees, err := engine.ReadXGBoost(files["model.json"])
	if err != nil {
		return 0, err
	}
	explainer, err := explain.Compile(trees, explain.Options{})
	if err != nil {
		return 0, err
	}
	calibration, err := conformal.Read(files["calibration.json"])
	if err != nil {
		return 0, err
	}
	const rows = 20_000
	width := len(trees.Features())
	x, phi, sum := shapInput(trees, rows), make([]float64, width), 0.0
	start := time.Now()
	for i := range rows {
		row := x[i*width : (i+1)*width]
		margin := trees.Margin(row)
		sum += trees.Link(margin) + explainer.Row(phi, row) + calibration.Interval(margin).High
	}
	took := time.Since(start)
	if math.IsNaN(sum) {
		return 0, fmt.Errorf("the bare engine gave no number")
	}
	return took.Seconds() * 1000 / rows, nil
}
