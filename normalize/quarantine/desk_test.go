package quarantine_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

var ctx = context.Background()

// held sends one result and returns the fact that is held of it.
func held(t *testing.T, r *storetest.Running, obx string) store.HeldFact {
	t.Helper()
	raw := []byte(strings.Join([]string{`MSH|^~\&|LAB|WARDHOSP|WARD|WARD|20261101090000||ORU^R01|` + ward.NewID().String() + "|P|2.5.1",
		"PID|1||4711^^^WARD^MR||Amsel^Ada||19600214|F", "OBR|1||" + ward.NewID().String() + "^LAB|24323-8^Panel^LN|||20261101083000", obx}, "\r") + "\r")
	m, err := hl7v2.Parse(raw, hl7v2.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lanes, _ := normalize.Lanes(m, nil)
	receive := r.Permit(ward.Integration, access.Receive, "")
	got, err := r.Store.Receive(ctx, receive, store.Inbound{Message: ward.Message{Source: "lab", ContentType: "application/hl7-v2", Received: time.Now(),
		Body: ward.Protected(raw)}, Key: normalize.Key(m), Lanes: lanes, Kind: normalize.Kind(m), State: store.MessageReceived})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := r.Store.Raw(ctx, receive, got.ID)
	if err != nil {
		t.Fatal(err)
	}
	n, err := normalize.New(normalize.Deps{Store: r.Store, Access: r.Access})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Normalize(ctx, r.Principal(ward.Integration), ward.Treatment, normalize.Channel{ID: "lab", Processing: "P"}, msg); err != nil {
		t.Fatal(err)
	}
	hs, _, err := r.Store.Holds(ctx, r.Permit(ward.Steward, access.HoldRead, ""), store.HoldQuery{Message: got.ID, Count: 10})
	if err != nil || len(hs) != 1 {
		t.Fatalf("%d facts are held, %v", len(hs), err)
	}
	return hs[0]
}

// person is a grant of a steward.
func person(t *testing.T, r *storetest.Running, id string) access.Grant {
	t.Helper()
	who := r.Principal(ward.Steward)
	who.ID = ward.PrincipalID(id)
	req := access.Request{Principal: who, Action: access.HoldRead, Purpose: ward.Treatment, ID: ward.NewID()}
	p, err := r.Access.Decide(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	return access.Grant{Permit: p, Decide: func(ctx context.Context, a access.Action, rtype string) (access.Permit, error) {
		again := req
		again.Action, again.Type = a, rtype
		return r.Access.Decide(ctx, again)
	}}
}

func TestUnitIsCorrectedByTwo(t *testing.T) {
	r := storetest.Node(t, storetest.SQLite)
	d := quarantine.New(quarantine.Deps{Store: r.Store})
	h := held(t, r, "OBX|1|NM|2951-2^Sodium^LN||140|mg/dL|135-145|N|||F")
	first, second := person(t, r, "first"), person(t, r, "second")
	for name, c := range map[string]quarantine.Correction{
		"nothing":       {Reason: "x"},
		"two":           {Unit: "mmol/L", Accept: true, Reason: "x"},
		"no reason":     {Unit: "mmol/L"},
		"as it is":      {Accept: true, Reason: "looks right"},
		"another doubt": {Unit: "mg/dL", Reason: "x"},
		"no unit":       {Unit: "bananas", Reason: "x"},
		"other analyte": {Code: "2823-3", Reason: "x"},
	} {
		if _, err := d.Propose(ctx, first, h.ID, c); err == nil || ward.PublicText(err) == "" {
			t.Errorf("%s was taken: %v", name, err)
		}
	}
	p, err := d.Propose(ctx, first, h.ID, quarantine.Correction{Unit: "mmol/L", Reason: "the laboratory confirmed it by telephone"})
	if err != nil || len(p.Diff) == 0 || p.Fact != h.Hold.Fact {
		t.Fatalf("%+v %v", p, err)
	}
	s, err := d.Show(ctx, second, h.ID)
	if err != nil || s.Proposal == nil {
		t.Fatalf("%+v %v", s, err)
	}
	if _, err := d.Release(ctx, first, h.ID, s.Digest); ward.KindOf(err) != ward.Denied {
		t.Errorf("the first person released alone: %v", err)
	}
	if _, err := d.Release(ctx, second, h.ID, [32]byte{1}); ward.KindOf(err) != ward.Precondition {
		t.Errorf("an unseen proposal was released: %v", err)
	}
	got, err := d.Release(ctx, second, h.ID, s.Digest)
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	v, err := r.Store.Get(ctx, r.Permit(ward.Clinician, access.Read, "Observation"), got[0].Version.Ref)
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Meta struct {
			Tag []struct{ System, Code string }
		}
		ValueQuantity struct {
			Value              json.Number
			Unit, System, Code string
			Extension          []struct{ URL, ValueString string }
		}
	}
	if err := json.Unmarshal([]byte(v.Body), &o); err != nil {
		t.Fatal(err)
	}
	q := o.ValueQuantity
	if q.Value != "140" || q.Unit != "mmol/L" || q.Code != "mmol/L" || len(q.Extension) != 1 || q.Extension[0].ValueString != "mg/dL" || len(o.Meta.Tag) != 1 || o.Meta.Tag[0].Code != "released" {
		t.Errorf("%+v", o)
	}
	if _, err := d.Release(ctx, second, h.ID, s.Digest); err == nil {
		t.Error("released twice")
	}
	r.Clean()
}

func TestSiblingAcceptReject(t *testing.T) {
	r := storetest.Node(t, storetest.SQLite)
	d := quarantine.New(quarantine.Deps{Store: r.Store})
	first, second := person(t, r, "first"), person(t, r, "second")
	release := func(obx string, c quarantine.Correction) string {
		t.Helper()
		h := held(t, r, obx)
		if _, err := d.Propose(ctx, first, h.ID, c); err != nil {
			t.Fatal(err)
		}
		s, err := d.Show(ctx, second, h.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Release(ctx, second, h.ID, s.Digest)
		if err != nil {
			t.Fatal(err)
		}
		v, err := r.Store.Get(ctx, r.Permit(ward.Clinician, access.Read, "Observation"), got[0].Version.Ref)
		if err != nil {
			t.Fatal(err)
		}
		return string(v.Body)
	}
	if o := release("OBX|1|NM|2160-0^Creatinine^LN||88|umol/L|59-104|N|||F", quarantine.Correction{Code: "14682-9", Reason: "substance"}); !strings.Contains(o, `"code":"14682-9"`) || !strings.Contains(o, `"valueString":"2160-0"`) {
		t.Error(o)
	}
	if o := release("OBX|1|NM|2823-3^Potassium^LN||19|mmol/L|3.5-5.1|HH|||F", quarantine.Correction{Accept: true, Reason: "haemolysis excluded"}); !strings.Contains(o, `"value":19`) || !strings.Contains(o, "released") {
		t.Error(o)
	}
	h := held(t, r, "OBX|1|NM|2951-2^Sodium^LN||see note|mmol/L||||F")
	if err := d.Reject(ctx, first, h.ID, " "); ward.KindOf(err) != ward.Invalid {
		t.Errorf("%v", err)
	}
	if err := d.Reject(ctx, first, h.ID, "no result"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Propose(ctx, first, h.ID, quarantine.Correction{Accept: true, Reason: "x"}); ward.KindOf(err) != ward.Conflict {
		t.Errorf("a rejected fact was proposed: %v", err)
	}
	r.Clean()
}
