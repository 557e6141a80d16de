package policy

import "slices"

// Filter is a closed predicate tree over the declared attributes of a record. store translates it for every alias; Match
// is the evaluator. The zero Filter matches nothing.
type Filter struct{ Node Node }

// Node is one of All, None, And, Or, Not, TypeIn, PatientIs, Shared, ConfAtMost, Labelled. The empty And is All, the
// empty Or and the empty TypeIn are None; PatientIs("") matches nothing, because "no patient" is Shared.
type Node interface{ node() }

// The nodes of a Filter.
type (
	All        struct{}
	None       struct{}
	And        []Node
	Or         []Node
	Not        struct{ Node Node }
	TypeIn     []string              // resource type is one of
	PatientIs  string                // compartment of this Patient id
	Shared     struct{}              // belongs to no patient
	ConfAtMost int                   // confidentiality U=0 L=1 M=2 N=3 R=4 V=5
	Labelled   struct{ Code string } // carries this meta.security code
)

func (All) node()        {}
func (None) node()       {}
func (And) node()        {}
func (Or) node()         {}
func (Not) node()        {}
func (TypeIn) node()     {}
func (PatientIs) node()  {}
func (Shared) node()     {}
func (ConfAtMost) node() {}
func (Labelled) node()   {}

// Attributes of a record, as Cedar, Filter and SQL see them.
type Attributes struct {
	Type    string
	Patient string // Patient id, empty: shared
	Conf    int    // absent label: 3 (N); unknown system or code: 4 (R)
	Labels  []string
}

// Match evaluates the filter. A tree with a nil node anywhere matches nothing, even below a Not.
func (f Filter) Match(a Attributes) bool {
	ok, sound := match(f.Node, a)
	return ok && sound
}

// match returns the value of the tree and whether every node of it that was looked at is one of the ten.
func match(n Node, a Attributes) (ok, sound bool) {
	switch n := n.(type) {
	case All:
		return true, true
	case None:
		return false, true
	case And:
		return matchEach(n, a, false)
	case Or:
		return matchEach(n, a, true)
	case Not:
		ok, sound := match(n.Node, a)
		return !ok && sound, sound
	case TypeIn:
		return slices.Contains(n, a.Type), true
	case PatientIs:
		return n != "" && string(n) == a.Patient, true
	case Shared:
		return a.Patient == "", true
	case ConfAtMost:
		return a.Conf <= int(n), true
	case Labelled:
		return slices.Contains(a.Labels, n.Code), true
	}
	return false, false
}

// matchEach evaluates every branch, so that a broken one is found wherever it stands.
func matchEach(ns []Node, a Attributes, or bool) (ok, sound bool) {
	ok = !or
	for _, n := range ns {
		got, sound := match(n, a)
		if !sound {
			return false, false
		}
		if or {
			ok = ok || got
		} else {
			ok = ok && got
		}
	}
	return ok, true
}

// Simplify returns an equal filter without constants, nested And and Or of one branch. A tree with a node that is none
// of the ten becomes None.
func (f Filter) Simplify() Filter {
	n, sound := simplify(f.Node)
	if !sound {
		return Filter{None{}}
	}
	return Filter{n}
}

func simplify(n Node) (Node, bool) {
	switch n := n.(type) {
	case And:
		return simplifyAnd(n)
	case Or:
		return simplifyOr(n)
	case Not:
		return simplifyNot(n)
	case TypeIn:
		if len(n) == 0 {
			return None{}, true
		}
		types := slices.Clone(n)
		slices.Sort(types)
		return slices.Compact(types), true
	case PatientIs:
		if n == "" {
			return None{}, true
		}
		return n, true
	case All, None, Shared, ConfAtMost, Labelled:
		return n, true
	}
	return None{}, false
}

func simplifyNot(n Not) (Node, bool) {
	s, sound := simplify(n.Node)
	switch s := s.(type) {
	case All:
		return None{}, sound
	case None:
		return All{}, sound
	case Not:
		return s.Node, sound
	}
	return Not{s}, sound
}

func simplifyAnd(ns []Node) (Node, bool) {
	var out And
	none := false
	for _, n := range ns {
		s, sound := simplify(n)
		if !sound {
			return None{}, false
		}
		switch s := s.(type) {
		case None:
			none = true
		case All:
		case And:
			out = append(out, s...)
		default:
			out = append(out, s)
		}
	}
	switch {
	case none:
		return None{}, true
	case len(out) == 0:
		return All{}, true
	case len(out) == 1:
		return out[0], true
	}
	return out, true
}

func simplifyOr(ns []Node) (Node, bool) {
	var out Or
	all := false
	for _, n := range ns {
		s, sound := simplify(n)
		if !sound {
			return None{}, false
		}
		switch s := s.(type) {
		case All:
			all = true
		case None:
		case Or:
			out = append(out, s...)
		default:
			out = append(out, s)
		}
	}
	switch {
	case all:
		return All{}, true
	case len(out) == 0:
		return None{}, true
	case len(out) == 1:
		return out[0], true
	}
	return out, true
}

// Clone copies the tree, so that nobody can widen a permit's filter through a shared slice.
func (f Filter) Clone() Filter { return Filter{clone(f.Node)} }

func clone(n Node) Node {
	switch n := n.(type) {
	case And:
		out := make(And, len(n))
		for i := range n {
			out[i] = clone(n[i])
		}
		return out
	case Or:
		out := make(Or, len(n))
		for i := range n {
			out[i] = clone(n[i])
		}
		return out
	case Not:
		return Not{clone(n.Node)}
	case TypeIn:
		return slices.Clone(n)
	}
	return n
}
