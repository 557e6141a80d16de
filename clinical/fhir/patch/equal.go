package patch

import (
	"bytes"
	"cmp"
	"math/big"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// equal compares two JSON values.
//
// SPEC(RFC 6902 section 4.6): numbers by their value, objects without regard to the order of members.
func equal(a *tree.Doc, n int, b *tree.Doc, m int) bool {
	v, w := &a.Nodes[n], &b.Nodes[m]
	if v.Kind != w.Kind || v.Len != w.Len {
		return false
	}
	switch v.Kind {
	case tree.String:
		return bytes.Equal(a.Text(n), b.Text(m))
	case tree.Number:
		return sameNumber(string(a.Text(n)), string(b.Text(m)))
	case tree.Array:
		for c, d := a.First(n), b.First(m); c != tree.None; c, d = a.Sibling(c), b.Sibling(d) {
			if !equal(a, c, b, d) {
				return false
			}
		}
	case tree.Object:
		c, d := byName(a, n), byName(b, m)
		for i := range c {
			if c[i].name != d[i].name || !equal(a, c[i].node, b, d[i].node) {
				return false
			}
		}
	}
	return true
}

// member is a member of an object with its name.
type member struct {
	name string
	node int
}

// byName lists the members of an object in the order of their names.
func byName(d *tree.Doc, n int) []member {
	list := make([]member, 0, d.Nodes[n].Len)
	for c := d.First(n); c != tree.None; c = d.Sibling(c) {
		list = append(list, member{d.MemberName(c), c})
	}
	slices.SortFunc(list, func(x, y member) int { return cmp.Compare(x.name, y.name) })
	return list
}

// longExponent is from how many digits on an exponent is not reckoned with: building it takes time that grows with their square.
const longExponent = 1000

// sameNumber compares two JSON numbers by value, exactly and without building them; those with a long exponent are the same only as written.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	na, da, ea := decimal(a)
	nb, db, eb := decimal(b)
	return ea != nil && eb != nil && na == nb && da == db && ea.Cmp(eb) == 0
}

// decimal takes a JSON number apart: value = 0.digits * 10^exponent, digits without zeros at either end; of 0 all is empty. The exponent is nil
// if it is long.
func decimal(s string) (negative bool, digits string, exponent *big.Int) {
	exponent = new(big.Int)
	s, negative = strings.CutPrefix(s, "-")
	written := ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		s, written = s[:i], strings.TrimPrefix(s[i+1:], "+")
	}
	whole, fraction, _ := strings.Cut(s, ".")
	trimmed := strings.TrimLeft(whole+fraction, "0")
	if digits = strings.TrimRight(trimmed, "0"); digits == "" {
		return false, "", exponent
	}
	written, minus := strings.CutPrefix(written, "-")
	if written = strings.TrimLeft(written, "0"); len(written) >= longExponent {
		return negative, digits, nil
	}
	exponent.SetString("0"+written, 10)
	if minus {
		exponent.Neg(exponent)
	}
	return negative, digits, exponent.Add(exponent, big.NewInt(int64(len(trimmed)-len(fraction))))
}
