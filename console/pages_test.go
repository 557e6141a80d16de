package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ward-health/ward"
)

// pathsOf are the pages of each role, with something that must stand on them.
func (h *hospital) pathsOf(id ward.PrincipalID) map[string]string {
	switch id {
	case "clinician":
		return map[string]string{
			"/console/": "Decisions, newest first", "/console/patients": "Amsel, Ada Maria", "/console/patients/" + h.ada: "Creatinine",
			"/console/patients/" + h.evil: "Potassium", "/console/decisions": "mortality-ten-year@1.0.0",
			"/console/decisions/" + h.egfr.String(): "Equation", "/console/decisions/" + h.mortality.String(): "What moved the estimate",
			"/console/decisions/" + h.egfr.String() + "/proof": "c2sp.org/tlog-proof", "/console/records/Patient/" + h.ada + "/1": "Amsel",
		}
	case "steward":
		return map[string]string{
			"/console/": "What waits", "/console/patients/" + h.ada: "Held facts of this patient", "/console/quarantine": "Unit in doubt",
			"/console/quarantine?state=all&class=parse": "Cannot be read", "/console/quarantine/" + h.held.String(): "Why it is doubted",
			"/console/quarantine/" + h.held2.String(): "see note", "/console/messages": "ORU^R01", "/console/messages?state=held": "held",
			"/console/messages/" + h.wrong.String(): "held fact", "/console/messages/" + h.wrong.String() + "/raw": "OBX-5",
			"/console/messages/" + h.garbage.String(): "Reject the message", "/console/messages/" + h.garbage.String() + "/raw": "this is no message",
		}
	case "auditor":
		return map[string]string{"/console/": "Log, newest first", "/console/log": "Checkpoint", "/console/log?act=sign.in": "sign.in",
			"/console/messages": "ORU^R01", "/console/messages/" + h.wrong.String(): "Its way"}
	case "admin":
		return map[string]string{"/console/": "Your role has no pages of data"}
	}
	return nil
}

// TestPages: each page of each role is there, says what it must, asks for nothing that is refused, and holds no element of a
// source.
func TestPages(t *testing.T) {
	h := admit(start(t))
	for _, who := range []ward.PrincipalID{"clinician", "steward", "auditor", "admin"} {
		v := h.signedIn(who)
		for path, want := range h.pathsOf(who) {
			body := v.page(path)
			if !strings.Contains(body, want) {
				t.Errorf("%s of %s lacks %q:\n%s", path, who, want, body)
			}
			for _, bad := range []string{"<script>alert", "<img", "<b>Color", "<i>3", "ZgotmplZ", "<North>", "%!", "style=", "onerror=alert(2)&gt;\""} {
				if strings.Contains(body, bad) {
					t.Errorf("%s of %s holds %q:\n%s", path, who, bad, body)
				}
			}
		}
	}
	if errs := h.seen(); len(errs) != 0 {
		t.Errorf("observed: %v", errs)
	}
	for _, e := range h.Entries() {
		if e.Outcome.String() == "denied" {
			t.Errorf("a page asked for what is refused: %v %v", e.Act, e.At)
		}
	}
	h.Clean()
}

// TestMarkupIsText: what a source sends as markup shows as the very text.
func TestMarkupIsText(t *testing.T) {
	h := admit(start(t))
	body := h.signedIn("clinician").page("/console/patients/" + h.evil)
	for _, want := range []string{"&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;img src=x onerror=alert(3)&gt;", "&lt;b&gt;Color&lt;/b&gt; of Urine"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s:\n%s", want, body)
		}
	}
	raw := h.signedIn("steward").page("/console/messages/" + h.garbage.String() + "/raw")
	if !strings.Contains(raw, "&lt;script&gt;alert(4)&lt;/script&gt;") {
		t.Errorf("%s", raw)
	}
}

// TestNobodyElse: without a session every page leads to the sign-in page and back; another role's page is refused.
func TestNobodyElse(t *testing.T) {
	h := admit(start(t))
	nobody := h.visitor()
	for path := range h.pathsOf("clinician") {
		r := nobody.get(path)
		if r.status != http.StatusSeeOther || !strings.HasPrefix(r.to, "/console/signin") {
			t.Errorf("%s: %d %s", path, r.status, r.to)
		}
	}
	if r := nobody.get("/console/patients/" + h.ada); r.to != "/console/signin?to=%2Fconsole%2Fpatients%2F"+h.ada {
		t.Errorf("%s", r.to)
	}
	if r := nobody.get("/console/live"); r.status != http.StatusUnauthorized {
		t.Errorf("live: %d", r.status)
	}
	for _, who := range []ward.PrincipalID{"auditor", "admin"} {
		for _, path := range []string{"/console/patients/" + h.ada, "/console/quarantine/" + h.held.String(), "/console/messages/" + h.wrong.String() + "/raw"} {
			r := h.signedIn(who).get(path)
			if r.status != http.StatusForbidden || !strings.Contains(r.body, "Not allowed") || strings.Contains(r.body, "Amsel") || !strings.Contains(r.body, "Request id <code>") {
				t.Errorf("%s of %s: %d %s", path, who, r.status, r.body)
			}
		}
	}
	v := h.signedIn("clinician")
	for _, path := range []string{"/console/patients/nobody", "/console/decisions/x", "/console/decisions/" + ward.NewID().String(), "/console/nothing", "/console/static/console.html"} {
		if r := v.get(path); r.status != http.StatusNotFound || !strings.Contains(r.body, "Not found") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

// TestSignIn: the code works once, a bad one is answered on the page, and the way back leads to pages of the console only.
func TestSignIn(t *testing.T) {
	h := start(t)
	v := h.visitor()
	for to, want := range map[string]string{"/console/decisions": "/console/decisions", "//evil.example/": "/console/", "https://evil.example/": "/console/",
		"/console/../v1": "/console/", "/console/signout": "/console/", "/fhir/R4/Patient": "/console/"} {
		body := v.page("/console/signin?to=" + to)
		if !strings.Contains(body, `name="to" value="`+want+`"`) {
			t.Errorf("to %s: %s", to, body)
		}
	}
	code := h.code("clinician")
	if r := v.post("/console/session", "code", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "to", "/console/"); r.status != http.StatusUnauthorized || !strings.Contains(r.body, "unknown, used or older") || !strings.Contains(r.body, `id="signin"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := v.post("/console/session", "code", code, "to", "/console/decisions"); r.status != http.StatusSeeOther || r.to != "/console/decisions" {
		t.Errorf("%d %s", r.status, r.to)
	}
	v.page("/console/decisions")
	if r := h.visitor().post("/console/session", "code", code); r.status != http.StatusUnauthorized {
		t.Errorf("the code works again: %d", r.status)
	}
	if r := v.post("/console/signout"); r.to != "/console/signin" {
		t.Errorf("%d %s", r.status, r.to)
	}
	if r := v.get("/console/"); r.status != http.StatusSeeOther || r.to != "/console/signin" {
		t.Errorf("after the sign-out: %d %s", r.status, r.to)
	}
}

// TestTheme: the scheme is kept by the browser and the way back is a page of the console.
func TestTheme(t *testing.T) {
	h := start(t)
	v := h.visitor()
	if r := v.post("/console/theme", "theme", "dark", "to", "/console/signin"); r.status != http.StatusSeeOther || r.to != "/console/signin" {
		t.Errorf("%d %s", r.status, r.to)
	}
	if body := v.page("/console/signin"); !strings.Contains(body, `<html lang="en" data-theme="dark">`) {
		t.Errorf("%s", body)
	}
	v.post("/console/theme", "theme", `"><script>`, "to", "/console/signin")
	if body := v.page("/console/signin"); !strings.Contains(body, `<html lang="en">`) {
		t.Errorf("%s", body)
	}
	if r := v.post("/console/theme", "theme", "dark", "to", "//evil.example"); r.to != "/console/" {
		t.Errorf("%s", r.to)
	}
}

// TestFindPatient: the number travels in the body; one hit leads to the patient.
func TestFindPatient(t *testing.T) {
	h := admit(start(t))
	v := h.signedIn("clinician")
	for sought, want := range map[string]string{"4711": h.ada, "http://ward.example/mrn|4711": h.ada, " 666 ": h.evil} {
		if r := v.post("/console/patients", "identifier", sought); r.status != http.StatusSeeOther || r.to != "/console/patients/"+want {
			t.Errorf("%q: %d %s", sought, r.status, r.to)
		}
	}
	for _, sought := range []string{"4712", "4711,666", "<b>", `4711\`, "a$b"} {
		if r := v.post("/console/patients", "identifier", sought); r.status != http.StatusOK || !strings.Contains(r.body, "No patient that you may see") {
			t.Errorf("%q: %d %s", sought, r.status, r.body)
		}
	}
	if r := v.post("/console/patients", "identifier", " "); r.status != http.StatusBadRequest {
		t.Errorf("%d", r.status)
	}
}
