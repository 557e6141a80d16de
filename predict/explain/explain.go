package explain

import (
	"fmt"

	"github.com/ward-health/ward/predict/engine"
)

// Version names the semantics of contributions as decisions record them. The bits are those of the model and of Options:
// a record that is to be recomputed must be recomputed with the same budget.
const Version = "treeshap/1"

// DefaultTableBytes is the budget when Options leave it zero.
const DefaultTableBytes = 64 << 20

// MaxParts bounds the sum, over all leaves, of the distinct features on their paths.
const MaxParts = 4 << 20

// Options bound what Compile may build.
type Options struct {
	MaxTableBytes int // of all tables together; 0 means DefaultTableBytes, a negative number means no tables
}

// Explainer holds the compiled form of one ensemble. It is immutable and safe for concurrent use.
type Explainer struct {
	features int
	base     float64
	plans    []plan
	tabled   bool
	rules    []rule // by number of points
	slots    int    // most slots of any plan
	bytes    int
}

// Compile prepares the contributions of an ensemble. The work grows with the number of leaves and doubles with each distinct
// feature on a path, within the budget. A tree whose root has no cover below it is ward.Invalid: its proportions are
// unknown. Longer paths than MaxParts allows are ward.TooLarge.
func Compile(t *engine.Trees, o Options) (*Explainer, error) {
	budget := o.MaxTableBytes
	if budget == 0 {
		budget = DefaultTableBytes
	}
	e := &Explainer{features: len(t.Features()), base: t.Base()}
	forest := make([]*tree, t.Count())
	most, size, room := 0, 0.0, MaxParts
	for i := range forest {
		f, err := newTree(t.Nodes(i), room)
		if err != nil {
			return nil, err.At(fmt.Sprintf("trees/%d", i))
		}
		forest[i], room = f, f.room
		size += f.tableBytes()
		for _, l := range f.leaves {
			most = max(most, len(l.parts))
			e.base += l.mean()
		}
	}
	e.rules = rules((most + 1) / 2)
	e.tabled = size <= float64(budget)
	for _, f := range forest {
		p := f.plan(e.tabled)
		if e.tabled {
			f.fill(&p, e.rules)
		}
		e.plans = append(e.plans, p)
		e.slots = max(e.slots, p.slots)
		e.bytes += 8 * len(p.table)
	}
	return e, nil
}

// Base returns the expected margin: what Row returns for every row.
func (e *Explainer) Base() float64 { return e.base }

// Bytes returns the size of the tables, 0 when the budget did not hold them.
func (e *Explainer) Bytes() int { return e.bytes }

// weighted is the product of a and b, rounded before anything else happens to it.
func weighted(a, b float64) float64 { return float64(a * b) }
