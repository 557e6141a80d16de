package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/clinical/fhir"
)

// tour walks the path and counts.
type tour struct {
	*steps
	port      port
	in        *input
	dir       string
	adminLink string

	admin, clinician, registrar, privacy, auditor, feed token
	links                                               map[string]string
	charts                                              []string // patients that cards are asked for
	patient, erased                                     string
	proofOf                                             string // log entry

	resources, cards, reads, denials int
	log                              int64
}

// run walks every step. The first step that fails ends it: what follows would stand on it.
func (t *tour) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{t.people, t.service, t.load, t.choose, t.open, t.replay, t.readAll, t.readLess,
		t.erase, t.prove, t.verifyLog, t.check} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// people signs the administrator in by the link that init printed, and adds four people who sign in by theirs.
func (t *tour) people(ctx context.Context) error {
	err := t.do("sign in as the administrator", func() (who string, err error) {
		t.admin, err = t.port.human(ctx, "admin", t.adminLink, nil)
		return "by the one-time link", err
	})
	if err != nil {
		return err
	}
	t.links = map[string]string{}
	return t.do("add people, each signs in", func() (string, error) {
		for _, p := range []struct {
			id, name, role string
			token          *token
		}{{"dr.grey", "Dr Grey", "clinician", &t.clinician}, {"desk", "Front desk", "registrar", &t.registrar},
			{"dpo", "Data protection officer", "privacy", &t.privacy}, {"auditor", "Auditor", "auditor", &t.auditor}} {
			var made struct {
				Link string `json:"link"`
			}
			err := t.port.json(ctx, t.admin, http.MethodPost, "/v1/principals",
				map[string]any{"id": p.id, "kind": "human", "name": p.name, "roles": []string{p.role}}, &made)
			if err != nil {
				return "", fmt.Errorf("%s: %w", p.id, err)
			}
			if *p.token, err = t.port.human(ctx, p.id, made.Link, t.admin); err != nil {
				return "", fmt.Errorf("%s: %w", p.id, err)
			}
		}
		return "dr.grey clinician, desk registrar, dpo privacy, auditor", nil
	})
}

// service registers the feed by its public key.
func (t *tour) service(ctx context.Context) error {
	return t.do("register a feed by its public key", func() (string, error) {
		key, err := newServiceKey()
		if err != nil {
			return "", err
		}
		jwks, err := key.jwks()
		if err != nil {
			return "", err
		}
		if err := t.port.json(ctx, t.admin, http.MethodPost, "/v1/principals",
			map[string]any{"id": "feed", "kind": "service", "name": "Laboratory feed", "roles": []string{"integration"}}, nil); err != nil {
			return "", err
		}
		if err := t.port.json(ctx, t.admin, http.MethodPost, "/v1/clients",
			map[string]any{"id": "feed-1", "principal": "feed", "jwks": jwks, "purpose": "TREAT"}, nil); err != nil {
			return "", err
		}
		t.feed = t.port.service("feed-1", key)
		_, err = t.feed(ctx)
		return "service feed signs in with private_key_jwt (ES384)", err
	})
}

// load sends the data as the feed.
func (t *tour) load(ctx context.Context) error {
	l := &loader{port: t.port, token: t.feed, alive: t.admin, loaded: map[string]int{}}
	in := t.in
	err := t.do("load the data", func() (string, error) {
		t.charts = in.charts
		for _, b := range in.bundles {
			if err := l.post(ctx, b); err != nil {
				return "", err
			}
		}
		for _, rtype := range in.types() {
			for _, b := range in.transactions(rtype) {
				if err := l.post(ctx, b); err != nil {
					return "", err
				}
			}
		}
		if len(l.refused) > 0 {
			return "", fmt.Errorf("%d resources were refused:\n%s", len(l.refused), strings.Join(l.refused[:min(len(l.refused), namedRefusals)], "\n"))
		}
		return fmt.Sprintf("%d resources, sealed under %d patients' keys", l.total(), len(l.patients)), nil
	})
	t.resources = l.total()
	if len(in.skipped) > 0 {
		t.note("not of the types that Ward serves, left out: %s", in.skippedText())
	}
	if err == nil && len(l.patients) < 2 {
		err = t.do("choose patients", func() (string, error) {
			return "", errors.New("the tour needs two patients: one for the card, one to erase")
		})
	}
	if err != nil {
		return err
	}
	t.note("%s", l.names())
	t.patient = l.patients[0]
	if len(t.charts) > 0 {
		t.patient = t.charts[0]
	}
	t.erased = l.patients[len(l.patients)-1]
	if t.erased == t.patient {
		t.erased = l.patients[0]
	}
	return nil
}

type searchset struct {
	Total *int `json:"total"`
	Entry []struct {
		Resource json.RawMessage `json:"resource"`
	} `json:"entry"`
}

// choose finds a patient with a creatinine by search; without one the first patient gets the honest card.
func (t *tour) choose(ctx context.Context) error {
	if len(t.charts) > 0 {
		return nil // the simulation knows
	}
	return t.do("find a patient with a creatinine", func() (string, error) {
		for _, code := range []string{"2160-0", "14682-9"} {
			var found searchset
			q := url.Values{"code": {"http://loinc.org|" + code}, "_count": {"1"}}
			if err := t.port.call(ctx, t.clinician, http.MethodGet, "/fhir/R4/Observation?"+q.Encode(), "", nil, &found); err != nil {
				return "", err
			}
			t.reads++
			if len(found.Entry) == 0 {
				continue
			}
			facts, err := fhir.Scan(found.Entry[0].Resource)
			if err != nil {
				return "", err
			}
			if facts.Patient == t.erased {
				t.erased = t.patient
			}
			t.patient, t.charts = facts.Patient, []string{facts.Patient}
			return "found by LOINC " + code, nil
		}
		t.charts = []string{t.patient}
		return "none has one: the card must say so", nil
	})
}

// card is what CDS Hooks shows (CDS Hooks 2.0, Card Attributes).
type card struct {
	Summary   string `json:"summary"`
	Detail    string `json:"detail"`
	Indicator string `json:"indicator"`
	Source    struct {
		Label string `json:"label"`
	} `json:"source"`
}

// open opens the charts, as a clinician's system does, and shows what the models answer.
func (t *tour) open(ctx context.Context) error {
	for i, patient := range t.charts {
		var cards []card
		err := t.do(fmt.Sprintf("open chart %d: CDS Hooks", i+1), func() (n string, err error) {
			cards, err = t.patientView(ctx, patient)
			return fmt.Sprintf("%d card", len(cards)), err
		})
		if err != nil {
			return err
		}
		t.cards += len(cards)
		for _, c := range cards {
			t.note("[%s] %s", c.Indicator, c.Summary)
			t.note("%s", basis(c.Detail))
			t.note("source: %s", c.Source.Label)
		}
	}
	return nil
}

// basis is the first list of a card's detail: what the answer stands on.
func basis(detail string) string {
	var out []string
	for _, line := range strings.Split(detail, "\n") {
		if strings.HasPrefix(line, "- ") {
			out = append(out, line)
		} else if len(out) > 0 {
			break
		}
	}
	return strings.Join(out, "\n")
}

// patientView calls every service of the hook patient-view.
func (t *tour) patientView(ctx context.Context, patient string) ([]card, error) {
	var offered struct {
		Services []struct {
			ID   string `json:"id"`
			Hook string `json:"hook"`
		} `json:"services"`
	}
	if err := t.port.json(ctx, nil, http.MethodGet, "/cds-services", nil, &offered); err != nil {
		return nil, err
	}
	var all []card
	for _, s := range offered.Services {
		if s.Hook != "patient-view" {
			continue
		}
		var answer struct {
			Cards []card `json:"cards"`
		}
		err := t.port.json(ctx, t.clinician, http.MethodPost, "/cds-services/"+url.PathEscape(s.ID), map[string]any{
			"hook": "patient-view", "hookInstance": newUUID(),
			"context": map[string]string{"userId": "Practitioner/demo", "patientId": patient}}, &answer)
		if err != nil {
			return nil, err
		}
		all = append(all, answer.Cards...)
	}
	if len(all) == 0 {
		return nil, errors.New("no card was answered")
	}
	return all, nil
}

// replay recomputes what was answered from the recorded inputs.
func (t *tour) replay(ctx context.Context) error {
	return t.do("recompute the answer", func() (string, error) {
		var page struct {
			Decisions []struct {
				ID    string `json:"id"`
				Model string `json:"model"`
			} `json:"decisions"`
		}
		if err := t.port.json(ctx, t.clinician, http.MethodPost, "/v1/decisions/search", map[string]string{"patient": t.patient}, &page); err != nil {
			return "", err
		}
		if len(page.Decisions) == 0 {
			return "", errors.New("no decision was kept")
		}
		d := page.Decisions[0]
		var r struct {
			Equal bool   `json:"equal"`
			Why   string `json:"why"`
		}
		if err := t.port.json(ctx, t.clinician, http.MethodPost, "/v1/decisions/"+d.ID+"/replay", nil, &r); err != nil {
			return "", err
		}
		if !r.Equal {
			return "", fmt.Errorf("the answer could not be recomputed equal: %s", r.Why)
		}
		var shown struct {
			Entry string `json:"entry"`
		}
		if err := t.port.json(ctx, t.clinician, http.MethodGet, "/v1/decisions/"+d.ID, nil, &shown); err != nil {
			return "", err
		}
		t.proofOf = shown.Entry
		return "equal, by " + d.Model, nil
	})
}

var chart = []string{"Encounter", "Condition", "Observation", "MedicationRequest"}

// readAll reads the chart as the clinician.
func (t *tour) readAll(ctx context.Context) error {
	return t.do("dr.grey (clinician) reads", func() (string, error) {
		seen, denied, err := t.read(ctx, t.clinician)
		if err == nil && len(denied) > 0 {
			err = fmt.Errorf("the clinician was denied %s", strings.Join(denied, ", "))
		}
		return strings.Join(seen, ", "), err
	})
}

// readLess asks for the same as the registrar, who sees less.
func (t *tour) readLess(ctx context.Context) error {
	return t.do("desk (registrar) asks for the same", func() (string, error) {
		seen, denied, err := t.read(ctx, t.registrar)
		if err == nil && (len(denied) == 0 || len(seen) == 0) {
			err = errors.New("the registrar should see some and not all")
		}
		t.denials += len(denied)
		return strings.Join(seen, ", ") + "; denied: " + strings.Join(denied, ", "), err
	})
}

// read asks for the patient and the chart; what the policies refuse is told apart from what fails.
func (t *tour) read(ctx context.Context, who token) (seen, denied []string, err error) {
	ask := func(what, path string) error {
		var found searchset
		err := t.port.call(ctx, who, http.MethodGet, path, "", nil, &found)
		var no *refusal
		switch {
		case errors.As(err, &no) && no.status == http.StatusForbidden:
			denied = append(denied, what)
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", what, err)
		}
		t.reads++
		n := 1
		if what != "Patient" {
			n = len(found.Entry)
		}
		seen = append(seen, fmt.Sprintf("%s %d", what, n))
		return nil
	}
	if err := ask("Patient", "/fhir/R4/Patient/"+t.patient); err != nil {
		return seen, denied, err
	}
	for _, rtype := range chart {
		q := url.Values{"patient": {t.patient}, "_count": {"200"}}
		if err := ask(rtype, "/fhir/R4/"+rtype+"?"+q.Encode()); err != nil {
			return seen, denied, err
		}
	}
	return seen, denied, nil
}

// erase shreds a patient and shows that it is gone.
func (t *tour) erase(ctx context.Context) error {
	return t.do("dpo erases another patient", func() (string, error) {
		var e struct {
			Versions    int64  `json:"versions"`
			Certificate string `json:"certificate"`
		}
		if err := t.port.json(ctx, t.privacy, http.MethodPost, "/v1/shred", map[string]string{"patient": t.erased}, &e); err != nil {
			return "", err
		}
		err := t.port.call(ctx, t.clinician, http.MethodGet, "/fhir/R4/Patient/"+t.erased, "", nil, nil)
		var no *refusal
		if !errors.As(err, &no) || no.status != http.StatusGone && no.status != http.StatusNotFound {
			return "", fmt.Errorf("the erased patient can still be asked for: %v", err)
		}
		var left searchset
		q := url.Values{"patient": {t.erased}}
		if err := t.port.call(ctx, t.clinician, http.MethodGet, "/fhir/R4/Condition?"+q.Encode(), "", nil, &left); err != nil {
			return "", err
		}
		if len(left.Entry) > 0 {
			return "", fmt.Errorf("%d conditions of the erased patient were found", len(left.Entry))
		}
		return fmt.Sprintf("%d sealed texts open nowhere; a read answers %d", e.Versions, no.status), nil
	})
}

// prove checks offline that the answer's entry is in the log.
func (t *tour) prove(ctx context.Context) error {
	return t.do("prove the answer's log entry offline", func() (string, error) {
		var p struct {
			Index int64  `json:"index"`
			Leaf  []byte `json:"leaf"`
			Proof string `json:"proof"`
			Key   string `json:"key"`
		}
		if err := t.port.json(ctx, t.auditor, http.MethodGet, "/v1/audit/entries/"+t.proofOf+"/proof", nil, &p); err != nil {
			return "", err
		}
		if err := verify.Proof([]byte(p.Proof), p.Key, p.Leaf); err != nil {
			return "", err
		}
		changed := slices.Clone(p.Leaf)
		changed[len(changed)/2] ^= 1
		if verify.Proof([]byte(p.Proof), p.Key, changed) == nil {
			return "", errors.New("a changed entry was proved too")
		}
		return fmt.Sprintf("entry %d holds; with one bit changed it does not", p.Index), nil
	})
}

type checked struct {
	Entries   int64 `json:"entries"`
	Resources int64 `json:"resources"`
	Versions  int64 `json:"versions"`
	Faults    []struct {
		Class string `json:"class"`
		Where string `json:"where"`
		What  string `json:"what"`
	} `json:"faults"`
}

func (c checked) err() error {
	if len(c.Faults) == 0 {
		return nil
	}
	var lines []string
	for _, f := range c.Faults[:min(len(c.Faults), 10)] {
		lines = append(lines, f.Class+" "+f.Where+": "+f.What)
	}
	return fmt.Errorf("%d faults:\n%s", len(c.Faults), strings.Join(lines, "\n"))
}

// verifyLog lets the node recompute its whole log.
func (t *tour) verifyLog(ctx context.Context) error {
	return t.do("auditor verifies the log", func() (string, error) {
		var v checked
		if err := t.port.lines(ctx, t.auditor, "/v1/audit/verify", &v); err != nil {
			return "", err
		}
		t.log = v.Entries
		return fmt.Sprintf("%d entries: journal, tree, tiles, checkpoint", v.Entries), v.err()
	})
}

// check lets the node re-verify everything it stores.
func (t *tour) check(ctx context.Context) error {
	return t.do("auditor checks the store", func() (string, error) {
		var v checked
		if err := t.port.lines(ctx, t.auditor, "/v1/store/check", &v); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d resources, %d versions, every row recomputed", v.Resources, v.Versions), v.err()
	})
}

// stay tells how to go on by hand and waits for the end.
func (t *tour) stay(ctx context.Context) {
	link, err := t.newLink(ctx)
	if err != nil {
		t.note("%v", err)
		return
	}
	header := filepath.Join(t.dir, "demo-token")
	bearer, err := t.clinician(ctx)
	if err == nil {
		err = os.WriteFile(header, []byte("Authorization: Bearer "+bearer+"\n"), 0o600)
	}
	if err != nil {
		t.note("%v", err)
		return
	}
	t.say("")
	t.say("The node stays up at %s. A token of dr.grey (15 minutes) is in %s:", t.port.base, header)
	t.say("  curl -H @%s %s/fhir/R4/Patient/%s", header, t.port.base, t.patient)
	t.say("  curl -H @%s '%s/fhir/R4/Observation?patient=%s&_count=3'", header, t.port.base, t.patient)
	t.say("  curl %s/readyz", t.port.base)
	t.say("  ward audit tail --dir %s", t.dir)
	t.say("  ward token dr.grey --dir %s       a new token when this one has ended", t.dir)
	t.say("Sign in as dr.grey in a browser, once: %s", link)
	t.say("Until Ctrl-C (%s)", time.Now().Format("15:04:05"))
	<-ctx.Done()
	t.say("")
}

func (t *tour) newLink(ctx context.Context) (string, error) {
	var made struct {
		Link string `json:"link"`
	}
	err := t.port.json(ctx, t.admin, http.MethodPost, "/v1/principals/dr.grey/link", nil, &made)
	return made.Link, err
}
