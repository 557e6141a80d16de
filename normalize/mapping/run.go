package mapping

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/body"
)

// run is the mapping of one message.
type run struct {
	m         *hl7v2.Message
	bytes     int // of it
	o         Options
	rules     *rules
	structure *structure
	sent      time.Time
	vague     bool // sent may be an hour later
	future    bool // sent was far in the future

	out    []Candidate
	merges []Merge
	keys   map[string]int // type and business key -> candidate; with "#", how often
	used   map[place]bool
	size   int  // of all bodies, about
	full   bool // the message says more than is taken
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
	s.doubtAt(s.seg, class, reason, field)
}

func (s *scope) doubtAt(seg hl7v2.Segment, class, reason string, field int) {
	if s.cand != nil && len(s.cand.Doubts) < maxDoubts {
		s.cand.Doubts = append(s.cand.Doubts, Doubt{class, reason, s.run.m.Path(seg, field, 0, 0, 0)})
	}
}

// maxDoubts bounds what is noted of one candidate: the first is what it is held for.
const maxDoubts = 16

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

// instance makes the candidates of a group, then those of the groups in it.
func (r *run) instance(i *instance) {
	if r.full {
		return
	}
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
	if !first.Exists() || r.crowded() {
		return
	}
	c := Candidate{Type: res.rule.Type, Body: body.NewObject(), At: r.m.Path(first, 0, 0, 0, 0), Rule: res.id, Sent: r.sent, Vague: r.vague, Future: r.future}
	s := &scope{run: r, inst: i, seg: first, cand: &c}
	if !res.when(s) {
		return
	}
	c.Body.Set("resourceType", body.Text(c.Type))
	r.fill(res, i, s, seg)
	for _, name := range administrative {
		c.Body.Get(name).Each(straighten)
	}
	s.seg = first
	if r.full {
		return
	}
	if c.Type == "Observation" {
		s.partial()
		unsaid(c.Body)
	}
	if c.Key = res.key(s); c.Key == nil {
		return
	}
	for _, p := range s.spent {
		r.used[p] = true
	}
	if !r.once(&c, i) {
		return
	}
	if c.Type == "Observation" || c.Type == "DiagnosticReport" {
		c.changed(s)
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

// fill applies the maps of a resource to the segments of its group, or to the one given.
func (r *run) fill(res *resource, i *instance, s *scope, seg hl7v2.Segment) {
	before := r.size
	for _, m := range res.maps {
		for _, at := range i.all(m.segment) {
			if !seg.Exists() || seg.Index() == at.Index() {
				s.seg = at
				m.apply(s, s.cand.Body)
			}
		}
	}
	r.size = before
	r.grow(s.cand.Body.Size())
}

// once sees to it that no two candidates have one key: a person or a stay that is named again is the same, everything else
// is another fact and gets its time of observation into its key, or the number of its occurrence where that does not tell them
// apart.
func (r *run) once(c *Candidate, i *instance) bool {
	k := c.Type + "\x00" + strings.Join(c.Key, "\x00")
	if n, ok := r.keys[k]; ok && (c.Type == "Patient" || c.Type == "Encounter") {
		i.made[c.Type] = n
		return false
	} else if ok {
		dated := c.Type + "\x00" + strings.Join(c.Twin, "\x00")
		if _, taken := r.keys[dated]; c.Twin != nil && !taken && !slices.Equal(c.Twin, r.out[n].Twin) {
			r.keys[dated] = len(r.out)
			c.Key, c.Twin = c.Twin, c.Key
			return true
		}
		r.keys[k+"#"]++
		c.Key, c.Twin = append(c.Key, "#"+strconv.Itoa(r.keys[k+"#"]+1)), nil
		return true
	}
	r.keys[k] = len(r.out)
	return true
}

// whole reports whether an item has what FHIR wants of it.
func (m *segmentMap) whole(item *body.Value) bool {
	return len(m.needs) == 0 || slices.ContainsFunc(m.needs, func(name string) bool { return !item.Get(name).Empty() })
}

// apply maps one segment into a body.
func (m *segmentMap) apply(s *scope, into *body.Value) {
	if m.item != nil {
		item := body.NewObject()
		for _, f := range m.fields {
			f.apply(s, item)
		}
		if !item.Empty() && m.whole(item) {
			into.Put(m.item, item)
		}
		return
	}
	for _, f := range m.fields {
		f.apply(s, into)
	}
}

func (f *field) apply(s *scope, into *body.Value) {
	if s.run.full || !f.when(s) {
		return
	}
	if f.rule.From == "" {
		into.Put(f.to, body.Text(f.rule.Value))
		if f.rule.Filler {
			s.cand.Filled = append(s.cand.Filled, f.to.Root())
		}
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
		if i >= maxRepeats {
			s.run.full = true
			return
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
		out := f.conv.value(s, v, f)
		if f.to.Repeats() {
			s.run.grow(out.Size())
		}
		f.set(into, out)
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
