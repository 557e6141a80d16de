package definition

import (
	"slices"
	"strings"
)

// maxExpansion bounds the codes of one value set.
const maxExpansion = 200_000

// CodeSystem returns a code system by its URL, nil if it is not known.
func (s *Set) CodeSystem(url string) *CodeSystem {
	url, _, _ = strings.Cut(url, "|")
	for ; s != nil; s = s.base {
		if s.lazy != nil {
			s.lazy.terms.Do(s.loadTerms)
		}
		if c := s.codes[url]; c != nil {
			return c
		}
	}
	return nil
}

func (s *Set) compose(canonical string) *compose {
	url, version, _ := strings.Cut(canonical, "|")
	for ; s != nil; s = s.base {
		if s.lazy != nil {
			s.lazy.terms.Do(s.loadTerms)
		}
		if c := s.composes[url]; c != nil && fits(c.version, version) {
			return c
		}
	}
	return nil
}

// ValueSet returns a value set by its canonical URL (a "|version" must fit) with its members as far as they are known, nil if it is not known. It is
// shared: it must not be changed. Those that are not known are not kept: resources may ask for any.
func (s *Set) ValueSet(canonical string) *ValueSet {
	if have, ok := s.expanded.Load(canonical); ok {
		return have.(*ValueSet)
	}
	x := expanding{s, map[string]bool{}, maxExpanding}
	v := x.expand(canonical)
	if v != nil {
		v.fold(s)
		s.expanded.Store(canonical, v)
	}
	return v
}

// fold notes the codes of systems that take any case.
//
// SPEC(FHIR R4 codesystem-definitions.html#CodeSystem.caseSensitive): false: codes that differ by case alone are the same.
func (v *ValueSet) fold(s *Set) {
	for system, codes := range v.Codes {
		c := s.CodeSystem(system)
		if c == nil || !c.AnyCase {
			continue
		}
		if v.lower == nil {
			v.lower = map[string]map[string]bool{}
		}
		v.lower[system] = make(map[string]bool, len(codes))
		for code := range codes {
			v.lower[system][strings.ToLower(code)] = true
		}
	}
}

// Concept returns the concept of a code; ok is false if there is none.
func (c *CodeSystem) Concept(code string) (k Concept, ok bool) {
	if k, ok = c.Codes[code]; ok || !c.AnyCase {
		return k, ok
	}
	for have, k := range c.Codes {
		if strings.EqualFold(have, code) {
			return k, true
		}
	}
	return k, false
}

// expanding is the making of one ValueSet and of those that it is made of.
type expanding struct {
	set    *Set
	within map[string]bool // those that are being made, so that a circle ends
	left   int             // codes and value sets that may still be looked at
}

// maxExpanding bounds the work on one value set: its parts may ask for the same codes again and again.
const maxExpanding = 2_000_000

// spend reports whether there is leave for n more steps.
func (x *expanding) spend(n int) bool {
	x.left -= n
	return x.left >= 0
}

func (x *expanding) expand(canonical string) *ValueSet {
	c := x.set.compose(canonical)
	if c == nil {
		return nil
	}
	v := &ValueSet{URL: c.url, Version: c.version, Name: c.name, Codes: map[string]map[string]string{}, Complete: true, Closed: true}
	if x.within[c.url] || len(x.within) > maxHierarchy || !x.spend(1) {
		v.Complete, v.Closed = false, false
		return v
	}
	x.within[c.url] = true
	defer delete(x.within, c.url)
	if len(c.include) == 0 {
		for i := range c.expansion {
			v.add(c.expansion[i].system, x.listed(&c.expansion[i]), true)
		}
		v.Complete = c.whole && len(c.expansion) > 0
		v.Closed = v.Complete
		return v
	}
	for i := range c.include {
		codes, complete, closed := x.members(&c.include[i])
		v.Closed = v.Closed && closed
		for system, list := range codes {
			v.add(system, list, complete)
		}
		v.Complete = v.Complete && complete
	}
	for i := range c.exclude {
		codes, complete, closed := x.members(&c.exclude[i])
		if !complete {
			v.doubt(&c.exclude[i], codes, closed)
		}
		for system, list := range codes {
			for code := range list {
				delete(v.Codes[system], code)
			}
		}
	}
	return v
}

// doubt leaves out the codes that an exclude may take away that is not known whole: whether they are members is not known.
func (v *ValueSet) doubt(p *part, known map[string]map[string]string, closed bool) {
	v.Complete = false
	for system := range v.Codes {
		if _, named := known[system]; named || system == p.system || p.system == "" && !closed {
			v.Codes[system] = nil
		}
	}
}

func (v *ValueSet) add(system string, list map[string]string, complete bool) {
	have, ok := v.Codes[system]
	if !ok && len(list) == 0 && !complete {
		v.Codes[system] = nil
		return
	}
	if have == nil {
		have = make(map[string]string, len(list))
		v.Codes[system] = have
	}
	for code, display := range list {
		if len(have) >= maxExpansion {
			v.Complete = false
			return
		}
		have[code] = display
	}
}

func (x *expanding) listed(p *part) map[string]string {
	x.left -= len(p.concepts)
	out := make(map[string]string, len(p.concepts))
	for _, k := range p.concepts {
		out[k.code] = k.display
	}
	return out
}

// members returns the codes of one include or exclude: what its system part gives, cut down to what all its value sets have.
// closed reports that what is in it is of the systems in out alone.
func (x *expanding) members(p *part) (out map[string]map[string]string, complete, closed bool) {
	if !x.spend(1) {
		return nil, false, false
	}
	complete = true
	if p.system != "" {
		closed = len(p.valueSets) == 0
		codes, whole := x.ofSystem(p)
		out, complete = map[string]map[string]string{p.system: codes}, whole
	}
	for _, url := range p.valueSets {
		v := x.expand(url)
		if v == nil || !x.spend(v.size()) {
			return out, false, false
		}
		complete = complete && v.Complete
		if out == nil {
			out, closed = v.Codes, v.Closed && len(p.valueSets) == 1
			continue
		}
		both := map[string]map[string]string{}
		for system, codes := range out {
			for code, display := range codes {
				if _, ok := v.Codes[system][code]; ok {
					if both[system] == nil {
						both[system] = map[string]string{}
					}
					both[system][code] = display
				}
			}
		}
		out = both
	}
	return out, complete, closed || complete
}

// size is the number of codes.
func (v *ValueSet) size() (n int) {
	for _, codes := range v.Codes {
		n += len(codes)
	}
	return n
}

// ofSystem returns what an include takes out of its code system.
func (x *expanding) ofSystem(p *part) (codes map[string]string, complete bool) {
	cs := x.set.CodeSystem(p.system)
	if len(p.concepts) > 0 {
		codes = x.listed(p)
		for code, display := range codes {
			if display == "" && cs != nil {
				codes[code] = cs.Codes[code].Display
			}
		}
		return codes, true
	}
	if cs == nil || p.hidden > 0 {
		return nil, false
	}
	passes, known := x.passes(cs, p.filters)
	if !known || !x.spend(len(cs.Codes)*(1+len(passes))) {
		return nil, false
	}
	codes = map[string]string{}
	for code, k := range cs.Codes {
		if !slices.ContainsFunc(passes, func(passes func(string) bool) bool { return !passes(code) }) {
			codes[code] = k.Display
		}
	}
	return codes, cs.Complete
}

// passes makes filters into what tells whether a code passes them; known is false where a filter is of a kind that is not done here.
func (x *expanding) passes(c *CodeSystem, filters []filter) (out []func(code string) bool, known bool) {
	for _, f := range filters {
		var one func(string) bool
		switch {
		case f.property == "concept" && f.op == "is-a":
			below := x.below(c, f.value)
			one = func(code string) bool { return code == f.value || below[code] }
		case f.property == "concept" && f.op == "descendent-of":
			below := x.below(c, f.value)
			one = func(code string) bool { return code != f.value && below[code] }
		case f.property == "concept" && f.op == "is-not-a":
			below := x.below(c, f.value)
			one = func(code string) bool { return code != f.value && !below[code] }
		case (f.property == "concept" || f.property == "code") && f.op == "in":
			in := map[string]bool{}
			for one := range strings.SplitSeq(f.value, ",") {
				in[strings.TrimSpace(one)] = true
			}
			x.left -= len(in)
			one = func(code string) bool { return in[code] }
		}
		if one == nil || x.left < 0 {
			return nil, false
		}
		out = append(out, one)
	}
	return out, true
}

// below lists the codes under one in the hierarchy as far as it is known here.
func (x *expanding) below(c *CodeSystem, code string) map[string]bool {
	children := map[string][]string{}
	for k, concept := range c.Codes {
		if !x.spend(1 + len(concept.Parents)) {
			return nil
		}
		for _, up := range concept.Parents {
			children[up] = append(children[up], k)
		}
	}
	out := map[string]bool{}
	for next := []string{code}; len(next) > 0; next = next[1:] {
		for _, k := range children[next[0]] {
			if !out[k] {
				out[k] = true
				next = append(next, k)
			}
		}
	}
	return out
}

// Answer to a question of terminology.
type Answer uint8

// The answers.
const (
	NotKnown Answer = iota // the value set, or all its codes, are not known here
	Yes
	No
)

// MemberOf says whether a code is a member of a value set. With system "" any system of the set will do.
func (s *Set) MemberOf(canonical, system, code string) Answer {
	v := s.ValueSet(canonical)
	if v == nil {
		return NotKnown
	}
	return v.Has(system, code)
}

// Has says whether a code is a member. With system "" any system of the set will do.
func (v *ValueSet) Has(system, code string) Answer {
	if system == "" {
		for _, codes := range v.Codes {
			if _, ok := codes[code]; ok {
				return Yes
			}
		}
	} else if codes, there := v.Codes[system]; there {
		if _, ok := codes[code]; ok || v.lower[system][strings.ToLower(code)] {
			return Yes
		}
	} else if v.Closed {
		return No
	}
	if v.Complete {
		return No
	}
	return NotKnown
}

// Display returns the name of a code of a system, "" if it is not known here.
func (s *Set) Display(system, code string) string {
	if c := s.CodeSystem(system); c != nil {
		return c.Codes[code].Display
	}
	return ""
}
