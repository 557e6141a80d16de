package structure

import (
	"fmt"
	"strings"
)

// Watch is a tree of member names under a resource type: a Check with it notes the values that stand at its ends.
type Watch struct {
	mark int32
	next []*Watch // by the index of the member in its type
}

// Hit is a value that was watched. Of an array it is one item; null is none.
type Hit struct {
	Node int
	Mark int
}

// Watch returns a Watch of a resource type. paths are JSON member names joined by points ("component.valueQuantity"), each with its mark, which
// is not 0 and comes back in hits. An error names a path that the type does not have.
func (s *Schema) Watch(resourceType string, paths map[string]int) (*Watch, error) {
	t := s.resource([]byte(resourceType))
	if t == nil {
		return nil, fmt.Errorf("structure: %s is no resource type", resourceType)
	}
	root := &Watch{}
	for path, mark := range paths {
		at, in := root, t
		for _, name := range strings.Split(path, ".") {
			m := in.byName(name)
			if m == nil {
				return nil, fmt.Errorf("structure: %s has no member %s (of %s)", in.name, name, path)
			}
			if at.next == nil {
				at.next = make([]*Watch, len(in.members))
			}
			i := in.find(m.hash, []byte(name))
			if at.next[i] == nil {
				at.next[i] = &Watch{}
			}
			at, in = at.next[i], m.sort
		}
		at.mark = int32(mark)
	}
	return root, nil
}
