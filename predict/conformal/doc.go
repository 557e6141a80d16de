// Package conformal puts an honest interval beside a prediction: for a binary risk the two probabilities of an inductive
// Venn-Abers predictor, for a measured quantity a split conformal interval. Both are fitted on rows that trained nothing
// and hold as long as new rows are exchangeable with those.
//
// Where an interval cannot be given, the answer is None with its reason; a made-up or clipped interval never is. Tables
// hold counts and scores, so an interval is one division away from the file and the same on every CPU.
//
// Read in this order: conformal.go, vennabers.go, split.go, read.go.
package conformal
