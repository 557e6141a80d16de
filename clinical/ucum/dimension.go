package ucum

import "strconv"

// baseNames are the units of Unit.Factor, as UCUM writes them.
var baseNames = [bases]string{"m", "s", "g", "rad", "K", "C", "cd", "mol", "eq", "osm", "[IU]", "[arb'U]", "[GPL'U]", "[MPL'U]", "[APL'U]", "[HPF]", "[LPF]", "[drp]", "[CFU]", "[PFU]"}

// String writes the dimension as a unit of base units ("g.m-3"), "1" where there is none. Equal dimensions have equal texts.
func (d Dimension) String() string {
	var b []byte
	for i, n := range d {
		if n == 0 {
			continue
		}
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = append(b, baseNames[i]...)
		if n != 1 {
			b = strconv.AppendInt(b, int64(n), 10)
		}
	}
	if len(b) == 0 {
		return "1"
	}
	return string(b)
}
