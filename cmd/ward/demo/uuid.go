package demo

import "github.com/ward-health/ward"

// newUUID names one call of a hook.
func newUUID() string { return ward.NewID().String() }
