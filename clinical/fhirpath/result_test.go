package fhirpath

import (
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

// results are the items of an expression on n, by commas.
func results(t *testing.T, text string, n Node) string {
	t.Helper()
	vs, err := MustCompile(text).Eval(&Context{Set: definition.R4()}, n)
	if err != nil {
		t.Errorf("%s: %v", text, err)
	}
	var all []string
	for _, v := range vs {
		all = append(all, v.String())
	}
	return strings.Join(all, ",")
}

// TestFarMoments: a duration may be as long as the calendar.
func TestFarMoments(t *testing.T) {
	for text, want := range map[string]string{
		"@2000-01-01 + 110000 days": "2301-03-04", "@2024-01-01 - 120000 days": "1695-06-14", "@2024-01 + 50000 weeks": "2996-03", "@0001-01-01 + 3652058 days": "9999-12-31",
		"@2000 + 365000 days": "3000", "@2000-01-01T00:00:00Z + 2000000000000.5 seconds": "", "@2000-01-01T00:00:00Z + 10000000000.0 seconds": "2316-11-20T17:46:40Z",
		"@2000-01-01T00:00:00Z - 10000000000.0 seconds": "1683-02-10T06:13:20Z", "@0001-01-01 + 3652059 days": "", "@2000-01-01 - 2147483647 days": "", "@2000-01-01 - 2147483647 weeks": "",
		"@T10:00:00 + 10000000000.0 seconds": "03:46:40", "@T10:00 + 2147483647 hours": "17:00", "@T10:00 - 2147483647 hours": "03:00",
	} {
		if got := results(t, text, Node{}); got != want {
			t.Errorf("%s is %q, not %q", text, got, want)
		}
	}
}

// TestRoundedUp: what is rounded to one digit too many has no result.
func TestRoundedUp(t *testing.T) {
	const nines = "99999999999999999999999999999999999999" // as many digits as a Decimal has before the point
	for text, want := range map[string]string{
		nines + ".5.round(0)": "", nines + ".5.ceiling()": "", "(-" + nines + ".5).floor()": "", nines + ".5.highBoundary(0)": "", nines + ".5 ~ 0": "false",
		nines + ".4.round(0)": nines, nines + ".5.round(1)": nines + ".5", "2147483646.5.ceiling()": "2147483647", "2147483647.5.ceiling()": "",
	} {
		if got := results(t, text, Node{}); got != want {
			t.Errorf("%s is %q, not %q", text, got, want)
		}
	}
}

// TestLeastInteger: there is no Integer that is the least one without its sign.
func TestLeastInteger(t *testing.T) {
	for text, want := range map[string]string{
		"'-2147483648'.toInteger().abs()": "", "-('-2147483648'.toInteger())": "", "'-2147483648'.toInteger()": "-2147483648", "'-2147483647'.toInteger().abs()": "2147483647",
		"-2147483647": "-2147483647", "-(-5)": "5", "(-5.50).abs()": "5.50", "(-5 'mg').abs()": "5 'mg'",
	} {
		if got := results(t, text, Node{}); got != want {
			t.Errorf("%s is %q, not %q", text, got, want)
		}
	}
}

// TestJoinWithoutValues: an item that has no value takes no separator.
func TestJoinWithoutValues(t *testing.T) {
	n := parseNode(t, `{"resourceType":"Patient","name":[{"given":[null,"B",null,"C",null],"_given":[{"id":"a"},null,{"id":"c"},null,{"id":"e"}]},{"_given":[{"id":"a"}]}]}`)
	for text, want := range map[string]string{"name[0].given.join(',')": "B,C", "name[1].given.join(',').exists()": "false", "'a'.combine('').combine('b').join(',')": "a,,b", "''.join('-').exists()": "true"} {
		if got := results(t, text, n); got != want {
			t.Errorf("%s is %q, not %q", text, got, want)
		}
	}
}

// TestFewAndMany: items are equal in a long list where they are in a short one.
func TestFewAndMany(t *testing.T) {
	n := parseNode(t, `{"resourceType":"Observation","valueQuantity":{"value":1},"component":[{"valueQuantity":{"value":100,"system":"http://unitsofmeasure.org","code":"%"}},
		{"valueQuantity":{"value":1,"unit":"x"}},{"valueQuantity":{"value":1,"unit":"x","id":"q"}},{"valueQuantity":{"unit":"y"}},{"valueQuantity":{"unit":"y"}}]}`)
	const more = "'a'.combine('b').combine('c').combine('d').combine('e').combine('f').combine('g').combine('h').combine('i')"
	for _, both := range []string{
		"1 | 1 '1'", "100 '%' | 1.0", "100 '%' | 1 '1'", "@2012-01-01 | @2012-01-01T", "1 'g' | 1000 'mg'", "1 year | 12 months", "1 'a' | 1 year", "1 'x' | 1 'x'", "1 '[foo]' | 1", "1 'Cel' | 1",
		"value | 1", "value | component.value", "component.value | {}", "component.value | 1", "@T10:00:00 | @T10:00:00.0", "7 days | 1 'wk'", "true | 1", "'1' | 1", "0.5 | 50 '%'", "2 'rad' | 2",
	} {
		a, b, _ := strings.Cut(both, " | ")
		few, many := results(t, "("+a+").combine("+b+").distinct().count()", n), results(t, more+".combine("+a+").combine("+b+").distinct().count() - 9", n)
		if few != many {
			t.Errorf("%s: %s among few, %s among many", both, few, many)
		}
	}
}

// TestEscapedPairs: a character beyond 16 bits is escaped in two halves.
func TestEscapedPairs(t *testing.T) {
	for text, want := range map[string]string{`'\uD83D\uDE00'`: "😀", `'a\ud83d\ude00b'.length()`: "3", `'\uD83D'`: "\uFFFD", `'\uD83Dx'`: "\uFFFDx", `'\uD83D\n'`: "\uFFFD\n", `'\uDE00\uD83D'`: "\uFFFD\uFFFD", `'\u00e9\u00e9'`: "éé",
		`'\uD83D\uD83D\uDE00'`: "\uFFFD😀"} {
		if got := results(t, text, Node{}); got != want {
			t.Errorf("%s is %q, not %q", text, got, want)
		}
	}
}

// TestSumUnits: a sum is in the more granular unit of its parts.
func TestSumUnits(t *testing.T) {
	for text, want := range map[string]string{
		"3 'm' + 3 'cm'": "303 'cm'", "3 'cm' + 3 'm'": "303 'cm'", "1 'm' - 250 'mm'": "750 'mm'", "250 'mm' - 1 'm'": "-750 'mm'", "1 'g' + 1 'g'": "2 'g'", "1 'g' + 1 'm'": "",
		"1 year + 3 months": "15 months", "3 months + 1 year": "15 months", "1 + 50 '%'": "150 '%'", "50 '%' + 1": "150 '%'", "1.50 'kg' + 0.5 'kg'": "2.00 'kg'",
	} {
		if got := results(t, text, Node{}); got != want {
			t.Errorf("%s is %q, not %q", text, got, want)
		}
	}
}
