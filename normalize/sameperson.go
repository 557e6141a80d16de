package normalize

import (
	"strings"

	"github.com/ward-health/ward/normalize/body"
)

// otherPerson reports whether a laboratory speaks of somebody else under a known number. Birth dates do not change: another one
// is another person, unless the family name is the same and the date looks like a slip of the pen. Names and sexes do change,
// but not both at once.
func otherPerson(now, said *body.Value) bool {
	if !sameDate(now, said) && !(slip(now.Get("birthDate").Str(), said.Get("birthDate").Str()) && sameFamily(now, said)) {
		return true
	}
	return differs(now, said, "gender") && otherFamily(now, said)
}

// replaced reports whether who keeps demographics changes so much of them at once that it may speak of somebody else: two of
// family name, birth date and sex.
func replaced(now, said *body.Value) bool {
	n := 0
	for _, changed := range []bool{!sameDate(now, said), differs(now, said, "gender"), otherFamily(now, said)} {
		if changed {
			n++
		}
	}
	return n >= 2
}

func differs(a, b *body.Value, name string) bool {
	x, y := a.Get(name).Str(), b.Get(name).Str()
	return x != "" && y != "" && x != y && x != "unknown" && y != "unknown"
}

// sameDate reports whether two birth dates do not contradict each other; one may be vaguer.
func sameDate(a, b *body.Value) bool {
	x, y := a.Get("birthDate").Str(), b.Get("birthDate").Str()
	return strings.HasPrefix(x, y) || strings.HasPrefix(y, x)
}

// slip reports whether two dates differ in one digit, or in the order of day and month.
func slip(a, b string) bool {
	if len(a) != len("2006-01-02") || len(b) != len(a) {
		return false
	}
	wrong := 0
	for i := range a {
		if a[i] != b[i] {
			wrong++
		}
	}
	return wrong == 1 || a[:4] == b[:4] && a[5:7] == b[8:] && a[8:] == b[5:7]
}

// families are the family names of a patient, folded.
func families(o *body.Value) map[string]bool {
	out := map[string]bool{}
	for _, n := range o.Get("name").Items() {
		if f := strings.ToUpper(strings.TrimSpace(n.Get("family").Str())); f != "" {
			out[f] = true
		}
	}
	return out
}

// sameFamily reports whether both say a family name and share one; otherFamily, whether both do and share none.
func sameFamily(a, b *body.Value) bool {
	x, y := families(a), families(b)
	for f := range y {
		if x[f] {
			return true
		}
	}
	return false
}

func otherFamily(a, b *body.Value) bool {
	return len(families(a)) > 0 && len(families(b)) > 0 && !sameFamily(a, b)
}
