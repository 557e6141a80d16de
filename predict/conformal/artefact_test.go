package conformal

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const mortality = "../../examples/mortality/"

// TestCommittedTable reads the table of the example model.
func TestCommittedTable(t *testing.T) {
	b, err := os.ReadFile(mortality + "artefact/calibration.json")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if c.Method() != VennAbers || c.Rows() < 1000 {
		t.Errorf("%s of %d rows", c.Method(), c.Rows())
	}
	before := Interval{}
	for x := -8.0; x <= 8; x += 0.01 {
		i := c.Interval(x)
		if !(i.Low >= before.Low && i.High >= before.High && i.Low <= i.High) {
			t.Fatalf("at %v: %+v after %+v", x, i, before)
		}
		before = i
	}
}

// TestTrainingScriptFitsTheSame: the table that train.py computes is the one that FitVennAbers computes.
func TestTrainingScriptFitsTheSame(t *testing.T) {
	const python, script = "/usr/bin/python3", `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import train
cases = json.load(open(sys.argv[2]))
json.dump([train.venn_abers(c["scores"], c["y"]) for c in cases], open(sys.argv[2] + ".out", "w"))
`
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := exec.CommandContext(ctx, python, "-c", "import xgboost").Run(); err != nil {
		t.Logf("%s cannot import xgboost (%v): the comparison with train.py was NOT RUN", python, err)
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_REQUIRE_ALL=1 and no xgboost")
		}
		return
	}
	type rows struct {
		Scores []float64 `json:"scores"`
		Y      []int     `json:"y"`
	}
	r := rand.New(rand.NewPCG(1, 2))
	cases := make([]rows, 60)
	for i := range cases {
		for range 2 + r.IntN(200) {
			s := math.Round(r.NormFloat64()*20) / 8
			y := 0
			if r.NormFloat64() < s {
				y = 1
			}
			cases[i].Scores, cases[i].Y = append(cases[i].Scores, s), append(cases[i].Y, y)
		}
		cases[i].Y[0], cases[i].Y[1] = 0, 1
	}
	file := filepath.Join(t.TempDir(), "cases.json")
	b, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.CommandContext(ctx, python, "-c", script, mortality, file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if b, err = os.ReadFile(file + ".out"); err != nil {
		t.Fatal(err)
	}
	var tables []json.RawMessage
	if err := json.Unmarshal(b, &tables); err != nil || len(tables) != len(cases) {
		t.Fatal(err, len(tables))
	}
	for i, c := range cases {
		positive := make([]bool, len(c.Y))
		for k, y := range c.Y {
			positive[k] = y == 1
		}
		want, err := FitVennAbers(c.Scores, positive)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(tables[i])
		if err != nil {
			t.Fatal(err)
		}
		if string(got.JSON()) != string(want.JSON()) {
			t.Errorf("case %d: train.py has %s, Go has %s", i, got.JSON(), want.JSON())
		}
	}
}
