package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// tour walks the path and counts.
type tour struct {
	*steps
	port      port
	in        *input
	dir       string
	adminLink string

	seed uint64
	mllp string // address of the laboratory's channel

	admin, clinician, registrar, privacy, auditor, feed, anna, bert token
	links                                                           map[string]string
	charts                                                          []string // patients that cards are asked for
	patient, erased                                                 string
	proofOf                                                         string   // log entry
	number                                                          string   // of a patient of the laboratory
	after                                                           []string // lines to show under the step before

	resources, cards, reads, denials, sent, decisions int
	facts, held, log                                  int64
}

// run walks every step. The first step that fails ends it: what follows would stand on it.
func (t *tour) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{t.people, t.service, t.load, t.choose, t.open, t.channel, t.units, t.model, t.send,
		t.understood, t.release, t.merged, t.risk, t.replay, t.readAll, t.readLess, t.erase, t.prove, t.count, t.verifyLog, t.check} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// people signs the administrator in by the link that init printed, and adds six people who sign in by theirs.
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
			{"dpo", "Data protection officer", "privacy", &t.privacy}, {"auditor", "Auditor", "auditor", &t.auditor},
			{"anna", "Anna, data steward", "steward", &t.anna}, {"bert", "Bert, data steward", "steward", &t.bert}} {
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
		return "dr.grey clinician, desk registrar, dpo, auditor, two stewards", nil
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

// stay tells how to go on by hand and waits for the end.
func (t *tour) stay(ctx context.Context) {
	link, err := t.linkOf(ctx, "dr.grey")
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
	t.say("  ward message list --dir %s", t.dir)
	t.say("  ward send --to %s FILE            more messages", t.mllp)
	t.say("The console is at %s/console/ . Sign in as dr.grey, once: %s", t.port.base, link)
	if steward, err := t.linkOf(ctx, "anna"); err == nil {
		t.say("or, for messages and held facts, as the steward anna: %s", steward)
	}
	t.say("Until Ctrl-C (%s)", time.Now().Format("15:04:05"))
	<-ctx.Done()
	t.say("")
}

func (t *tour) linkOf(ctx context.Context, id string) (string, error) {
	var made struct {
		Link string `json:"link"`
	}
	err := t.port.json(ctx, t.admin, http.MethodPost, "/v1/principals/"+id+"/link", nil, &made)
	return made.Link, err
}
