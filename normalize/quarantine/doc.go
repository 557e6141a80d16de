// Package quarantine is the desk at which people look at facts that were held: what was sent, why it is doubted, what is
// proposed; a first person proposes a correction, a second one releases it, or somebody rejects the fact for good.
//
// A correction never changes the value that was sent. It says what the unit was, or which sibling code was meant, or that
// the fact stands as it is; it is judged by the same rules as everything that arrives, and what still contradicts itself is
// not let in. Nothing here opens or writes without the permits of the person who acts.
//
// Read in this order: evidence.go, desk.go, correct.go, diff.go.
package quarantine
