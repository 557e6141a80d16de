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
	children []*instance
	made     map[string]int // type -> candidate
}

// split puts the segments of a message into groups. A segment goes to the innermost open group that has a place for it; one
// that has none anywhere stays in the raw message. MSH belongs to every group.
func (g *group) split(m *hl7v2.Message) *instance {
	root := &instance{rule: g, made: map[string]int{}}
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
	if n := slices.Index(i.rule.starts, name); n > i.started() {
		i.segments = append(i.segments, s)
		return i
	}
	if i.rule.segments[name] {
		i.segments = append(i.segments, s)
		return i
	}
	for _, g := range i.rule.groups {
		if !slices.Contains(g.starts, name) {
			continue
		}
		if last := i.last(); last != nil && last.rule == g && g.join != nil && g.join.holds(m, last, s) {
			last.segments = append(last.segments, s)
			return last
		}
		next := &instance{rule: g, parent: i, segments: []hl7v2.Segment{s}, made: map[string]int{}}
		i.children = append(i.children, next)
		return next
	}
	return nil
}

// started returns the last of the group's starting segments that the instance has, -1 for none.
func (i *instance) started() int {
	last := -1
	for _, s := range i.segments {
		last = max(last, slices.Index(i.rule.starts, s.Name()))
	}
	if last < 0 && i.parent == nil {
		return len(i.rule.starts) // the root is never opened by a segment
	}
	return last
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
func (i *instance) all(name string) []hl7v2.Segment {
	var out []hl7v2.Segment
	for _, s := range i.segments {
		if s.Is(name) {
			out = append(out, s)
		}
	}
	return out
}

// nearest finds the candidate of a type that this instance or one around it made.
func (i *instance) nearest(rt string) (int, bool) {
	for at := i; at != nil; at = at.parent {
		if n, ok := at.made[rt]; ok {
			return n, true
		}
	}
	return 0, false
}
