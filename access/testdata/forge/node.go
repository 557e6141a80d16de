// want: unexported method node
package main

import "github.com/ward-health/ward/access"

type everything struct{}

func (everything) node() {}

func main() {
	_ = access.Filter{Node: everything{}}
}
