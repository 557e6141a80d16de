package normalize_test

import (
	"archive/zip"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize"
	"github.com/ward-health/ward/store"
)

// goldMessages reads the HL7 v2 messages of the public data, in the order of their names.
func goldMessages(t *testing.T) (names []string, messages map[string][]byte) {
	t.Helper()
	dir := os.Getenv("WARD_GOLD")
	messages = map[string][]byte{}
	if dir == "" {
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_GOLD is not set: the public messages were NOT run")
		}
		fmt.Println("WARD_GOLD is not set: the public HL7 v2 messages were NOT run")
		return nil, nil
	}
	for _, archive := range []string{"fhir-converter-hl7v2.zip", "reportstream-datatests.zip"} {
		z, err := zip.OpenReader(filepath.Join(dir, "hl7v2", archive))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			if !strings.HasSuffix(f.Name, ".hl7") {
				continue
			}
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			messages[archive+"/"+f.Name] = raw
		}
		z.Close()
	}
	return slices.Sorted(maps.Keys(messages)), messages
}

// tally counts what became of messages.
type tally struct {
	total, pass int
	reasons     map[string]int
}

func (c *tally) add(pass bool, reason string) {
	c.total++
	c.reasons[reason]++
	if pass {
		c.pass++
	}
}

func (c *tally) print(name string) {
	fmt.Printf("suite %s total %d pass %d listed 0 notrun 0\n", name, c.total, c.pass)
	for _, r := range slices.Sorted(maps.Keys(c.reasons)) {
		fmt.Printf("  %s: %s %d\n", name, r, c.reasons[r])
	}
}

// TestStored: every public message of a kind that has rules is kept, and stored with its doubtful facts held singly, or held
// whole because it names no patient, or kept apart because it is test or debug traffic; all others are kept.
func TestStored(t *testing.T) {
	w := start(t)
	names, messages := goldMessages(t)
	stored, other := &tally{reasons: map[string]int{}}, &tally{reasons: map[string]int{}}
	facts, held := 0, map[string]int{}
	for _, name := range names {
		raw := messages[name]
		parts, err := hl7v2.Split(raw)
		if err != nil || len(parts) == 0 {
			parts = [][]byte{raw}
		}
		for i, part := range parts {
			label := fmt.Sprintf("%s[%d]", name, i)
			m, err := hl7v2.Parse(part, hl7v2.Options{})
			if err != nil {
				t.Errorf("%s: %v", label, err)
				continue
			}
			id := w.arrive(part)
			before := w.info(id)
			if before.State == store.MessageReceived {
				w.understand(id)
			}
			info := w.info(id)
			pass, reason := judged(m, info)
			if kind := normalize.Kind(m); !normalize.Understood(kind) {
				kept := info.State == store.MessageKept || info.State == store.MessageApart || info.State == store.MessageHeld && kind == ""
				other.add(kept, string(info.State)+" "+info.Reason)
				if !kept {
					t.Errorf("%s: %s %s", label, info.State, info.Reason)
				}
				continue
			}
			stored.add(pass, reason)
			if !pass {
				t.Errorf("%s: %s %s", label, info.State, info.Reason)
			}
			facts += int(info.Facts)
			for _, h := range w.held(id) {
				held[h.Hold.Class+" "+h.Hold.Reason]++
			}
		}
	}
	if len(names) > 0 {
		stored.print("hl7v2.stored")
		other.print("hl7v2.other")
	}
	t.Logf("facts %d held %v", facts, held)
	w.Clean()
}

// judged says whether a message of a kind with rules came to one of the ends that it may have.
func judged(m *hl7v2.Message, info store.MessageInfo) (pass bool, reason string) {
	p := m.Header().ProcessingID
	nobody := m.First("PID").Field(3).Empty() || strings.TrimSpace(m.Get("PID-3.1").Text()) == ""
	switch {
	case p == "T" || p == "D":
		return info.State == store.MessageApart, "kept apart, MSH-11 " + p
	case info.State == store.MessageApplied && info.Held > 0:
		return true, "stored, doubtful facts held singly"
	case info.State == store.MessageApplied && info.Facts > 0:
		return true, "stored"
	case info.State == store.MessageApplied:
		return !m.First("OBX").Exists() && !m.First("OBR").Exists(), "stored before: names a known patient and nothing else"
	case info.State == store.MessageHeld && info.Reason == "no-patient-id":
		return nobody, "held whole, names no patient"
	}
	return false, string(info.State) + " " + info.Reason
}
