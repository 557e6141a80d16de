package units

import (
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/ucum"
)

// Differ reports whether two texts that were sent as one unit cannot both be meant: both are UCUM or aliases of it, and none of
// what the one may mean is what the other may mean. A text that is unknown contradicts nothing.
func Differ(a, b string) bool {
	x, y := every(a), every(b)
	if len(x) == 0 || len(y) == 0 {
		return false
	}
	return !slices.ContainsFunc(x, func(u ucum.Unit) bool { return slices.ContainsFunc(y, u.Equal) })
}

// every returns what a text may mean.
func every(text string) []ucum.Unit {
	text = strings.TrimSpace(text)
	if len(text) > maxText {
		return nil
	}
	found := meanings(text)
	if u, ok := standard(text); ok {
		found = append(found, u)
	}
	return found
}
