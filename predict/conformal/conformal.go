package conformal

import "math"

// The methods and their semantics as decisions record them.
const (
	VennAbers = "venn-abers/1"
	Split     = "split/1"
)

// Interval is what may be said about one prediction. For VennAbers Low is p0 and High is p1: the calibrated probability had
// the row's outcome been negative or positive, Low <= High. For Split the outcome lies in [Low, High] with the coverage that
// the calibration was fitted for. An Interval without a Method is none, for the Reason given.
type Interval struct {
	Low, High float64
	Method    string
	Reason    string // why there is none; public text
}

// None is the answer where no interval can be given.
func None(reason string) Interval { return Interval{Reason: reason} }

// Known reports whether there is an interval.
func (i Interval) Known() bool { return i.Method != "" }

// Calibration is a fitted table. It is immutable and safe for concurrent use.
type Calibration struct {
	method    string
	n         int
	positives int
	p0, p1    steps   // of VennAbers
	alpha     float64 // of Split
	quantile  float64
}

// Method returns VennAbers or Split.
func (c *Calibration) Method() string { return c.method }

// Rows returns how many rows the calibration was fitted on.
func (c *Calibration) Rows() int { return c.n }

// Alpha returns the proportion of outcomes that a Split interval may miss, 0 for VennAbers, which has no such choice.
func (c *Calibration) Alpha() float64 { return c.alpha }

// Interval returns the interval for one prediction: for VennAbers x is the score on the scale of the fit (the margin), for
// Split it is the predicted value.
func (c *Calibration) Interval(x float64) Interval {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return None("the prediction is not a finite number")
	}
	if c.method == Split {
		return c.split(x)
	}
	return Interval{Low: c.p0.below(x), High: c.p1.above(x), Method: VennAbers}
}
