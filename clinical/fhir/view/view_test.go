package view_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/view"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// one is a view of Patients with these members of its only selection.
func one(members string) string { return `{"resource":"Patient","select":[{` + members + `}]}` }

// TestFaults: each fault of a definition is named by its place and by what was expected.
func TestFaults(t *testing.T) {
	const id = `"column":[{"name":"id","path":"id"}]`
	for _, c := range []struct{ text, path, want string }{
		{`{"resource":"Patient"`, "", "expected a comma or the end of the object"},
		{`{"resource":"Patient","resource":"Patient"}`, "", "each member name once"},
		{`[]`, "", "a ViewDefinition"},
		{`{"resource":"Patient","select":[]}`, "select", "at least one item"},
		{`{"resource":"Person2","select":[{` + id + `}]}`, "resource", "a resource type"},
		{`{"resource":"Resource","select":[{` + id + `}]}`, "resource", "a resource type"},
		{`{"resource":"HumanName","select":[{` + id + `}]}`, "resource", "a resource type"},
		{`{"resourceType":"Patient","resource":"Patient","select":[{` + id + `}]}`, "resourceType", "ViewDefinition"},
		{`{"resource":"Patient","name":"my view","select":[{` + id + `}]}`, "name", "begins with a letter"},
		{`{"resource":"Patient","modifierExtension":[{}],"select":[{` + id + `}]}`, "modifierExtension", "not understood"},
		{`{"resource":"Patient","where":[{}],"select":[{` + id + `}]}`, "where[0]", "expected path"},
		{`{"resource":"Patient","where":[{"path":"birthDate"}],"select":[{` + id + `}]}`, "where[0].path", "this one is date"},
		{`{"resource":"Patient","constant":[{"name":"a","valueString":"x"},{"name":"a","valueString":"y"}],"select":[{` + id + `}]}`, "constant[1]", "no other constant"},
		{`{"resource":"Patient","constant":[{"name":"resource","valueString":"x"}],"select":[{` + id + `}]}`, "constant[0]", "no variable of FHIRPath"},
		{`{"resource":"Patient","constant":[{"name":"a","valueString":"x","valueCode":"x"}],"select":[{` + id + `}]}`, "constant[0].valueCode", "one value"},
		{`{"resource":"Patient","constant":[{"name":"a","valueDate":"2020-13"}],"select":[{` + id + `}]}`, "constant[0]", "of type date"},
		{`{"resource":"Patient","constant":[{"name":"a","valuePositiveInt":0}],"select":[{` + id + `}]}`, "constant[0]", "of type positiveInt"},
		{`{"resource":"Patient","constant":[{"name":"a","valueInteger":"1"}],"select":[{` + id + `}]}`, "constant[0].valueInteger", "a number"},
		{`{"resource":"Patient","constant":[{"name":"a","valueHumanName":{}}],"select":[{` + id + `}]}`, "constant[0].valueHumanName", "no such element"},
		{one(`"foreach":"name",` + id), "select[0].foreach", "no such element"},
		{one(`"forEach":"name","forEachOrNull":"name",` + id), "select[0]", "at most one of"},
		{one(`"forEach":"name","repeat":["name"],` + id), "select[0]", "at most one of"},
		{one(``), "select[0]", "expected column, select or unionAll"},
		{one(`"forEach":"name"`), "", "at least one column"},
		{one(`"column":[{"name":"a","path":"name.where("}]`), "select[0].column[0].path", "at byte"},
		{one(`"column":[{"name":"a","path":"%other"}]`), "select[0].column[0].path", "other"},
		{one(`"column":[{"path":"id"}]`), "select[0].column[0]", "expected name"},
		{one(`"column":[{"name":"a","path":"id"},{"name":"a","path":"id"}]`), "select[0].column[1].name", "no other column"},
		{one(`"column":[{"name":"a","path":"id"}],"select":[{"unionAll":[{"column":[{"name":"a","path":"id"}]}]}]`), "select[0].select[0].unionAll[0].column[0].name", "no other column"},
		{one(`"column":[{"name":"a","path":"id"}],"unionAll":[{"column":[{"name":"b","path":"id"}]},{"column":[{"name":"a","path":"id"}]}]`), "select[0].unionAll[1].column[0].name", "no other column"},
		{one(`"unionAll":[{"column":[{"name":"a","path":"id"}]},{"column":[{"name":"b","path":"id"}]}]`), "select[0].unionAll[1]", "columns of the first branch"},
		{one(`"unionAll":[{"column":[{"name":"a","path":"id"}]},{"column":[{"name":"a","path":"birthDate"}]}]`), "select[0].unionAll[1]", "column a: expected the type"},
		{one(`"unionAll":[{"column":[{"name":"a","path":"id"}]},{"column":[{"name":"a","path":"id","collection":true}]}]`), "select[0].unionAll[1]", "column a: expected the type"},
		{one(`"column":[{"name":"a","path":"birthDate","type":"string"}]`), "select[0].column[0].type", "expected date"},
		{one(`"column":[{"name":"a","path":"birthDate","type":"Daet"}]`), "select[0].column[0].type", "name or URL of a type"},
		{one(`"column":[{"name":"a","path":"name.first()"}]`), "select[0].column[0].path", "HumanName"},
		{one(`"column":[{"name":"a","path":"name.first()","type":"Coding"}]`), "select[0].column[0].type", "expected HumanName"},
		{one(`"column":[{"name":"a","path":"id","tag":[{"name":"ansi/type"}]}]`), "select[0].column[0].tag[0]", "name and value"},
	} {
		_, err := view.Compile([]byte(c.text), definition.R4())
		var e *view.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if !slices.ContainsFunc(e.Problems, func(p view.Problem) bool {
			return p.Path == c.path && strings.Contains(p.Text, c.want) && p.Line == 1 && p.Column > 0
		}) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestFaultsAreFoundTogether, those of form and those of meaning in two rounds.
func TestFaultsAreFoundTogether(t *testing.T) {
	_, err := view.Compile([]byte("{\"resource\":\"Patient\",\n \"select\":[{\"column\":[{\"name\":\"a\",\"path\":\"(\"},\n {\"name\":\"a\",\"path\":\"birthDate\",\"type\":\"code\"}]}]}"), definition.R4())
	var e *view.Error
	if !errors.As(err, &e) || len(e.Problems) != 3 || e.Problems[0].Line != 2 || e.Problems[2].Line != 3 {
		t.Errorf("%v", err)
	}
}

// TestTypes: types are inferred from paths, and SQL types follow them or the tag.
func TestTypes(t *testing.T) {
	for _, c := range []struct{ resource, path, typ, sql string }{
		{"Patient", "id", "id", "CHARACTER VARYING"},
		{"Patient", "Patient.birthDate", "date", "CHARACTER VARYING"},
		{"Patient", "name[0].given.first()", "string", "CHARACTER VARYING"},
		{"Patient", "multipleBirth.ofType(integer)", "integer", "INT"},
		{"Patient", "contact.period.start.first()", "dateTime", "CHARACTER VARYING"},
		{"Patient", "photo.data.first()", "base64Binary", "BINARY VARYING"},
		{"Patient", "name.count()", "integer", "INT"},
		{"Patient", "name.exists() and active", "boolean", "BOOLEAN"},
		{"Patient", "deceased is boolean", "boolean", "BOOLEAN"},
		{"Patient", "(active).not()", "string", "CHARACTER VARYING"}, // not inferred
		{"Patient", "extension('http://example.org/x').value.ofType(instant)", "instant", "TIMESTAMP WITH TIME ZONE"},
		{"Patient", "%rowIndex", "integer", "INT"},
		{"Patient", "%resource.birthDate", "date", "CHARACTER VARYING"},
		{"Patient", "birthDate.lowBoundary()", "date", "CHARACTER VARYING"},
		{"Patient", "'x'", "string", "CHARACTER VARYING"},
		{"Observation", "value.ofType(Quantity).value", "decimal", "CHARACTER VARYING"},
		{"Observation", "component.value.ofType(System.Boolean)", "boolean", "BOOLEAN"},
		{"Questionnaire", "item.item.item.maxLength.first()", "integer", "INT"},
	} {
		v, err := view.Compile([]byte(fmt.Sprintf(`{"resource":%q,"select":[{"column":[{"name":"a","path":%q}]}]}`, c.resource, c.path)), definition.R4())
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		if got := v.Columns()[0]; got.Type != c.typ || got.SQL.String() != c.sql {
			t.Errorf("%s: %s, %s, want %s, %s", c.path, got.Type, got.SQL, c.typ, c.sql)
		}
	}
}

// TestHints: tags are followed where they fit, and warned of where they do not.
func TestHints(t *testing.T) {
	for _, c := range []struct {
		path, hint, sql string
		warned          bool
	}{
		{"birthDate", "DATE", "DATE", false}, {"birthDate", "date", "DATE", false}, {"birthDate", "INT", "CHARACTER VARYING", true}, {"birthDate", "STRUCT<x>", "CHARACTER VARYING", true},
		{"multipleBirth.ofType(integer)", "bigint", "BIGINT", false}, {"multipleBirth.ofType(integer)", "varchar(20)", "CHARACTER VARYING", false},
		{"meta.lastUpdated", "TIMESTAMP(6) WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE", false}, {"meta.lastUpdated", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", true},
		{"1.5", "NUMERIC(5,2)", "DECIMAL(5,2)", false}, {"1.5", "NUMERIC(2,5)", "CHARACTER VARYING", true}, {"1.5", "double  precision", "DOUBLE PRECISION", false}, {"1.5", "DECIMAL(19)", "CHARACTER VARYING", true},
	} {
		v, err := view.Compile([]byte(one(fmt.Sprintf(`"column":[{"name":"a","path":%q,"tag":[{"name":"ansi/type","value":%q}]}]`, c.path, c.hint))), definition.R4())
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Columns()[0].SQL.String(); got != c.sql || (len(v.Warnings) > 0) != c.warned {
			t.Errorf("%s as %s: %s, %v", c.path, c.hint, got, v.Warnings)
		}
	}
}

// TestMisspelt: a path that its type does not have is warned of, and one that it has is not.
func TestMisspelt(t *testing.T) {
	v, err := view.Compile([]byte(`{"resource":"Patient","constant":[{"name":"u","valueCode":"official"}],"where":[{"path":"actve.exists()"}],"select":[
		{"column":[{"name":"a","path":"nmae.family"},{"name":"b","path":"%rowIndex"},{"name":"c","path":"name.where(use = %u).family.first()"}]},
		{"forEach":"contact","column":[{"name":"d","path":"genders"}]},{"forEach":"(contact.name | contact.name)","column":[{"name":"e","path":"whatever"}]}]}`), definition.R4())
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, w := range v.Warnings {
		place, _, _ := strings.Cut(w, ":")
		places = append(places, place)
	}
	if want := []string{"where[0].path", "select[0].column[0].path", "select[1].column[0].path"}; !slices.Equal(places, want) {
		t.Errorf("%q", v.Warnings)
	}
}

// rowsOf runs a view over a resource and returns its rows as NDJSON.
func rowsOf(definitionText, resource string, o view.Options) (string, error) {
	v, err := view.Compile([]byte(definitionText), definition.R4())
	if err != nil {
		return "", err
	}
	var doc tree.Doc
	if err := doc.Parse([]byte(resource), tree.Limits{}); err != nil {
		return "", err
	}
	var b strings.Builder
	w := view.NewNDJSON(&b, v.Columns())
	err = errors.Join(v.NewRunner(o).Run(&doc, w.Row), w.Close())
	return b.String(), err
}

// TestRows: what the public suite leaves open.
func TestRows(t *testing.T) {
	for name, c := range map[string]struct{ view, resource, want string }{
		"numbers keep their digits": {`{"resource":"Observation","select":[{"column":[{"name":"v","path":"value.ofType(Quantity).value"},{"name":"w","path":"value.ofType(Quantity).value + 1","type":"decimal"}]}]}`,
			`{"resourceType":"Observation","valueQuantity":{"value":1.50}}`, `{"v":1.50,"w":2.50}`},
		"elements as JSON": {one(`"column":[{"name":"n","path":"name","type":"HumanName","collection":true},{"name":"c","path":"contact.first()","type":"Patient.contact"}]`),
			"{\"resourceType\":\"Patient\",\"name\":[{ \"family\" : \"a \\\" b\" },\n{\"given\":[ \"c\" ]}],\"contact\":[{\"gender\":\"male\"}]}",
			`{"n":[{"family":"a \" b"},{"given":["c"]}],"c":{"gender":"male"}}`},
		"extensions without a value are null": {one(`"column":[{"name":"b","path":"birthDate"},{"name":"g","path":"name.given","collection":true}]`),
			`{"resourceType":"Patient","_birthDate":{"extension":[{"url":"http://example.org/x","valueCode":"y"}]},"name":[{"given":["a",null],"_given":[null,{"id":"z"}]}]}`, `{"b":null,"g":["a"]}`},
		"escapes": {one(`"column":[{"name":"f","path":"name.family"}]`), `{"resourceType":"Patient","name":[{"family":"\u0041\n\"\ud83d\ude00"}]}`, `{"f":"A\n\"😀"}`},
		"iteration over computed values": {one(`"forEach":"name.given.select($this & '!')","column":[{"name":"g","path":"$this","type":"string"},{"name":"i","path":"%rowIndex"},{"name":"id","path":"%resource.id"}]`),
			`{"resourceType":"Patient","id":"p","name":[{"given":["a","b"]}]}`, `{"g":"a!","i":0,"id":"p"}` + "\n" + `{"g":"b!","i":1,"id":"p"}`},
		"the index comes back after an inner iteration": {one(`"forEach":"name","select":[{"forEach":"given","column":[{"name":"inner","path":"%rowIndex"}]},{"column":[{"name":"outer","path":"%rowIndex"}]}]`),
			`{"resourceType":"Patient","name":[{"given":["a","b"]},{"given":["c"]}]}`, `{"inner":0,"outer":0}` + "\n" + `{"inner":1,"outer":0}` + "\n" + `{"inner":0,"outer":1}`},
		"the context is what is iterated over": {one(`"forEach":"address","column":[{"name":"t","path":"%context.text"},{"name":"r","path":"%resource.text.div"}]`),
			`{"resourceType":"Patient","text":{"div":"d"},"address":[{"text":"here"}]}`, `{"t":"here","r":"d"}`},
		"references": {one(`"forEach":"generalPractitioner","column":[{"name":"k","path":"getReferenceKey(Practitioner)"},{"name":"any","path":"getReferenceKey()"}]`),
			`{"resourceType":"Patient","contained":[{"resourceType":"Practitioner","id":"in"}],"generalPractitioner":[{"reference":"Practitioner/1"},{"reference":"Organization/2"},{"reference":"#in"},{"reference":"Practitioner?identifier=x"},{"identifier":{"value":"x"}},{"reference":"Practitioner/3/_history/4"},{"reference":"http://example.org/fhir/Practitioner/5"}]}`,
			`{"k":"1","any":"1"}` + "\n" + `{"k":null,"any":"2"}` + "\n" + `{"k":null,"any":null}` + "\n" + `{"k":null,"any":null}` + "\n" + `{"k":null,"any":null}` + "\n" + `{"k":"3","any":"3"}` + "\n" + `{"k":"5","any":"5"}`},
		"a contained resource gives no rows": {one(`"column":[{"name":"id","path":"id"}]`), `{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"in"}]}`, ``},
		"integers for decimals":              {one(`"column":[{"name":"n","path":"name.count()","type":"decimal"}]`), `{"resourceType":"Patient"}`, `{"n":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rowsOf(c.view, c.resource, view.Options{})
			if err != nil || strings.TrimSuffix(got, "\n") != c.want {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
		})
	}
}

// TestRunErrors: what goes wrong with a resource names the place in the definition and nothing of the resource.
func TestRunErrors(t *testing.T) {
	const secret = `{"resourceType":"Patient","birthDate":"1971-secret","name":[{"family":"secret"},{"family":"secret2"}],"multipleBirthBoolean":true}`
	for _, c := range []struct{ view, path, name, want string }{
		{one(`"column":[{"name":"a","path":"name.family"}]`), "select[0].column[0].path", "a", "expected one value"},
		{one(`"column":[{"name":"a","path":"name.first()","type":"HumanName"},{"name":"b","path":"(name.family).first()","type":"integer"}]`), "select[0].column[1].path", "b", "a value of type integer"},
		{one(`"column":[{"name":"b","path":"(name).first()"}]`), "select[0].column[0].path", "b", "type has to be declared"},
		{one(`"column":[{"name":"b","path":"(name).first()","type":"Address"}]`), "select[0].column[0].path", "b", "a value of type Address"},
		{`{"resource":"Patient","where":[{"path":"(name.family).first()"}],"select":[{"column":[{"name":"b","path":"id"}]}]}`, "where[0].path", "", "true, false or nothing"},
		{one(`"column":[{"name":"b","path":"name.family.single()"}]`), "select[0].column[0].path", "b", "cannot be evaluated"},
		{one(`"forEach":"name.single()","column":[{"name":"b","path":"family"}]`), "select[0]", "", "cannot be evaluated"},
	} {
		_, err := rowsOf(c.view, secret, view.Options{})
		var e *view.RunError
		if !errors.As(err, &e) || e.Path != c.path || e.Name != c.name || !strings.Contains(e.Text, c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", c.view, err)
		}
	}
}

// TestLimits: rows, cells and depth of one resource are bounded, joins and recursion without end included.
func TestLimits(t *testing.T) {
	names := strings.TrimSuffix(strings.Repeat(`{"family":"x"},`, 100), ",")
	resource := `{"resourceType":"Patient","name":[` + names + `]}`
	join := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`{"forEach":"name","column":[{"name":"c%d","path":"family"}]}`, i))
		}
		return `{"resource":"Patient","select":[` + strings.Join(all, ",") + `]}`
	}
	for name, c := range map[string]struct {
		view string
		l    view.Limits
		ok   bool
	}{
		"two":           {join(2), view.Limits{}, true},
		"three":         {join(3), view.Limits{}, false},
		"rows":          {join(1), view.Limits{Rows: 100}, false},
		"rows enough":   {join(1), view.Limits{Rows: 200}, true},
		"cells":         {join(2), view.Limits{Cells: 10_000}, false},
		"endless":       {one(`"repeat":["$this"],"column":[{"name":"a","path":"id"}]`), view.Limits{}, false},
		"endless twice": {one(`"repeat":["$this","%resource"],"column":[{"name":"a","path":"id"}]`), view.Limits{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rowsOf(c.view, resource, view.Options{Limits: c.l})
			var e *view.RunError
			if (err == nil) != c.ok || err != nil && (!errors.As(err, &e) || !e.Limit) {
				t.Error(err)
			}
		})
	}
}

// TestBarrenIteration: iterations that multiply and give no rows end too.
func TestBarrenIteration(t *testing.T) {
	const deep = 40
	resource := `{"resourceType":"QuestionnaireResponse",` + strings.Repeat(`"item":[{`, deep) + `"linkId":"x"` + strings.Repeat(`}]`, deep) + `}`
	_, err := rowsOf(`{"resource":"QuestionnaireResponse","select":[{"repeat":["item","item"],"select":[{"forEach":"answer","column":[{"name":"a","path":"id"}]}]}]}`, resource, view.Options{})
	var e *view.RunError
	if !errors.As(err, &e) || !e.Limit || e.Path != "select[0]" {
		t.Error(err)
	}
}

// TestExamples: the definitions that are given as examples compile without a warning and give rows.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../../examples/views/*.json")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := view.Compile(text, definition.R4())
		if err != nil || len(v.Warnings) > 0 {
			t.Errorf("%s: %v, %v", file, err, v)
		}
	}
	got, err := rowsOf(string(must(os.ReadFile("../../../examples/views/answers.json"))), `{"resourceType":"QuestionnaireResponse","id":"q","status":"completed","subject":{"reference":"Patient/p"},
		"item":[{"linkId":"1","item":[{"linkId":"1.1","text":"How much?","answer":[{"valueDecimal":1.5,"item":[{"linkId":"1.1.1","answer":[{"valueCoding":{"code":"x"}},{"valueBoolean":false}]}]}]}]}]}`, view.Options{})
	want := `{"response":"q","patient":"p","authored":null,"link_id":"1.1","question":"How much?","yes":null,"number":1.5,"whole_number":null,"words":null,"choice":null}
{"response":"q","patient":"p","authored":null,"link_id":"1.1.1","question":null,"yes":null,"number":null,"whole_number":null,"words":null,"choice":{"code":"x"}}
{"response":"q","patient":"p","authored":null,"link_id":"1.1.1","question":null,"yes":false,"number":null,"whole_number":null,"words":null,"choice":null}
`
	if err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// FuzzCompile: whatever the text of a definition, it compiles or its faults are named; what compiles runs within its bounds.
func FuzzCompile(f *testing.F) {
	gold, _ := filepath.Glob(filepath.Join(os.Getenv("WARD_GOLD"), "sql-on-fhir", "tests", "*.json")) // without, the examples are the seeds
	for _, file := range gold {
		var s suite
		if json.Unmarshal(must(os.ReadFile(file)), &s) == nil {
			for i := range s.Tests {
				f.Add(string(s.Tests[i].View), string(s.Resources[i%len(s.Resources)]))
			}
		}
	}
	examples, _ := filepath.Glob("../../../examples/views/*.json")
	for _, file := range examples {
		f.Add(string(must(os.ReadFile(file))), `{"resourceType":"Patient","id":"a","name":[{"given":["b","c"]}]}`)
	}
	f.Fuzz(func(t *testing.T, text, resource string) {
		v, err := view.Compile([]byte(text), definition.R4())
		var faults *view.Error
		if err != nil {
			if !errors.As(err, &faults) || len(faults.Problems) == 0 || len(faults.Problems) > 50 {
				t.Fatalf("%#v", err)
			}
			return
		}
		var doc tree.Doc
		if doc.Parse([]byte(resource), tree.Limits{Depth: 50}) != nil {
			return
		}
		rows := 0
		r := v.NewRunner(view.Options{Limits: view.Limits{Rows: 200}})
		err = r.Run(&doc, func(row []view.Value) error {
			rows++
			for i, c := range v.Columns() {
				fits(t, c, row[i])
			}
			return nil
		})
		var run *view.RunError
		if err != nil && !errors.As(err, &run) || rows > 200 {
			t.Fatalf("%d rows, %#v", rows, err)
		}
	})
}

// fits checks that a cell is of its column.
func fits(t *testing.T, c view.Column, v view.Value) {
	switch {
	case v.Kind == view.Null:
	case c.Collection != (v.Kind == view.List):
		t.Fatalf("column %s holds %d", c.Name, v.Kind)
	case c.Collection:
		for _, item := range v.Items {
			if item.Kind != c.Kind {
				t.Fatalf("column %s holds an item %d", c.Name, item.Kind)
			}
		}
	case v.Kind != c.Kind:
		t.Fatalf("column %s holds %d, want %d", c.Name, v.Kind, c.Kind)
	}
}

// TestCostOfAResource: text, values of collections and steps are bounded for a resource with all its rows.
func TestCostOfAResource(t *testing.T) {
	resource := `{"resourceType":"Patient","name":[{"family":"` + strings.Repeat("a", 1000) + `","given":["a","b\n","c","d"]}],"contact":[` +
		strings.TrimSuffix(strings.Repeat(`{"gender":"male"},`, 100), ",") + `]}`
	for name, c := range map[string]struct {
		column   string
		few, all view.Limits
	}{
		"JSON":           {`{"name":"a","path":"%resource.name","type":"HumanName"}`, view.Limits{Text: 50_000}, view.Limits{Text: 200_000}},
		"computed text":  {`{"name":"a","path":"%resource.name.family & 'x'"}`, view.Limits{Text: 50_000}, view.Limits{Text: 200_000}},
		"copied text":    {`{"name":"a","path":"%resource.name.given[1]"}`, view.Limits{Text: 100}, view.Limits{Text: 200}},
		"plain text":     {`{"name":"a","path":"%resource.name.family"}`, view.Limits{Rows: 10}, view.Limits{Text: 1}},
		"collections":    {`{"name":"a","path":"%resource.name.given","collection":true}`, view.Limits{Cells: 300}, view.Limits{Cells: 600}},
		"steps":          {`{"name":"a","path":"%resource.descendants().count()"}`, view.Limits{Steps: 5000}, view.Limits{Steps: 50_000}},
		"one expression": {`{"name":"a","path":"%resource.descendants().count()"}`, view.Limits{Path: fhirpath.Limits{Steps: 100}}, view.Limits{Path: fhirpath.Limits{Steps: 500}}},
	} {
		definition := one(`"forEach":"contact","column":[` + c.column + `]`)
		_, err := rowsOf(definition, resource, view.Options{Limits: c.few})
		var e *view.RunError
		if !errors.As(err, &e) || !e.Limit {
			t.Errorf("%s: %v, not a limit", name, err)
		}
		if rows, err := rowsOf(definition, resource, view.Options{Limits: c.all}); err != nil || strings.Count(rows, "\n") != 100 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
