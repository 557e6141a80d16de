package watch

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// TestCheck: the check of a store finds series whose sealed body does not read, or counts another name, and no others.
func TestCheck(t *testing.T) {
	ctx := context.Background()
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		name := Name{"lab", "MG", "19123-9", "mg/dL"}
		body, err := json.Marshal(Series{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		feed := n.Permit(ward.Integration, access.Receive, "")
		if err := n.Store.PutSeries(ctx, feed, []store.Series{{Name: name.key(), Body: ward.Protected(body)}, {Name: "lab other", Body: ward.Protected(body)},
			{Name: "lab broken", Body: ward.Protected(`{"sender":"Kanarienvogel`)}}); err != nil {
			t.Fatal(err)
		}
		p := n.Permit(ward.Auditor, access.StoreCheck, "")
		r, err := n.Store.CheckLong(ctx, func(context.Context) (access.Permit, error) { return p, nil }, Check, nil)
		if err != nil || r.Series != 3 || len(r.Faults) != 2 {
			t.Fatalf("%+v %v", r, err)
		}
		said := r.Faults[0].What + "|" + r.Faults[1].What
		if strings.Contains(said, "Kanarienvogel") || !strings.Contains(said, "cannot be read") || !strings.Contains(said, "another name") {
			t.Error(said)
		}
	})
}
