// Package tree reads JSON strictly into a flat tape of nodes that point into the bytes: every other package of the FHIR
// engine walks this tape instead of parsing again. Bodies keep their bytes; a node knows where it begins and ends, so that
// a change is a splice.
//
// Strict means RFC 8259 and no more: valid UTF-8, no byte order mark, no duplicate member names, no lone surrogates, no
// control characters in strings, bounded bytes, depth and nodes. A Doc is reused: parsing allocates nothing once its tape has grown.
//
// It must never put a value of a body into an error: errors name the place and what was expected there.
package tree
