package structure_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

var schema = sync.OnceValue(func() *structure.Schema { return structure.New(definition.R4()) })

// found checks a resource and returns its findings as "id expression".
func found(t testing.TB, src string) (list []string) {
	t.Helper()
	var d tree.Doc
	if err := d.Parse([]byte(src), tree.Limits{}); err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	var c structure.Checker
	ok := c.Check(schema(), &d, structure.Options{})
	for _, i := range c.Issues {
		if i.Line < 1 || i.Column < 1 || i.Text == "" || i.Code == "" {
			t.Errorf("%s: %+v", src, i)
		}
		list = append(list, i.ID+" "+i.Expression)
	}
	if ok != (len(list) == 0) {
		t.Errorf("%s: valid %v with %v", src, ok, list)
	}
	return list
}

func patient(rest string) string { return `{"resourceType":"Patient","id":"x"` + rest + `}` }

func observation(rest string) string {
	return `{"resourceType":"Observation","status":"final","code":{"text":"x"}` + rest + `}`
}

const div = `{"status":"generated","div":"<div xmlns='http://www.w3.org/1999/xhtml'>%s</div>"}`

var cases = []struct {
	src  string
	want string // findings, joined by "; "
}{
	{patient(``), ""},
	{`{"id":"x"}`, "resource-type-missing "},
	{`{"resourceType":"Human"}`, "resource-type-unknown resourceType"},
	{`{"resourceType":"DomainResource"}`, "resource-type-unknown resourceType"},
	{`{"resourceType":"HumanName"}`, "resource-type-unknown resourceType"},
	{`[]`, "json-kind "},
	{patient(`,"foo":1,"nmae":[]`), "element-unknown Patient.foo; element-unknown Patient.nmae"},
	{patient(`,"name":[{"famly":"x"}]`), "element-unknown Patient.name[0].famly"},
	{patient(`,"<b>Ann":1`), "element-unknown Patient"},
	{patient(`,"n\u0061me":[{"family":"x"}]`), ""},
	{patient(`,"name":{"family":"x"}`), "json-array Patient.name"},
	{patient(`,"name":{"family":1}`), "json-array Patient.name; json-kind Patient.name.family"},
	{patient(`,"birthDate":["2020"]`), "json-single Patient.birthDate"},
	{patient(`,"name":["x"]`), "json-kind Patient.name[0]"},
	{patient(`,"name":[null]`), "json-null Patient.name[0]"},
	{patient(`,"name":null`), "json-null Patient.name"},
	{patient(`,"active":null`), "json-null Patient.active"},
	{patient(`,"name":[]`), "json-empty Patient.name"},
	{patient(`,"name":[{}]`), "json-empty Patient.name[0]"},
	{patient(`,"gender":""`), "json-empty Patient.gender"},
	{patient(`,"active":"true"`), "json-kind Patient.active"},
	{patient(`,"multipleBirthBoolean":true,"multipleBirthInteger":2`), "choice-many Patient.multipleBirth.ofType(integer)"},
	{patient(`,"multipleBirthBoolean":true,"_multipleBirthBoolean":{"id":"a"}`), ""},
	{patient(`,"multipleBirthBoolean":true,"_multipleBirthInteger":{"id":"a"}`), "choice-many Patient.multipleBirth.ofType(integer)"},
	{patient(`,"multipleBirthString":"x"`), "element-unknown Patient.multipleBirthString"},
	{patient(`,"link":[{"other":{"reference":"Patient/1"}}]`), "cardinality-min Patient.link[0]"},
	{`{"resourceType":"Observation"}`, "cardinality-min Observation; cardinality-min Observation"},
	{`{"resourceType":"Observation","_status":{"extension":[{"url":"u","valueString":"x"}]},"code":{"text":"x"}}`, ""},
	{observation(`,"valueQuantity":{"value":"1"}`), "json-kind Observation.value.ofType(Quantity).value"},
	{observation(`,"component":[{"valueInteger":1.0,"code":{"text":"y"}}]`), "primitive-form Observation.component[0].value.ofType(integer)"},
	{observation(`,"effectiveDateTime":"2020-02-30"`), "primitive-form Observation.effective.ofType(dateTime)"},
	{observation(`,"status2":1,"valueString":" "`), "element-unknown Observation.status2; primitive-form Observation.value.ofType(string)"},
	{`{"resourceType":"Observation","status":"fine","code":{"text":"x"}}`, "code-required Observation.status"},
	{`{"resourceType":"Observation","status":" final","code":{"text":"x"}}`, "primitive-form Observation.status"},
	{patient(`,"contact":[{"relationship":[{"text":"x"}],"name":{"use":"wrong"}}]`), "code-required Patient.contact[0].name.use"},
	// nulls
	{patient(`,"name":[{"given":["a",null],"_given":[null,{"id":"q"}]}]`), ""},
	{patient(`,"name":[{"given":["a",null],"_given":[{"id":"q"},null]}]`), "json-null Patient.name[0].given[1]"},
	{patient(`,"name":[{"given":["a",null]}]`), "json-null Patient.name[0].given[1]"},
	{patient(`,"name":[{"_given":[null,{"id":"q"}]}]`), "json-null Patient.name[0].given[0]"},
	{patient(`,"name":[{"given":["a","b"],"_given":[{"id":"q"}]}]`), ""},
	{patient(`,"name":[{"given":["a"],"_given":[{"id":"q"},{"id":"r"}]}]`), ""},
	{patient(`,"name":[{"given":["a"],"_given":[{"id":"q"},null]}]`), "json-null Patient.name[0].given[1]"},
	{patient(`,"name":[{"_given":[{"id":"q"}]}]`), ""},
	{patient(`,"_birthDate":{"id":"q"}`), ""},
	{patient(`,"_birthDate":{"valueString":"q"}`), "element-unknown Patient.birthDate.valueString"},
	{patient(`,"_birthDate":{}`), "json-empty Patient.birthDate"},
	{patient(`,"_name":[{"id":"q"}]`), "element-unknown Patient._name"},
	// references
	{observation(`,"subject":{"reference":"Patient/1"}`), ""},
	{observation(`,"subject":{"reference":"Patient/1/_history/2"}`), ""},
	{observation(`,"subject":{"reference":"Patient?identifier=a|b"}`), ""},
	{observation(`,"subject":{"reference":"http://h/Patient/1"}`), ""},
	{observation(`,"subject":{"reference":"urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}`), ""},
	{observation(`,"subject":{"reference":"Human/1"}`), "reference-form Observation.subject.reference"},
	{observation(`,"subject":{"reference":"Patient/1/2"}`), "reference-form Observation.subject.reference"},
	{observation(`,"subject":{"reference":"Patient"}`), "reference-form Observation.subject.reference"},
	{observation(`,"subject":{"reference":"Patient/a b"}`), "reference-form Observation.subject.reference"},
	{observation(`,"subject":{"reference":5}`), "json-kind Observation.subject.reference"},
	// contained
	{observation(`,"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}`), ""},
	{observation(`,"contained":[{"resourceType":"Patient","id":"p"}]`), "contained-unreferenced Observation.contained[0]"},
	{observation(`,"contained":[{"resourceType":"Provenance","id":"p","target":[{"reference":"#"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}]}]`), ""},
	{observation(`,"contained":[{"resourceType":"Patient"}]`), "contained-id Observation.contained[0]"},
	{observation(`,"subject":{"reference":"#p"}`), "reference-contained Observation.subject.reference"},
	{observation(`,"contained":[{"resourceType":"Patient","id":"p"},{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}`), "contained-duplicate Observation.contained[1].id"},
	{observation(`,"contained":[{"resourceType":"Patient","id":"p","contained":[]}],"subject":{"reference":"#p"}`), "contained-nested Observation.contained[0].contained"},
	{observation(`,"contained":[{"resourceType":"Patient","id":"p","foo":1}],"subject":{"reference":"#p"}`), "element-unknown Observation.contained[0].foo"},
	{`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","foo":1}},{"resource":` + observation(`,"subject":{"reference":"#p"}`) + `}]}`,
		"element-unknown Bundle.entry[0].resource.foo; reference-contained Bundle.entry[1].resource.subject.reference"},
	// extensions
	{patient(`,"extension":[{"url":"u","valueDecimal":1.00}]`), ""},
	{patient(`,"extension":[{"valueString":"x"}]`), "cardinality-min Patient.extension[0]"},
	{patient(`,"extension":[{"url":"u"}]`), "extension-form Patient.extension[0]"},
	{patient(`,"extension":[{"url":"u","valueString":"x","extension":[{"url":"v","valueCode":"y"}]}]`), "extension-form Patient.extension[0]"},
	{patient(`,"extension":[{"url":"u","valueString":"x","valueCode":"y"}]`), "choice-many Patient.extension[0].value.ofType(code)"},
	{patient(`,"name":[{"modifierExtension":[{"url":"u","valueCode":"y"}]}]`), "element-unknown Patient.name[0].modifierExtension"},
	// periods
	{patient(`,"identifier":[{"value":"1","period":{"start":"2020-01-01T10:00:00Z","end":"2020-01-01"}}]`), ""},
	{patient(`,"identifier":[{"value":"1","period":{"start":"2021","end":"2020-12"}}]`), "period-order Patient.identifier[0].period"},
	// narrative
	{patient(`,"text":` + fmt.Sprintf(div, "a <b>c</b> &amp; &#160; &#x20; &lt;&gt;&quot;&apos; <br/>")), ""},
	{patient(`,"text":` + fmt.Sprintf(div, "a&nbsp;b")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<p title='&eacute;'>a</p>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "a&#0;b")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "a&#xFFFF;b")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "a&#x110000;b")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, `a\u0001b`)), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "a\uFFFEb")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "a]]>b")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<a href='&#106;avascript:x'>x</a>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<a href='&#x4A;AVA&#10;script&#58;x'>x</a>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<a href='&#1;'>x</a>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<a href=' vbscript:x'>x</a>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<a href='java.html' title='&amp;'>x</a>")), ""},
	{patient(`,"text":` + fmt.Sprintf(div, " <p> </p>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<img src='a.png' alt='x'/>")), ""},
	{patient(`,"text":` + fmt.Sprintf(div, "<script>x</script>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<p onclick='x'>x</p>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<a href='javascript:x'>x</a>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<p class='a' class='b'>x</p>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<b><i>x</b></i>")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "a & b")), "narrative Patient.text.div"},
	{patient(`,"text":` + fmt.Sprintf(div, "<!-- c -->x")), ""},
	{patient(`,"text":{"status":"generated","div":"<div>x</div>"}`), "narrative Patient.text.div"},
	{patient(`,"text":{"status":"generated","div":"x"}`), "narrative Patient.text.div"},
	{patient(`,"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div> y"}`), "narrative Patient.text.div"},
}

func TestFindings(t *testing.T) {
	for _, c := range cases {
		if got := strings.Join(found(t, c.src), "; "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

// TestPosition: an issue stands where the wrong thing is.
func TestPosition(t *testing.T) {
	src := "{\n \"resourceType\": \"Patient\",\n \"name\": [{\"family\": \"ö\", \"foo\": 1}],\n \"birthDate\": \"x\"\n}"
	var d tree.Doc
	if err := d.Parse([]byte(src), tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	var c structure.Checker
	c.Check(schema(), &d, structure.Options{})
	var got []string
	for _, i := range c.Issues {
		got = append(got, fmt.Sprintf("%s %d:%d", i.Expression, i.Line, i.Column))
	}
	if d := cmp.Diff([]string{"Patient.name[0].foo 3:27", "Patient.birthDate 4:15"}, got); d != "" {
		t.Error(d)
	}
}

// TestBound: no more issues than asked for, and it says so.
func TestBound(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	var d tree.Doc
	if err := d.Parse([]byte(patient(b.String())), tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	var c structure.Checker
	for most, want := range map[int]int{0: structure.DefaultMax, 7: 7, 1000: 500} {
		if c.Check(schema(), &d, structure.Options{Max: most}) || len(c.Issues) != want || c.More != (want < 500) {
			t.Errorf("bound %d: %d issues, more %v", most, len(c.Issues), c.More)
		}
	}
}

// TestSaysNothing: a canary in every place of a body is in no issue.
func TestSaysNothing(t *testing.T) {
	const canary = "Kanarien vogel"
	for _, src := range []string{
		`{"resourceType":"` + canary + `"}`, patient(`,"birthDate":"` + canary + `"`), patient(`,"gender":"` + canary + `"`), patient(`,"` + canary + `":1`),
		observation(`,"subject":{"reference":"` + canary + `"}`), patient(`,"text":` + fmt.Sprintf(div, "<"+canary+">")), observation(`,"contained":[{"resourceType":"Patient","id":"` + canary + `"}]`),
	} {
		var d tree.Doc
		if err := d.Parse([]byte(src), tree.Limits{}); err != nil {
			t.Fatal(err)
		}
		var c structure.Checker
		if c.Check(schema(), &d, structure.Options{}) || strings.Contains(fmt.Sprint(c.Issues), "Kanarien") {
			t.Errorf("%s: %v", src, c.Issues)
		}
	}
}

// TestWatch: hits are the values at the ends of paths, items and not arrays.
func TestWatch(t *testing.T) {
	w, err := schema().Watch("Observation", map[string]int{"status": 1, "component.code": 2, "component": 3, "valueQuantity.code": 4})
	if err != nil {
		t.Fatal(err)
	}
	var d tree.Doc
	src := observation(`,"component":[{"code":{"text":"a"}},{"code":{"text":"b"},"valueQuantity":{"code":"x"}}],"valueQuantity":{"code":"mg"}`)
	if err := d.Parse([]byte(src), tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	var c structure.Checker
	c.Check(schema(), &d, structure.Options{Watch: w})
	var got []string
	for _, h := range c.Hits {
		got = append(got, fmt.Sprintf("%d %s", h.Mark, d.Raw(h.Node)))
	}
	want := []string{`1 "final"`, `3 {"code":{"text":"a"}}`, `2 {"text":"a"}`, `3 {"code":{"text":"b"},"valueQuantity":{"code":"x"}}`, `2 {"text":"b"}`, `4 "mg"`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := schema().Watch("Observation", map[string]int{"status.x": 1}); err == nil {
		t.Error("a path that is not there was taken")
	}
}

// TestManyContained: ids are found and doubles seen when there are many.
func TestManyContained(t *testing.T) {
	var list, refs strings.Builder
	for i := range 100 {
		fmt.Fprintf(&list, `{"resourceType":"Patient","id":"p%d"},`, i)
		fmt.Fprintf(&refs, `{"reference":"#p%d"},`, i)
	}
	src := observation(`,"contained":[` + list.String() + `{"resourceType":"Patient","id":"p7"}],"focus":[` + refs.String() + `{"reference":"#p100"}]`)
	want := []string{"contained-duplicate Observation.contained[100].id", "reference-contained Observation.focus[100].reference"}
	if d := cmp.Diff(want, found(t, src)); d != "" {
		t.Error(d)
	}
}

// TestConcurrent: a Schema that has compiled nothing yet serves many at once.
func TestConcurrent(t *testing.T) {
	s := structure.New(definition.R4())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var d tree.Doc
			var c structure.Checker
			for _, k := range cases {
				if err := d.Parse([]byte(k.src), tree.Limits{}); err != nil {
					t.Error(err)
				}
				if ok := c.Check(s, &d, structure.Options{}); ok != (k.want == "") {
					t.Errorf("%s: %v", k.src, c.Issues)
				}
			}
		})
	}
	all.Wait()
}

// TestPrimitives: each form takes what the standard's regular expression takes and no more.
func TestPrimitives(t *testing.T) {
	for member, texts := range map[string]struct{ good, bad []string }{
		"valueInteger":      {[]string{"0", "-1", "2147483647", "-2147483648"}, []string{"2147483648", "-2147483649", "1.0", "1e2", "-0", `"1"`, "true", "99999999999999999999"}},
		"valueUnsignedInt":  {[]string{"0", "2147483647"}, []string{"-1", "2147483648"}},
		"valuePositiveInt":  {[]string{"1"}, []string{"0", "-1"}},
		"valueDecimal":      {[]string{"0", "-1.50", "1e10", "1E-3"}, []string{`"1"`, "1." + strings.Repeat("0", 100)}},
		"valueBoolean":      {[]string{"true", "false"}, []string{"0", `"true"`, "null"}},
		"valueDate":         {[]string{`"2020"`, `"2020-02"`, `"2020-02-29"`}, []string{`"2020-02-29T00:00:00Z"`, `"0000"`, `"2021-02-29"`}},
		"valueDateTime":     {[]string{`"2020"`, `"2020-02-29T00:00:00.1+01:00"`}, []string{`"2020-02-29T00:00Z"`, `"2020-02-29T00:00:00"`}},
		"valueInstant":      {[]string{`"2020-02-29T00:00:00Z"`}, []string{`"2020-02-29"`}},
		"valueTime":         {[]string{`"23:59:60"`, `"00:00:00.123"`}, []string{`"24:00:00"`, `"10:00"`}},
		"valueCode":         {[]string{`"a b"`}, []string{`" a"`, `"a  b"`, `"a\tb"`, `"a "`}},
		"valueId":           {[]string{`"a-B.9"`}, []string{`"a_b"`, `"` + strings.Repeat("a", 65) + `"`}},
		"valueOid":          {[]string{`"urn:oid:1.2.840"`, `"urn:oid:2.0"`}, []string{`"1.2.840"`, `"urn:oid:3.1"`, `"urn:oid:1.02"`, `"urn:oid:1."`, `"urn:oid:1"`}},
		"valueUuid":         {[]string{`"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"`}, []string{`"c757873d-ec9a-4326-a141-556f43239520"`, `"urn:uuid:C757873D-ec9a-4326-a141-556f43239520"`}},
		"valueUri":          {[]string{`"urn:x"`, `"a/b#c"`}, []string{`"a b"`, `" a"`}},
		"valueUrl":          {[]string{`"mailto:x@y"`}, []string{`"a b"`}},
		"valueCanonical":    {[]string{`"http://x|1"`}, []string{`"a b"`}},
		"valueBase64Binary": {[]string{`"YWJj"`, `" YWJj\nYQ== "`}, []string{`"YWJ"`, `"YW Jj\nYQ=="`, `"not a date"`, `"Y=Jj"`, `"YW-j"`, `"===="`}},
		"valueString":       {[]string{`" a "`, `"\t\r\na"`, `"ö"`}, []string{`" "`, `"a\u0000"`, `"a\u000b"`, `"\u007f"`}},
		"valueMarkdown":     {[]string{`"# a\n\nb"`}, []string{`"\n"`}},
	} {
		for _, text := range texts.good {
			if got := found(t, patient(`,"extension":[{"url":"u","`+member+`":`+text+`}]`)); got != nil {
				t.Errorf("%s %s: %v", member, text, got)
			}
		}
		for _, text := range texts.bad {
			if got := found(t, patient(`,"extension":[{"url":"u","`+member+`":`+text+`}]`)); len(got) != 1 {
				t.Errorf("%s %s: %v", member, text, got)
			}
		}
	}
	long := strings.Repeat("ö", 1<<20)
	if got := found(t, patient(`,"extension":[{"url":"u","valueString":"`+long+`"}]`)); got != nil {
		t.Errorf("1 MiB of characters: %v", got)
	}
	if got := found(t, patient(`,"extension":[{"url":"u","valueString":"`+long+`x"}]`)); len(got) != 1 || !strings.HasPrefix(got[0], structure.IDLength) {
		t.Errorf("more than 1 MiB of characters: %v", got)
	}
}

func FuzzCheck(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.src))
	}
	w, err := schema().Watch("Observation", map[string]int{"status": 1, "component.code": 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var d tree.Doc
		if d.Parse(src, tree.Limits{}) != nil {
			return
		}
		var c structure.Checker
		if schema().Type(&d, 0) != "Observation" {
			c.Check(schema(), &d, structure.Options{})
			return
		}
		c.Check(schema(), &d, structure.Options{Watch: w})
	})
}
