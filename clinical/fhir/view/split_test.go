package view

import (
	"testing"
)

// TestSplit: paths come apart into their steps, other expressions say which operator binds the loosest.
func TestSplit(t *testing.T) {
	for text, want := range map[string]struct {
		last, args, operator string
		steps                int
	}{
		"id": {last: "id", steps: 1},
		"name.where(use = 'a.b(').family.first()": {last: "first", steps: 4},
		"name[0] . given [ 1 ]":                   {last: "given", steps: 2},
		"value.ofType( Quantity ).value":          {last: "value", steps: 3},
		"value.ofType(Quantity)":                  {last: "ofType", args: "Quantity", steps: 2},
		"%`name use`.x":                           {last: "x", steps: 2},
		"name.contains('x')":                      {last: "contains", args: "'x'", steps: 2},
		"a.b = c.d and x":                         {operator: "and"},
		"a + b > c":                               {operator: ">"},
		"a is Quantity":                           {operator: "is"},
		"a contains 'x'":                          {operator: "contains"},
		"low.value * high.value":                  {operator: "*"},
		"a|b":                                     {operator: "|"},
		"@2012-01-01T10:00:00+02:00":              {last: "@2012-01-01T10:00:00+02:00", steps: 1},
		"1.5":                                     {last: "1.5", steps: 1},
		"4 'mg'":                                  {operator: "?"},
		"(a or b).not()":                          {operator: "?"},
		"-5":                                      {operator: "?"},
		"'it\\'s'":                                {last: "'it\\'s'", steps: 1},
		"a // b":                                  {operator: "?"},
		"a('":                                     {operator: "?"},
		"":                                        {},
	} {
		steps, operator := split(text)
		if operator != want.operator || len(steps) != want.steps {
			t.Errorf("%q: %v, %q", text, steps, operator)
			continue
		}
		if n := len(steps); n > 0 && (steps[n-1].name != want.last || steps[n-1].args != want.args) {
			t.Errorf("%q: %+v", text, steps)
		}
	}
}
