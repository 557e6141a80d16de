package enginetest

import (
	"context"
	_ "embed"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

//go:embed oracle.py
var oracle []byte

const python = "/usr/bin/python3"

// Oracle is a folder in which XGBoost trained models and answers for them.
type Oracle struct{ folder string }

// Answers are what XGBoost predicts for rows of one model.
type Answers struct{ Margin, Predict []float32 }

// Names are the models that New trains.
var Names = []string{"breast", "depth4", "depth6", "depth8", "lossguide", "pruned", "squared"}

// New trains the models. Without Python or its xgboost it says so and returns nil, and fails when WARD_REQUIRE_ALL is 1.
func New(t testing.TB) *Oracle {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if text, err := exec.CommandContext(ctx, python, "-c", "import xgboost, sklearn").CombinedOutput(); err != nil {
		t.Logf("%s cannot import xgboost and sklearn (%v): comparison with XGBoost was NOT RUN: %s", python, err, text)
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_REQUIRE_ALL=1 and no xgboost")
		}
		return nil
	}
	o := &Oracle{t.TempDir()}
	o.write(t, "oracle.py", oracle)
	o.run(t, "train")
	return o
}

// Model returns the JSON of a model.
func (o *Oracle) Model(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(o.folder, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Add puts a further model into the folder.
func (o *Oracle) Add(t testing.TB, name string, model []byte) {
	t.Helper()
	o.write(t, name+".json", model)
}

// Predict asks XGBoost for the predictions for rows of each of the models.
func (o *Oracle) Predict(t testing.TB, rows map[string][]float32) map[string]Answers {
	t.Helper()
	o.ask(t, "predict", rows)
	out := map[string]Answers{}
	for name := range rows {
		out[name] = Answers{o.floats(t, name+".margin"), o.floats(t, name+".predict")}
	}
	return out
}

// Contribs asks XGBoost for the contributions: per row one more than features, the last being the base.
func (o *Oracle) Contribs(t testing.TB, rows map[string][]float32) map[string][]float32 {
	t.Helper()
	o.ask(t, "contribs", rows)
	out := map[string][]float32{}
	for name := range rows {
		out[name] = o.floats(t, name+".contribs")
	}
	return out
}

func (o *Oracle) ask(t testing.TB, verb string, rows map[string][]float32) {
	t.Helper()
	for name, x := range rows {
		var b []byte
		for _, v := range x {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		o.write(t, name+".rows", b)
	}
	o.run(t, verb)
}

func (o *Oracle) run(t testing.TB, verb string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	text, err := exec.CommandContext(ctx, python, filepath.Join(o.folder, "oracle.py"), verb, o.folder).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", verb, err, text)
	}
	if len(text) > 0 {
		t.Logf("%s", text)
	}
}

func (o *Oracle) write(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(o.folder, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (o *Oracle) floats(t testing.TB, name string) []float32 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(o.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}
