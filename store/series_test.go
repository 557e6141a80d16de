package store_test

import (
	"bytes"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// TestSeries: what is counted over a sender's results stays with its tenant, is sealed, and is written by one at a time.
func TestSeries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		feed := n.Permit(ward.Integration, access.Receive, "")
		put := func(list ...store.Series) error { return n.Store.PutSeries(ctx, feed, list) }
		must(t, put(store.Series{Name: "lab|MG", Body: ward.Protected("counts one")}, store.Series{Name: "lab|NA", Body: ward.Protected("two")}))
		if err := put(store.Series{Name: "lab|MG", Body: ward.Protected("x")}); ward.KindOf(err) != ward.Precondition {
			t.Errorf("written anew: %v", err)
		}
		must(t, put(store.Series{Name: "lab|MG", Version: 1, Body: ward.Protected("counts more")}))
		if err := put(store.Series{Name: "lab|NA", Version: 1, Body: ward.Protected("y")}, store.Series{Name: "lab|MG", Version: 1, Body: ward.Protected("x")}); ward.KindOf(err) != ward.Precondition {
			t.Errorf("an old one was written: %v", err)
		}
		got, err := n.Store.AllSeries(ctx, feed, "lab|MG", "none")
		must(t, err)
		if len(got) != 1 || got[0].Version != 2 || string(got[0].Body) != "counts more" || got[0].Name != "lab|MG" {
			t.Errorf("%+v", got)
		}
		if all, err := n.Store.AllSeries(ctx, n.Permit(ward.Steward, access.HoldRead, "")); err != nil || len(all) != 2 {
			t.Errorf("%d %v", len(all), err)
		}
		if _, err := n.Store.AllSeries(ctx, n.Permit(ward.Clinician, access.Read, "Patient")); ward.KindOf(err) != ward.Denied {
			t.Errorf("read under another permit: %v", err)
		}
		if err := n.Store.PutSeries(ctx, n.Permit(ward.Steward, access.HoldRead, ""), got); ward.KindOf(err) != ward.Denied {
			t.Errorf("written under another permit: %v", err)
		}
		var body []byte
		must(t, n.DB.Write(ctx, db.Tenant(n.Tenant.Number), func(tx *db.Tx) error {
			_, err := tx.Get(ctx, "SELECT body FROM series WHERE ver = 2", nil, &body)
			if err == nil && bytes.Contains(body, []byte("counts")) {
				t.Error("the counts stand open in the database")
			}
			if err == nil {
				_, err = tx.Exec(ctx, "UPDATE series SET ver = 3 WHERE ver = 2")
			}
			return err
		}))
		if _, err := n.Store.AllSeries(ctx, feed); ward.KindOf(err) != ward.Internal {
			t.Errorf("a changed row was read: %v", err)
		}
	})
}
