package definition

import (
	"slices"
	"strings"
)

// node is an element while a snapshot is made.
type node struct {
	def      *ElementDefinition
	name     string // the end of its path: "value[x]"
	children []*node
	slices   []*node
	of       *node // what a slice is a slice of, where the differential made it

	byName, bySlice register
}

// register finds nodes of a list by a name, without walking through all of many.
type register struct {
	nodes map[string]*node
	n     int // of the list that are in nodes
}

// find returns the first of the list with the name, nil if there is none. The list may have grown since.
func (r *register) find(list []*node, name string, of func(*node) string) *node {
	if r.nodes == nil {
		r.nodes = map[string]*node{}
	}
	for ; r.n < len(list); r.n++ {
		if key := of(list[r.n]); r.nodes[key] == nil {
			r.nodes[key] = list[r.n]
		}
	}
	return r.nodes[name]
}

const fewNodes = 64 // are walked through

func nameOf(n *node) string  { return n.name }
func sliceOf(n *node) string { return n.def.SliceName }

// tree reads the elements of a snapshot. It is kept and must not be changed.
func (b *builder) tree(d *Structure) *node {
	if have := b.trees[d]; have != nil {
		return have
	}
	ids := identify(d.Elements)
	root := &node{def: d.Elements[0], name: d.Elements[0].Path}
	nodes := map[string]*node{ids[0]: root}
	for i, e := range d.Elements[1:] {
		id := ids[i+1]
		dot := strings.LastIndexByte(id, '.')
		if dot < 0 {
			continue
		}
		name, _, sliced := strings.Cut(id[dot+1:], ":")
		up := nodes[id[:dot]]
		if up == nil || nodes[id] != nil {
			continue
		}
		n := &node{def: e, name: name}
		nodes[id] = n
		if of := nodes[id[:dot+1]+name]; sliced && of != nil {
			of.slices = append(of.slices, n)
			continue
		}
		up.children = append(up.children, n)
	}
	b.trees[d] = root
	return root
}

// copy makes a node of the same content at another place.
func (b *builder) copy(n *node, fromID, toID, fromPath, toPath string) *node {
	b.left--
	def := *n.def
	def.ID, def.Path = toID+strings.TrimPrefix(def.ID, fromID), toPath+strings.TrimPrefix(def.Path, fromPath)
	made := &node{def: &def, name: n.name}
	for _, c := range n.children {
		if b.left <= 0 {
			break
		}
		made.children = append(made.children, b.copy(c, fromID, toID, fromPath, toPath))
	}
	for _, c := range n.slices {
		if b.left <= 0 {
			break
		}
		made.slices = append(made.slices, b.copy(c, fromID, toID, fromPath, toPath))
	}
	return made
}

// list appends the elements in the order of a snapshot.
func (n *node) list(to []*ElementDefinition) []*ElementDefinition {
	to = append(to, n.def)
	for _, c := range n.children {
		to = c.list(to)
	}
	for _, c := range n.slices {
		to = c.list(to)
	}
	return to
}

func (n *node) child(name string) *node {
	if len(n.children) > fewNodes {
		return n.byName.find(n.children, name, nameOf)
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// slice returns the slice with a name, nil if there is none.
func (n *node) slice(name string) *node {
	if len(n.slices) > fewNodes {
		return n.bySlice.find(n.slices, name, sliceOf)
	}
	for _, s := range n.slices {
		if s.def.SliceName == name {
			return s
		}
	}
	return nil
}

// at returns the element of a path below n, nil if it is not there.
func (n *node) at(path string) *node {
	for _, name := range strings.Split(path, ".")[1:] {
		if n = n.child(name); n == nil {
			return nil
		}
	}
	return n
}

// choice returns the choice element that a name with a type's name is short for, and that name as it ends.
func (n *node) choice(name string) (*node, string) {
	for i := 1; i < len(name); i++ {
		if name[i] < 'A' || name[i] > 'Z' {
			continue
		}
		c, typ := n.child(name[:i]+"[x]"), name[i:]
		if c != nil && slices.ContainsFunc(c.def.Types, func(t TypeRefText) bool { return t.Code != "" && Suffix(t.Code) == typ }) {
			return c, typ
		}
	}
	return nil, ""
}

// identify returns an id for every element of a list: its own where it agrees with the path, else what path, slice name and the elements before it say.
func identify(elements []*ElementDefinition) []string {
	ids := make([]string, len(elements))
	last := map[string]string{} // path -> id of the element that had it last
	for i, e := range elements {
		id := e.ID
		if !agrees(id, e.Path) || e.SliceName != "" && !strings.Contains(id[strings.LastIndexByte(id, '.')+1:], ":") && !strings.HasSuffix(id, e.SliceName) {
			id = derive(last, e.Path)
			if e.SliceName != "" {
				id += ":" + e.SliceName
			}
		}
		ids[i], last[e.Path] = id, id
	}
	return ids
}

// derive returns the id of an element without a slice of its own: that of the elements it is in, the last ones that were met, and its name.
func derive(last map[string]string, path string) string {
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 {
		return path
	}
	up, ok := last[path[:dot]]
	if above := derive(last, path[:dot]); !ok || !strings.HasPrefix(up, above) {
		up = above
	}
	return up + path[dot:]
}

// agrees reports whether an id is one of an element with this path: the same names, of which some have a slice.
func agrees(id, path string) bool {
	for {
		segment, rest, more := strings.Cut(id, ".")
		name, below, deeper := strings.Cut(path, ".")
		element, _, _ := strings.Cut(segment, ":")
		if prefix, ok := strings.CutSuffix(element, "[x]"); element != name && (!ok || !strings.HasPrefix(name, prefix)) {
			return false
		}
		if more != deeper {
			return false
		}
		if !more {
			return true
		}
		id, path = rest, below
	}
}
