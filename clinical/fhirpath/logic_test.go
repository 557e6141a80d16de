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
