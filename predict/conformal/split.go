package conformal

import (
	"fmt"
	"math"
	"slices"

	"github.com/ward-health/ward"
)

// FitSplit fits a split conformal predictor on the residuals (outcome minus prediction) of rows that trained nothing. alpha,
// 0.001 to 0.5 in whole thousandths, is the proportion of outcomes that may be missed. With fewer than 1/alpha - 1 rows no
// finite interval has the coverage; that is ward.Unprocessable and says how many rows are needed.
//
// SPEC(Lei et al., J Am Stat Assoc 113 (2018) 1094, section 2.2): the half width is the k-th smallest absolute residual, k = ceil((n+1)(1-alpha)).
func FitSplit(residuals []float64, alpha float64) (*Calibration, error) {
	mille, err := thousandths(alpha)
	if err != nil {
		return nil, err
	}
	n := len(residuals)
	size := make([]float64, n)
	for i, r := range residuals {
		size[i] = math.Abs(r)
		if !(size[i] <= math.MaxFloat64) {
			return nil, ward.E(ward.Invalid, "conformal.split", "a residual is not a finite number", nil).At(fmt.Sprint(i))
		}
	}
	k := rank(n, mille)
	if k > n {
		return nil, ward.E(ward.Unprocessable, "conformal.split",
			fmt.Sprintf("%d calibration rows are too few: missing at most %g of the outcomes takes at least %d", n, alpha, fewest(mille)), nil)
	}
	slices.Sort(size)
	return &Calibration{method: Split, n: n, alpha: alpha, quantile: size[k-1]}, nil
}

// rank is ceil((n+1)(1-alpha)) in integers.
func rank(n, mille int) int { return ((n+1)*(1000-mille) + 999) / 1000 }

// fewest is the smallest n whose rank does not exceed it.
func fewest(mille int) int { return (1000+mille-1)/mille - 1 }

func thousandths(alpha float64) (int, error) {
	if !(alpha >= 0.001 && alpha <= 0.5) || math.Round(alpha*1000)/1000 != alpha {
		return 0, ward.E(ward.Invalid, "conformal.split", "alpha must be 0.001 to 0.5 in whole thousandths", nil).At("alpha")
	}
	return int(math.Round(alpha * 1000)), nil
}

func (c *Calibration) split(x float64) Interval {
	low, high := x-c.quantile, x+c.quantile
	if math.IsInf(low, 0) || math.IsInf(high, 0) {
		return None("the interval is not finite")
	}
	return Interval{Low: low, High: high, Method: Split}
}
