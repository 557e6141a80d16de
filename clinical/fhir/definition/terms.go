package definition

import "strings"

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
// shared: it must not be changed.
func (s *Set) ValueSet(canonical string) *ValueSet {
	if have, ok := s.expanded.Load(canonical); ok {
		return have.(*ValueSet)
	}
	v := s.expand(canonical, map[string]bool{})
	s.expanded.Store(canonical, v)
	return v
}

// expand makes a ValueSet; within are those that are being made, so that a circle ends.
func (s *Set) expand(canonical string, within map[string]bool) *ValueSet {
	c := s.compose(canonical)
	if c == nil {
		return nil
	}
	v := &ValueSet{URL: c.url, Version: c.version, Name: c.name, Codes: map[string]map[string]string{}, Complete: true, Closed: true}
	if within[c.url] || len(within) > maxHierarchy {
		v.Complete, v.Closed = false, false
		return v
	}
	within[c.url] = true
	defer delete(within, c.url)
	if len(c.include) == 0 {
		for i := range c.expansion {
			v.add(c.expansion[i].system, listed(&c.expansion[i]), true)
		}
		v.Complete = c.whole && len(c.expansion) > 0
		v.Closed = v.Complete
		return v
	}
	for i := range c.include {
		codes, complete, closed := s.members(&c.include[i], within)
		v.Closed = v.Closed && closed
		for system, list := range codes {
			v.add(system, list, complete)
		}
		v.Complete = v.Complete && complete
	}
	for i := range c.exclude {
		codes, complete, _ := s.members(&c.exclude[i], within)
		v.Complete = v.Complete && complete
		for system, list := range codes {
			for code := range list {
				delete(v.Codes[system], code)
			}
		}
	}
	return v
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

func listed(p *part) map[string]string {
	out := make(map[string]string, len(p.concepts))
	for _, k := range p.concepts {
		out[k.code] = k.display
	}
	return out
}

// members returns the codes of one include or exclude: what its system part gives, cut down to what all its value sets have.
// closed reports that what is in it is of the systems in out alone.
func (s *Set) members(p *part, within map[string]bool) (out map[string]map[string]string, complete, closed bool) {
	complete = true
	if p.system != "" {
		closed = len(p.valueSets) == 0
		codes, whole := s.ofSystem(p)
		out, complete = map[string]map[string]string{p.system: codes}, whole
	}
	for _, url := range p.valueSets {
		v := s.expand(url, within)
		if v == nil {
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

// ofSystem returns what an include takes out of its code system.
func (s *Set) ofSystem(p *part) (codes map[string]string, complete bool) {
	cs := s.CodeSystem(p.system)
	if len(p.concepts) > 0 {
		codes = listed(p)
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
	codes = map[string]string{}
	for code, k := range cs.Codes {
		ok, known := cs.passes(code, p.filters)
		if !known {
			return nil, false
		}
		if ok {
			codes[code] = k.Display
		}
	}
	return codes, cs.Complete
}

// passes reports whether a code passes all filters; known is false where a filter is of a kind that is not done here.
func (c *CodeSystem) passes(code string, filters []filter) (ok, known bool) {
	for _, f := range filters {
		switch {
		case f.property == "concept" && f.op == "is-a":
			ok = code == f.value || c.IsA(code, f.value)
		case f.property == "concept" && f.op == "descendent-of":
			ok = code != f.value && c.IsA(code, f.value)
		case f.property == "concept" && f.op == "is-not-a":
			ok = code != f.value && !c.IsA(code, f.value)
		case (f.property == "concept" || f.property == "code") && f.op == "in":
			ok = false
			for _, one := range strings.Split(f.value, ",") {
				ok = ok || code == strings.TrimSpace(one)
			}
		default:
			return false, false
		}
		if !ok {
			return false, true
		}
	}
	return true, true
}

// IsA reports whether code is below ancestor in the hierarchy as far as it is known here, or is it.
func (c *CodeSystem) IsA(code, ancestor string) bool { return c.isA(code, ancestor, 0) }

func (c *CodeSystem) isA(code, ancestor string, depth int) bool {
	if code == ancestor {
		return true
	}
	if depth > maxHierarchy {
		return false
	}
	for _, up := range c.Codes[code].Parents {
		if c.isA(up, ancestor, depth+1) {
			return true
		}
	}
	return false
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
		if _, ok := codes[code]; ok {
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
