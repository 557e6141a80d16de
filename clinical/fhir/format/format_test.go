package format_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

func canonical(t testing.TB, src []byte) string {
	t.Helper()
	var d tree.Doc
	if err := d.Parse(src, tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	return string(format.AppendCanonical(nil, &d, format.Canonical))
}

// pairs say the same in both formats.
var pairs = []struct{ name, json, xml string }{
	{"primitives", `{"resourceType":"Patient","id":"p","active":true,"multipleBirthInteger":2}`,
		`<Patient xmlns="http://hl7.org/fhir"><id value="p"/><active value="true"/><multipleBirthInteger value="2"/></Patient>`},
	{"ids and extensions of primitives", `{"resourceType":"Patient","_birthDate":{"id":"b","extension":[{"url":"u","valueCode":"x"}]},"name":[{"given":["A",null,"C"],"_given":[null,{"extension":[{"url":"u","valueString":"y"}]},{"id":"c"}]}]}`,
		`<Patient xmlns="http://hl7.org/fhir"><name><given value="A"/><given><extension url="u"><valueString value="y"/></extension></given><given value="C" id="c"/></name>` +
			`<birthDate id="b"><extension url="u"><valueCode value="x"/></extension></birthDate></Patient>`},
	{"digits of decimals", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.500}}`,
		`<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="x"/></code><valueQuantity><value value="1.500"/></valueQuantity></Observation>`},
	{"contained", `{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o"},{"resourceType":"Basic","id":"b","code":{"text":"c"}}],"managingOrganization":{"reference":"#o"}}`,
		`<Patient xmlns="http://hl7.org/fhir"><contained><Organization><id value="o"/></Organization></contained><contained><Basic><id value="b"/><code><text value="c"/></code></Basic></contained><managingOrganization><reference value="#o"/></managingOrganization></Patient>`},
	{"narrative", `{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\" id='d'>a &lt; b<!-- kept --><br/>é</div>"}}`,
		`<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml" id='d'>a &lt; b<!-- kept --><br/>é</div></text></Patient>`},
	{"text", `{"resourceType":"Patient","name":[{"text":"<&\"'\t\r\n é😀"}]}`, `<Patient xmlns="http://hl7.org/fhir"><name><text value="&lt;&amp;&quot;'&#9;&#13;&#10; é😀"/></name></Patient>`},
	{"element ids", `{"resourceType":"Patient","name":[{"id":"n","family":"F"}],"contact":[{"id":"c"}]}`, `<Patient xmlns="http://hl7.org/fhir"><name id="n"><family value="F"/></name><contact id="c"/></Patient>`},
	{"a recursive element", `{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"linkId":"2","type":"group","item":[{"linkId":"3","type":"display"}]}]}]}`,
		`<Questionnaire xmlns="http://hl7.org/fhir"><status value="draft"/><item><linkId value="1"/><type value="group"/><item><linkId value="2"/><type value="group"/><item><linkId value="3"/><type value="display"/></item></item></item></Questionnaire>`},
	{"a bundle", `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:x","resource":{"resourceType":"Patient"}}]}`,
		`<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/><entry><fullUrl value="urn:x"/><resource><Patient/></resource></entry></Bundle>`},
	{"parameters", `{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","valueBoolean":false},{"name":"c","resource":{"resourceType":"Patient"}}]}]}`,
		`<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="a"/><part><name value="b"/><valueBoolean value="false"/></part><part><name value="c"/><resource><Patient/></resource></part></parameter></Parameters>`},
}

const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// TestPairs: each format becomes the other, to the byte.
func TestPairs(t *testing.T) {
	set := definition.R4()
	for _, c := range pairs {
		got, err := format.XMLToJSON(set, []byte(c.xml), tree.Limits{})
		if err != nil || canonical(t, got) != canonical(t, []byte(c.json)) {
			t.Errorf("%s to JSON: %v %s", c.name, err, got)
		}
		got, err = format.JSONToXML(set, []byte(c.json), false, tree.Limits{})
		if diff := cmp.Diff(head+c.xml+"\n", string(got)); err != nil || diff != "" {
			t.Errorf("%s to XML: %v %s", c.name, err, diff)
		}
		wide, err := format.JSONToXML(set, []byte(c.json), true, tree.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if back, err := format.XMLToJSON(set, wide, tree.Limits{}); err != nil || canonical(t, back) != canonical(t, []byte(c.json)) {
			t.Errorf("%s indented: %v\n%s", c.name, err, wide)
		}
	}
}

// TestXMLSays: comments, layout, prefixes and xsi:schemaLocation say nothing.
func TestXMLSays(t *testing.T) {
	for _, c := range []struct{ name, xml, json string }{
		{"prefix", `<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value='true'/></f:Patient>`, `{"resourceType":"Patient","active":true}`},
		{"comments", "<!-- a --><Patient xmlns=\"http://hl7.org/fhir\">\n <!-- b --><name> <!-- c -->\n<given value=\"A\"/><!-- d --> <given value=\"B\"><!-- e --> </given></name>\n</Patient>\n<!-- f -->", `{"resourceType":"Patient","name":[{"given":["A","B"]}]}`},
		{"schema location", `<Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"/>`, `{"resourceType":"Patient"}`},
		{"prefixed narrative", `<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><text><status value="empty"/><h:div class="a&quot;b" xml:lang="en">x<h:br/>&amp;<h:b>y</h:b></h:div></text></Patient>`,
			`{"resourceType":"Patient","text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\" class=\"a&quot;b\" xml:lang=\"en\">x<br/>&amp;<b>y</b></div>"}}`},
		{"line ends", "<Patient xmlns=\"http://hl7.org/fhir\"><text><status value=\"empty\"/><div xmlns=\"http://www.w3.org/1999/xhtml\">a\r\nb</div></text></Patient>",
			`{"resourceType":"Patient","text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a\nb</div>"}}`},
	} {
		if got, err := format.XMLToJSON(definition.R4(), []byte(c.xml), tree.Limits{}); err != nil || string(got) != c.json {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, got, c.json)
		}
	}
}

// TestXMLRefused: the error names line, column and element, and nothing of the values.
func TestXMLRefused(t *testing.T) {
	for _, c := range []struct{ xml, want string }{
		{`<Patient/>`, "line 1, column 1: expected an element of the namespace http://hl7.org/fhir (at Patient)"},
		{`<Secret xmlns="http://hl7.org/fhir"/>`, "expected the name of a resource type (at Secret)"},
		{`<Resource xmlns="http://hl7.org/fhir"/>`, "expected the name of a resource type"},
		{`<HumanName xmlns="http://hl7.org/fhir"/>`, "expected the name of a resource type"},
		{"<Patient xmlns=\"http://hl7.org/fhir\">\n <nom value=\"secret\"/></Patient>", "line 2, column 2: expected an element that is defined in Patient (at Patient)"},
		{`<Patient xmlns="http://hl7.org/fhir"><name><given value="a"/></name><name><family value="x"/><given value="b"><a/></given></name></Patient>`, "expected an element that is defined in Element (at Patient.name[1].given[0])"},
		{`<Patient xmlns="http://hl7.org/fhir"><gender value="male"/><name><text value="a"/></name></Patient>`, "in the order of its definition"},
		{`<Patient xmlns="http://hl7.org/fhir"><name><text value="a"/></name><gender value="male"/><name/></Patient>`, "in the order of its definition"},
		{`<Patient xmlns="http://hl7.org/fhir"><deceasedBoolean value="true"/><deceasedDateTime value="2020"/></Patient>`, "one of a choice"},
		{`<Patient xmlns="http://hl7.org/fhir"><gender value="male"/><gender value="male"/></Patient>`, "expected the element gender once"},
		{`<Patient xmlns="http://hl7.org/fhir"><gender/></Patient>`, "expected a value, an id or extensions of the element gender"},
		{`<Patient xmlns="http://hl7.org/fhir"><gender value=""/></Patient>`, "expected a value that is not empty (at Patient.gender)"},
		{`<Patient xmlns="http://hl7.org/fhir"><active value="yes"/></Patient>`, "expected true or false (at Patient.active)"},
		{`<Patient xmlns="http://hl7.org/fhir"><multipleBirthInteger value="+1"/></Patient>`, "expected a number (integer)"},
		{`<Patient xmlns="http://hl7.org/fhir"><multipleBirthInteger value="01"/></Patient>`, "expected a number (integer)"},
		{`<Patient xmlns="http://hl7.org/fhir"><gender value="male" secret="1"/></Patient>`, "expected no attribute but value and id on a primitive"},
		{`<Patient xmlns="http://hl7.org/fhir"><gender value="male">secret</gender></Patient>`, "expected the value in the attribute value, no text"},
		{`<Patient xmlns="http://hl7.org/fhir" id="p"/>`, "expected no attribute but those that are defined for Patient"},
		{`<Patient xmlns="http://hl7.org/fhir"><name family="secret"/></Patient>`, "expected no attribute but those that are defined for HumanName"},
		{`<Patient xmlns="http://hl7.org/fhir"><name>secret</name></Patient>`, "expected no text between elements"},
		{`<Patient xmlns="http://hl7.org/fhir"><name/></Patient>`, "expected a value or children in the element"},
		{`<Patient xmlns="http://hl7.org/fhir"><x:name xmlns:x="u"/></Patient>`, "expected an element of the namespace http://hl7.org/fhir"},
		{`<Patient xmlns="http://hl7.org/fhir"><text><status value="empty"/><div>x</div></text></Patient>`, "expected an element of the namespace http://www.w3.org/1999/xhtml"},
		{`<Patient xmlns="http://hl7.org/fhir"><contained/></Patient>`, "expected a resource in the element (at Patient.contained[0])"},
		{`<Patient xmlns="http://hl7.org/fhir"><contained><Patient/><Patient/></contained></Patient>`, "expected one resource in the element"},
		{`<Patient xmlns="http://hl7.org/fhir"><name><extension url=""/></name></Patient>`, "expected a value in the attribute"},
		{`<!DOCTYPE Patient [<!ENTITY x SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir"/>`, "expected no document type"},
		{`<Patient xmlns="http://hl7.org/fhir"><name>`, "expected the end tag of the element (at Patient.name)"},
	} {
		got, err := format.XMLToJSON(definition.R4(), []byte(c.xml), tree.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || ward.KindOf(err) != ward.Invalid || got != nil {
			t.Errorf("%s: %v, want %s", c.xml, err, c.want)
		}
	}
}

// TestJSONRefused: what XML has no form for is refused with its place, never changed.
func TestJSONRefused(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`[]`, "line 1, column 1: expected a resource, which is an object"},
		{`{"id":"x"}`, "expected a resourceType"},
		{`{"resourceType":"Secret"}`, "expected a resource type of the definitions"},
		{`{"resourceType":"Patient","nom":1}`, "line 1, column 27: expected an element that is defined in Patient (at Patient.nom)"},
		{`{"resourceType":"Patient","a secret":1}`, "(at Patient.?)"},
		{`{"resourceType":"Patient","name":{"text":"secret"}}`, "expected an array that is not empty (at Patient.name)"},
		{`{"resourceType":"Patient","name":[]}`, "expected an array that is not empty"},
		{`{"resourceType":"Patient","name":[{}]}`, "expected an object that is not empty (at Patient.name[0])"},
		{`{"resourceType":"Patient","name":["secret"]}`, "expected an object (HumanName) (at Patient.name[0])"},
		{`{"resourceType":"Patient","gender":["secret"]}`, "expected a string (code) (at Patient.gender)"},
		{`{"resourceType":"Patient","active":"secret"}`, "expected true or false (boolean)"},
		{`{"resourceType":"Patient","multipleBirthInteger":"1"}`, "expected a number (integer)"},
		{`{"resourceType":"Patient","gender":null}`, "expected a value, or an id or extensions of it"},
		{`{"resourceType":"Patient","gender":""}`, "expected a value that is not empty"},
		{`{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}`, "one of a choice: deceasedBoolean is there too"},
		{`{"resourceType":"Patient","name":[{"text":"secret\u0001"}]}`, "expected no character that XML has no form for (at Patient.name[0].text)"},
		{`{"resourceType":"Patient","text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">&nbsp;</div>"}}`, "expected well-formed XHTML (a character reference"},
		{`{"resourceType":"Patient","text":{"status":"empty","div":"<div>x</div>"}}`, "expected one div element of the namespace"},
		{`{"resourceType":"Patient","text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"/><!-- x -->"}}`, "expected one div element"},
		{`{"resourceType":"Patient","text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"/></text>"}}`, "expected well-formed XHTML"},
		{`{"resourceType":"Patient","name":[{"given":["a"],"_given":[null,null]}]}`, "expected a value, or an id or extensions of it (at Patient.name[0].given[1])"},
		{`{"resourceType":"Patient","contained":["secret"]}`, "expected a resource, which is an object (at Patient.contained[0])"},
		{`{"resourceType":"Patient",`, "line 1, column 27: expected a member name"},
	} {
		got, err := format.JSONToXML(definition.R4(), []byte(c.json), false, tree.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || ward.KindOf(err) != ward.Invalid || got != nil {
			t.Errorf("%s: %v, want %s", c.json, err, c.want)
		}
	}
	deep := strings.Repeat(`{"item":[`, 200)
	if _, err := format.JSONToXML(definition.R4(), []byte(deep), false, tree.Limits{}); ward.KindOf(err) != ward.TooLarge {
		t.Error(err)
	}
	if _, err := format.XMLToJSON(definition.R4(), []byte(strings.Repeat("<a>", 200)), tree.Limits{}); ward.KindOf(err) != ward.TooLarge {
		t.Error(err)
	}
}

// TestCanonical: members in order, no white space, the least escapes, digits kept; what each form leaves out of the root, and only there.
func TestCanonical(t *testing.T) {
	const src = `{ "text" : {"status":"empty"}, "id":"x", "resourceType":"Bundle", "meta":{"tag":[]}, "entry":[ {"resource":{"text":1,"meta":2,"id":3}} ],
		"b":"\u00e9\/\u0001\n\"\\\ud83d\ude00", "a":[1.50, 1e2, true, null, {}], "A":0}`
	const rest = `"A":0,"a":[1.50,1e2,true,null,{}],"b":"é/\u0001\n\"\\😀","entry":[{"resource":{"id":3,"meta":2,"text":1}}]`
	var d tree.Doc
	if err := d.Parse([]byte(src), tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	for form, want := range map[format.Canonicalization]string{
		format.Canonical: `{` + rest + `,"id":"x","meta":{"tag":[]},"resourceType":"Bundle","text":{"status":"empty"}}`,
		format.Data:      `{` + rest + `,"id":"x","meta":{"tag":[]},"resourceType":"Bundle"}`,
		format.Static:    `{` + rest + `,"id":"x","resourceType":"Bundle"}`,
		format.Narrative: `{"id":"x","resourceType":"Bundle","text":{"status":"empty"}}`,
		format.Document:  `{` + rest + `,"resourceType":"Bundle","text":{"status":"empty"}}`,
	} {
		if diff := cmp.Diff(want, string(format.AppendCanonical(nil, &d, form))); diff != "" {
			t.Errorf("%s: %s", form, diff)
		}
	}
}

// TestPlaces: what is found in the JSON is told of the XML that it was made of.
func TestPlaces(t *testing.T) {
	const x = "<Bundle xmlns=\"http://hl7.org/fhir\">\n" +
		" <type value=\"collection\"/>\n" +
		" <entry><fullUrl value=\"http://a.test/Patient/é\"/><resource>\n" +
		"  <Patient><name><given value=\"Ada\"/><given value=\"é\" id=\"q\"/></name>\n" +
		"   <birthDate><extension url=\"http://a.test/x\"><valueCode value=\"c\"/></extension></birthDate></Patient></resource></entry>\n" +
		"</Bundle>"
	j, places, err := format.XMLToJSONPlaced(definition.R4(), []byte(x), tree.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string][2]int{
		`{"resourceType":"Bundle"`: {1, 1}, `"collection"`: {2, 15}, `[{"fullUrl"`: {3, 2}, `"http://a.test/Patient/é"`: {3, 25}, `{"resourceType":"Patient"`: {4, 3},
		`[{"given"`: {4, 12}, `["Ada"`: {4, 18}, `"é"]`: {4, 52}, `"q"`: {4, 59}, `{"extension":[`: {5, 4}, `"http://a.test/x"`: {5, 31}, `"c"`: {5, 66},
	} {
		before, _, ok := strings.Cut(string(j), what)
		if !ok {
			t.Fatalf("%s is not in %s", what, j)
		}
		found := []issue.Issue{{Line: 1, Column: utf8.RuneCountInString(before) + 1}, {}}
		places.Move(found)
		if got := [2]int{found[0].Line, found[0].Column}; got != want || found[1].Line != 0 {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
}
