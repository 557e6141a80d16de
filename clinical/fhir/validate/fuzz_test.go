package validate_test

import (
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// FuzzValidate looks for panics, and for issues that show text of the resource where they must not.
func FuzzValidate(f *testing.F) {
	for _, s := range []string{
		`{"resourceType":"Patient","name":[{"family":"x"}],"birthDate":"2020-01-01","contained":[{"resourceType":"Organization","id":"o"}],"managingOrganization":{"reference":"#o"}}`,
		`{"resourceType":"Bundle","type":"document","entry":[{"fullUrl":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0","resource":{"resourceType":"Composition","status":"final","subject":{"reference":"Patient/1"}}}]}`,
		`{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#q","contained":[{"resourceType":"Questionnaire","id":"q","status":"active","item":[{"linkId":"1","type":"choice","answerOption":[{"valueCoding":{"code":"a"}}],"enableWhen":[{"question":"1","operator":"=","answerString":"x"}]}]}],"item":[{"linkId":"1","answer":[{"valueCoding":{"code":"b"}}]}]}`,
		`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":1}}]}`,
		`{"resourceType":"StructureDefinition","url":"http://x/y","type":"Patient","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[{"path":"Patient.name","slicing":{"discriminator":[{"type":"value","path":"use.x"}],"rules":"open"}}]}}`,
		`{"resourceType":"Parameters","parameter":[{"name":"a","valueQuantity":{"value":1,"_value":null}},{"name":"b","resource":{"resourceType":"Patient","_gender":{"extension":[{"url":"http://x/y","valueCode":"z"}]}}}]}`,
		`{"resourceType":"SearchParameter","type":"composite","base":["Patient"],"derivedFrom":"http://hl7.org/fhir/SearchParameter/Organization-name"}`,
		`{"resourceType":"ValueSet","status":"active","compose":{"include":[{"system":"http://x","filter":[{"property":"a","op":"=","value":"b"}]}]}}`,
	} {
		f.Add([]byte(s))
	}
	v := validate.New(definition.R4(), validate.Options{ForbidMarkup: true, ForbidExamples: true, MustResolve: true, BestPractice: 3, Steps: 200_000,
		Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	d := &tree.Doc{}
	f.Fuzz(func(t *testing.T, src []byte) {
		if d.Parse(src, tree.Limits{Bytes: 1 << 20}) != nil {
			return
		}
		for _, i := range v.Validate(d) {
			if i.ID == "" || i.Code == "" || i.Severity == 0 || i.Text == "" {
				t.Fatalf("an issue is not whole: %+v", i)
			}
		}
	})
}

// FuzzProfile looks for panics and endless work in the compiling of profiles, and in what they do to a resource.
func FuzzProfile(f *testing.F) {
	f.Add([]byte(profile("p", "Patient", sliced("closed", true))))
	f.Add([]byte(profile("p", "Patient", `{"path":"Patient.extension","slicing":{"discriminator":[{"type":"value","path":"extension.extension.url"}],"rules":"open"}},{"path":"Patient.extension","sliceName":"a","min":1,"type":[{"code":"Extension","profile":["http://ward.test/p"]}]}`)))
	f.Add([]byte(profile("p", "Patient", `{"path":"Patient.birthDate","minValueDuration":{"value":1,"code":"a"}},{"path":"Patient.contact.name","fixedHumanName":{"family":"x"},"constraint":[{"key":"a","severity":"error","human":"x","expression":"family.exists()"}]}`)))
	d := parse(f, []byte(`{"resourceType":"Patient","id":"1","contained":[{"resourceType":"Organization","id":"o","name":"x"}],"extension":[{"url":"http://ward.test/p","extension":[{"url":"a","valueCode":"b"}]}],
		"identifier":[{"system":"http://a","value":"1"},{"system":"http://b"}],"name":[{"family":"x","given":["y"]}],"birthDate":"2020-01-01","managingOrganization":{"reference":"#o"},"contact":[{"name":{"family":"x"}}]}`))
	root, err := fhirpath.Root(d, definition.R4())
	if err != nil {
		f.Fatal(err)
	}
	slice := fhirpath.MustCompile("descendants().slice(%url, %name).count() + conformsTo(%url).toInteger()")
	f.Fuzz(func(t *testing.T, src []byte) {
		p := &definition.Package{Name: "fuzz", Version: "1"}
		if len(src) > 1<<16 || p.Add(src) != nil {
			return
		}
		set, _ := definition.R4().With(p)
		set.Structures(func(s *definition.Structure) bool {
			if s.Package == "" && s.URL != "" && len(s.URL) < 200 && set.Structure(s.URL) == s && definition.R4().Structure(s.URL) == nil {
				v := validate.New(set, validate.Options{Steps: 200_000})
				v.Validate(d, s.URL)
				ctx := v.Context(root)
				for _, e := range s.Elements[:min(len(s.Elements), 200)] {
					if e.SliceName != "" {
						ctx.Vars = map[string]fhirpath.Collection{"url": {fhirpath.String(s.URL)}, "name": {fhirpath.String(e.SliceName)}}
						_, _ = slice.Eval(ctx, root)
					}
				}
			}
			return true
		})
	})
}
