package mapping_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mapName finds the name of a segment map in the guide's file name: "... FHIR R4_ OBX[Observation] - OBX.csv".
var mapName = regexp.MustCompile(`_ ([A-Z0-9]{3}\[[A-Za-z]+\]) - `)

// ruled is what our rules say of one map: rows of the guide by source and target, and which fields have rules of our own.
type ruled struct {
	rows map[string]bool // "OBX-3 code"
	from map[string]bool // "OBX-3"
	why  int
}

// ours reads the rule files.
func ours(t *testing.T) map[string]ruled {
	t.Helper()
	names, err := filepath.Glob("rules/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal("no rules", err)
	}
	field := regexp.MustCompile(`^[A-Z0-9]{3}-[0-9]+|^[A-Z0-9]{3}`)
	out := map[string]ruled{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var f struct {
			Maps []struct {
				Map    string
				Fields []struct{ ID, IG, Why string }
			}
		}
		if err := json.Unmarshal(raw, &f); err != nil {
			t.Fatal(err)
		}
		for _, m := range f.Maps {
			r := ruled{map[string]bool{}, map[string]bool{}, 0}
			for _, x := range m.Fields {
				at := field.FindString(x.ID)
				if x.IG == "" && x.Why == "" {
					t.Errorf("%s %s names neither a row of the guide nor a reason", m.Map, x.ID)
				}
				r.from[at] = true
				if x.IG != "" {
					r.rows[at+" "+x.IG] = true
				}
				if x.Why != "" {
					r.why++
				}
			}
			out[m.Map] = r
		}
	}
	return out
}

// TestCoverage prints, for each segment map that our rules have, how many rows of the guide they cover: by the same source
// and target, by the same source with another target or converter (a converter fills type, system and value at once), or not.
// Rows without a target in the guide do not count.
func TestCoverage(t *testing.T) {
	rules := ours(t)
	covered, near, missing := 0, 0, 0
	for name, raw := range archive(t, "v2-to-fhir-mappings.zip", ".csv") {
		m := mapName.FindStringSubmatch(name)
		if m == nil || !strings.Contains(name, "/segments/") {
			continue
		}
		r, ok := rules[m[1]]
		if !ok {
			continue
		}
		c := csv.NewReader(bytes.NewReader(raw))
		c.FieldsPerRecord = -1
		rows, err := c.ReadAll()
		if err != nil {
			t.Fatal(name, err)
		}
		var same, other int
		var not []string
		for _, row := range rows {
			if len(row) < 10 || !strings.HasPrefix(row[1], m[1][:3]) || strings.TrimSpace(row[9]) == "" {
				continue
			}
			switch at, to := row[1], strings.TrimSpace(row[9]); {
			case r.rows[at+" "+to]:
				same++
			case r.from[at]:
				other++
			default:
				not = append(not, at)
			}
		}
		covered, near, missing = covered+same, near+other, missing+len(not)
		slices.Sort(not)
		fmt.Printf("  hl7v2.mapping %s: rows covered %d, by a converter or deviating %d, missing %d %v, rules of our own %d\n", m[1], same, other, len(not), slices.Compact(not), r.why)
	}
	fmt.Printf("  hl7v2.mapping all: rows covered %d, by a converter or deviating %d, missing %d\n", covered, near, missing)
}
