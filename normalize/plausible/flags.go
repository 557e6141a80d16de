package plausible

import (
	"slices"
	"strings"
)

// flags holds the value against the laboratory's own range and flags.
//
// SPEC(HL7 v2.5.1 7.4.2.8 OBX-8 Abnormal Flags): N is normal; L, LL and H, HH are outside of the range on that side.
func flags(f Fact, s span) []Finding {
	var out []Finding
	inside := s.empty() || s.holds(f.Value)
	if f.Comparator != "" {
		inside = inside || f.Comparator[0] == '<' && s.low == nil || f.Comparator[0] == '>' && s.high == nil
	}
	if !inside {
		out = append(out, f.found(Abnormal, OutsideRange, "range "+clip(f.Range)))
	}
	abnormal := slices.ContainsFunc(f.Flags, func(c string) bool { return c != "" && c != "N" })
	if abnormal {
		out = append(out, f.found(Abnormal, FlaggedAbnormal))
	}
	if s.empty() || f.Comparator != "" {
		return out
	}
	has := func(codes ...string) bool {
		return slices.ContainsFunc(f.Flags, func(c string) bool { return slices.Contains(codes, c) })
	}
	low := s.low != nil && f.Value.Cmp(s.low) < 0
	high := s.high != nil && f.Value.Cmp(s.high) > 0
	if has("N") && !inside || has("H", "HH", "HU") && (low || inside) || has("L", "LL", "LU") && (high || inside) {
		out = append(out, f.found(Inconsistent, FlagContradicts, "range "+clip(f.Range)))
	}
	return out
}

// clip bounds text from outside that goes into evidence.
func clip(s string) string {
	if len(s) > maxRange {
		s = s[:maxRange]
	}
	return strings.ToValidUTF8(s, "?")
}
