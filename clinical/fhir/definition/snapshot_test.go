package definition_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// withoutSnapshots returns the package with the snapshots of its profiles taken out.
func withoutSnapshots(t *testing.T, tgzFile []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(tgzFile))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return tgz(files...)
		}
		if err != nil {
			t.Fatal(err)
		}
		if path.Dir(h.Name) != "package" || path.Ext(h.Name) != ".json" {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal(b, &all); err != nil {
			t.Fatal(err)
		}
		if string(all["resourceType"]) == `"StructureDefinition"` {
			delete(all, "snapshot")
			if b, err = json.Marshal(all); err != nil {
				t.Fatal(err)
			}
		}
		files = append(files, h.Name, string(b))
	}
}

// differences compares two snapshots by what an engine reads of them.
func differences(shipped, made *definition.Structure) (out []string) {
	byID := map[string]*definition.ElementDefinition{}
	for _, e := range made.Elements {
		byID[e.ID] = e
	}
	for _, want := range shipped.Elements {
		got := byID[want.ID]
		delete(byID, want.ID)
		if got == nil {
			out = append(out, want.ID+" only shipped")
			continue
		}
		out = append(out, elementDifferences(want, got)...)
	}
	for id := range byID {
		out = append(out, id+" only made")
	}
	sort.Strings(out)
	return out
}

func elementDifferences(want, got *definition.ElementDefinition) (out []string) {
	say := func(what string, a, b any) {
		if d := cmp.Diff(a, b); d != "" {
			out = append(out, fmt.Sprintf("%s %s shipped %s made %s", want.ID, what, text(a), text(b)))
		}
	}
	keys := func(e *definition.ElementDefinition) (all []string) {
		for _, c := range e.Constraints {
			all = append(all, c.Key)
		}
		slices.Sort(all)
		return all
	}
	say("path", want.Path, got.Path)
	say("slice", want.SliceName, got.SliceName)
	say("min", want.Min, got.Min)
	say("max", want.Max, got.Max)
	say("base max", want.BaseMax, got.BaseMax)
	say("types", want.Types, got.Types)
	_, a, _ := strings.Cut(want.Content, "#")
	_, b, _ := strings.Cut(got.Content, "#")
	say("content", a, b)
	say("fixed", string(want.Fixed), string(got.Fixed))
	say("pattern", string(want.Pattern), string(got.Pattern))
	say("binding", want.Binding, got.Binding)
	say("slicing", want.Slicing, got.Slicing)
	say("must support", want.MustSupport, got.MustSupport)
	say("modifier", want.Modifier, got.Modifier)
	say("invariants", keys(want), keys(got))
	return out
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func read(t *testing.T, b []byte) *definition.Package {
	t.Helper()
	p, err := definition.ReadPackage(bytes.NewReader(b), definition.PackageLimits{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// explained are the differences that are meant. Every one must be met.
var explained = []struct {
	profile, element string // what the URL ends in, what the difference begins with
	why              string
}{
	{"us-core-provenance", "Provenance.agent:", "a slice takes over what the same differential says of the element, which it has to keep anyway; the shipped one takes that of the base"},
	{"us-core-average-blood-pressure", "Observation.component:", "the same, for an invariant"},
	{"us-core-organization", "Organization.identifier:", "the same, for the elements below the element"},
	{"us-core-practitioner", "Practitioner.identifier:", "the same, for the elements below the element"},
	{"us-core-patient", "Patient.extension:race invariants", "the shipped one copies an invariant of the extension's own definition, which is checked there"},
	{"us-core-observation-adi-documentation", "Observation.extension:supporting-info.id types", "R4 gives the id of an extension the type string"},
}

// TestSnapshotsOfUSCore: the snapshots that are made from the differentials are those that US Core ships.
func TestSnapshotsOfUSCore(t *testing.T) {
	if testing.Short() {
		fmt.Println("NOT RUN: the snapshots of US Core: -short")
		t.Skip("-short: thousands of cases in one goroutine")
	}
	met := map[string]int{}
	for _, file := range []string{"us_core_610.tgz", "us_core_800.tgz"} {
		b := gold(t, "us-core", file)
		shipped, _ := definition.R4().With(read(t, b))
		made, _ := definition.R4().With(read(t, withoutSnapshots(t, b)))
		structures, elements := 0, 0
		shipped.Structures(func(d *definition.Structure) bool {
			if d.Package == "" {
				return true
			}
			name := d.URL[strings.LastIndexByte(d.URL, '/')+1:]
			m := made.Structure(d.URL)
			if name == "us-core-questionnaireresponse" {
				if !m.Partial {
					t.Error("a profile on a base that is not loaded has a snapshot")
				}
				return true
			}
			if m == nil || m.Partial {
				t.Errorf("%s: no snapshot", d.URL)
				return true
			}
			structures++
			elements += len(d.Elements)
			for _, diff := range differences(d, m) {
				i := slices.IndexFunc(explained, func(e struct{ profile, element, why string }) bool {
					return e.profile == name && strings.HasPrefix(diff, e.element)
				})
				if i < 0 {
					t.Errorf("%s: %s", name, diff)
					continue
				}
				met[explained[i].profile]++
				t.Logf("%s: %s (%s)", name, diff, explained[i].why)
			}
			return true
		})
		t.Logf("%s: %d structures, %d elements", file, structures, elements)
	}
	for _, e := range explained {
		if met[e.profile] == 0 {
			t.Errorf("the difference of %s is no more", e.profile)
		}
	}
}

// TestWideDifferential: the time of a snapshot does not grow with the square of its elements or slices.
func TestWideDifferential(t *testing.T) {
	const many = 40_000
	var elements, photos strings.Builder
	for i := range many {
		fmt.Fprintf(&elements, `,{"path":"l.e%d"}`, i)
		fmt.Fprintf(&photos, `,{"id":"Patient.photo:s%d","path":"Patient.photo","sliceName":"s%d"}`, i, i)
	}
	structure := func(url, kind, typ, base, derivation, elements string) string {
		return fmt.Sprintf(`{"resourceType":"StructureDefinition","url":%q,"name":"X","kind":%q,"type":%q,"baseDefinition":"http://hl7.org/fhir/StructureDefinition/%s",
			"derivation":%q,"differential":{"element":[%s]}}`, url, kind, typ, base, derivation, elements)
	}
	at := time.Now()
	set := termsOf(t, structure("http://l", "logical", "http://l", "Element", "specialization", `{"path":"l"}`+elements.String()),
		structure("http://p", "resource", "Patient", "Patient", "constraint", `{"path":"Patient"},{"path":"Patient.photo"}`+photos.String()))
	if took := time.Since(at); took > 6*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, url := range []string{"http://l", "http://p"} {
		if s := set.Structure(url); s.Partial || len(s.Elements) < many {
			t.Errorf("%s: partial %v, %d elements", url, s.Partial, len(s.Elements))
		}
	}
}
