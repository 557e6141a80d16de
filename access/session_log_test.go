package access

import (
	"context"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// details opens every entry of an act and outcome.
func (w *world) details(tn db.Tenant, act audit.Act, outcome audit.Outcome) (out []audit.Detail) {
	w.t.Helper()
	rc, err := w.log.Begin(w.ctx, audit.Intent{Tenant: tn, Actor: "aud", Act: audit.ActLogRead, Outcome: audit.Done, Request: ward.NewID()})
	must(w.t, err)
	for _, e := range w.entries(act, outcome) {
		d, err := w.log.Detail(w.ctx, rc, tn, e.ID)
		must(w.t, err)
		out = append(out, d)
	}
	return out
}

// TestEntriesOfSessionsAndChannels says who did what under which request, and that no entry has a secret.
func TestEntriesOfSessionsAndChannels(t *testing.T) {
	each(t, func(w *world) {
		north := w.tenant("north")
		tn := db.Tenant(north.Number)
		w.feed("north", "feed")
		b := w.browse()
		rec := b.do(form(sessionPath, url.Values{"code": {w.human("north", "nora", ward.Clinician).Reveal()}}))
		out := form(signOutPath, nil)
		out.AddCookie(rec.Result().Cookies()[0])
		left := b.do(out)
		add, end := w.operator("north", AdminChannel), w.operator("north", AdminChannel)
		must(t, w.AddChannel(w.ctx, add, lab()))
		must(t, w.DisableChannel(w.ctx, end, "lab"))
		operator := add.Principal().ID
		for _, c := range []struct {
			act     audit.Act
			actor   ward.PrincipalID
			note    string
			request string
			purpose ward.Purpose
		}{
			{audit.ActSignIn, "nora", "one-time code", rec.Header().Get(RequestIDHeader), ward.Treatment},
			{audit.ActSignOut, "nora", "session", left.Header().Get(RequestIDHeader), ward.Treatment},
			{audit.ActChannelAdd, operator, "channel lab", add.Request().String(), ward.SystemAdmin},
			{audit.ActChannelDisable, operator, "channel lab", end.Request().String(), ward.SystemAdmin},
		} {
			ds := w.details(tn, c.act, audit.Done)
			if len(ds) != 1 {
				t.Errorf("%v: %d entries", c.act, len(ds))
				continue
			}
			d := ds[0]
			want := []string{string(c.actor), c.note, c.request}
			if diff := cmp.Diff(want, []string{string(d.Actor), d.Note, d.Request.String()}); diff != "" || d.Policy != w.Policy() || len(d.Subjects) != 0 {
				t.Errorf("%v: %s", c.act, diff)
			}
			if p := w.entries(c.act, audit.Done)[0].Purpose; p != c.purpose {
				t.Errorf("%v: purpose %s", c.act, p)
			}
		}
	})
}

// Who is refused at the door is counted by address; who is let in is not.
func TestRefusedBrowsersAreCounted(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	b := w.browse()
	from := func(source, method, path string, change func(h map[string][]string)) int {
		r := form(path, url.Values{"code": {newOneTime().Reveal()}})
		r.Method, r.RemoteAddr = method, source+":1"
		change(r.Header)
		return b.do(r).Code
	}
	same := func(map[string][]string) {}
	c := b.signIn(w.human("north", "nora", ward.Clinician))
	for _, try := range []struct {
		source, method, path string
		change               func(map[string][]string)
		status               int
	}{
		{"198.51.100.1", "POST", sessionPath, same, 401},
		{"198.51.100.1", "POST", sessionPath, same, 401},
		{"198.51.100.2", "POST", "/console/ask", func(h map[string][]string) { h["Sec-Fetch-Site"] = []string{"cross-site"} }, 403},
		{"198.51.100.3", "GET", "/console/", same, 401},
		{"198.51.100.4", "GET", "/console/", func(h map[string][]string) { h["Cookie"] = []string{c.Name + "=x"} }, 401},
		{"198.51.100.5", "GET", "/console/", func(h map[string][]string) { h["Cookie"] = []string{c.Name + "=" + c.Value} }, 200},
		{"198.51.100.6", "POST", signOutPath, same, 303},
	} {
		if got := from(try.source, try.method, try.path, try.change); got != try.status {
			t.Errorf("%+v: %d", try, got)
		}
	}
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	must(t, w.log.Run(ctx)) // the last round writes the counts
	var notes []string
	for _, d := range w.details(db.System, audit.ActUnauthenticated, audit.Denied) {
		notes = append(notes, d.Note)
	}
	slices.Sort(notes)
	want := []string{"1 requests from 198.51.100.2", "1 requests from 198.51.100.3", "1 requests from 198.51.100.4", "2 requests from 198.51.100.1"}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Error(diff)
	}
}

// A page keeps nothing in caches, whatever becomes of the request.
func TestPagesAreNotCached(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	b := w.browse()
	c := b.signIn(w.human("north", "nora", ward.Clinician))
	for _, r := range []*httptest.ResponseRecorder{b.get("/console/", c), b.get("/console/", nil), b.do(form(sessionPath, nil)), b.do(form(signOutPath, nil))} {
		if r.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v", r.Code, r.Header())
		}
	}
}
