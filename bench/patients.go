package main

import (
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

func dbTenant(n int64) db.Tenant { return db.Tenant(n) }

// benchPatient is a made-up pseudonym of patient n.
func benchPatient(n int) (s seal.Subject) {
	s[0], s[1] = 0xbe, byte(n+1)
	return s
}
