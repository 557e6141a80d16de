// want: unknown field again in struct literal of type access.Grant
package main

import (
	"context"

	"github.com/ward-health/ward/access"
)

func main() {
	_ = access.Grant{again: func(context.Context) error { return nil }}
}
