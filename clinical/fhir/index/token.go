package index

import (
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// implied is the code system that an element of type code implies by its binding.
//
// SPEC(FHIR R4 search.html#token): for a code the system is implied by the value set that it is bound to.
type implied struct {
	one    []byte            // the same for all codes
	byCode map[string][]byte // else, of value sets with several systems
}

// impliedBy returns nil if the binding says nothing about systems.
func impliedBy(set *definition.Set, b *definition.Binding) *implied {
	if b == nil {
		return nil
	}
	vs := set.ValueSet(b.ValueSet)
	switch {
	case vs == nil || len(vs.Codes) == 0:
		return nil
	case len(vs.Codes) == 1:
		for system := range vs.Codes {
			return &implied{one: []byte(system)}
		}
	}
	by := map[string][]byte{}
	for system, codes := range vs.Codes {
		for code := range codes {
			if have, ok := by[code]; !ok || system < string(have) {
				by[code] = []byte(system)
			}
		}
	}
	return &implied{byCode: by}
}

func (i *implied) system(code []byte) []byte {
	switch {
	case i == nil:
		return nil
	case i.one != nil:
		return i.one
	}
	return i.byCode[string(code)]
}

func (c *Collector) token(m *emit, system, code []byte) {
	v := c.add(m)
	v.System, v.Code = system, code
}

func (c *Collector) code(n int, m *emit) {
	if c.isString(n) {
		code := c.string(n)
		c.token(m, m.implied.system(code), code)
	}
}

// plain takes the text of a string or uri as it is.
func (c *Collector) plain(n int, m *emit) {
	if c.isString(n) {
		c.token(m, nil, c.string(n))
	}
}

func (c *Collector) boolean(n int, m *emit) {
	switch c.d.Nodes[n].Kind {
	case tree.True:
		c.token(m, nil, trueText)
	case tree.False:
		c.token(m, nil, falseText)
	}
}

func (c *Collector) coding(n int, m *emit) {
	if code := c.member(n, "code"); code != nil {
		c.token(m, c.member(n, "system"), code)
	}
	c.tokenText(n, "display", m)
}

func (c *Collector) concept(n int, m *emit) {
	if at := c.d.Member(n, "coding"); at != tree.None && c.d.Nodes[at].Kind == tree.Array {
		for k := c.d.First(at); k != tree.None; k = c.d.Sibling(k) {
			c.coding(k, m)
		}
	}
	c.tokenText(n, "text", m)
}

// tokenText takes the text of a coding or concept.
//
// SPEC(FHIR R4 search.html#token): :text searches the text of a CodeableConcept or the display of a Coding.
func (c *Collector) tokenText(n int, name string, m *emit) {
	if at := c.d.Member(n, name); c.isString(at) {
		v := c.add(m)
		v.Form, v.Code = Text, c.fold(at)
	}
}

// identifier takes system and value.
func (c *Collector) identifier(n int, m *emit) {
	if value := c.member(n, "value"); value != nil {
		c.token(m, c.member(n, "system"), value)
	}
}

// contact takes the value.
//
// SPEC(FHIR R4 search.html#token): a ContactPoint has no system that is searched.
func (c *Collector) contact(n int, m *emit) {
	if value := c.member(n, "value"); value != nil {
		c.token(m, nil, value)
	}
}
