// Package identity says whom a message is about, and what makes it one message: business keys as the sender writes them.
// Keys are framed bytes of which others keep keyed digests only.
//
// It must never guess: a message without a patient identifier is about nobody, and an identifier without an assigning
// authority counts within the sending facility alone. The package is pure.
//
// Read in this order: identifier.go, message.go.
package identity
