package validate_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

// guide is a published implementation guide, with the packages that it builds on.
type guide struct {
	name, file string
	with       []string
	total      int
	listed     map[string]string // examples that are not valid, with the reason
}

const (
	extensions  = "hl7.fhir.uv.extensions.r4-5.3.0-ballot-tc1.tgz"
	terminology = "hl7.terminology.r4-7.0.1.tgz"
	genomics    = "hl7.fhir.uv.genomics-reporting-3.0.0.tgz"

	otherGenomics = "it is written for version 2.0.0 of the genomics guide, which asks for less"
	notContained  = "a canonical names a contained resource that is not there; the HL7 validator says so too"
	quoted        = "a reference has quotation marks in it"
)

var guides = []guide{
	{"ips", "hl7.fhir.uv.ips-2.0.0.tgz", []string{extensions, terminology}, 44, nil},
	{"au.base", "hl7.fhir.au.base-6.0.0.tgz", []string{extensions, terminology}, 123, nil},
	{"genomics", genomics, []string{extensions, terminology}, 204, nil},
	{"sdc", "hl7.fhir.uv.sdc-4.0.0-ballot.tgz", []string{extensions, terminology}, 50, map[string]string{
		"Bundle-questionnaire-sdc-profile-example.json":                              notContained,
		"Questionnaire-questionnaire-sdc-profile-example-form-behavior.json":         notContained,
		"QuestionnaireResponse-questionnaireresponse-sdc-profile-example-PHQ9.json":  quoted,
		"QuestionnaireResponse-questionnaireresponse-sdc-profile-example-loinc.json": quoted,
	}},
	{"mcode", "hl7.fhir.us.mcode-4.0.0.tgz", []string{extensions, terminology, genomics}, 179, map[string]string{
		"Bundle-gx-genomic-bundle-adam-anyperson.json":                        otherGenomics,
		"Observation-gx-genomic-diagnostic-implication-bap1.json":             otherGenomics,
		"Observation-gx-genomic-diagnostic-implication-pof1b.json":            otherGenomics,
		"Observation-gx-genomic-diagnostic-implication-polrmt.json":           otherGenomics,
		"Observation-gx-genomic-therapeutic-implication-alectinib.json":       otherGenomics,
		"Observation-gx-genomic-therapeutic-implication-brigatinib.json":      otherGenomics,
		"Observation-gx-genomic-therapeutic-implication-ceritinib.json":       otherGenomics,
		"Observation-gx-genomic-therapeutic-implication-crizotinib.json":      otherGenomics,
		"Observation-gx-genomic-therapeutic-implication-lorlatinib.json":      otherGenomics,
		"Observation-tnm-pathologic-distant-metastases-category-jenny-m.json": "not-applicable is none of the codes of its maximal value set",
	}},
}

// published returns the folder with the guides, which test/guides.sh makes; they are not part of the gold data.
func published(t *testing.T) string {
	dir := os.Getenv("WARD_GUIDES")
	if dir == "" {
		fmt.Println("NOT RUN: the examples of published guides: `make guides` runs them")
		t.Skip("WARD_GUIDES is not set")
	}
	return dir
}

func (g *guide) set(t *testing.T, dir string) *definition.Set {
	packages := []*definition.Package{readPackage(t, dir, g.file)}
	for _, name := range g.with {
		packages = append(packages, readPackage(t, dir, name))
	}
	if g.name == "mcode" {
		packages = append(packages, readPackage(t, gold(t, "US Core"), "us-core", "us_core_610.tgz"))
	}
	set, _ := definition.R4().With(packages...)
	return set
}

// TestGuides validates the examples of published guides against the profiles that they claim.
func TestGuides(t *testing.T) {
	dir := published(t)
	for _, g := range guides {
		v := validate.New(g.set(t, dir), validate.Options{})
		all := examples(t, filepath.Join(dir, g.file))
		pass, listed := 0, 0
		for _, name := range slices.Sorted(maps.Keys(all)) {
			said := verdict(v, all[name])
			reason, isListed := g.listed[name]
			switch ok := issue.Valid(said); {
			case ok && isListed:
				t.Errorf("%s is listed (%s) and is valid: take it off the list", name, reason)
			case ok:
				pass++
			case isListed:
				listed++
			default:
				t.Errorf("%s: %s", name, errorsOf(said))
			}
		}
		fmt.Printf("suite guide.%s total %d pass %d listed %d notrun 0\n", g.name, len(all), pass, listed)
		if len(all) != g.total {
			t.Errorf("%s has %d examples, not %d", g.name, len(all), g.total)
		}
	}
}

// TestDifferentialGuides compares verdicts on changed examples of the guides with those of the HL7 validator.
func TestDifferentialGuides(t *testing.T) {
	dir := published(t)
	for _, g := range guides {
		t.Run(g.name, func(t *testing.T) {
			folders := []string{unpacked(t, filepath.Join(dir, g.file))}
			for _, name := range g.with {
				folders = append(folders, unpacked(t, filepath.Join(dir, name)))
			}
			if g.name == "mcode" {
				folders = append(folders, unpacked(t, filepath.Join(gold(t, "US Core"), "us-core", "us_core_610.tgz")))
			}
			v := validate.New(g.set(t, dir), validate.Options{})
			p := java(t, folders...)
			p.classes = slices.Concat(classes, guideClasses)
			from := p.valid(v, claiming(examples(t, filepath.Join(dir, g.file))))
			p.compare(v, from, rand.New(rand.NewPCG(6, 2026)), "differential."+g.name, count(t, 500))
		})
	}
}

// guideClasses are the kinds of disagreement that only the guides show.
var guideClasses = []class{
	{"peer stricter: no profile of a type fits, although the type itself is one of them", "elementdefinition-definitions.html#ElementDefinition.type.profile: one has to hold", func(_ []issue.Issue, theirs string) bool {
		return every(theirs, "Unable to find a match for the specified profile among choices", "http://hl7.org/fhir/StructureDefinition/Identifier")
	}},
	{"peer stricter: a Coding without a code, in an element that has to fit one of several profiles, its type among them", "datatypes.html#Coding: code is optional", func(_ []issue.Issue, theirs string) bool {
		all := strings.Split(theirs, " || ")
		at, _, _ := strings.Cut(all[0], ": Unable to find a match for the specified profile among choices")
		return strings.Contains(all[0], "http://hl7.org/fhir/StructureDefinition/Identifier") && strings.Contains(theirs, "#null'") &&
			!slices.ContainsFunc(all, func(one string) bool { return !strings.HasPrefix(one, at) })
	}},
	{"peer stricter: it fails in rng-2", "its message is an exception", func(_ []issue.Issue, theirs string) bool {
		return every(theirs, "rng-2") && anyOf(theirs, "HAPI-0676", "Cannot invoke")
	}},
	{"peer stricter: codes of DICOM and ISO are not shipped", "terminologies.html: what is not known is not checked", func(_ []issue.Issue, theirs string) bool {
		return anyOf(theirs, "http://dicom.nema.org/resources/ontology/DCM", "urn:iso:std:iso:3166")
	}},
	{"peer laxer: a Coding without a system in a required value set", "datatypes.html#Coding: a code has no meaning without its system", func(ours []issue.Issue, theirs string) bool {
		return theirs == "" && only(ours, "code-not-in-value-set", ".ofType(Coding)")
	}},
	{"peer laxer: the maximal value set of an extensible binding", "extension-elementdefinition-maxvalueset.html", func(ours []issue.Issue, theirs string) bool {
		return theirs == "" && !slices.ContainsFunc(ours, func(i issue.Issue) bool {
			return i.Severity <= issue.Error && i.ID != validate.IDCodeSystem && !strings.Contains(i.Text, "maximal value set")
		})
	}}, {"peer laxer: base64 of a Binary among Parameters", "datatypes.html#base64Binary: a multiple of four characters of its alphabet", func(ours []issue.Issue, theirs string) bool {
		return theirs == "" && only(ours, "primitive-form", ".resource.data")
	}},
}
