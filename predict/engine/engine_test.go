package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math"
	"testing"

	"github.com/ward-health/ward"
	"pgregory.net/rapid"
)

func ckd() Formula {
	return Formula{Engine: Version, Equation: CKDEPI2021, Parameters: map[string]string{
		"scale": "142", "kappa.female": "0.7", "kappa.male": "0.9", "alpha.female": "-0.241", "alpha.male": "-0.302",
		"beta": "-1.200", "aging": "0.9938", "female": "1.012"}}
}

func compiled(t testing.TB) *Equation {
	t.Helper()
	e, err := Compile(ckd())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestKnownAnswers(t *testing.T) {
	e := compiled(t)
	for _, c := range []struct {
		sex  Sex
		age  int
		scr  float64
		want float64
	}{
		{Male, 50, 1.0, 91.69}, {Female, 50, 1.0, 68.63}, {Female, 20, 0.7, 126.90},
	} {
		got, err := e.Compute(c.scr, Subject{Age: c.age, Sex: c.sex})
		if err != nil || Round(got, 2) != c.want {
			t.Errorf("sex %d age %d creatinine %v: %v, %v, want %v", c.sex, c.age, c.scr, got, err, c.want)
		}
	}
}

func TestDomain(t *testing.T) {
	e := compiled(t)
	for _, c := range []struct {
		scr float64
		s   Subject
	}{
		{1, Subject{50, Unstated}}, {1, Subject{50, 3}}, {0, Subject{50, Male}}, {-1, Subject{50, Male}}, {math.NaN(), Subject{50, Male}},
		{math.Inf(1), Subject{50, Male}}, {1, Subject{-1, Male}}, {1, Subject{151, Male}},
	} {
		if got, err := e.Compute(c.scr, c.s); ward.KindOf(err) != ward.Unprocessable {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Formula){
		"engine":    func(f *Formula) { f.Engine = "formula/2" },
		"equation":  func(f *Formula) { f.Equation = "ckd-epi-2009" },
		"missing":   func(f *Formula) { delete(f.Parameters, "beta") },
		"extra":     func(f *Formula) { f.Parameters["race"] = "1.159" },
		"no number": func(f *Formula) { f.Parameters["beta"] = "minus one" },
		"not a num": func(f *Formula) { f.Parameters["beta"] = "NaN" },
		"infinite":  func(f *Formula) { f.Parameters["beta"] = "Inf" },
		"kappa":     func(f *Formula) { f.Parameters["kappa.male"] = "0" },
		"huge":      func(f *Formula) { f.Parameters["scale"] = "1e300" },
	} {
		f := ckd()
		f.Parameters = maps.Clone(f.Parameters)
		spoil(&f)
		if _, err := Compile(f); ward.KindOf(err) != ward.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAgainstMath compares with the standard library over more than the domain.
func TestAgainstMath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(1e-4, 1e4).Draw(t, "x")
		y := rapid.Float64Range(-5, 5).Draw(t, "y")
		want := math.Pow(x, y)
		if got := pow(x, y); math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Fatalf("pow(%v, %v) = %v, want %v", x, y, got, want)
		}
	})
	for scr := 0.05; scr < 40; scr += 0.01 {
		for _, k := range []float64{0.7, 0.9} {
			for _, a := range []float64{-0.241, -0.302, -1.2} {
				want := math.Pow(scr/k, a)
				if got := pow(scr/k, a); math.Abs(got-want) > 4e-16*want*4 {
					t.Fatalf("pow(%v, %v) = %v, want %v", scr/k, a, got, want)
				}
			}
		}
	}
	for age := range 151 {
		if want, got := math.Pow(0.9938, float64(age)), pow(0.9938, float64(age)); math.Abs(got-want) > 1e-14*want {
			t.Fatalf("0.9938^%d = %v, want %v", age, got, want)
		}
	}
	for _, x := range []float64{0, -1, math.NaN(), math.Inf(1), 5e-324} {
		if !math.IsNaN(ln(x)) {
			t.Errorf("ln(%v) = %v", x, ln(x))
		}
	}
	for _, x := range []float64{701, -701, math.NaN()} {
		if !math.IsNaN(exp(x)) {
			t.Errorf("exp(%v) = %v", x, exp(x))
		}
	}
}

// TestGoldenBits fixes every bit of the semantics formula/1 over a grid of the domain.
func TestGoldenBits(t *testing.T) {
	const want = "16f62c5f4d047651101e8fedd247392db80d01d66d530ddc82e3114dd6da2340"
	e, h := compiled(t), sha256.New()
	for _, sex := range []Sex{Female, Male} {
		for age := 18; age <= 110; age++ {
			for scr := 10; scr <= 3000; scr += 7 {
				x, err := e.Compute(float64(scr)/100, Subject{Age: age, Sex: sex})
				if err != nil {
					t.Fatal(err)
				}
				h.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(x)))
			}
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("the bits of %s changed: %s, want %s", Version, got, want)
	}
}

func TestRound(t *testing.T) {
	for _, c := range []struct {
		x    float64
		d    int
		want float64
	}{{91.685, 2, 91.69}, {0.125, 2, 0.13}, {-0.125, 2, -0.13}, {89.5, 0, 90}, {89.49999999, 0, 89}, {2.675, 2, 2.67}, {0, 2, 0}} {
		if got := Round(c.x, c.d); got != c.want {
			t.Errorf("Round(%v, %d) = %v, want %v", c.x, c.d, got, c.want)
		}
	}
	if !math.IsNaN(Round(math.NaN(), 2)) || !math.IsNaN(Round(math.Inf(1), 2)) {
		t.Error("no number is rounded to a number")
	}
}
