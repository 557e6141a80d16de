// want: p.g undefined
package main

import "github.com/ward-health/ward/access"

func main() {
	var p access.Permit
	_ = p.g
}
