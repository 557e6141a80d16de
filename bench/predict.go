package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/simulate"
)

const (
	governedModel    = "mortality-ten-year"
	governedService  = "ward-models"
	governedPatients = 220
	governedRate     = 200 // a second
	governedFor      = 20 * time.Second
	governedConns    = 256
)

// governedPredictions measures the answers of the mortality model over CDS Hooks: authentication, policy, audited reads, units,
// the ensemble, contributions, interval, the kept decision and its durable entry. Calls arrive at a constant rate, whatever the
// node does, and their latency counts from when they were due. Beside them the same model is computed bare.
func governedPredictions(ctx context.Context, dir string) (err error) {
	f, err := newFeed(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.node.stop()) }()
	patients, err := f.patients(ctx)
	if err != nil {
		return err
	}
	if err := f.push(ctx, dir); err != nil {
		return err
	}
	token, err := f.node.token(ctx, "clinician")
	if err != nil {
		return err
	}
	h := hooks{url: f.node.url + "/cds-services/" + governedService, token: token, client: &http.Client{
		Transport: &http.Transport{MaxConnsPerHost: governedConns, MaxIdleConnsPerHost: governedConns}, Timeout: 15 * time.Second}}
	if err := h.each(ctx, patients); err != nil {
		return err
	}
	if err := f.answered(ctx, token); err != nil {
		return err
	}
	if err := f.node.settle(time.Minute); err != nil {
		return err
	}
	return f.governed(ctx, h, patients)
}

// governed prints predict.governed.
func (f *feed) governed(ctx context.Context, h hooks, patients []string) error {
	bare, err := bareEngine()
	if err != nil {
		return err
	}
	if err := f.alone(ctx, h, patients); err != nil {
		return err
	}
	l, failed := h.open(ctx, patients)
	if l.done == 0 {
		return fmt.Errorf("no call was answered: %w", failed)
	}
	if failed != nil {
		fmt.Printf("# predict.governed: %d calls failed; the first: %.300v\n", int(governedRate*governedFor.Seconds())-l.done, failed)
	}
	figure("predict.governed", l.rate(), fmt.Sprintf("1/s of %d/s", governedRate))
	against("predict.governed.p50", l.quantile(0.5), "ms", "bare-engine", bare, false)
	against("predict.governed.p99", l.quantile(0.99), "ms", "bare-engine", bare, false)
	figure("predict.governed.overhead", l.quantile(0.5)-bare, "ms")
	return nil
}

// alone prints what one caller sees who asks back to back, and the node's processor time for one prediction.
func (f *feed) alone(ctx context.Context, h hooks, patients []string) error {
	before, err := f.node.cpu()
	if err != nil {
		return err
	}
	l, err := drive(1, during, func(_, i int) error { return h.call(ctx, patients[i%len(patients)]) })
	if err != nil {
		return err
	}
	after, err := f.node.cpu()
	if err != nil {
		return err
	}
	figure("predict.governed.alone.p50", l.quantile(0.5), "ms")
	figure("predict.governed.alone.p99", l.quantile(0.99), "ms")
	figure("predict.governed.alone.cpu", (after-before).Seconds()*1000/float64(l.done), "ms/prediction")
	return nil
}

// patients sends a day of messages and returns the ids of the patients that they made.
func (f *feed) patients(ctx context.Context) ([]string, error) {
	clients, closeAll, err := connections(ctx, f.address, 1)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	for _, m := range simulate.New(1, time.Now()).Day(governedPatients) {
		answer, err := clients[0].Send(ctx, m.Bytes)
		if err != nil {
			return nil, err
		}
		if err := accepted(m, answer); err != nil {
			return nil, err
		}
	}
	if err := f.node.understood(ctx, f.steward, time.Minute); err != nil {
		return nil, err
	}
	if err := f.node.principal(ctx, "clinician", "human", "clinician"); err != nil {
		return nil, err
	}
	token, err := f.node.token(ctx, "clinician")
	if err != nil {
		return nil, err
	}
	return f.node.patients(ctx, token)
}

// patients lists the ids of all patients.
func (n *node) patients(ctx context.Context, token string) (ids []string, err error) {
	for next := "/fhir/R4/Patient?_count=100"; next != ""; {
		var page struct {
			Link  []struct{ Relation, URL string }
			Entry []struct{ Resource struct{ ID string } }
		}
		if err := n.call(ctx, token, http.MethodGet, next, nil, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Entry {
			ids = append(ids, e.Resource.ID)
		}
		next = ""
		for _, l := range page.Link {
			if l.Relation == "next" {
				next = l.URL[len(n.url):]
			}
		}
	}
	if len(ids) < governedPatients {
		return nil, fmt.Errorf("%d patients are stored, %d were sent", len(ids), governedPatients)
	}
	return ids, nil
}

// push signs the model of the examples and makes it active, as its owner does it.
func (f *feed) push(ctx context.Context, dir string) error {
	key := filepath.Join(dir, "model.pem")
	for _, args := range [][]string{{"model", "key", key}, {"model", "trust", key + ".pub"},
		{"model", "push", filepath.Join("..", "examples", "mortality", "artefact"), "--key", key}} {
		if _, err := f.node.ward(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// answered checks that what was kept of the calls before are answers of the model with their reasons, not refusals.
func (f *feed) answered(ctx context.Context, token string) error {
	var page struct{ Decisions []ward.Decision }
	if err := f.node.call(ctx, token, http.MethodPost, "/v1/decisions/search", map[string]int{"count": 200}, &page); err != nil {
		return err
	}
	all, answers := 0, 0
	for _, d := range page.Decisions {
		if !strings.HasPrefix(d.Model, governedModel+"@") {
			continue
		}
		if all++; d.Output != nil && d.Explain != nil {
			answers++
		}
	}
	if answers == 0 || answers < all*9/10 {
		return fmt.Errorf("%d of the %d newest decisions are of %s, of them %d answers", all, len(page.Decisions), governedModel, answers)
	}
	return nil
}

// hooks calls a CDS service.
type hooks struct {
	url, token string
	client     *http.Client
}

func (h hooks) call(ctx context.Context, patient string) error {
	body, err := json.Marshal(map[string]any{"hook": "patient-view", "hookInstance": ward.NewID().String(),
		"context": map[string]string{"userId": "Practitioner/bench", "patientId": patient}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+h.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := h.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !bytes.Contains(text, []byte(`"summary"`))) {
		err = fmt.Errorf("%s: %.300s", answer.Status, text)
	}
	return err
}

// each calls once for every patient.
func (h hooks) each(ctx context.Context, patients []string) error {
	for _, p := range patients {
		if err := h.call(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// open calls at a constant rate, for the patients in turn. It returns the first failure beside what was measured.
func (h hooks) open(ctx context.Context, patients []string) (l load, failed error) {
	const every = time.Second / governedRate
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now()
	for i := range int(governedFor / every) {
		due := start.Add(time.Duration(i) * every)
		time.Sleep(time.Until(due))
		all.Go(func() {
			err := h.call(ctx, patients[i%len(patients)])
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				l.done++
				l.each = append(l.each, took)
			case failed == nil:
				failed = err
			}
		})
	}
	all.Wait()
	l.elapsed = time.Since(start)
	return l, failed
}
