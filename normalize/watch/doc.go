// Package watch looks at what the results of one sender under one code show all together: whether they move away from what they were, or lie
// apart from what others send under the same code, by as much as two units are apart. So a laboratory is found that changes a unit or a
// code and says nothing of it, where each of its results alone could be true.
//
// It only ever takes trust away: a series that has shifted says that the unit is in doubt, and stays so until persons have confirmed the
// unit anew. That values lie where they usually do proves no unit: a population may differ from others by as much as two units do.
//
// A series is a histogram of values on a scale of logarithms, 16 bins to the doubling, with the newest results apart: it is bounded, names no
// patient, and is kept by store, sealed. What is in memory is written every few seconds while results come, and when the node
// stops; a crash loses the counts of the last ones, which delays a finding and makes none.
//
// Read in this order: sketch.go, series.go, watch.go.
package watch
