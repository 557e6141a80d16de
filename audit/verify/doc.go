// Package verify checks an exported log with nothing but its public key: no database, no secret, no trust in any key,
// size or hash that comes with the log.
//
// It also owns the public forms that the log's writer and its checkers share: the leaf (leaf.go), the right edge of an
// RFC 6962 tree (edge.go), C2SP tile paths and bundles (tile.go), the checkpoint (checkpoint.go). The writer, package
// audit, uses the same code, so that what is written is by construction what is checked; the tests compare both with
// golang.org/x/mod/sumdb/tlog.
//
// Read in this order: leaf.go, edge.go, tile.go, checkpoint.go, log.go, proof.go.
package verify
