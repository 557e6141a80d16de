package access

import (
	"context"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// rows counts what the tables hold.
func (w *world) rows() map[string]int64 {
	w.t.Helper()
	out := map[string]int64{}
	must(w.t, w.db.Read(context.Background(), db.System, func(tx *db.Tx) error {
		for _, table := range []string{"access_tenant", "access_principal", "access_client", "access_one_time", "access_jti", "access_channel", "access_session"} {
			var n int64
			if _, err := tx.Get(w.ctx, "SELECT COUNT(*) FROM "+table, nil, &n); err != nil {
				return err
			}
			out[table] = n
		}
		return nil
	}))
	return out
}

// breakLog takes away the table of entries of writes and closes the journal of all others.
func (w *world) breakLog() {
	w.t.Helper()
	must(w.t, w.log.Close())
	must(w.t, w.db.Write(w.ctx, db.System, func(tx *db.Tx) error {
		_, err := tx.Exec(w.ctx, `ALTER TABLE audit_row RENAME TO audit_row_away`)
		return err
	}))
}

// No act without an entry: when the log takes none, nothing is written, no token is made and no code is used up.
func TestNothingHappensWithoutItsEntry(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		code := w.human("north", "nora", ward.Clinician)
		w.feed("north", "feed")
		permits := map[Action]Permit{}
		for _, a := range []Action{AdminPrincipal, AdminClient, TokenIssue, AdminChannel} {
			permits[a] = w.operator("north", a)
		}
		node := w.operator("", AdminTenant)
		must(t, w.AddChannel(w.ctx, permits[AdminChannel], Channel{ID: "lab", Principal: "feed", Listen: "127.0.0.1:2575"}))
		b := w.browse()
		cookie := b.signIn(w.human("north", "tom", ward.Clinician))
		before := w.rows()
		w.breakLog()
		for name, call := range map[string]func() error{
			"AddTenant":        func() error { _, err := w.AddTenant(w.ctx, node, "east", "East"); return err },
			"DisableTenant":    func() error { return w.DisableTenant(w.ctx, node, "north") },
			"Tenants":          func() error { _, err := w.Tenants(w.ctx, node); return err },
			"DisablePrincipal": func() error { return w.DisablePrincipal(w.ctx, permits[AdminPrincipal], "nora") },
			"NewOneTime":       func() error { _, err := w.NewOneTime(w.ctx, permits[AdminPrincipal], "nora"); return err },
			"Principals":       func() error { _, err := w.Principals(w.ctx, permits[AdminPrincipal], "", 0); return err },
			"DisableClient":    func() error { return w.DisableClient(w.ctx, permits[AdminClient], "feed-client") },
			"IssueToken":       func() error { _, _, err := w.IssueToken(w.ctx, permits[TokenIssue], "nora", ""); return err },
			"AddChannel": func() error {
				return w.AddChannel(w.ctx, permits[AdminChannel], Channel{ID: "ward-7", Principal: "feed", Listen: "127.0.0.1:2576"})
			},
			"DisableChannel": func() error { return w.DisableChannel(w.ctx, permits[AdminChannel], "lab") },
			"Channels":       func() error { _, err := w.Channels(w.ctx, permits[AdminChannel], "", 0); return err },
			"AddPrincipal": func() error {
				_, err := w.AddPrincipal(w.ctx, permits[AdminPrincipal], ward.Principal{ID: "eve", Kind: ward.Human, Name: "Eve", Roles: []ward.Role{ward.Admin}})
				return err
			},
		} {
			if err := call(); err == nil {
				t.Errorf("%s succeeds without an entry", name)
			}
		}
		if rec, body := w.post(codeForm2(code)); rec.Code != 503 || body["access_token"] != nil {
			t.Errorf("code: %d %v", rec.Code, body)
		}
		if rec, body := w.post(w.assertion(t)); rec.Code != 503 || body["access_token"] != nil {
			t.Errorf("assertion: %d %v", rec.Code, body)
		}
		if rec := b.do(form(sessionPath, codeForm2(code))); rec.Code < 500 || len(rec.Result().Cookies()) != 0 {
			t.Errorf("sign-in: %d", rec.Code)
		}
		out := form(signOutPath, nil)
		out.AddCookie(cookie)
		if rec := b.do(out); rec.Code < 500 {
			t.Errorf("sign-out: %d", rec.Code)
		}
		if after := w.rows(); after["access_channel"] != before["access_channel"] || after["access_session"] != before["access_session"] || after["access_tenant"] != before["access_tenant"] || after["access_principal"] != before["access_principal"] ||
			after["access_one_time"] != before["access_one_time"] || after["access_jti"] != before["access_jti"] {
			t.Errorf("before %v, after %v", before, after)
		}
		must(t, w.db.Read(context.Background(), db.System, func(tx *db.Tx) error {
			var n int64
			_, err := tx.Get(w.ctx, `SELECT (SELECT COUNT(*) FROM access_principal WHERE state <> 1) + (SELECT COUNT(*) FROM access_one_time WHERE used_us <> 0 AND principal <> 'tom')
				+ (SELECT COUNT(*) FROM access_channel WHERE state <> 1)
				+ (SELECT COUNT(*) FROM access_client WHERE state <> 1) + (SELECT COUNT(*) FROM access_tenant WHERE state <> 1)`, nil, &n)
			if n != 0 {
				t.Errorf("%d rows changed", n)
			}
			return err
		}))
	})
}

// A failing statement late in the transaction undoes row and entry together.
func TestFailedWriteLeavesNoEntry(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		w.human("north", "nora", ward.Clinician)
		done := len(w.entries(audit.ActPrincipalAdd, audit.Done))
		_, err := w.AddPrincipal(w.ctx, w.operator("north", AdminPrincipal), ward.Principal{ID: "nora", Kind: ward.Human, Name: "Again", Roles: []ward.Role{ward.Admin}})
		wantKind(t, err, ward.Conflict)
		if n := len(w.entries(audit.ActPrincipalAdd, audit.Done)); n != done {
			t.Errorf("%d entries of a principal that was not added", n-done)
		}
		if n := w.rows()["access_one_time"]; n != 1 {
			t.Errorf("%d codes of one principal", n)
		}
	})
}

// A disabled tenant issues nothing: no code, no assertion, no operator's token makes one.
func TestDisabledTenantIssuesNothing(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		w.human("north", "nora", ward.Clinician)
		w.feed("north", "feed")
		code, err := w.NewOneTime(w.ctx, w.operator("north", AdminPrincipal), "nora")
		must(t, err)
		must(t, w.DisableTenant(w.ctx, w.operator("", AdminTenant), "north"))
		if rec, body := w.post(codeForm2(code)); rec.Code != 400 || body["error"] != "invalid_grant" {
			t.Errorf("code: %d %v", rec.Code, body)
		}
		if rec, body := w.post(w.assertion(t)); rec.Code != 401 || body["error"] != "invalid_client" {
			t.Errorf("assertion: %d %v", rec.Code, body)
		}
		_, _, err = w.IssueToken(w.ctx, w.operator("north", TokenIssue), "nora", "")
		wantKind(t, err, ward.Denied)
	})
}
