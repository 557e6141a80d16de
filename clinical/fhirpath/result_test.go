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
