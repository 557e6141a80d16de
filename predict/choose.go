package predict

import (
	"math/big"
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/predict/registry"
)

// choice is the result to judge, and what speaks against taking it without a word. Choosing again from these alone gives
// the same choice, which is why a decision that records them can be recomputed.
type choice struct {
	newest     *result // nil: there is none
	rival      *result // finished, may be as new, and says something else
	unfinished *result // may be newer
	undated    *result // finished, and nothing tells how old it is
}

// choose does not depend on the order of rs.
func choose(in registry.Input, rs []*result) choice {
	var c choice
	for _, r := range rs {
		better(&c.newest, r)
	}
	if c.newest == nil || !c.newest.finished() || !c.newest.timed() {
		return c
	}
	for _, r := range rs {
		switch {
		case r == c.newest || r.hi <= c.newest.lo || r.withdrawn():
		case !r.finished():
			if !r.sameInstant(c.newest) {
				better(&c.unfinished, r)
			}
		case !r.timed():
			better(&c.undated, r)
		case !agree(in, r, c.newest):
			better(&c.rival, r)
		}
	}
	return c
}

func better(best **result, r *result) {
	if *best == nil || r.before(*best) {
		*best = r
	}
}

// sameInstant reports whether both are dated to one and the same second.
func (r *result) sameInstant(o *result) bool {
	return r.lo == o.lo && r.hi == o.hi && r.timed() && r.hi-r.lo <= time.Second.Microseconds()
}

// aside are the results that were looked at and not used, in a fixed order.
func (c choice) aside() (out []*result) {
	for _, r := range []*result{c.rival, c.unfinished, c.undated} {
		if r != nil {
			out = append(out, r)
		}
	}
	return out
}

// notes says in words what was passed over.
func (c choice) notes() (why []string) {
	if r := c.unfinished; r != nil {
		which := "a result that may be newer, "
		if r.lo >= c.newest.hi {
			which = "a newer result, "
		}
		why = append(why, which+statusText(r.status)+", was not used")
	}
	if c.undated != nil {
		why = append(why, "a finished result that does not say when it was taken was not used")
	}
	return why
}

// agree reports whether two results say the same. One reported in mass and in substance differs by the rounding of both
// reports: half of the last written digit each, at most a tenth of the value.
func agree(in registry.Input, a, b *result) bool {
	x, from, err := a.amount(in)
	if err != nil {
		return false
	}
	y, other, err := b.amount(in)
	if err != nil {
		return false
	}
	if x.Cmp(y) == 0 {
		return true
	}
	if from.Commensurable(other) {
		return false
	}
	apart := new(big.Rat).Abs(new(big.Rat).Sub(x, y))
	tenth := new(big.Rat).Quo(x, big.NewRat(10, 1))
	slack := new(big.Rat).Add(rounding(in, a.value, from), rounding(in, b.value, other))
	return apart.Cmp(slack) <= 0 && apart.Cmp(tenth) <= 0
}

// rounding is half of the last written digit, in the model's unit; 0 for a number with an exponent.
func rounding(in registry.Input, value string, from ucum.Unit) *big.Rat {
	_, decimals, _ := strings.Cut(value, ".")
	half, err := ucum.ParseDecimal("0." + strings.Repeat("0", len(decimals)) + "5")
	if err != nil || strings.ContainsAny(value, "eE") {
		return new(big.Rat)
	}
	if half, err = convert(in, half, from); err != nil {
		return new(big.Rat)
	}
	return half
}
