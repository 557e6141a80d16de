package fhir

import "slices"

// Holds reports whether the facts satisfy the query: the re-verification of every hit on its body. Facts.Updated must be
// set when the query may carry _lastUpdated. A query that is only a Cursor holds for nothing.
func (s Search) Holds(f Facts) bool {
	if s.Type != f.Type || s.Cursor != "" || len(s.IDs) > 0 && !slices.Contains(s.IDs, f.ID) {
		return false
	}
	for i := range s.Clauses {
		if !s.Clauses[i].holds(f) {
			return false
		}
	}
	return true
}

func (c *Clause) holds(f Facts) bool {
	if c.Param == ParamLastUpdated {
		return c.any(Value{Param: c.Param, Kind: Date, Lo: f.Updated, Hi: f.Updated + 1})
	}
	missing := true
	for i := range f.Values {
		if f.Values[i].Param != c.Param {
			continue
		}
		if missing = false; c.any(f.Values[i]) {
			return true
		}
	}
	return missing && c.OrMissing
}

func (c *Clause) any(v Value) bool {
	for i := range c.Any {
		if c.Any[i].Holds(v) {
			return true
		}
	}
	return false
}

// Holds reports whether one value (of the clause's parameter) satisfies the alternative.
//
// SPEC(FHIR R4 search.html#prefix): eq: the value lies within the given interval; ne: it does not; gt, lt: a part of it is above, below; ge, le:
// that or eq; sa, eb: all of it is after, before; ap: it overlaps.
func (m Match) Holds(v Value) bool {
	switch v.Kind {
	case Token:
		return m.Code == v.Code && (m.AnySystem || m.System == v.System)
	case Ref:
		return m.Code == v.Code && m.System == v.System
	}
	within := v.Lo >= m.Lo && v.Hi <= m.Hi
	switch m.Prefix {
	case "eq":
		return within
	case "ne":
		return !within
	case "gt":
		return v.Hi > m.Hi
	case "lt":
		return v.Lo < m.Lo
	case "ge":
		return v.Hi > m.Hi || within
	case "le":
		return v.Lo < m.Lo || within
	case "sa":
		return v.Lo >= m.Hi
	case "eb":
		return v.Hi <= m.Lo
	case "ap":
		return v.Lo < m.Hi && v.Hi > m.Lo
	}
	return false
}
