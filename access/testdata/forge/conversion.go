// want: to type access.Permit
package main

import "github.com/ward-health/ward/access"

type grant struct{}

type mine struct{ g *grant }

func main() {
	p := access.Permit(mine{&grant{}})
	_ = p.Allows(access.Read, "Patient")
}
