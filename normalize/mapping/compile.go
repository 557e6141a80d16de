package mapping

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/body"
)

// rules are what was compiled.
type rules struct {
	version string
	kinds   map[string]*structure
	maps    map[string]*segmentMap
	tables  map[string]map[string]string
	merge   map[string]map[string]string
}

type structure struct {
	id    string
	group *group
}

type group struct {
	name      string
	starts    []string
	segments  map[string]bool
	join      *join
	resources []*resource
	groups    []*group
}

type join struct {
	when condition
	same []hl7v2.Path
}

type resource struct {
	rule resourceRule
	id   string // of the rule, with the version
	when condition
	key  keyMaker
	maps []*segmentMap
	refs []link
	list []link
}

// link is an element that refers to, or is filled with references of, the nearest candidate of a type.
type link struct {
	rt string
	to body.Path
}

type segmentMap struct {
	name, segment string
	item          body.Path // nil: the fields go into the resource
	needs         []string  // of an item: one of these at least
	fields        []*field
}

type field struct {
	rule fieldRule
	from hl7v2.Path
	to   body.Path
	when condition
	conv converter
	with []constant
}

type constant struct {
	to    body.Path
	value string
}

// compiler collects the first error.
type compiler struct {
	r   *rules
	err error
}

func (c *compiler) fail(where string, err error) {
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("%s: %w", where, err)
	}
}

// compile checks every rule and turns it into closures.
func compile(f ruleFile) (*rules, error) {
	c := &compiler{r: &rules{version: f.Version, kinds: map[string]*structure{}, maps: map[string]*segmentMap{}, tables: f.Tables, merge: f.Merge}}
	for _, m := range f.Maps {
		if c.r.maps[m.Name] != nil {
			c.fail(m.Name, fmt.Errorf("the map stands twice"))
		}
		c.r.maps[m.Name] = c.segmentMap(m)
	}
	for _, s := range f.Structures {
		st := &structure{s.ID, c.group(s.ID, s.Group)}
		for _, k := range s.Kinds {
			c.r.kinds[k] = st
		}
	}
	return c.r, c.err
}

func (c *compiler) segmentMap(m mapRule) *segmentMap {
	out := &segmentMap{name: m.Name, segment: m.Segment, needs: m.Needs}
	if m.Item != "" {
		out.item = c.bodyPath(m.Name, m.Item)
	}
	for _, f := range m.Fields {
		out.fields = append(out.fields, c.field(m, f))
	}
	return out
}

func (c *compiler) bodyPath(where, s string) body.Path {
	p, err := body.ParsePath(s)
	c.fail(where+" "+s, err)
	return p
}

func (c *compiler) condition(where, s string) condition {
	out, err := parseCondition(s)
	c.fail(where, err)
	return out
}

func (c *compiler) field(m mapRule, f fieldRule) *field {
	where := m.Name + " " + f.ID
	if f.ID == "" || f.To == "" || (f.From == "") == (f.Value == "") {
		c.fail(where, fmt.Errorf("a field has an id, a target, and either a source or a constant"))
	}
	out := &field{rule: f, to: c.bodyPath(where, f.To), when: c.condition(where, f.When)}
	if f.From != "" {
		var err error
		out.from, err = hl7v2.ParsePath(f.From)
		c.fail(where, err)
		conv, ok := converters[f.As]
		if !ok {
			c.fail(where, fmt.Errorf("there is no converter %q", f.As))
		}
		out.conv = conv
	}
	if f.Table != "" && c.r.tables[f.Table] == nil {
		c.fail(where, fmt.Errorf("there is no table %q", f.Table))
	}
	out.with = c.constants(where, f.With)
	return out
}

func (c *compiler) constants(where string, with map[string]string) []constant {
	var out []constant
	for _, to := range slices.Sorted(maps.Keys(with)) {
		out = append(out, constant{c.bodyPath(where, to), with[to]})
	}
	return out
}

func (c *compiler) group(where string, g groupRule) *group {
	where += "." + g.Name
	out := &group{name: g.Name, starts: g.Starts, segments: map[string]bool{}}
	for _, s := range g.Segments {
		out.segments[s] = true
	}
	if g.Join != nil {
		out.join = &join{when: c.condition(where, g.Join.When)}
		for _, s := range g.Join.Same {
			p, err := hl7v2.ParsePath(s)
			c.fail(where, err)
			out.join.same = append(out.join.same, p)
		}
	}
	for _, r := range g.Resources {
		out.resources = append(out.resources, c.resource(where, r))
	}
	for _, sub := range g.Groups {
		out.groups = append(out.groups, c.group(where, sub))
	}
	return out
}

func (c *compiler) resource(where string, r resourceRule) *resource {
	where += " " + r.Type
	out := &resource{rule: r, id: where + "/" + c.r.version, when: c.condition(where, r.When), key: keyMakers[r.Key]}
	if out.key == nil {
		c.fail(where, fmt.Errorf("there is no key %q", r.Key))
	}
	for _, name := range r.Maps {
		m := c.r.maps[name]
		if m == nil {
			c.fail(where, fmt.Errorf("there is no map %q", name))
		}
		out.maps = append(out.maps, m)
	}
	out.refs, out.list = c.links(where, r.Refs, false), c.links(where, r.List, true)
	return out
}

func (c *compiler) links(where string, in map[string]string, byType bool) []link {
	var out []link
	for _, k := range slices.Sorted(maps.Keys(in)) {
		if byType {
			out = append(out, link{k, c.bodyPath(where, in[k])})
		} else {
			out = append(out, link{in[k], c.bodyPath(where, k)})
		}
	}
	return out
}
