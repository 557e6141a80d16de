// Package normalize understands raw messages: it parses them, maps them to FHIR by rules, finds out whom they are about,
// judges every number, and writes all that one message does in one transaction. A doubtful fact is held singly with its
// evidence; a message that says of nobody is held whole; nothing is dropped.
//
// What is stored and whose newer version is held is marked (judge.Disputed) until that is settled, so that nobody computes with it.
//
// A number that could as well be meant in another unit is stored and tagged (judge.Unconfirmed) until persons have said what its sender
// means: nobody computes with it either.
//
// It must never guess a unit, let an older version of a result replace a newer one, overwrite what a patient administration
// said by what a laboratory says, or do anything without a permit of the channel's principal. Ids come from business keys,
// so that a message that is worked on again changes nothing.
//
// Demographics and stays are patched: what a message does not say stays as it is stored, `""` deletes. Everything else is
// replaced by its newest version.
//
// Read in this order: normalize.go, work.go, whole.go, person.go, sameperson.go, result.go, earlier.go,
// settle.go, order.go, patch.go, hold.go, count.go, unit.go.
package normalize
