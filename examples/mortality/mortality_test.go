package mortality

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type card struct {
	Files    map[string]string
	Training struct{ Xgboost, Numpy string }
	Data     struct {
		Account map[string]any
	}
	Parts       map[string]struct{ N, Events int }
	Performance struct {
		Test struct {
			N, Events int
			AUC       struct{ Value, Low, High float64 }
			Deciles   []struct{ N, Events int }
		}
	}
	Subgroups []struct {
		By        string
		N, Events int
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readCard(t *testing.T) card {
	t.Helper()
	var c card
	if err := json.Unmarshal(read(t, "card.json"), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCardIsAboutTheseFiles: the digests are those of the files, and the numbers of the card fit together.
func TestCardIsAboutTheseFiles(t *testing.T) {
	c := readCard(t)
	if len(c.Files) != 3 {
		t.Errorf("%d digests", len(c.Files))
	}
	for name, want := range c.Files {
		sum := sha256.Sum256(read(t, name))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s: %s, the card says %s", name, got, want)
		}
	}
	if n := len(read(t, "model.json")); n > 1_500_000 {
		t.Errorf("the model has %d bytes", n)
	}
	n, events := 0, 0
	for _, p := range c.Parts {
		n, events = n+p.N, events+p.Events
	}
	a := c.Data.Account
	if float64(n) != a["used"] || float64(events) != a["died within ten years"] {
		t.Errorf("%d patients and %d deaths in the parts, %v", n, events, a)
	}
	test := c.Performance.Test
	if test.N != c.Parts["test"].N || test.Events != c.Parts["test"].Events || !(test.AUC.Low < test.AUC.Value && test.AUC.Value < test.AUC.High) {
		t.Errorf("%+v", test)
	}
	by := map[string]int{}
	for _, g := range c.Subgroups {
		by[g.By] += g.N
	}
	for _, d := range test.Deciles {
		by["decile"] += d.N
	}
	for name, n := range by {
		if n != test.N {
			t.Errorf("%s: %d of %d patients", name, n, test.N)
		}
	}
}

// TestInputsAreTheModels: the same names in the same order, race and income not among them, magnesium in equivalents.
func TestInputsAreTheModels(t *testing.T) {
	var model struct {
		Learner struct {
			Names []string `json:"feature_names"`
		}
	}
	var inputs []struct {
		Name, Kind, Unit string
		Low, High        float64
		Codes            []struct{ System, Code, Meaning string }
		Molecule         struct {
			Formula string
			Charge  int
		}
	}
	if err := json.Unmarshal(read(t, "model.json"), &model); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(read(t, "inputs.json"), &inputs); err != nil {
		t.Fatal(err)
	}
	if len(inputs) != len(model.Learner.Names) {
		t.Fatalf("%d inputs, %d features", len(inputs), len(model.Learner.Names))
	}
	for i, in := range inputs {
		if in.Name != model.Learner.Names[i] || !(in.Low < in.High) || in.Unit == "" || (in.Kind == "measurement") != (len(in.Codes) > 0) {
			t.Errorf("%d: %+v", i, in)
		}
		if strings.Contains(in.Name, "race") || strings.Contains(in.Name, "poverty") {
			t.Errorf("%s is an input", in.Name)
		}
		if in.Name == "magnesium" && (in.Unit != "meq/L" || in.Molecule.Formula != "Mg" || in.Molecule.Charge != 2) {
			t.Errorf("%+v", in)
		}
	}
}

// TestTrainingIsReproducible trains anew from the data and compares the bytes of every file.
func TestTrainingIsReproducible(t *testing.T) {
	if testing.Short() {
		fmt.Println("NOT RUN: the training of the example: -short")
		t.Skip("-short: XGBoost trains for long")
	}
	gold, c := os.Getenv("WARD_GOLD"), readCard(t)
	without := func(why string) {
		t.Log(why + ": training was NOT RUN")
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_REQUIRE_ALL=1, but " + why)
		}
	}
	if gold == "" {
		without("WARD_GOLD is not set")
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	const python = "/usr/bin/python3"
	version, err := exec.CommandContext(ctx, python, "-c", "import numpy, xgboost; print(xgboost.__version__, numpy.__version__)").Output()
	if want := c.Training.Xgboost + " " + c.Training.Numpy; err != nil || strings.TrimSpace(string(version)) != want {
		without(python + " has not the xgboost and numpy of the card, " + want)
		return
	}
	out := t.TempDir()
	run := exec.CommandContext(ctx, python, "train.py", filepath.Join(gold, "tabular", "nhanes1"), out)
	if text, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, name := range []string{"model.json", "calibration.json", "inputs.json", "card.json", "CARD.md"} {
		got, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || !bytes.Equal(got, read(t, name)) {
			t.Errorf("%s differs from the committed one (%v)", name, err)
		}
	}
}
