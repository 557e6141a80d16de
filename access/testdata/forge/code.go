// want: cannot refer to unexported field code in struct literal of type access.OneTime
package main

import "github.com/ward-health/ward/access"

func main() {
	_ = access.OneTime{code: "aaaaaaaaaaaaaaaaaaaaaaaaaa"}
}
