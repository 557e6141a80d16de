package definition

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestRepaired: what the source has beyond FHIR 4.0.1 is gone, what it changed is as FHIR 4.0.1 has it.
func TestRepaired(t *testing.T) {
	s := R4()
	for _, path := range []string{"Meta.project", "Meta.accounts", "Binary.url", "DeviceDefinition.bodySite", "DeviceDefinition.classification", "ResearchStudy.studyDesign",
		"ResearchStudy.outcomeMeasure", "ResearchStudy.objective.description", "EvidenceVariable.characteristic.linkId", "ObservationDefinition.publisher"} {
		dot := strings.LastIndexByte(path, '.')
		if s.Type(path[:dot]).Member(path[dot+1:]) != nil || s.Type(path) != nil {
			t.Errorf("%s is there", path)
		}
	}
	for _, gone := range []string{"SubscriptionStatus", "ResearchStudy.outcomeMeasure"} {
		if s.Type(gone) != nil {
			t.Errorf("%s is there", gone)
		}
	}
	var names []string
	for _, e := range s.Type("EvidenceVariable.characteristic").Elements {
		names = append(names, e.Name)
	}
	if got := strings.Join(names[3:], " "); got != "description definition usageContext exclude participantEffective timeFromStart groupMeasure" {
		t.Error(got)
	}
	if m := s.Type("MedicinalProductIngredient.specifiedSubstance.strength").Member("presentation"); m == nil {
		t.Error("an element with a long path is gone")
	}
	if e := s.Type("DetectedIssue").Member("status").Element; e.Binding.ValueSet != "http://hl7.org/fhir/ValueSet/observation-status|4.0.1" {
		t.Errorf("%+v", e.Binding)
	}
	for _, target := range s.Type("AuditEvent.source").Member("observer").Element.Types[0].Targets {
		if !strings.HasPrefix(target, coreURL) {
			t.Error(target)
		}
	}
}

// TestSource: the embedded tables are those that the generator accounted for.
func TestSource(t *testing.T) {
	account, err := os.ReadFile("r4/SOURCE.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string][]byte{"core.bin": coreTable, "profiles.bin": profileTable, "terms.bin": termTable} {
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256(table), name); !bytes.Contains(account, []byte(line)) {
			t.Errorf("%s is not what SOURCE.txt says", name)
		}
	}
}

// TestNothingOfOthers: no code of a system that is not HL7's is in the tables.
func TestNothingOfOthers(t *testing.T) {
	s := R4()
	withheldIn := map[string]bool{}
	s.Structures(func(d *Structure) bool {
		withheldIn[d.URL] = len(d.Withheld) > 0
		system := map[string]string{}
		for _, e := range d.Elements {
			if base, ok := strings.CutSuffix(e.ID, ".system"); ok && e.Fixed != nil {
				system[base] = string(bytes.Trim(e.Fixed, `"`))
			}
		}
		for _, e := range d.Elements {
			_, fixed := bareValue(e.Fixed)
			_, pattern := bareValue(e.Pattern)
			of := system[e.ID[:max(0, strings.LastIndexByte(e.ID, '.'))]]
			if fixed || pattern || strings.HasSuffix(e.ID, ".code") && e.Fixed != nil && of != "" && !given(of, string(bytes.Trim(e.Fixed, `"`))) {
				t.Errorf("%s %s", d.URL, e.ID)
			}
		}
		return true
	})
	for url, want := range map[string]bool{"bp": false, "Patient": false, "ldlcholesterol": false, "lipidprofile": true, "cholesterol": true} {
		if got, there := withheldIn[coreURL+url]; got != want || !there {
			t.Errorf("%s: there %v, withholds %v, want %v", url, there, got, want)
		}
	}
	s.lazy.terms.Do(s.loadTerms)
	for _, c := range s.composes {
		for _, list := range [][]part{c.include, c.exclude, c.expansion} {
			for _, p := range list {
				if p.system != "" && !shipped(p.system) && len(p.concepts)+len(p.filters) > 0 {
					t.Errorf("%s holds codes of %s", c.url, p.system)
				}
			}
		}
	}
	for url := range s.codes {
		if !shipped(url) {
			t.Errorf("code system %s", url)
		}
	}
}
