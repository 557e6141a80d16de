package index

import (
	"math"

	"github.com/ward-health/ward/clinical/fhir/moment"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

func (c *Collector) interval(m *emit, lo, hi int64) {
	v := c.add(m)
	v.Lo, v.Hi = lo, hi
}

func (c *Collector) date(n int, m *emit) {
	if lo, hi, ok := c.moment(n); ok {
		c.interval(m, lo, hi)
	}
}

// moment reads a date of any form.
func (c *Collector) moment(n int) (lo, hi int64, ok bool) {
	if !c.isString(n) {
		return 0, 0, false
	}
	return moment.Parse(c.string(n), moment.DateTime)
}

func (c *Collector) period(n int, m *emit) {
	if lo, hi, ok := c.bounds(n); ok {
		c.interval(m, lo, hi)
	}
}

// bounds reads a Period.
//
// SPEC(FHIR R4 datatypes.html#Period): a missing end is open; the end is inclusive with its precision.
func (c *Collector) bounds(n int) (lo, hi int64, ok bool) {
	lo, hi = math.MinInt64, math.MaxInt64
	if from, _, there := c.moment(c.d.Member(n, "start")); there {
		lo, ok = from, true
	}
	if _, to, there := c.moment(c.d.Member(n, "end")); there {
		hi, ok = to, true
	}
	return lo, hi, ok && lo < hi
}

// timing reads a Timing.
//
// SPEC(FHIR R4 search.html#date): of a Timing, only the outer limits matter.
func (c *Collector) timing(n int, m *emit) {
	lo, hi, found := int64(math.MaxInt64), int64(math.MinInt64), false
	if at := c.d.Member(n, "event"); at != tree.None && c.d.Nodes[at].Kind == tree.Array {
		for k := c.d.First(at); k != tree.None; k = c.d.Sibling(k) {
			if l, h, ok := c.moment(k); ok {
				lo, hi, found = min(lo, l), max(hi, h), true
			}
		}
	}
	if at := c.d.Member(n, "repeat"); at != tree.None {
		if b := c.d.Member(at, "boundsPeriod"); b != tree.None {
			if l, h, ok := c.bounds(b); ok {
				lo, hi, found = min(lo, l), max(hi, h), true
			}
		}
	}
	if found {
		c.interval(m, lo, hi)
	}
}
