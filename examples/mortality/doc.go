// Package mortality holds the files of an example model: gradient-boosted trees for ten-year mortality, trained by train.py
// on a public survey of the 1970s. It demonstrates the whole path of a model and is not for care; artefact/CARD.md says how
// well it does, for whom, and what it must not be used for.
//
// The package computes nothing. To make the files anew: train.py DATA artefact.
package mortality
