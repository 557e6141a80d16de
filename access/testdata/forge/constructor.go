// want: newPermit
package main

import (
	"time"

	"github.com/ward-health/ward/access"
)

func main() {
	p := access.newPermit(access.Request{}, access.Filter{Node: access.All{}}, [32]byte{}, time.Now())
	_ = p.Allows(access.Read, "Patient")
}
