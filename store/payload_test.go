package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

func TestDecisionsKeepWhatWasDecided(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		low := 88.5
		d := decision("p")
		d.Inputs = []ward.Input{{Name: "creatinine", Code: "2160-0", Value: 1.1, Unit: "mg/dL"}}
		d.Output = &ward.Output{Name: "eGFR", Value: 90.25, Unit: "mL/min/{1.73_m2}", Low: &low}
		entry := putDecision(t, n, d)
		for range 2 {
			got, by, err := n.Store.Decision(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), d.ID)
			must(t, err)
			if diff := cmp.Diff(d, got); diff != "" || by != entry {
				t.Fatalf("%s, entry %v, want %v", diff, by, entry)
			}
			n.Reopen()
		}
		_, err := n.Store.PutDecision(ctx, n.Permit(ward.Clinician, access.Predict, ""), d, [32]byte{1})
		wantKind(t, err, ward.Conflict)
		var ids []ward.ID
		for i := range 5 {
			d := decision([]string{"p", "q"}[i%2])
			putDecision(t, n, d)
			ids = append(ids, d.ID)
		}
		want := []ward.ID{ids[4], ids[2], ids[0], d.ID}
		var got []ward.ID
		cursor := ""
		for {
			page, next, err := n.Store.Decisions(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), "p", cursor, 3)
			must(t, err)
			for _, d := range page {
				got = append(got, d.ID)
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		all, _, err := n.Store.Decisions(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), "", "", 100)
		must(t, err)
		other, _, err := n.Store.Decisions(ctx, n.OtherPermit(ward.Clinician, access.DecisionRead, ""), "", "", 100)
		must(t, err)
		if len(all) != 6 || len(other) != 0 {
			t.Fatalf("%d decisions, %d in the other tenant", len(all), len(other))
		}
		n.Clean()
	})
}

func TestRawMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		for _, size := range []int{0, 1, 100 << 10} {
			m := ward.Message{ID: ward.NewID(), Source: "lab", ContentType: "application/hl7-v2", Body: ward.Protected(make([]byte, size)), Received: ward.Decision{}.At}
			kept, err := n.Store.Receive(ctx, n.Permit(ward.Integration, access.Receive, ""), store.Inbound{Message: m})
			must(t, err)
			got, err := n.Store.Raw(ctx, n.Permit(ward.Integration, access.Receive, ""), kept.ID)
			must(t, err)
			if got.ID != m.ID || got.Source != m.Source || got.ContentType != m.ContentType || len(got.Body) != size || got.Received.IsZero() {
				t.Fatalf("%v came back as %v with %d bytes", m.ID, got.ID, len(got.Body))
			}
			_, err = n.Store.Raw(ctx, n.OtherPermit(ward.Integration, access.Receive, ""), kept.ID)
			wantKind(t, err, ward.NotFound)
		}
		if r := n.Clean(); r.Raw != 3 || r.Blobs != 1 {
			t.Fatalf("%+v", r)
		}
	})
}
