package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit/verify"
)

// TestAskAndReplay: a model is asked from the patient's page, the decision is shown and recomputed equal.
func TestAskAndReplay(t *testing.T) {
	h := admit(start(t))
	v := h.signedIn("clinician")
	r := v.post("/console/patients/"+h.ada+"/ask", "model", "egfr-ckd-epi-2021")
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.to, "/console/decisions/") {
		t.Fatalf("%d %s %s", r.status, r.to, r.body)
	}
	if body := v.page(r.to); !strings.Contains(body, "console, for clinician, purpose TREAT") || !strings.Contains(body, "holds under the trusted key") {
		t.Errorf("%s", body)
	}
	for _, id := range []ward.ID{h.egfr, h.mortality} {
		if r := v.post("/console/decisions/" + id.String() + "/replay"); r.status != http.StatusOK || !strings.Contains(r.body, "Recomputed: equal, byte by byte.") {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if r := v.post("/console/patients/"+h.ada+"/ask", "model", "no-such-model"); r.status != http.StatusNotFound {
		t.Errorf("%d", r.status)
	}
	h.Clean()
}

// TestProofFile: the file holds for anybody who has the key and the entry.
func TestProofFile(t *testing.T) {
	h := admit(start(t))
	v := h.signedIn("clinician")
	r := v.get("/console/decisions/" + h.egfr.String() + "/proof?as=file")
	if r.status != http.StatusOK || !strings.Contains(r.header.Get("Content-Disposition"), ".tlog-proof") {
		t.Fatalf("%d %v", r.status, r.header)
	}
	in, err := verify.ParseProof([]byte(r.body))
	h.Must(err)
	es, err := h.Log.Entries(ctx, in.Index, 1)
	h.Must(err)
	if err := verify.Proof([]byte(r.body), h.Log.VerifierKey(), es[0].Leaf); err != nil || es[0].Act.String() != "predict" {
		t.Errorf("%v, of %v", err, es[0].Act)
	}
	auditor := h.signedIn("auditor")
	body := auditor.page("/console/log?act=predict")
	ids := regexp.MustCompile(`/console/log/([0-9a-f-]{36})"`).FindAllStringSubmatch(body, -1)
	if len(ids) != 2 {
		t.Fatalf("%d answers of models in the log", len(ids))
	}
	if page := auditor.page("/console/log/" + ids[0][1]); !strings.Contains(page, "Checked here: the entry is in the log") {
		t.Errorf("%s", page)
	}
	if r := auditor.post("/console/log/verify"); r.status != http.StatusOK || !strings.Contains(r.body, "The log verifies.") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestRelease: one person proposes, the same one cannot release, another one does, and the fact is stored.
func TestRelease(t *testing.T) {
	h := admit(start(t))
	first, second := h.signedIn("steward"), h.signedIn("stefan")
	path := "/console/quarantine/" + h.held.String()
	// The sodium in mg/dL would be 60.9 mmol/L, converted. A correction of the unit keeps 140, so the form must not suggest it.
	if body := first.page(path); !strings.Contains(body, "the value would be <strong>60.9</strong>") || !strings.Contains(body, "leaves the figure 140 as it is") || strings.Contains(body, `value="mmol/L"`) {
		t.Errorf("%s", body)
	}
	if r := first.post(path+"/preview", "way", "unit", "unit", "mmol/L", "reason", "the analyser reports mmol/L"); r.status != http.StatusOK || !strings.Contains(r.body, "Preview: nothing is kept yet") || !strings.Contains(r.body, "<ins>mmol/L</ins>") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := first.post(path+"/propose", "way", "unit", "unit", "kg", "reason", "wrong"); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, "still in doubt") || !strings.Contains(r.body, `value="kg"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := first.post(path+"/propose", "way", "unit", "unit", "mmol/L", "reason", "the analyser reports mmol/L"); r.to != path+"?done=proposed" {
		t.Fatalf("%d %s %s", r.status, r.to, r.body)
	}
	own := first.page(path)
	if !strings.Contains(own, "Another person must release it") || strings.Contains(own, "Release as second person") {
		t.Errorf("%s", own)
	}
	digest := regexp.MustCompile(`name="digest" value="([0-9a-f]{64})"`).FindStringSubmatch(second.page(path))
	if digest == nil {
		t.Fatal("the second person has no form to release")
	}
	if r := first.post(path+"/release", "digest", digest[1]); r.status != http.StatusForbidden {
		t.Errorf("the proposer releases: %d %s", r.status, r.body)
	}
	if r := second.post(path+"/release", "digest", strings.Repeat("0", 64)); r.status != http.StatusPreconditionFailed {
		t.Errorf("another proposal: %d", r.status)
	}
	if r := second.post(path+"/release", "digest", digest[1]); r.to != path+"?done=released" {
		t.Fatalf("%d %s %s", r.status, r.to, r.body)
	}
	if body := second.page(path + "?done=released"); !strings.Contains(body, "released by stefan, proposed by steward") {
		t.Errorf("%s", body)
	}
	if body := h.signedIn("clinician").page("/console/patients/" + h.ada); !strings.Contains(body, "140 mmol/L") {
		t.Errorf("%s", body)
	}
	other := "/console/quarantine/" + h.held2.String()
	if r := second.post(other+"/reject", "note", " "); r.status != http.StatusBadRequest {
		t.Errorf("%d", r.status)
	}
	if r := second.post(other+"/reject", "note", "no number was sent"); r.to != other+"?done=rejected" {
		t.Errorf("%d %s %s", r.status, r.to, r.body)
	}
	if body := second.page(other); !strings.Contains(body, "no number was sent") {
		t.Errorf("%s", body)
	}
	h.Clean()
}

// TestMessageActs: a message is set going again and changes nothing; a held one is ended.
func TestMessageActs(t *testing.T) {
	h := admit(start(t))
	v := h.signedIn("steward")
	path := "/console/messages/" + h.first.String()
	if r := v.post(path + "/replay"); r.to != path+"?done=replayed" {
		t.Fatalf("%d %s %s", r.status, r.to, r.body)
	}
	<-h.done
	if body := v.page(path + "?done=replayed"); !strings.Contains(body, "Set going again") || !strings.Contains(body, "is set going again.") {
		t.Errorf("%s", body)
	}
	path = "/console/messages/" + h.garbage.String()
	if r := v.post(path+"/reject", "note", "noise of the line"); r.to != path+"?done=ended" {
		t.Errorf("%d %s %s", r.status, r.to, r.body)
	}
	h.Clean()
}

// TestOffers: what the pages offer is what the default policies allow, for every role and pair of roles.
func TestOffers(t *testing.T) {
	h := start(t)
	shown := map[access.Action]string{access.Search: `href="/console/patients"`, access.DecisionRead: `href="/console/decisions"`, access.HoldRead: `href="/console/quarantine"`,
		access.MessageRead: `href="/console/messages"`, access.LogRead: `href="/console/log"`}
	roles := []ward.Role{ward.Clinician, ward.Steward, ward.Auditor, ward.Privacy, ward.Admin}
	n := 0
	for _, a := range roles {
		for _, b := range roles {
			set := slices.Compact([]ward.Role{a, b})
			n++
			id := ward.PrincipalID("pair-" + string(rune('a'+n)))
			h.human(id, "Pair", set...)
			who := ward.Principal{ID: id, Tenant: h.Tenant, Kind: ward.Human, Name: "Pair", Roles: set}
			body := h.signedIn(id).page("/console/")
			nav, _, _ := strings.Cut(body, "</nav>")
			for action, link := range shown {
				_, err := h.Access.Decide(ctx, access.Request{Principal: who, Action: action, Purpose: access.DefaultPurpose(who), ID: ward.NewID()})
				if offered := strings.Contains(nav, link); offered != (err == nil) {
					t.Errorf("%v: %s offered %v, allowed %v", set, action, offered, err)
				}
			}
		}
	}
}

// TestLive: counts arrive, hold no data, and the stream is refused to who has nothing to count.
func TestLive(t *testing.T) {
	h := admit(start(t))
	v := h.signedIn("steward")
	r, err := http.NewRequestWithContext(t.Context(), "GET", h.server.URL+"/console/live", nil)
	h.Must(err)
	got, err := v.c.Do(r)
	h.Must(err)
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", got.StatusCode, got.Header)
	}
	lines := bufio.NewScanner(got.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var counts map[string]struct {
			N    int
			More bool
		}
		h.Must(json.Unmarshal([]byte(data), &counts))
		if counts["held"].N != 2 || counts["whole"].N != 1 || counts["dead"].N != 0 || len(counts) != 4 {
			t.Errorf("%s", data)
		}
		break
	}
	if r := h.signedIn("clinician").get("/console/live"); r.status != http.StatusNotFound {
		t.Errorf("%d", r.status)
	}
}

// TestFromElsewhere: a form of another site's page does nothing.
func TestFromElsewhere(t *testing.T) {
	h := admit(start(t))
	v := h.signedIn("steward")
	for _, site := range []string{"cross-site", "same-site", ""} {
		r, err := http.NewRequestWithContext(ctx, "POST", h.server.URL+"/console/quarantine/"+h.held2.String()+"/reject", strings.NewReader("note=x"))
		h.Must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		if got := v.do(r); got.status != http.StatusForbidden {
			t.Errorf("%q: %d", site, got.status)
		}
	}
}

// TestShutdown: a page that follows the counters holds up no shutdown.
func TestShutdown(t *testing.T) {
	h := start(t)
	v := h.signedIn("steward")
	r, err := http.NewRequestWithContext(t.Context(), "GET", h.server.URL+"/console/live", nil)
	h.Must(err)
	got, err := v.c.Do(r)
	h.Must(err)
	defer got.Body.Close()
	bound, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := h.server.Config.Shutdown(bound); err != nil {
		t.Errorf("the server does not stop while a page is open: %v", err)
	}
}
