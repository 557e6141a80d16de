// Package audit keeps the one tamper-evident log of every access, answer and administrative act: two durable sources
// (rows in the writing transaction, frames of a journal), one sequencer, one Merkle tree in C2SP formats.
//
// Begin makes an entry durable and gives the Receipt without which nothing is opened. Prepare and Enter do the same for
// a write, inside its transaction. The sequencer reads both sources behind durable cursors, gives each entry its index,
// stores size, root and cursors in one transaction, then signs, then publishes. What is published can be checked by
// anyone with the public key (package verify). Details stay sealed in the sources, which are kept for good.
//
// It must never put patient data into a leaf, give a Receipt for an entry that is not durable, retry a failed sync,
// or sign a tree that does not continue the one it signed before.
//
// Read in this order: act.go, intent.go, receipt.go, log.go, begin.go, detail.go, payload.go; frame.go, tape.go,
// journal.go, recover.go, emergency.go, commit.go, disk.go; rows.go, table.go, state.go, sequencer.go, publish.go,
// run.go; entries.go, proof.go, check.go, checkpos.go, export.go, handler.go.
package audit
