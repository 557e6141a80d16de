// Package telemetry is allow-list logging, metrics and health; no patient data passes it (I8).
//
// A log line holds a fixed message and attributes of documented keys and scalar kinds; everything else comes out as
// "[dropped]". Errors come out as kind, operation and the types of their causes, never as the text of a type that is not
// known to be safe. Labels of metrics come from closed sets. Health answers name checks and kinds of failure only.
//
// It must never let a value through because nobody thought of it: what is not listed is dropped.
//
// Read in this order: allow.go, logger.go, failure.go, request.go, metrics.go, health.go.
package telemetry
