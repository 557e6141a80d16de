// want: name session not exported by package access
package main

import "github.com/ward-health/ward/access"

func main() {
	_ = access.session{}
}
