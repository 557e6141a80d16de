package fhirpath

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

func parseNode(t testing.TB, src string) Node {
	t.Helper()
	doc := new(tree.Doc)
	if err := doc.Parse([]byte(src), tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	n, err := Root(doc, definition.R4())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const somebody = `{"resourceType":"Patient","id":"p","active":true,"_birthDate":{"extension":[{"url":"u","valueCode":"x"}]},
"name":[{"family":"A","given":["B",null,"C"],"_given":[null,{"id":"g"},{"extension":[{"url":"u","valueString":"v"}]}]},{"text":"D"}],
"contained":[{"resourceType":"Organization","id":"o","name":"Org"}],"managingOrganization":{"reference":"#o"},
"multipleBirthInteger":2,"deceasedDateTime":"2020-01-02T03:04:05Z"}`

// TestLimits: each limit has its own error, and what stays below it has a result.
func TestLimits(t *testing.T) {
	n := parseNode(t, somebody)
	for _, c := range []struct {
		text string
		l    Limits
		want error
	}{
		{"1.repeatAll($this)", Limits{Steps: 1000}, ErrSteps},
		{"1.repeatAll($this)", Limits{Items: 1000}, ErrItems},
		{"1.repeatAll($this)", Limits{}, ErrItems},
		{"1.repeat($this + 1)", Limits{Steps: 5000}, ErrSteps},
		{"descendants().select(%resource.descendants()).select(%resource.descendants())", Limits{Items: 10_000}, ErrItems},
		{"(1|2|3|4).select('aaaaaaaaaa' & 'bbbbbbbbbb')", Limits{Text: 79}, ErrText},
		{"(1|2|3|4).select('aaaaaaaaaa' & 'bbbbbbbbbb')", Limits{Text: 80}, nil},
		{"('a').combine('b').combine('c').aggregate($total & $total & $this & 'x', 'a')", Limits{Text: 40}, ErrText},
		{"(1|2|3|4|5|6|7|8|9).aggregate($total & $total & 'xxxxxxxxxx', 'a').replace('x', 'yyyyyyyyyyyyyyyyyyyyyy')", Limits{Text: 50_000}, ErrText},
		{"name.given", Limits{Steps: 100, Items: 10, Text: 1}, nil},
	} {
		_, err := MustCompile(c.text).Eval(&Context{Set: definition.R4(), Limits: c.l}, n)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, not %v", c.text, err, c.want)
		}
	}
}

// TestHostile: what would take very long or much memory is refused or ends early.
func TestHostile(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	n := parseNode(t, `{"resourceType":"Patient","name":[{"family":"`+long+`"}],"x":[`+strings.TrimSuffix(strings.Repeat("1,", 200_000), ",")+`]}`)
	ctx := &Context{Set: definition.R4(), Limits: Limits{Steps: 2_000_000, Items: 100_000, Text: 8 << 20}}
	deep := strings.Repeat("repeat(", 150) + "a" + strings.Repeat(")", 150)
	for _, text := range []string{
		"name.family.matches('(a*)*b')", "name.family.matches('^(a?){1000}a{1000}$')", "name.family.matches('(((a{10}){10}){10}){10}')", "name.family.replaceMatches('a', 'bbbbbbbbbbbb')",
		"name.family.toChars().distinct()", "name.family.split('')", "1.repeatAll($this | 2).where(%context.name.family = %context.name.family)", deep,
		"(1|2|3).repeatAll($this).select(%context.name.family & 'x')", "descendants().repeatAll(%resource.descendants())", "name.family.encode('hex').encode('hex').encode('hex').encode('hex')",
		strings.Repeat("1+", 19_000) + "1", "1.repeatAll($this).where(1.0 'mg' < 2 'g')", "10000.0.exp()", "9.9.power(64.5)", "(2147483647 * 2147483647).toString()",
	} {
		e, err := Compile(text, Options{})
		if err != nil {
			var s *SyntaxError
			if !errors.As(err, &s) {
				t.Errorf("%.60s: %v", text, err)
			}
			continue
		}
		_ = e.Check(definition.R4(), n.Type, CheckOptions{})
		vs, err := e.Eval(ctx, n)
		var limit *ward.Error
		if err != nil && !errors.As(err, &limit) || len(vs) > 1 {
			t.Errorf("%.60s: %d items, %v", text, len(vs), err)
		}
	}
}

// TestSyntaxErrors: the offset is where the text stops being FHIRPath.
func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		text   string
		offset int
	}{
		{"", 0}, {"a.", 2}, {"a b", 2}, {"a..b", 2}, {"(a", 2}, {"a)", 1}, {"a[1", 3}, {"'a", 0}, {`'\x'`, 1}, {"a + ", 4}, {"%", 0}, {"$that", 0}, {"@2020-13", 0},
		{"@2020-02-30", 0}, {"@T25", 0}, {"nofunction()", 0}, {"a.where()", 2}, {"a.first(1)", 2}, {"a is 1", 5}, {"1 /* x", 2}, {"{1}", 1}, {"a.1", 2}, {"99999999999", 0},
		{"'a'.matches('(')", 12}, {"a.ofType(1 + 1)", 11}, {"#", 0}, {"a = = b", 4},
		{strings.Repeat("(", MaxDepth) + "1" + strings.Repeat(")", MaxDepth), MaxDepth}, {strings.Repeat("-", 100_000) + "1", MaxLength},
		{strings.Repeat("a.", 30_000) + "a", 2*maxParts + 1},
	} {
		_, err := Compile(c.text, Options{})
		var e *SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("%.40q: %v", c.text, err)
		} else if e.Offset != c.offset {
			t.Errorf("%.40q: %v, not at %d", c.text, err, c.offset)
		}
	}
}

// TestErrorsHoldNothingOfTheResource, and say where in the expression they arose.
func TestErrorsHoldNothingOfTheResource(t *testing.T) {
	n := parseNode(t, strings.ReplaceAll(somebody, `"A"`, `"secret"`))
	for text, at := range map[string]int{
		"name.family > 1": 12, "(name.family).toInteger() + 'a' & name.family.abs()": 46, "name.given.single()": 11, "name.family + 1": 12,
		"name.where(given.single() = 'x')": 17, "%nothing": 0, "name.as(HumanName)": 5, "'a'.matches(name.family & '(')": 4,
	} {
		_, err := MustCompile(text).Eval(&Context{Set: definition.R4()}, n)
		var e *EvalError
		if !errors.As(err, &e) || e.Offset != at || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, not at %d", text, err, at)
		}
	}
}

// TestNoAllocation: paths, comparisons and filters allocate nothing.
func TestNoAllocation(t *testing.T) {
	n := parseNode(t, somebody)
	ctx := &Context{Set: definition.R4()}
	dst := make(Collection, 0, 16)
	for _, text := range []string{"Patient.name.given", "name.where(family = 'A').given", "active", "multipleBirth is integer", "deceased.ofType(dateTime) > @2019",
		"name.exists(text = 'D') and active", "multipleBirth.ofType(integer) > 1", "contained.where(id = 'o').name"} {
		e := MustCompile(text)
		if got := testing.AllocsPerRun(200, func() {
			var err error
			if dst, err = e.Append(dst[:0], ctx, n.Item()); err != nil || len(dst) == 0 {
				t.Fatal(text, err, dst)
			}
		}); got > 0.5 { // the pool may be emptied at any time
			t.Errorf("%s: %v allocations", text, got)
		}
	}
}

// TestShared: one expression and one context serve many goroutines.
func TestShared(t *testing.T) {
	ctx := &Context{Set: definition.R4()}
	e := MustCompile("(name.given | contained.name).where($this != 'C').count()")
	nodes := []Node{parseNode(t, somebody), parseNode(t, `{"resourceType":"Practitioner","name":[{"given":["X","Y"]}]}`)}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 500 {
				got, err := e.Eval(ctx, nodes[i%2])
				if want := "2"; err != nil || len(got) != 1 || got[0].String() != want {
					t.Error(err, got)
					return
				}
			}
		})
	}
	wg.Wait()
}

var seeds = []string{
	"Patient.name.given", "name.where(use = 'official').family", "1 + 2 * 3 div 4 mod 5", "@2012-04-15T15:00:00Z = @2012-04-15T10:00:00", "4 'g' ~ 4040 'mg'", "iif(true, 1, 2)",
	"(1|2|3).aggregate($this+$total, 0)", "'a'.matches('(a+)+$')", "repeat(children())", "descendants().repeatAll($this)", "name.sort(-family)", "%resource.descendants().resolve()",
	"defineVariable('a', 1).select(%a)", "birthDate + 1 month - 3 days", "value.lowBoundary(3)", "(2.power(100)).toString()", "'x'.replace('', 'yy').split('').join('z')", "type().name",
	"extension('u').value as code", "1.0 / 3 ~ 0.33", "-name.given.first().length()", "$this is Patient implies name.exists()", "`name`[0].`given`[ 1 ]", "@T10:30 + 90 minutes", "a.combine(b) contains {}",
	"trace('x', name).checkModifiers('a')", "'%41'.encode('hex').decode('hex').escape('html').unescape('json')", "1 year.toQuantity('month') < 12 'mo'", "exp().ln().sqrt().log(2)", "today() - 9999 years",
	"status.elementDefinition().binding.strength", "name.slice('http://a', 'b').where(use = 'usual')", "descendants().elementDefinition().elementDefinition().constraint.key",
}

// TestNothing: without a focus, a context or types there are results and errors, but no panic.
func TestNothing(t *testing.T) {
	full := parseNode(t, somebody)
	for _, text := range seeds {
		e, err := Compile(text, Options{})
		if err != nil {
			t.Fatal(text, err)
		}
		few := Limits{Steps: 100_000, Items: 10_000}
		for _, ctx := range []*Context{nil, {Limits: few}, {Set: definition.R4(), Limits: few}} {
			if ctx == nil && strings.Contains(text, "repeatAll") {
				continue // it would go on to the default limits
			}
			for _, n := range []Node{{}, {Value: -1, Extra: -1}, full} {
				_, _ = e.Eval(ctx, n)
				_, _ = e.True(ctx, n)
			}
		}
		if err := e.Check(nil, nil, CheckOptions{}); err == nil {
			t.Errorf("%s is checked without types", text)
		}
	}
}

// FuzzResource: whatever a resource looks like, expressions have a result or an error.
func FuzzResource(f *testing.F) {
	for _, src := range []string{somebody, `{"resourceType":"Patient","name":"x","birthDate":{"a":1},"_birthDate":[null],"contained":["x",[],{}],"deceasedBoolean":3,"multipleBirthInteger":null}`,
		`{"resourceType":"Observation","valueQuantity":[[{"value":1}]],"_valueString":{"id":1},"code":{"coding":[{"system":{},"code":null}]},"component":[{"valueQuantity":{"value":"x"}}]}`,
		`{"resourceType":"Bundle","entry":[{"fullUrl":"http://a/Patient/1","resource":{"resourceType":"Patient","managingOrganization":{"reference":"Organization/2"}}},{"fullUrl":5,"resource":null}]}`} {
		f.Add(src)
	}
	var all []*Expression
	for _, text := range append([]string{"descendants().resolve()", "descendants().extension('u').value", "descendants().as(code)", "descendants() = descendants()", "descendants() ~ descendants()",
		"descendants().distinct().count()", "repeat(children()).hasValue()", "children().toString()", "value > 1 'mg'", "value = value", "descendants().where($this = 1 'mg')", "code.subsumes(code)",
		"entry.resource.getResourceKey()", "descendants().getReferenceKey()", "descendants().select(toQuantity())", "descendants().type()", "contained.id", "entry.resource.descendants().resolve()"}, seeds...) {
		e, err := Compile(text, Options{AsFilters: true})
		if err != nil {
			f.Fatal(text, err)
		}
		all = append(all, e)
	}
	ctx := &Context{Set: definition.R4(), Limits: Limits{Steps: 100_000, Items: 10_000, Text: 1 << 20}}
	f.Fuzz(func(t *testing.T, src string) {
		var doc tree.Doc
		if doc.Parse([]byte(src), tree.Limits{Bytes: 1 << 16}) != nil {
			return
		}
		n, err := Root(&doc, definition.R4())
		if err != nil {
			return
		}
		for _, e := range all {
			vs, _ := e.Eval(ctx, n)
			for _, v := range vs {
				_ = v.String()
				k, _ := v.Node()
				_, _ = k.Path(), k.Text()
			}
		}
	})
}

// FuzzCompile: every text compiles or has a *SyntaxError with an offset in the text.
func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Compile(text, Options{})
		var s *SyntaxError
		if err != nil && (!errors.As(err, &s) || s.Offset < 0 || s.Offset > len(text)) {
			t.Fatalf("%q: %#v", text, err)
		}
		if err == nil {
			_ = e.Check(definition.R4(), definition.R4().Type("Patient"), CheckOptions{Ordered: true, Conditions: true})
		}
	})
}

// FuzzEval: every expression that compiles has a result or an error on a resource, within the limits.
func FuzzEval(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	n := parseNode(f, somebody)
	if dir := os.Getenv("WARD_GOLD"); dir != "" {
		n = readInput(f, dir, "patient-example.xml")
	}
	ctx := &Context{Set: definition.R4(), Limits: Limits{Steps: 200_000, Items: 20_000, Text: 1 << 20}}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Compile(text, Options{})
		if err != nil {
			return
		}
		vs, _ := e.Eval(ctx, n)
		if len(vs) > 20_000 {
			t.Fatalf("%q: %d items", text, len(vs))
		}
		for _, v := range vs {
			_, _, _ = v.TypeName(), v.String(), v.Kind().String()
		}
		_, _ = e.True(ctx, n)
	})
}

// TestCosts: looks through members, texts and entries are counted as what they are, so that the bound of steps is one of time.
func TestCosts(t *testing.T) {
	const n = 2000
	list := func(n int, text string) string { return strings.TrimSuffix(strings.Repeat(text+",", n), ",") }
	members := func(from, by int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"x%d":1,`, from+by*i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	contacts := `"contact":[` + list(n, `{"gender":"male"}`) + `]`
	for _, c := range []struct {
		name, text, expression string
		least, most            int
	}{
		{"unknown members", `{` + members(0, 1) + `,"resourceType":"Patient",` + contacts + `}`, "contact.where(%resource.name.exists()).count()", n * n >> 5, n * n},
		{"members of children", `{"resourceType":"Patient",` + members(0, 1) + `,` + contacts + `}`, "contact.select(%resource.children().count()).count()", n * n >> 5, 2 * n * n},
		{"an extension by its url", `{"resourceType":"Patient","extension":[` + list(n, `{"url":"a"}`) + `],` + contacts + `}`, "contact.select(%resource.extension('b').count()).count()", n * n, 3 * n * n},
		{"modifier extensions", `{"resourceType":"Patient","modifierExtension":[` + list(n, `{"url":"a"}`) + `],` + contacts + `}`, "contact.select(%resource.checkModifiers('a').id).count()", n * n, 3 * n * n},
		{"keys of a long reference", `{"resourceType":"Patient","managingOrganization":{"reference":"` + strings.Repeat("a/", 10*n) + `"},` + contacts + `}`,
			"contact.select(%resource.managingOrganization.getReferenceKey()).count()", n * n, 10 * n * n},
		{"the first entry", `{"resourceType":"Bundle","entry":[{"fullUrl":"urn:a","resource":{"resourceType":"Patient"}},` +
			list(n, `{"resource":{"resourceType":"Patient","managingOrganization":{"reference":"urn:a"}}}`) + `]}`, "entry.resource.managingOrganization.resolve().count()", n, 30 * n},
		{"the last entry", `{"resourceType":"Bundle","entry":[` + list(n, `{"resource":{"resourceType":"Patient","managingOrganization":{"reference":"urn:a"}}}`) +
			`,{"fullUrl":"urn:a","resource":{"resourceType":"Patient"}}]}`, "entry.resource.managingOrganization.resolve().count()", n * n, 3 * n * n},
		{"the first that is contained", `{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"a"},` + list(n, `{"resourceType":"Organization","partOf":{"reference":"#a"}}`) + `]}`,
			"contained.partOf.resolve().count()", n, 30 * n},
		{"equal long texts", `{"resourceType":"Patient","contact":[{"name":{"text":"` + strings.Repeat("a", 256*n) + `"}},{"name":{"text":"` + strings.Repeat("a", 256*n) + `"}}],"name":[` + list(n, `{"text":"x"}`) + `]}`,
			"name.where(%resource.contact[0].name = %resource.contact[1].name).count()", n * n, 3 * n * n},
	} {
		spent := 0
		ctx := &Context{Set: definition.R4(), Limits: Limits{Steps: 1 << 40}, Spent: &spent}
		if _, err := MustCompile(c.expression).Eval(ctx, parseNode(t, c.text)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if spent < c.least || spent > c.most {
			t.Errorf("%s: %d steps, not %d to %d", c.name, spent, c.least, c.most)
		}
	}
}

// TestEqualObjects: members are compared by name in any order, few or many.
func TestEqualObjects(t *testing.T) {
	for _, n := range []int{3, 3000} {
		object := func(from, by, last int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `"x%d":1,`, from+by*i)
			}
			return fmt.Sprintf(`{%s"y":%d}`, b.String(), last)
		}
		e := MustCompile("contact[0] = contact[1]")
		for text, want := range map[string]bool{object(n-1, -1, 1): true, object(n-1, -1, 2): false, object(n, -1, 1): false} {
			got, err := e.True(&Context{Set: definition.R4()}, parseNode(t, `{"resourceType":"Patient","contact":[`+object(0, 1, 1)+`,`+text+`]}`))
			if err != nil || got != want {
				t.Errorf("%d members: %v, not %v (%v)", n, got, want, err)
			}
		}
	}
}

// TestSearches: where each search may read a text to its end, each of them is counted.
func TestSearches(t *testing.T) {
	n := parseNode(t, `{"resourceType":"Patient","name":[{"family":"`+strings.Repeat("a", 20_000)+`","text":"`+strings.Repeat("<b>x</b> ", 3000)+`"}]}`)
	for text, want := range map[string]error{
		"name.family.replaceMatches('a*b|a', 'x')": ErrSteps, "name.family.replaceMatches('a(.*b)?', 'x')": ErrSteps, "name.family.replaceMatches('(a+b)*?a', 'x')": ErrSteps,
		"name.family.replaceMatches('a(.{900}b)?', 'x')": ErrSteps, "name.family.replaceMatches('^(a|b)*$', 'x')": nil, "name.text.replaceMatches('<[^>]+>', '')": nil,
		"name.text.replaceMatches('\\\\s+', ' ')": nil, "name.text.replaceMatches('(<).*(>)', '')": nil, "name.family.replaceMatches('a', 'b')": nil,
	} {
		ctx := &Context{Set: definition.R4(), Limits: Limits{Steps: 3_000_000}}
		if _, err := MustCompile(text).Eval(ctx, n); !errors.Is(err, want) || err != nil && want == nil {
			t.Errorf("%s: %v, not %v", text, err, want)
		}
	}
}

// TestGroups: what a group finds in all matches is no longer than the text.
func TestGroups(t *testing.T) {
	n := parseNode(t, `{"resourceType":"Patient","name":[{"text":"`+strings.Repeat("<b>x</b> ", 3000)+`"}]}`)
	for text, l := range map[string]int{"name.text.replaceMatches('<(/?)b>', '[$1]').length()": 200_000, "name.text.replaceMatches('(.*)', '$1$1$1$1').length()": 360_000} {
		if _, err := MustCompile(text).Eval(&Context{Set: definition.R4(), Limits: Limits{Text: l}}, n); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := MustCompile(text).Eval(&Context{Set: definition.R4(), Limits: Limits{Text: l / 3}}, n); !errors.Is(err, ErrText) {
			t.Errorf("%s: %v, not %v", text, err, ErrText)
		}
	}
}

// TestManyEquivalent: items that are taken are not looked at again.
func TestManyEquivalent(t *testing.T) {
	const n = 1 << 19 // looks at all that are taken would be some minutes
	vs := make(Collection, n)
	for i := range vs {
		vs[i] = String("a")
	}
	got, err := MustCompile("%x ~ %x").Eval(&Context{Vars: map[string]Collection{"x": vs}, Limits: Limits{Steps: 1 << 30, Items: 4 * n}}, Node{})
	if err != nil || len(got) != 1 || got[0].String() != "true" {
		t.Error(got, err)
	}
	for text, want := range map[string]bool{"(1|2|3) ~ (3|1|2)": true, "(1|2|3) ~ (1|2|4)": false, "1.combine(1).combine(2) ~ 1.combine(2).combine(2)": false, "1.combine(2).combine(1) ~ 2.combine(1).combine(1)": true} {
		if got, err := MustCompile(text).True(nil, Node{}); err != nil || got != want {
			t.Errorf("%s: %v, not %v (%v)", text, got, want, err)
		}
	}
}

// TestCopies: texts that are copied or converted are counted, on whatever side they stand.
func TestCopies(t *testing.T) {
	const n, long = 200, 256 * 200
	text := strings.Repeat("a", long)
	node := parseNode(t, `{"resourceType":"Patient","name":[{"family":"`+text+`","text":"\\n`+text+`"}],"contact":[`+strings.TrimSuffix(strings.Repeat(`{"gender":"male"},`, n), ",")+`]}`)
	for _, expression := range []string{"contact.where('" + text + "' < 'b').count()", "contact.where(%resource.name.family < 'b').count()", "contact.where(%resource.name.family.convertsToBoolean()).count()",
		"contact.where(%resource.name.family = 1).count()", "contact.where(%resource.name.family ~ 1).count()", "contact.where(1 in %resource.name.family).count()",
		"contact.where(%resource.name.text = 'b').count()", "contact.where('b' in %resource.name.text).count()"} {
		spent := 0
		if _, err := MustCompile(expression).Eval(&Context{Set: definition.R4(), Spent: &spent}, node); err != nil || spent < n*long>>8 {
			t.Errorf("%.60s: %d steps, not at least %d (%v)", expression, spent, n*long>>8, err)
		}
	}
	for _, expression := range []string{"contact.select(%resource.name.family.getValue())", "contact.sort(%resource.name.family)"} {
		for l, want := range map[int]error{n * long / 2: ErrText, 2 * n * long: nil} {
			if _, err := MustCompile(expression).Eval(&Context{Set: definition.R4(), Limits: Limits{Text: l}}, node); !errors.Is(err, want) || err != nil && want == nil {
				t.Errorf("%s: %v, not %v", expression, err, want)
			}
		}
	}
}

// TestHeld: items that variables and sort() hold are bounded as those at hand are, and what goes through items costs more for more of them.
func TestHeld(t *testing.T) {
	const n = 10_000
	vs := make(Collection, n)
	for i := range vs {
		vs[i] = Integer(int32(i))
	}
	define := func(k int) string {
		var b strings.Builder
		for i := range k {
			fmt.Fprintf(&b, ".defineVariable('v%d')", i)
		}
		return "%x" + b.String() + ".count()"
	}
	for text, want := range map[string]error{define(2): nil, define(4): ErrItems, "%x.defineVariable('a', 1)" + strings.TrimPrefix(define(2), "%x"): nil, "%x.sort($this, $this).count()": nil,
		"%x.sort($this, $this, $this, $this).count()": ErrItems, "(1|2|3|4).select(" + define(2) + ").count()": nil} {
		if _, err := MustCompile(text).Eval(&Context{Vars: map[string]Collection{"x": vs}, Limits: Limits{Items: 3 * n}}, Node{}); !errors.Is(err, want) || err != nil && want == nil {
			t.Errorf("%.60s: %v, not %v", text, err, want)
		}
	}
	for text, least := range map[string]int{"%x.tail().tail().tail().tail().count()": 4 * n / 20, "%x.ofType(Integer).ofType(Integer).count()": n / 2} {
		spent := 0
		if _, err := MustCompile(text).Eval(&Context{Vars: map[string]Collection{"x": vs}, Spent: &spent}, Node{}); err != nil || spent < n+least {
			t.Errorf("%s: %d steps, not at least %d (%v)", text, spent, n+least, err)
		}
	}
}
