// Package delivery takes messages from a channel and sees them through: the inbox makes a message durable before it is
// acknowledged, knows repetitions, and keeps order per patient; the worker hands each message to the stage that understands
// it until all it does is stored, or a person has to look at it.
//
// What a message means is not known here. The stage that knows gives its rules as plain functions, joined by the server.
//
// It must never acknowledge what is not durable, answer a repetition otherwise than the first time, tell a sender more than
// where its message is wrong, or drop anything: what cannot be read is kept with its reason.
//
// Read in this order: inbox.go, ack.go, order.go, worker.go, gate.go.
package delivery
