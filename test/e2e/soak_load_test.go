package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ward-health/ward/clinical/simulate"
)

// soakLoad is the steady work of a soak: what there is stays the same, only versions and log entries are added.
type soakLoad struct {
	n        *node
	hospital simulate.Hospital
	service  string
	wg       sync.WaitGroup
	ended    chan struct{}

	mu    sync.Mutex
	token string
	took  map[string][]time.Duration // by kind of request
}

const soakPatients = 60

func newSoakLoad(n *node) *soakLoad {
	l := &soakLoad{n: n, hospital: simulate.New(11, time.Now().Add(-time.Hour)).Hospital(soakPatients), service: service(n),
		ended: make(chan struct{}), took: map[string][]time.Duration{}}
	l.renew()
	for _, g := range l.hospital.Groups {
		n.must(200, l.token, http.MethodPost, "/fhir/R4", g.Bundle())
	}
	return l
}

// renew replaces the token.
func (l *soakLoad) renew() {
	token := l.n.token("doc")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token = token
}

// run starts workers at a pace that leaves the machine room, so that what is measured is the node and not the queue before it.
func (l *soakLoad) run() {
	for _, w := range []struct {
		workers int
		every   time.Duration
		step    func(simulate.Truth)
	}{
		{4, 80 * time.Millisecond, l.write},
		{4, 20 * time.Millisecond, l.read},
		{2, 50 * time.Millisecond, l.search},
		{2, 100 * time.Millisecond, l.hook},
		{1, time.Second, l.transact},
	} {
		for range w.workers {
			l.wg.Go(func() { l.pace(w.every, w.step) })
		}
	}
}

func (l *soakLoad) pace(every time.Duration, step func(simulate.Truth)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
		}
		if l.n.t.Failed() {
			return
		}
		step(l.hospital.Truth[rand.IntN(len(l.hospital.Truth))])
	}
}

func (l *soakLoad) end() {
	close(l.ended)
	l.wg.Wait()
}

// ask sends one request and wants one of the statuses.
func (l *soakLoad) ask(kind, method, path string, body []byte, statuses ...int) {
	l.mu.Lock()
	token := l.token
	l.mu.Unlock()
	start := time.Now()
	a, err := l.n.ask(token, method, path, body)
	took := time.Since(start)
	if err != nil || !slices.Contains(statuses, a.status) {
		l.n.t.Errorf("%s: %s %s: %v %.300s", kind, method, path, err, a)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took[kind] = append(l.took[kind], took)
}

// write gives one Observation of the patient a further version.
func (l *soakLoad) write(p simulate.Truth) {
	id := "soak-" + p.Patient
	l.ask("write", http.MethodPut, "/fhir/R4/Observation/"+id, canaryObservation(id, p.Patient, "mg/dL"), http.StatusOK, http.StatusCreated)
}

func (l *soakLoad) read(p simulate.Truth) {
	l.ask("read", http.MethodGet, "/fhir/R4/Patient/"+p.Patient, nil, http.StatusOK)
}

func (l *soakLoad) search(p simulate.Truth) {
	l.ask("search", http.MethodGet, "/fhir/R4/Observation?patient="+p.Patient+"&_count=10", nil, http.StatusOK)
}

func (l *soakLoad) hook(p simulate.Truth) {
	l.ask("hook", http.MethodPost, "/cds-services/"+l.service, fmt.Appendf(nil,
		`{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":%q}}`, p.Patient), http.StatusOK)
}

// transact sends the whole record of one patient again.
func (l *soakLoad) transact(simulate.Truth) {
	l.ask("transaction", http.MethodPost, "/fhir/R4", l.hospital.Groups[1+rand.IntN(soakPatients)].Bundle(), http.StatusOK)
}

// report prints how many requests there were and how long they took.
func (l *soakLoad) report() {
	total := 0
	for _, kind := range []string{"write", "read", "search", "hook", "transaction"} {
		took := l.took[kind]
		if len(took) == 0 {
			l.n.t.Errorf("no %s was answered", kind)
			continue
		}
		total += len(took)
		slices.Sort(took)
		figure("soak."+kind+".p50", milliseconds(took[len(took)/2]), "ms")
		figure("soak."+kind+".p99", milliseconds(took[len(took)*99/100]), "ms")
	}
	figure("soak.requests", float64(total), "1")
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
