package mapping

import (
	"bytes"
	"slices"

	"github.com/ward-health/ward/clinical/hl7v2"
)

// instance is a group as it stands in a message.
type instance struct {
	rule     *group
	parent   *instance
	segments []hl7v2.Segment
	byName   map[string][]hl7v2.Segment
	opened   int // the last of the starting segments that it has, -1 for none
	children []*instance
	made     map[string]int // type -> candidate
}

func newInstance(g *group, parent *instance, segments ...hl7v2.Segment) *instance {
	i := &instance{rule: g, parent: parent, byName: map[string][]hl7v2.Segment{}, opened: -1, made: map[string]int{}}
	for _, s := range segments {
		i.add(s)
	}
	return i
}

// add appends a segment; what is asked of an instance again and again is noted here, so that a message of many segments is read
// in time that grows with its length only.
func (i *instance) add(s hl7v2.Segment) {
	name := s.Name()
	i.segments, i.byName[name] = append(i.segments, s), append(i.byName[name], s)
	i.opened = max(i.opened, slices.Index(i.rule.starts, name))
}

// split puts the segments of a message into groups. A segment goes to the innermost open group that has a place for it; one
// that has none anywhere stays in the raw message. MSH belongs to every group.
func (g *group) split(m *hl7v2.Message) *instance {
	root := newInstance(g, nil)
	open := root
	for s := range m.Segments() {
		for at := open; at != nil; at = at.parent {
			if next := at.take(m, s); next != nil {
				open = next
				break
			}
		}
	}
	return root
}

// take puts a segment into the instance or into a new one below it, and returns where; nil if it has no place there.
func (i *instance) take(m *hl7v2.Message, s hl7v2.Segment) *instance {
	name := s.Name()
	if n := slices.Index(i.rule.starts, name); n > i.started() || i.rule.segments[name] {
		i.add(s)
		return i
	}
	for _, g := range i.rule.groups {
		if !slices.Contains(g.starts, name) {
			continue
		}
		if last := i.last(); last != nil && last.rule == g && g.join != nil && g.join.holds(m, last, s) {
			last.add(s)
			return last
		}
		next := newInstance(g, i, s)
		i.children = append(i.children, next)
		return next
	}
	return nil
}

// started returns the last of the group's starting segments that the instance has, -1 for none.
func (i *instance) started() int {
	if i.opened < 0 && i.parent == nil {
		return len(i.rule.starts) // the root is never opened by a segment
	}
	return i.opened
}

func (i *instance) last() *instance {
	if len(i.children) == 0 {
		return nil
	}
	return i.children[len(i.children)-1]
}

// holds reports whether a segment continues the group: its last segment is of the same name and says the same where it must.
func (j *join) holds(m *hl7v2.Message, last *instance, s hl7v2.Segment) bool {
	before := last.segments[len(last.segments)-1]
	if !before.Is(s.Name()) || !j.when(&scope{run: &run{m: m}, inst: last, seg: s}) || !j.when(&scope{run: &run{m: m}, inst: last, seg: before}) {
		return false
	}
	for _, p := range j.same {
		if !bytes.Equal(before.At(p).Raw(), s.At(p).Raw()) {
			return false
		}
	}
	return true
}

// all returns the segments of a name in the instance.
func (i *instance) all(name string) []hl7v2.Segment { return i.byName[name] }

// nearest finds the candidate of a type that this instance or one around it made.
func (i *instance) nearest(rt string) (int, bool) {
	for at := i; at != nil; at = at.parent {
		if n, ok := at.made[rt]; ok {
			return n, true
		}
	}
	return 0, false
}
