package access

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/ward-health/ward"
)

// operatorHeader chooses the tenant in which the operator acts. Only GuardLocal heeds it.
const operatorHeader = "Ward-Operator-Tenant"

// operatorID names a local user. No registered principal's id holds a colon.
func operatorID(uid int) ward.PrincipalID { return ward.PrincipalID("operator:" + strconv.Itoa(uid)) }

// OperatorOf returns the operator principal for the local user at the node's own socket, in the tenant named ("" = the
// node). Only the user whom the node runs as, and root, is one: all others are ward.Denied. An unknown tenant is
// ward.NotFound; a disabled one is open to the operator.
func (a *Authority) OperatorOf(ctx context.Context, uid int, tenant ward.TenantID) (ward.Principal, error) {
	if uid < 0 || uid != 0 && uid != os.Getuid() {
		return ward.Principal{}, ward.E(ward.Denied, "access.operator", "only the user whom the node runs as, or root, may use the node's own socket", nil)
	}
	p := ward.Principal{ID: operatorID(uid), Kind: ward.Operator, Name: userName(uid)}
	if tenant == "" {
		return p, nil
	}
	if !tenant.Valid() {
		return ward.Principal{}, ward.E(ward.Invalid, "access.operator", "a tenant is named by 1 to 40 of a-z, 0-9 and -, a letter first", nil).At(operatorHeader)
	}
	t, err := a.dir.tenant(ctx, tenant)
	p.Tenant = t
	return p, err
}

func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return fmt.Sprintf("local user %d", uid)
	}
	return u.Username
}
