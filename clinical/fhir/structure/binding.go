package structure

import (
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// codeSet is a value set that is known whole.
type codeSet struct {
	url     string
	systems []string
	codes   map[string]uint64 // code -> systems that have it, a bit for each
}

// binding returns the codes of a required binding, nil if it is not required or its value set is not known whole. It is called under the lock.
func (s *Schema) binding(b *definition.Binding) *codeSet {
	if b == nil || b.Strength != definition.Required {
		return nil
	}
	if set, ok := s.codes[b.ValueSet]; ok {
		return set
	}
	set := newCodeSet(s.set.ValueSet(b.ValueSet))
	s.codes[b.ValueSet] = set
	return set
}

func newCodeSet(vs *definition.ValueSet) *codeSet {
	if vs == nil || !vs.Complete || len(vs.Codes) == 0 || len(vs.Codes) > 64 {
		return nil
	}
	set := &codeSet{url: vs.URL, codes: map[string]uint64{}}
	for system, codes := range vs.Codes {
		if codes == nil {
			return nil
		}
		bit := uint64(1) << len(set.systems)
		set.systems = append(set.systems, system)
		for code := range codes {
			set.codes[code] |= bit
		}
	}
	return set
}

// has reports whether the code of the system is a member; without system, whether one of any system is.
func (s *codeSet) has(system, code []byte, any bool) bool {
	mask := s.codes[string(code)]
	if any || mask == 0 {
		return mask != 0
	}
	for i, have := range s.systems {
		if mask&(1<<i) != 0 && have == string(system) {
			return true
		}
	}
	return false
}

// bound checks a Coding, CodeableConcept or Quantity against a required binding.
//
// SPEC(FHIR R4 terminologies.html#required): the concept SHALL come from the value set; of a CodeableConcept, one of the codings.
func (c *Checker) bound(n int, m *member) {
	d := c.doc
	if d.Nodes[n].Kind != tree.Object {
		return
	}
	coding := d.Member(n, "coding")
	if coding == tree.None || d.Nodes[coding].Kind != tree.Array {
		if m.sort.concept {
			c.notInSet(n, m, "a coding out of ")
			return
		}
		if code := d.Member(n, "code"); code != tree.None && !c.inSet(n, m.codes) {
			c.notInSet(code, m, "a system and code out of ")
		}
		return
	}
	for k := d.First(coding); k != tree.None; k = d.Sibling(k) {
		if c.inSet(k, m.codes) {
			return
		}
	}
	c.notInSet(n, m, "a coding out of ")
}

// inSet reports whether the system and code of a Coding or Quantity are in the set.
func (c *Checker) inSet(n int, set *codeSet) bool {
	d := c.doc
	code := d.Member(n, "code")
	if code == tree.None || d.Nodes[code].Kind != tree.String {
		return false
	}
	system := d.Member(n, "system")
	if system == tree.None {
		return set.has(nil, d.Text(code), false)
	}
	return set.has(d.Text(system), d.Text(code), false)
}

func (c *Checker) notInSet(n int, m *member, want string) {
	c.report(n, "code-invalid", IDCode, want+m.codes.url+" is required here")
}
