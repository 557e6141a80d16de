package mapping

import (
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/body"
)

// run is the mapping of one message.
type run struct {
	m         *hl7v2.Message
	o         Options
	rules     *rules
	structure *structure
	sent      time.Time

	out    []Candidate
	merges []Merge
	keys   map[string]int // type and business key -> candidate; with "#", how often
	used   map[place]bool
}

// place is a field of a message.
type place struct{ segment, field int }

// scope is where a rule looks: the segment in hand, its group, the groups around.
type scope struct {
	run   *run
	inst  *instance
	seg   hl7v2.Segment
	cand  *Candidate
	spent []place // fields that rules of this candidate read
}

// segment finds the segment that a path means: the one in hand, else the first in the group or in one around it.
func (s *scope) segment(name string) hl7v2.Segment {
	if s.seg.Is(name) {
		return s.seg
	}
	for at := s.inst; at != nil; at = at.parent {
		if all := at.all(name); len(all) > 0 {
			return all[0]
		}
	}
	if name == "MSH" || name == "EVN" {
		return s.run.m.First(name)
	}
	return hl7v2.Segment{}
}

func (s *scope) at(p hl7v2.Path) hl7v2.Value { return s.segment(p.Segment).At(p) }

func (s *scope) field(p hl7v2.Path) hl7v2.Field { return s.segment(p.Segment).Field(p.Field) }

// get reads a field of the segment in hand.
func (s *scope) get(field int) hl7v2.Field { return s.seg.Field(field) }

// doubt notes that the candidate must not be used as it stands, because of a field of the segment in hand.
func (s *scope) doubt(class, reason string, field int) {
	if s.cand != nil {
		s.cand.Doubts = append(s.cand.Doubts, Doubt{class, reason, s.run.m.Path(s.seg, field, 0, 0, 0)})
	}
}

// flag notes what is odd but not doubtful.
func (s *scope) flag(code string) {
	if s.cand == nil {
		return
	}
	for _, have := range s.cand.Flags {
		if have == code {
			return
		}
	}
	s.cand.Flags = append(s.cand.Flags, code)
}

func (r *run) sentAt() time.Time {
	if t, err := r.m.Header().Time.Time(r.o.Zone); err == nil {
		return t.Time
	}
	return r.o.Received
}

// instance makes the candidates of a group, then those of the groups in it.
func (r *run) instance(i *instance) {
	for _, res := range i.rule.resources {
		if res.rule.Each == "" {
			r.make(res, i, hl7v2.Segment{})
			continue
		}
		for _, s := range i.all(res.rule.Each) {
			r.make(res, i, s)
		}
	}
	if into, ok := i.made["Patient"]; ok {
		for _, s := range i.all("MRG") {
			r.merges = append(r.merges, Merge{into, s})
			r.used[place{s.Index(), 1}] = true
		}
	}
	for _, c := range i.children {
		r.instance(c)
	}
}

// make makes one candidate.
func (r *run) make(res *resource, i *instance, seg hl7v2.Segment) {
	first := seg
	if !first.Exists() && len(i.segments) > 0 {
		first = i.segments[0]
	}
	if !first.Exists() {
		return
	}
	c := Candidate{Type: res.rule.Type, Body: body.NewObject(), At: r.m.Path(first, 0, 0, 0, 0), Rule: res.id, Sent: r.sent}
	s := &scope{run: r, inst: i, seg: first, cand: &c}
	if !res.when(s) {
		return
	}
	c.Body.Set("resourceType", body.Text(c.Type))
	for _, m := range res.maps {
		for _, at := range i.all(m.segment) {
			if !seg.Exists() || seg.Index() == at.Index() {
				s.seg = at
				m.apply(s, c.Body)
			}
		}
	}
	s.seg = first
	if c.Key = res.key(s); c.Key == nil {
		return
	}
	for _, p := range s.spent {
		r.used[p] = true
	}
	if !r.once(&c, i) {
		return
	}
	if t, err := s.segment("OBR").Field(22).First().Time(r.o.Zone); err == nil && (c.Type == "Observation" || c.Type == "DiagnosticReport") {
		c.Status = t.Time
	}
	for _, l := range res.refs {
		if n, ok := i.nearest(l.rt); ok {
			c.Body.Put(l.to, body.NewObject().Set("reference", body.Text(Reference(n))))
		}
	}
	n := len(r.out)
	for _, l := range res.list {
		if at, ok := i.nearest(l.rt); ok {
			r.out[at].Body.Put(l.to, body.NewObject().Set("reference", body.Text(Reference(n))))
		}
	}
	i.made[c.Type] = n
	r.out = append(r.out, c)
}

// once sees to it that no two candidates have one key: a person or a stay that is named again is the same, everything else
// is another fact and gets the number of its occurrence into its key.
func (r *run) once(c *Candidate, i *instance) bool {
	k := c.Type + "\x00" + strings.Join(c.Key, "\x00")
	if n, ok := r.keys[k]; ok && (c.Type == "Patient" || c.Type == "Encounter") {
		i.made[c.Type] = n
		return false
	} else if ok {
		r.keys[k+"#"]++
		c.Key = append(c.Key, "#"+strconv.Itoa(r.keys[k+"#"]+1))
		return true
	}
	r.keys[k] = len(r.out)
	return true
}

// apply maps one segment into a body.
func (m *segmentMap) apply(s *scope, into *body.Value) {
	if m.item != nil {
		item := body.NewObject()
		for _, f := range m.fields {
			f.apply(s, item)
		}
		if !item.Empty() {
			into.Put(m.item, item)
		}
		return
	}
	for _, f := range m.fields {
		f.apply(s, into)
	}
}

func (f *field) apply(s *scope, into *body.Value) {
	if !f.when(s) {
		return
	}
	if f.rule.From == "" {
		into.Put(f.to, body.Text(f.rule.Value))
		return
	}
	seg := s.segment(f.from.Segment)
	src := seg.Field(f.from.Field)
	if src.Empty() {
		return
	}
	s.spent = append(s.spent, place{seg.Index(), f.from.Field})
	if f.conv.field != nil {
		f.set(into, f.conv.field(s, src, f))
		return
	}
	for i, v := range src.All() {
		if i > 0 && !f.to.Repeats() {
			break
		}
		if v.Null() {
			s.cand.Nulls = append(s.cand.Nulls, f.null())
			continue
		}
		if f.from.Component > 0 {
			v = v.Component(f.from.Component)
		}
		if f.from.Sub > 0 {
			v = v.Sub(f.from.Sub)
		}
		if v.Empty() || v.Null() {
			continue
		}
		f.set(into, f.conv.value(s, v, f))
	}
}

// set puts a converted value into the body, with its constants.
func (f *field) set(into, v *body.Value) {
	item := into.Put(f.to, v)
	if item.Kind() != body.Object {
		return
	}
	for _, c := range f.with {
		if item.Find(c.to).Empty() {
			item.Put(c.to, body.Text(c.value))
		}
	}
}

func (f *field) null() Null {
	n := Null{Path: f.to}
	for k, v := range f.rule.With {
		if n.With == nil {
			n.With = map[string]string{}
		}
		n.With[k] = v
	}
	return n
}

// count returns the fields that were sent, and those that no rule read.
func (r *run) count() (all, kept int) {
	for s := range r.m.Segments() {
		if s.Is("MSH") {
			continue
		}
		for n, f := range s.All() {
			if f.Empty() {
				continue
			}
			all++
			if !r.used[place{s.Index(), n}] {
				kept++
			}
		}
	}
	return all, kept
}
