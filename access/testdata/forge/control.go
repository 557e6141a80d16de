// want:
package main

import "github.com/ward-health/ward/access"

func main() {
	var p access.Permit
	_ = p.Allows(access.Read, "Patient")
}
