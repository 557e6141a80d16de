package fhirpath

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

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
		start := time.Now()
		vs, _ := e.Eval(ctx, n)
		if len(vs) > 20_000 || time.Since(start) > 20*time.Second {
			t.Fatalf("%q: %d items in %s", text, len(vs), time.Since(start))
		}
		for _, v := range vs {
			_, _, _ = v.TypeName(), v.String(), v.Kind().String()
		}
		_, _ = e.Bool(ctx, n)
	})
}
