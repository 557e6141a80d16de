package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// putSeries writes series of the tenant "one".
func putSeries(t *testing.T, n *storetest.Running, list ...store.Series) {
	t.Helper()
	must(t, n.Store.PutSeries(ctx, n.Permit(ward.Integration, access.Receive, ""), list))
}

// checkAs runs the check under permits of one tenant's auditor.
func checkAs(t *testing.T, n *storetest.Running, permit func(ward.Role, access.Action, string) access.Permit, read func(store.Series) error) store.CheckReport {
	t.Helper()
	r, err := n.Store.CheckLong(ctx, func(context.Context) (access.Permit, error) { return permit(ward.Auditor, access.StoreCheck, ""), nil }, read, nil)
	must(t, err)
	return r
}

// statement is a change of rows by SQL.
func statement(text string) func(*db.Tx) error {
	return func(tx *db.Tx) error { _, err := tx.Exec(ctx, text); return err }
}

// swapNames gives each of two series of one version the row of the other.
func swapNames(tx *db.Tx) error {
	var a, b []byte
	_, err := tx.Get(ctx, "SELECT name16 FROM series WHERE ver = 1 ORDER BY name16 LIMIT 1", nil, &a)
	if err == nil {
		_, err = tx.Get(ctx, "SELECT name16 FROM series WHERE ver = 1 ORDER BY name16 DESC LIMIT 1", nil, &b)
	}
	for _, move := range [][2][]byte{{a, []byte("free")}, {b, a}, {[]byte("free"), b}} {
		if err == nil {
			_, err = tx.Exec(ctx, "UPDATE series SET name16 = $1 WHERE name16 = $2", move[1], move[0])
		}
	}
	return err
}

// TestCheckOfSeries: each way to change a row of series outside of Ward is found, and none of what they say is told.
func TestCheckOfSeries(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*db.Tx) error
		faults int
	}{
		"nothing":    {func(*db.Tx) error { return nil }, 0},
		"body":       {statement("UPDATE series SET body = (SELECT o.body FROM series o WHERE o.ver = 2) WHERE ver = 1"), 2},
		"no body":    {statement("UPDATE series SET body = name16"), 3},
		"name":       {statement("UPDATE series SET name16 = body WHERE ver = 2"), 1},
		"empty name": {statement("UPDATE series SET ver = ver + 1, name16 = SUBSTR(name16, 1, CASE ver WHEN 2 THEN 0 ELSE 16 END)"), 3},
		"version":    {statement("UPDATE series SET ver = ver + 1"), 3},
		"swap":       {swapNames, 2},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, n *storetest.Running) {
				threeSeries(t, n)
				must(t, n.DB.Write(ctx, db.Tenant(n.Tenant.Number), c.change))
				wantSeries(t, checkAs(t, n, n.Permit, nil), 3, c.faults)
			})
		})
	}
}

// TestCheckOfAnothersSeries: a row that was given to another tenant is a fault there.
func TestCheckOfAnothersSeries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		threeSeries(t, n)
		must(t, n.DB.Write(ctx, db.System, statement(fmt.Sprintf("UPDATE series SET tn = %d WHERE ver = 2", n.Other.Number))))
		wantSeries(t, checkAs(t, n, n.Permit, nil), 2, 0)
		wantSeries(t, checkAs(t, n, n.OtherPermit, nil), 1, 1)
	})
}

// threeSeries makes two series of version 1 and one of version 2.
func threeSeries(t *testing.T, n *storetest.Running) {
	t.Helper()
	one := func(name string, version int64) store.Series {
		return store.Series{Name: name, Version: version, Body: ward.Protected("Kanarienvogel")}
	}
	putSeries(t, n, one("lab|MG", 0), one("lab|NA", 0), one("lab|K", 0))
	putSeries(t, n, one("lab|MG", 1))
}

func wantSeries(t *testing.T, r store.CheckReport, series int64, faults int) {
	t.Helper()
	if len(r.Faults) != faults || r.Series != series {
		t.Errorf("%d series, want %d; faults %+v, want %d", r.Series, series, r.Faults, faults)
	}
	if slices.ContainsFunc(r.Faults, func(f store.Fault) bool {
		return f.Class != "series" || f.Where == "" || f.What == "" || strings.Contains(f.Where+f.What, "Kanarienvogel")
	}) {
		t.Errorf("%+v", r.Faults)
	}
}

// TestCheckReadsSeries: every body is read by who knows what it says, page after page, and what that finds is a fault of its row.
func TestCheckReadsSeries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		var list []store.Series
		for i := range 450 {
			list = append(list, store.Series{Name: fmt.Sprintf("lab|%d", i), Body: ward.Protected("good")})
		}
		list[7].Body = ward.Protected("Kanarienvogel")
		putSeries(t, n, list...)
		seen := map[string]bool{}
		r := checkAs(t, n, n.Permit, func(x store.Series) error {
			if seen[x.Name] = true; string(x.Body) != "good" {
				return ward.E(ward.Internal, "test", "it cannot be read", errors.New("Kanarienvogel"))
			}
			return nil
		})
		if len(seen) != len(list) || r.Series != int64(len(list)) || len(r.Faults) != 1 || r.Faults[0].What != "it cannot be read" {
			t.Errorf("%d seen, %d counted: %+v", len(seen), r.Series, r.Faults)
		}
	})
}

// TestSeriesUnderAWrongName: a row whose sealed name is not the one that its key was made of.
func TestSeriesUnderAWrongName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		putSeries(t, n, store.Series{Name: "lab|MG", Body: ward.Protected("good")})
		must(t, store.MisnameSeries(ctx, n.Store, db.Tenant(n.Tenant.Number), "lab|MG", "lab|NA"))
		r := checkAs(t, n, n.Permit, nil)
		if len(r.Faults) != 1 || r.Faults[0].What != "the keyed digest of its name does not fit" {
			t.Errorf("%+v", r.Faults)
		}
	})
}
