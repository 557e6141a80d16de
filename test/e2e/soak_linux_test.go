package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a soak may show after its first third, which warms caches and is not judged. A line is fitted (least squares) through
// the least of each soakBucket samples: what leaks lifts the floor, while garbage not yet collected and requests under way
// only lie on top. Judged is the slope less three of its standard errors, so that noise alone does not fail and growth cannot
// hide in it for long: the longer the run, the smaller the error.
const (
	soakShort      = 8 * time.Second // without WARD_SOAK: it runs and is sound; nothing is fitted
	soakJudged     = 2 * time.Minute // shorter runs are not fitted
	soakBucket     = 10              // samples, one a second
	rssPerHour     = 30.0            // MiB: 5 MiB in 10 minutes
	grownCount     = 2.0             // descriptors more at the end of the fitted time than at its begin
	grownRoutines  = 10.0            // goroutines, likewise
	walBound       = 64.0            // MiB: journal_size_limit of engine/db
	soakRenewEvery = 5 * time.Minute // tokens live for 15 minutes
)

// TestSoak runs writers, readers, searches and hooks against one node for as long as WARD_SOAK says and watches what the
// process takes: memory, descriptors, goroutines, files and time.
func TestSoak(t *testing.T) {
	length := soakFor
	if length == 0 {
		length = soakShort
	}
	n := newNode(t, nil)
	n.people()
	n.start()
	load := newSoakLoad(n)
	load.run()
	s := n.soak(length, load.renew)
	load.end()
	n.stop()
	n.ward("store", "check")
	n.ward("audit", "verify")
	load.report()
	s.judge(t, length)
}

// sample is what the process takes at one moment. Sizes in MiB.
type sample struct{ at, rss, fds, goroutines, db, wal float64 }

type samples []sample

// soak samples every second until the time is over.
func (n *node) soak(length time.Duration, renew func()) (s samples) {
	start, renewed := time.Now(), time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range tick.C {
		if time.Since(renewed) > soakRenewEvery {
			renew()
			renewed = time.Now()
		}
		s = append(s, n.sample(time.Since(start).Seconds()))
		if time.Since(start) >= length || n.t.Failed() {
			return s
		}
	}
	return s
}

func (n *node) sample(at float64) sample {
	n.t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(n.process.Process.Pid))
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		n.t.Fatal(err)
	}
	fds, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		n.t.Fatal(err)
	}
	metrics := n.must(200, "", "GET", "/metrics", nil)
	return sample{at: at, rss: number(n.t, status, "VmRSS:") / 1024, fds: float64(len(fds)), goroutines: number(n.t, metrics.body, "go_goroutines "),
		db: mebibytes(filepath.Join(n.dir, "ward.db")), wal: mebibytes(filepath.Join(n.dir, "ward.db-wal"))}
}

// number is the first number after a line's beginning.
func number(t testing.TB, text []byte, beginning string) float64 {
	t.Helper()
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), beginning); ok {
			v, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no line begins with %q", beginning)
	return 0
}

func mebibytes(path string) float64 {
	i, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return float64(i.Size()) / (1 << 20)
}

// judge prints the figures and fails on growth.
func (s samples) judge(t *testing.T, length time.Duration) {
	last := s[len(s)-1]
	top := s.max(func(x sample) float64 { return x.wal })
	figure("soak.rss", last.rss, "MiB")
	figure("soak.fds", last.fds, "1")
	figure("soak.goroutines", last.goroutines, "1")
	figure("soak.db", last.db, "MiB")
	figure("soak.wal.max", top, "MiB")
	if top > walBound {
		t.Errorf("the write-ahead log grew to %.1f MiB, its bound is %.0f", top, walBound)
	}
	if length < soakJudged {
		return
	}
	after := s[len(s)/3:]
	hours := (after[len(after)-1].at - after[0].at) / 3600
	for _, j := range []struct {
		name, unit string
		of         func(sample) float64
		perHour    float64 // allowed
	}{
		{"soak.rss.slope", "MiB/h", func(x sample) float64 { return x.rss }, rssPerHour},
		{"soak.fds.slope", "1/h", func(x sample) float64 { return x.fds }, grownCount / hours},
		{"soak.goroutines.slope", "1/h", func(x sample) float64 { return x.goroutines }, grownRoutines / hours},
	} {
		slope, e := after.slope(j.of)
		figure(j.name, slope, j.unit)
		figure(j.name+".error", e, j.unit)
		if slope-3*e > j.perHour {
			t.Errorf("%s is %.2f %s with a standard error of %.2f; allowed are %.2f beyond three errors", j.name, slope, j.unit, e, j.perHour)
		}
	}
}

func (s samples) max(of func(sample) float64) (top float64) {
	for _, x := range s {
		top = max(top, of(x))
	}
	return top
}

// slope fits a line through the least of each bucket and returns its slope and the slope's standard error, per hour.
func (s samples) slope(of func(sample) float64) (slope, deviation float64) {
	var xs, ys []float64
	for part := range slices.Chunk(s[:len(s)/soakBucket*soakBucket], soakBucket) {
		least := math.Inf(1)
		for _, x := range part {
			least = min(least, of(x))
		}
		xs, ys = append(xs, part[len(part)/2].at/3600), append(ys, least)
	}
	return fit(xs, ys)
}

// fit is the least-squares line through points.
func fit(xs, ys []float64) (slope, deviation float64) {
	n := float64(len(xs))
	var mx, my, sxx, sxy float64
	for i := range xs {
		mx, my = mx+xs[i]/n, my+ys[i]/n
	}
	for i := range xs {
		sxx, sxy = sxx+(xs[i]-mx)*(xs[i]-mx), sxy+(xs[i]-mx)*(ys[i]-my)
	}
	slope = sxy / sxx
	rest := 0.0
	for i := range xs {
		r := ys[i] - my - slope*(xs[i]-mx)
		rest += r * r
	}
	return slope, math.Sqrt(rest / (n - 2) / sxx)
}

// TestSoakSeesGrowth: the criterion fails on a leak and not on noise.
func TestSoakSeesGrowth(t *testing.T) {
	series := func(perHour float64) (s samples) {
		for i := range 400 {
			s = append(s, sample{at: float64(i), rss: 60 + perHour*float64(i)/3600 + float64(i*7919%13)/2})
		}
		return s
	}
	rss := func(x sample) float64 { return x.rss }
	for _, c := range []struct {
		perHour float64
		grows   bool
	}{{0, false}, {10, false}, {60, true}, {600, true}} {
		slope, e := series(c.perHour).slope(rss)
		if math.Abs(slope-c.perHour) > 4*e+1 || slope-3*e > rssPerHour != c.grows {
			t.Errorf("%v MiB/h: slope %.2f, error %.2f", c.perHour, slope, e)
		}
	}
}

func figure(name string, value float64, unit string) {
	fmt.Printf("figure %s %s %s\n", name, strconv.FormatFloat(math.Round(value*100)/100, 'f', -1, 64), unit)
}
