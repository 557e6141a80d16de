package fhirpath

import "testing"

// TestLogic: the tables of FHIRPath N1 6.5.
func TestLogic(t *testing.T) {
	names := map[tri]string{isTrue: "true", isFalse: "false", unknown: "{}"}
	all := []tri{isTrue, isFalse, unknown}
	for sign, want := range map[string][9]tri{
		"and":     {isTrue, isFalse, unknown, isFalse, isFalse, isFalse, unknown, isFalse, unknown},
		"or":      {isTrue, isTrue, isTrue, isTrue, isFalse, unknown, isTrue, unknown, unknown},
		"xor":     {isFalse, isTrue, unknown, isTrue, isFalse, unknown, unknown, unknown, unknown},
		"implies": {isTrue, isFalse, unknown, isTrue, isTrue, isTrue, isTrue, unknown, unknown},
	} {
		for i, l := range all {
			for j, r := range all {
				text := names[l] + " " + sign + " " + names[r]
				got, err := MustCompile(text).Append(nil, nil, Value{})
				if err != nil {
					t.Fatal(text, err)
				}
				have := unknown
				if len(got) == 1 {
					b, _ := got[0].Bool()
					have = triOf(b)
				}
				if have != want[3*i+j] {
					t.Errorf("%s is %s", text, names[have])
				}
			}
		}
	}
}

// TestManyTrue: several items are true in an invariant, and an error in FHIRPath.
func TestManyTrue(t *testing.T) {
	n := parseNode(t, somebody)
	for text, want := range map[string]tri{
		"name or contact": isTrue, "contact or name": isTrue, "contact or photo": unknown, "name and active": isTrue, "name and active.not()": isFalse, "contact and name": unknown,
		"name xor active": isFalse, "name xor active.not()": isTrue, "name implies active": isTrue, "name implies active.not()": isFalse, "active implies name": isTrue, "name.not()": isFalse,
		"contact.not()": unknown, "name": isTrue, "where(name).exists()": isTrue, "exists(name)": isTrue, "all(name)": isTrue, "iif(name, true, false)": isTrue,
		"(false | true) and active": isTrue,
	} {
		got, err := mustMany(t, text).True(nil, n)
		not, err2 := mustMany(t, "("+text+").not()").True(nil, n)
		if err != nil || err2 != nil || got != (want == isTrue) || not != (want == isFalse) {
			t.Errorf("%s is %v, its opposite %v (%v, %v)", text, got, not, err, err2)
		}
	}
	for _, text := range []string{"name or contact", "contact or name", "name and active", "name xor active", "name implies active", "active implies name", "name.not()", "name",
		"where(name)", "exists(name)", "all(name)", "iif(name, true, false)", "(false | true) and active"} {
		for range 2 { // a machine that was used for the other kind is used again
			if _, err := MustCompile(text).True(nil, n); err == nil {
				t.Errorf("%s is no error", text)
			}
		}
	}
	for _, text := range []string{"name.single()", "name + 'x'", "name in contact", "name.allTrue()"} { // it is for Booleans alone
		if _, err := mustMany(t, text).True(nil, n); err == nil {
			t.Errorf("%s is no error", text)
		}
	}
}

func mustMany(t *testing.T, text string) *Expression {
	t.Helper()
	e, err := Compile(text, Options{ManyTrue: true})
	if err != nil {
		t.Fatal(text, err)
	}
	return e
}
