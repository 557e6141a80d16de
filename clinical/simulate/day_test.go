package simulate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/ward-health/ward/clinical/hl7v2"
	units "github.com/ward-health/ward/clinical/ucum"
)

// TestDayGolden fixes what a seed means for messages.
func TestDayGolden(t *testing.T) {
	const want = "7795414492b029f3573b5baa04fd3305fe2553df1bceeed626d2a4f84fdce967"
	sum := sha256.New()
	for _, m := range New(1, then).Day(20) {
		sum.Write(m.Bytes)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("seed 1 gives %s, want %s", got, want)
	}
}

func TestDayHasEveryTwist(t *testing.T) {
	seen, ids := map[Twist]int{}, map[string][]byte{}
	for _, m := range New(4, then).Day(8) {
		seen[m.Twist]++
		x, err := hl7v2.Parse(m.Bytes, hl7v2.Options{})
		if err != nil {
			t.Fatalf("%s: %v", m.ControlID, err)
		}
		h := x.Header()
		if h.Type+"^"+h.Event != m.Kind || h.ControlID != m.ControlID || x.Get("PID-3.1").Text() != m.Number {
			t.Errorf("%s: header or number is not the truth", m.ControlID)
		}
		if was, again := ids[m.ControlID]; again != (m.Twist == Duplicate) || again && !bytes.Equal(was, m.Bytes) {
			t.Errorf("%s: control id used again: %v", m.ControlID, again)
		}
		ids[m.ControlID] = m.Bytes
		results := 0
		for range x.All("OBX") {
			results++
		}
		if results != m.Results {
			t.Errorf("%s: %d results, want %d", m.ControlID, results, m.Results)
		}
	}
	for _, w := range []Twist{Plain, MolarResult, WrongSodium, AliasUnits, Duplicate, Correction, LateOriginal, Temporary, Merging, TestTraffic, WithoutNumber} {
		if seen[w] == 0 {
			t.Errorf("no message with the twist %q", w)
		}
	}
}

func TestLoad(t *testing.T) {
	seen := map[string]bool{}
	New(1, then).Load(3, func(m Message) bool {
		if seen[m.ControlID] || m.Results != 10 {
			t.Errorf("%s: seen %v, %d results", m.ControlID, seen[m.ControlID], m.Results)
		}
		seen[m.ControlID] = true
		return len(seen) < 100
	})
}

func TestPanelUnits(t *testing.T) {
	for _, a := range panel {
		if _, err := units.Parse(a.unit); err != nil {
			t.Errorf("%s: %s is no UCUM unit", a.code, a.unit)
		}
	}
}
