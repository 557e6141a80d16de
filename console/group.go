package console

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/clinical/ucum"
)

// group is what was measured: all results of one component in one system, whichever property they were reported as.
type group struct {
	Key    string // anchor on the page: a number
	Name   string
	Code   string
	Kind   string
	Unit   string // canonical, "" if the results have none in common
	Latest result
	All    []result // newest first
	Trend  *trend   // nil: fewer than two values can be drawn
	Spark  *spark   // nil: fewer than two
}

// Many reports whether there is more than one value: then there is a trend, or a table of all.
func (g group) Many() bool { return len(g.All) > 1 }

// section is the groups of one category.
type section struct {
	Name   string
	Groups []group
}

var sectionNames = []struct{ kind, name string }{{"laboratory", "Laboratory"}, {"vital-signs", "Vital signs"}, {"", "Other results"}}

// groupResults puts results together by what was measured.
func groupResults(rs []result) []section {
	slices.SortStableFunc(rs, func(a, b result) int { return b.Taken.Compare(a.Taken) })
	byKey := map[string]*group{}
	var order []*group
	for _, r := range rs {
		key := "name " + r.Name
		if r.Code != "" {
			key = "code " + r.Code
		}
		if a, ok := terminology.Lookup(r.Code); ok {
			key = "component " + a.Component + " " + a.System
		}
		g := byKey[key]
		if g == nil {
			g = &group{Name: r.Name, Code: r.Code, Kind: kindOf(r)}
			byKey[key] = g
			order = append(order, g)
		}
		g.All = append(g.All, r)
	}
	slices.SortStableFunc(order, func(a, b *group) int { return cmp.Compare(a.Name, b.Name) })
	out := make([]section, len(sectionNames))
	for i, g := range order {
		g.finish(strconv.Itoa(i + 1))
		at := slices.IndexFunc(sectionNames, func(s struct{ kind, name string }) bool { return s.kind == g.Kind || s.kind == "" })
		out[at].Name = sectionNames[at].name
		out[at].Groups = append(out[at].Groups, *g)
	}
	return slices.DeleteFunc(out, func(s section) bool { return len(s.Groups) == 0 })
}

// kindOf is the category of a result. Feeds call everything laboratory; what is measured at a person's body is not.
func kindOf(r result) string {
	if a, ok := terminology.Lookup(r.Code); ok && slices.Contains(atTheBody, a.System) {
		return "vital-signs"
	}
	return r.Kind
}

// atTheBody are the LOINC systems of vital signs and body measures.
var atTheBody = []string{"^Patient", "Arterial system", "Respiratory system", "XXX", "Mouth", "Head"}

// finish finds the common unit, converts and draws. The newest result that stands is the group's head.
func (g *group) finish(key string) {
	g.Key, g.Latest = key, g.All[0]
	if i := slices.IndexFunc(g.All, func(r result) bool { return !r.Void }); i >= 0 {
		g.Latest = g.All[i]
	}
	g.Name = g.Latest.Name
	unit, ok := g.common()
	if !ok {
		return
	}
	g.Unit = unit.String()
	var points []point
	for i := range g.All {
		r := &g.All[i]
		x, ok := r.in(r.Exact, unit)
		if !ok {
			continue
		}
		r.Canonical, r.Converted = figure(x), r.Unit.String() != g.Unit
		if !r.Known || r.Taken.IsZero() {
			continue
		}
		f, _ := x.Float64()
		points = append(points, point{At: r.Taken, Value: f, Text: r.Canonical, Flag: r.Flag})
	}
	slices.Reverse(points)
	if i := slices.IndexFunc(g.All, func(r result) bool { return r.Ref == g.Latest.Ref }); i >= 0 {
		g.Latest = g.All[i]
	}
	low, high := g.band(unit)
	g.Trend, g.Spark = drawTrend(g.Name, g.Unit, points, low, high), drawSpark(points, low, high)
}

// common is the unit in which the group is drawn: the canonical one of the newest known code, else that of the newest number.
func (g *group) common() (ucum.Unit, bool) {
	for _, r := range g.All {
		if r.Exact == nil {
			continue
		}
		if a, ok := terminology.Lookup(r.Code); ok {
			if u, err := ucum.Parse(a.Unit); err == nil {
				return u, true
			}
		}
		return r.Unit, true
	}
	return ucum.Unit{}, false
}

// band is the reference range of the newest result that has one, in the group's unit.
func (g *group) band(unit ucum.Unit) (low, high *float64) {
	for _, r := range g.All {
		if r.Void || (r.Low == nil && r.High == nil) {
			continue
		}
		if x, ok := r.in(r.Low, unit); ok {
			f, _ := x.Float64()
			low = &f
		}
		if x, ok := r.in(r.High, unit); ok {
			f, _ := x.Float64()
			high = &f
		}
		return low, high
	}
	return nil, nil
}
