// Package demo shows the whole path of Ward once, as a person would walk it: a node is made and started in a fresh directory,
// and from then on everything goes through its HTTP port with real tokens: data is loaded, a model answers with a card, two
// principals read and one sees less, a patient is erased, an entry is proved offline, the log and the store are verified.
//
// It must never reach around the port, hide a refusal, or end with 0 when a step failed.
//
// Read in this order: demo.go, steps.go, tour.go, load.go, ask.go, read.go, proof.go, input.go, client.go, assertion.go.
package demo
