// Package server builds one node from its configuration: it is the only place where the stages meet.
//
// Init makes a data directory, Open takes its lock and puts the parts together, Serve listens until its context ends and then
// stops in order: readiness off, no new connections, drain, queue, log flushed, checkpoint, close. Connect gives the command
// line a client that speaks to the running node over the socket in the data directory, or to a node opened in the same process.
//
// It must never open patient data itself, decide who may do what, or mount a route that is not a row of the route table.
//
// Read in this order: config.go, layout.go, open.go, routes.go, v1.go, serve.go, local.go.
package server
