package store_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

func putFeedback(t testing.TB, n *storetest.Running, f store.Feedback) bool {
	t.Helper()
	kept, err := n.Store.PutFeedback(ctx, n.Permit(ward.Clinician, access.Feedback, ""), f)
	must(t, err)
	return kept
}

func feedbacks(t testing.TB, n *storetest.Running, decision ward.ID) []store.Feedback {
	t.Helper()
	out, err := n.Store.Feedbacks(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), decision)
	must(t, err)
	return out
}

const feedbackRows = "SELECT COUNT(*) FROM payload WHERE kind = 'feedback'"

// TestFeedback: what was put comes back, a repetition is no second row, nothing of it stands in clear, an erasure closes it.
func TestFeedback(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		d, other := decision("p"), decision("q")
		putDecision(t, n, d)
		putDecision(t, n, other)
		at := time.Date(2026, 11, 3, 8, 30, 0, 0, time.UTC)
		over := store.Feedback{Decision: d.ID, Outcome: store.Overridden, At: at, Body: ward.Protected(`{"comment":"canarycomment"}`), By: "somebody else"}
		if putFeedback(t, n, over) {
			t.Error("the first is a repetition")
		}
		again := over
		again.Body = ward.Protected(`{"comment":"another"}`)
		if !putFeedback(t, n, again) {
			t.Error("the second is none")
		}
		yes := store.Feedback{Decision: d.ID, Outcome: store.Accepted}
		if putFeedback(t, n, yes) {
			t.Error("another outcome is a repetition")
		}
		if putFeedback(t, n, store.Feedback{Decision: other.ID, Outcome: store.Overridden}) {
			t.Error("that of another decision is a repetition")
		}
		if rows := number(t, n, feedbackRows); rows != 3 {
			t.Errorf("%d rows", rows)
		}
		got := feedbacks(t, n, d.ID)
		if len(got) != 2 || got[0].Outcome != store.Accepted || time.Since(got[0].At) > time.Hour || len(got[0].Body) != 0 {
			t.Fatalf("%+v", got)
		}
		over.By = ward.PrincipalID(ward.Clinician)
		if diff := cmp.Diff(over, got[1]); diff != "" {
			t.Error(diff)
		}
		var body []byte
		must(t, n.DB.Read(ctx, db.Tenant(n.Tenant.Number), func(tx *db.Tx) error {
			_, err := tx.Get(ctx, "SELECT body FROM payload WHERE kind = 'feedback' ORDER BY seq LIMIT 1", nil, &body)
			return err
		}))
		if len(body) == 0 || bytes.Contains(body, []byte("canarycomment")) {
			t.Error("the comment stands in clear")
		}
		if r := n.Clean(); r.Feedback != 3 || r.Decisions != 2 {
			t.Errorf("%+v", r)
		}
		before := number(t, n, "SELECT COUNT(*) FROM ver v, res r WHERE r.tn = v.tn AND r.rid = v.rid AND v.pat = (SELECT subj FROM payload WHERE kind = 'decision' ORDER BY seq LIMIT 1)")
		if e := shred(t, n, "p"); e.Versions != before+3 {
			t.Errorf("%d texts were closed, not %d", e.Versions, before+3)
		}
		_, err := n.Store.Feedbacks(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), d.ID)
		wantKind(t, err, ward.Gone)
		for _, f := range []store.Feedback{yes, over} {
			_, err = n.Store.PutFeedback(ctx, n.Permit(ward.Clinician, access.Feedback, ""), f)
			wantKind(t, err, ward.Gone)
		}
		eventually(t, "the purge", func() bool { return acts(n)[audit.ActPurge] == 1 })
		n.Clean()
		n.Reopen()
		if got := feedbacks(t, n, other.ID); len(got) != 1 {
			t.Errorf("%+v", got)
		}
		n.Clean()
	})
}

// TestFeedbackRefused: what is not a feedback leaves nothing.
func TestFeedbackRefused(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	small(n)
	d := decision("q")
	putDecision(t, n, d)
	before := len(n.Entries())
	for _, c := range []struct {
		f    store.Feedback
		kind ward.ErrorKind
	}{
		{store.Feedback{Outcome: store.Accepted}, ward.Invalid},
		{store.Feedback{Decision: d.ID, Outcome: "ignored"}, ward.Invalid},
		{store.Feedback{Decision: d.ID, Outcome: store.Accepted, Body: ward.Protected("{")}, ward.Invalid},
		{store.Feedback{Decision: d.ID, Outcome: store.Accepted, At: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}, ward.Invalid},
		{store.Feedback{Decision: d.ID, Outcome: store.Accepted, Body: ward.Protected(`"` + strings.Repeat("x", 16<<10-1) + `"`)}, ward.TooLarge},
	} {
		_, err := n.Store.PutFeedback(ctx, n.Permit(ward.Clinician, access.Feedback, ""), c.f)
		wantKind(t, err, c.kind)
	}
	if rows := number(t, n, feedbackRows); rows != 0 || len(n.Entries()) != before {
		t.Errorf("%d rows, %d entries", rows, len(n.Entries())-before)
	}
	if putFeedback(t, n, store.Feedback{Decision: d.ID, Outcome: store.Accepted, Body: ward.Protected(`"` + strings.Repeat("x", 16<<10-2) + `"`)}) {
		t.Error("it was there")
	}
	n.Clean()
}

// TestFeedbackFilter: a filter sees a feedback, whose text names no patient, as it sees the decision.
func TestFeedbackFilter(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	for _, node := range []access.Node{access.All{}, access.None{}, nil, access.PatientIs("p"), access.PatientIs("q"), access.PatientIs(""), access.Shared{},
		access.Not{Node: access.PatientIs("p")}, access.Not{Node: access.PatientIs("q")}, access.And{access.PatientIs("q"), access.ConfAtMost(3)}, access.ConfAtMost(2),
		access.Or{access.PatientIs("q"), access.PatientIs("p")}, access.And{access.TypeIn{"Decision"}, access.Not{Node: access.Shared{}}}, access.TypeIn{"Observation"}} {
		f := access.Filter{Node: node}
		for _, patient := range []string{"p", "q", "r", "-"} {
			want := f.Match(access.Attributes{Type: "Decision", Patient: patient, Conf: 3})
			if got := store.FeedbackMatch(ctx, n.Store, db.Tenant(n.Tenant.Number), f, patient); got != want {
				t.Errorf("%#v of %s: %v, want %v", node, patient, got, want)
			}
		}
	}
}

// TestFeedbackAtOnce: of equal ones that come together one is kept, and every call has an entry.
func TestFeedbackAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		d := decision("q")
		putDecision(t, n, d)
		p := n.Permit(ward.Clinician, access.Feedback, "")
		var wg sync.WaitGroup
		var mu sync.Mutex
		first := 0
		for range 6 {
			wg.Go(func() {
				kept, err := n.Store.PutFeedback(ctx, p, store.Feedback{Decision: d.ID, Outcome: store.Accepted})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				} else if !kept {
					first++
				}
			})
		}
		wg.Wait()
		if rows := number(t, n, feedbackRows); first != 1 || rows != 1 || acts(n)[audit.ActFeedback] != 6 {
			t.Errorf("%d first, %d rows, %d entries", first, rows, acts(n)[audit.ActFeedback])
		}
		n.Clean()
	})
}

// TestFeedbackTampered: check finds a feedback that was changed, moved to another decision, or lost its decision.
func TestFeedbackTampered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		d, other := decision("q"), decision("p")
		putDecision(t, n, d)
		putDecision(t, n, other)
		putFeedback(t, n, store.Feedback{Decision: d.ID, Outcome: store.Accepted})
		n.Clean()
		restore := save(t, n)
		for _, q := range []string{
			"DELETE FROM payload WHERE kind = 'feedback'",
			"DELETE FROM payload WHERE kind = 'decision'",
			"UPDATE payload SET created_us = created_us + 1 WHERE kind = 'feedback'",
			"UPDATE payload SET kind = 'feedbacks' WHERE kind = 'feedback'",
			"UPDATE payload SET topic = (SELECT x.id FROM payload x WHERE x.kind = 'decision' ORDER BY x.seq DESC LIMIT 1) WHERE kind = 'feedback'",
			"UPDATE payload SET subj = (SELECT x.subj FROM payload x WHERE x.kind = 'decision' ORDER BY x.seq DESC LIMIT 1) WHERE kind = 'feedback'",
		} {
			alter(t, n, q)
			report, err := n.Store.Check(ctx, n.Permit(ward.Auditor, access.StoreCheck, ""), nil)
			must(t, err)
			if len(report.Faults) == 0 {
				t.Errorf("nothing was found: %s", q)
			}
			restore()
		}
		// A feedback is not taken on a decision whose row was changed: its patient may be another one.
		alter(t, n, "UPDATE payload SET subj = (SELECT x.subj FROM payload x WHERE x.kind = 'decision' ORDER BY x.seq DESC LIMIT 1) WHERE kind = 'decision'")
		_, err := n.Store.PutFeedback(ctx, n.Permit(ward.Clinician, access.Feedback, ""), store.Feedback{Decision: d.ID, Outcome: store.Overridden})
		wantKind(t, err, ward.Internal)
		restore()
		n.Clean()
	})
}
