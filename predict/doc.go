// Package predict lets signed models answer on stored data: it gathers inputs under a permit, checks units, range and age,
// computes, keeps the decision with its lineage, and can recompute it.
//
// An answer without a number is an honest one: a wrong unit, a stale, missing, implausible or unfinished result, a child,
// an unstated sex, a unit that its sender has not confirmed, two results of which either may be the newest each give a decision with reasons and no Output. A value is never guessed, never carried over from an
// older result because the newest is unusable, and mass becomes substance through the molecular formula alone, substance
// equivalents through the charge. What a model may do without is missing where there is nothing; a value in a wrong unit is not.
//
// It must never read outside of store, answer with an artefact that registry did not verify, put a clock reading into what
// is computed other than the decision's own time, or repeat free text of a source in a reason.
//
// Read in this order: service.go, gather.go, facts.go, choose.go, judge.go, trees.go, convert.go, words.go, replay.go, events.go,
// assessment.go; then registry, engine, explain, conformal, cdshooks.
package predict
