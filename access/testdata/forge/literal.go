// want: cannot refer to unexported field g in struct literal of type access.Permit
package main

import "github.com/ward-health/ward/access"

func main() {
	p := access.Permit{g: nil}
	_ = p.Allows(access.Read, "Patient")
}
