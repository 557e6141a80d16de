package index

import (
	"fmt"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// component of a composite: how its values are found from the base.
type component struct {
	ways []way
}

// way is one path of a component with what is taken at its end.
type way struct {
	names  []string
	atRoot bool
	emit   emit
}

const maxTuples = 1_000 // of one base

// composite compiles a composite parameter: its expression gives the bases, its components values below each.
//
// SPEC(FHIR R4 search.html#composite): the components are evaluated on each base, and belong together.
func (b *builder) composite(i int, p *definition.SearchParameter, bases []path) error {
	var lost error
	for _, base := range bases {
		m := emit{param: i, kind: Composite, read: (*Collector).composite}
		for k, part := range p.Components {
			c, err := b.component(base, part)
			if err != nil {
				lost = fmt.Errorf("component %d (%s): %w", k+1, part.Expression, err)
				break
			}
			m.components = append(m.components, c)
		}
		if len(m.components) == len(p.Components) && len(m.components) > 0 {
			b.add(base, m)
		}
	}
	return lost
}

func (b *builder) component(base path, part definition.Component) (component, error) {
	param := b.set.SearchParameter(part.Definition)
	if param == nil {
		return component{}, fmt.Errorf("its search parameter is not known")
	}
	e, err := parseExpression(part.Expression)
	if err != nil {
		return component{}, err
	}
	var c component
	for _, steps := range e {
		from := path{leaf: base.leaf, of: base.of}
		if steps[0].mark == resource {
			from, steps = path{leaf: b.def, atRoot: true}, steps[1:]
		}
		at := []path{from}
		for _, s := range steps {
			if at, err = follow(b.set, at, s); err != nil {
				return component{}, err
			}
		}
		for _, p := range at {
			kind := kinds[param.Kind]
			if readerOf(kind, p) == nil {
				kind = natural(p) // R4 names the parameters of DocumentReference.relationship the wrong way round
			}
			w := way{names: p.names, atRoot: p.atRoot, emit: emit{kind: kind, read: readerOf(kind, p)}}
			if w.emit.read == nil || len(p.tests) > 0 || p.truth {
				continue
			}
			if kind == Token && p.leaf.Name == "code" && p.of != nil {
				w.emit.implied = impliedBy(b.set, p.of.Binding)
			}
			c.ways = append(c.ways, w)
		}
	}
	if len(c.ways) == 0 {
		return c, fmt.Errorf("nothing of its kind (%s) is there", param.Kind)
	}
	return c, nil
}

// natural is the first kind that is taken from values of a path's type, 0 if none is.
func natural(p path) Kind {
	for _, k := range []Kind{Token, Reference, Date, Quantity, Number, String, URI} {
		if readerOf(k, p) != nil {
			return k
		}
	}
	return 0
}

// composite adds a tuple for each combination of the components' values at a base.
func (c *Collector) composite(n int, m *emit) {
	mark := len(c.Values)
	for len(c.parts) < len(m.components) {
		c.parts = append(c.parts, nil)
	}
	tuples := 1
	for i := range m.components {
		for k := range m.components[i].ways {
			w := &m.components[i].ways[k]
			from := n
			if w.atRoot {
				from = c.root
			}
			c.down(from, w.names, &w.emit)
		}
		c.parts[i] = c.parts[i][:0]
		for _, v := range c.Values[mark:] {
			if v.Form == Plain || v.Form == InBaseUnits { // SPEC(FHIR R4 search.html#composite): no modifiers
				c.parts[i] = append(c.parts[i], v)
			}
		}
		c.Values = c.Values[:mark]
		if tuples *= len(c.parts[i]); tuples > maxTuples {
			tuples, c.More = maxTuples, true
		}
	}
	for t := range tuples {
		c.group++
		rest := t
		for i := range m.components {
			part := c.parts[i]
			v := part[rest%len(part)]
			rest /= len(part)
			v.Param, v.Group, v.Component = m.param, c.group, int16(i)
			if len(c.Values) >= MaxValues {
				c.More = true
				return
			}
			c.Values = append(c.Values, v)
		}
	}
}

// down follows names from node n and takes the values at their end.
func (c *Collector) down(n int, names []string, m *emit) {
	if !c.step(1) {
		return
	}
	if c.d.Nodes[n].Kind == tree.Array {
		for at := c.d.First(n); at != tree.None; at = c.d.Sibling(at) {
			c.down(at, names, m)
		}
		return
	}
	if len(names) == 0 {
		if c.step(int(c.d.Nodes[n].Next) - n) {
			m.read(c, n, m)
		}
		return
	}
	if at := c.d.Member(n, names[0]); at != tree.None {
		c.down(at, names[1:], m)
	}
}
