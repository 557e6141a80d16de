package mapping

import (
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/identity"
	"github.com/ward-health/ward/normalize/units"
)

// partial doubts an Observation of which only a part would be read: what is not read might say something else.
func (s *scope) partial() {
	for _, n := range []int{2, 3, 4, 11, fieldTaken} {
		if s.several(s.get(n)) {
			s.doubt(ClassParse, SeveralValues, n)
		}
	}
	if s.several(s.get(fieldUnit)) || !s.oneUnit() {
		s.doubt(ClassUnit, SeveralUnits, fieldUnit)
	}
	s.dated()
	s.times()
}

// several reports whether a field has more than one value that was sent.
func (s *scope) several(f hl7v2.Field) bool {
	n := 0
	for _, v := range f.All() {
		if !v.Empty() {
			n++
		}
	}
	return n > 1
}

// oneUnit reports whether the codings of OBX-6 mean one unit: two that are UCUM, or aliases of it, must not differ.
func (s *scope) oneUnit() bool {
	v, first := s.get(fieldUnit).First(), ""
	if !undivided(v.Component(1)) {
		return false
	}
	for _, at := range []int{1, 4, 10} {
		text := clean(v.Component(at))
		switch {
		case text == "":
		case first == "":
			first = text
		case units.Differ(first, text):
			return false
		}
	}
	return true
}

// single reports whether a value has one component and one subcomponent.
func single(v hl7v2.Value) bool {
	for n := 2; n <= v.Components(); n++ {
		if !v.Component(n).Empty() {
			return false
		}
	}
	return undivided(v.Component(1))
}

// undivided reports whether a component has one subcomponent.
func undivided(c hl7v2.Value) bool {
	for n := 2; n <= c.Subs(); n++ {
		if !c.Sub(n).Empty() {
			return false
		}
	}
	return true
}

// clear reports whether nothing stands in a value from a component on.
func clear(v hl7v2.Value, from int) bool {
	for n := from; n <= v.Components(); n++ {
		if !v.Component(n).Empty() {
			return false
		}
	}
	return true
}

// reason is the one for a value that cannot be read at all, or for one of which only a part can.
func reason(read bool, not, part string) string {
	if read {
		return part
	}
	return not
}

// brief bounds the text of a code. A longer one is doubted: what was cut off might turn its meaning round.
func (s *scope) brief(text string) string {
	if len(text) <= maxText {
		return text
	}
	s.doubt(ClassParse, LongText, 0)
	return strings.ToValidUTF8(text[:maxText], "")
}

const fieldTaken = 14

// ahead is how far clocks may differ before a time after the arrival of the message is none: a wrong zone is less than a day.
const ahead = 24 * time.Hour

// times doubts what was observed at a time that cannot be read, or after the message came.
func (s *scope) times() {
	obr := s.segment("OBR")
	for _, at := range []struct {
		seg   hl7v2.Segment
		field int
	}{{s.seg, fieldTaken}, {obr, 7}, {obr, 8}} {
		v := at.seg.Field(at.field).First()
		if v.Empty() || v.Null() {
			continue
		}
		t, ok := s.stamp(v)
		switch {
		case !ok:
			s.doubtAt(at.seg, ClassParse, UnreadableTime, at.field)
		case s.run.later(t.Time):
			s.doubtAt(at.seg, ClassParse, FutureTime, at.field)
		}
		if at.field == fieldTaken {
			return // OBR is not asked where a result has a time of its own
		}
	}
}

// dated doubts a value that its type calls a time and that is none.
func (s *scope) dated() {
	if v := s.get(fieldValue).First(); timed[clean(s.get(2).First())] && !v.Empty() && !v.Null() {
		if _, ok := s.stamp(v); !ok {
			s.doubt(ClassParse, UnreadableTime, fieldValue)
		}
	}
}

var timed = map[string]bool{"DTM": true, "DT": true, "TS": true}

// later reports whether a time is so far after the arrival of the message that it cannot be right.
func (r *run) later(t time.Time) bool {
	return !r.o.Received.IsZero() && t.After(r.o.Received.Add(ahead))
}

// drift is how much later than it came a message may have been written; what says more is taken for this.
const drift = 5 * time.Minute

// header reads when the message was written, and the zone of its times.
//
// SPEC(HL7 2.5.1 2.15.9.7 MSH-7): an offset in MSH-7 is the default for the times of the message that have none.
func (r *run) header() {
	r.sent = r.o.Received
	t, err := r.m.Header().Time.Time(r.o.Zone)
	if err != nil {
		return
	}
	if t.Offset {
		r.o.Zone = t.Time.Location()
	}
	r.sent, r.vague = r.believed(t.Time), t.Ambiguous
	r.future = r.sent.IsZero()
}

// believed returns a time that orders versions: one that is shortly after the message came is the clock of the sender going
// fast, and becomes what ours allows, so that no later message looks old beside it; one that is far after is none at all.
func (r *run) believed(t time.Time) time.Time {
	latest := r.o.Received.Add(drift)
	switch {
	case r.o.Received.IsZero() || !t.After(latest):
		return t
	case r.later(t):
		return time.Time{}
	}
	return latest
}

// changed reads when the status of what an OBR speaks of last changed.
func (c *Candidate) changed(s *scope) {
	t, err := s.segment("OBR").Field(22).First().Time(s.run.o.Zone)
	if err != nil {
		return
	}
	c.Status = s.run.believed(t.Time)
	c.Future = c.Future || c.Status.IsZero()
}

// names is what the channel says of assigning authorities.
func (r *run) names() identity.Names {
	return identity.Names{Systems: r.o.Systems, Channel: r.o.Channel}
}
