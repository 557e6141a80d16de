package watch

import (
	"context"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store"
)

// The bounds of a watch.
const (
	maxSeries = 10_000          // of one tenant; results of further ones are not watched
	maxLocal  = 64              // bytes of a local code that are told apart
	maxUnsaid = 256             // results that are in memory only
	every     = 2 * time.Second // between two writes, while results come
	maxTries  = 5
	maxPut    = 500 // series in one write
)

// Watch counts the results of all tenants of a node. Safe for concurrent use.
type Watch struct {
	store *store.Store
	now   func() time.Time

	mu      sync.Mutex
	tenants map[db.Tenant]*memory

	writing sync.Mutex
}

// memory is what is known of one tenant.
type memory struct {
	all    map[Name]*kept
	unsaid int
	wrote  time.Time
}

// kept is a series with what is not written of it yet.
type kept struct {
	Series
	version int64
	fresh   []int     // bins
	since   time.Time // of a confirmation
}

// New makes a Watch. now may be nil.
func New(s *store.Store, now func() time.Time) *Watch {
	if now == nil {
		now = time.Now
	}
	return &Watch{store: s, now: now, tenants: map[db.Tenant]*memory{}}
}

// Result is one value in the canonical unit of its code, and how it was named and sent.
type Result struct {
	Name
	Value *big.Rat
}

// Load reads what is kept of the permit's tenant, once; p is for access.Receive or access.HoldRead.
func (w *Watch) Load(ctx context.Context, p access.Permit) error {
	w.mu.Lock()
	_, known := w.tenants[p.Tenant()]
	w.mu.Unlock()
	if known {
		return nil
	}
	found, err := w.store.AllSeries(ctx, p)
	if err != nil {
		return err
	}
	m := &memory{all: map[Name]*kept{}, wrote: w.now()}
	for _, x := range found {
		k, err := read(x)
		if err != nil {
			return err
		}
		m.all[k.Name] = k
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tenants[p.Tenant()] == nil {
		w.tenants[p.Tenant()] = m
	}
	return nil
}

func read(x store.Series) (*kept, error) {
	k := &kept{version: x.Version}
	if err := json.Unmarshal([]byte(x.Body), &k.Series); err != nil {
		return nil, ward.E(ward.Internal, "watch.read", "what is kept of a sender's results cannot be read", nil)
	}
	return k, nil
}

// Check reads the body of a series as Load does, and compares the name in it with the one under which it is kept.
func Check(x store.Series) error {
	k, err := read(x)
	if err == nil && k.Name.key() != x.Name {
		return ward.E(ward.Internal, "watch.check", "the counts are those of another name", nil)
	}
	return err
}

// Shifted reports whether the results of a name have shifted since persons last said that its unit is right; since may be zero.
func (w *Watch) Shifted(tn db.Tenant, n Name, since time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.find(tn, n)
	if k == nil {
		return false
	}
	if since.After(k.Since) {
		k.confirm(since)
		k.since = since
	}
	return k.Shift != nil
}

func (w *Watch) find(tn db.Tenant, n Name) *kept {
	if m := w.tenants[tn]; m != nil {
		return m.all[n.short()]
	}
	return nil
}

func (n Name) short() Name {
	n.Local = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, n.Local)
	n.Local = n.Local[:min(len(n.Local), maxLocal)]
	return n
}

// Add counts results that were stored. The tenant must be loaded.
func (w *Watch) Add(tn db.Tenant, results ...Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.tenants[tn]
	if m == nil {
		return
	}
	for _, r := range results {
		a, ok := terminology.Lookup(r.LOINC)
		if !ok || r.Value == nil {
			continue
		}
		value, _ := r.Value.Float64()
		bin, ok := binOf(a, value)
		k := m.all[r.Name.short()]
		if !ok || k == nil && len(m.all) >= maxSeries {
			continue
		}
		if k == nil {
			k = &kept{Series: Series{Name: r.Name.short()}}
			m.all[k.Name] = k
		}
		k.add(bin)
		k.judge(a, m.others(k), w.now())
		k.fresh = append(k.fresh, bin)
		m.unsaid++
	}
}

// others is what is sent under the code by all but the one, and is not in doubt itself.
func (m *memory) others(but *kept) *Sketch {
	if !but.young() {
		return nil
	}
	out := &Sketch{}
	for n, k := range m.all {
		if n.LOINC == but.LOINC && k != but && k.Shift == nil && k.Seen >= enough {
			out.merge(k.whole())
		}
	}
	return out
}

// Flush writes what is not written of the permit's tenant, if it is time; always does so whatever the time. p is for access.Receive. What
// could not be written stays, to be written later.
func (w *Watch) Flush(ctx context.Context, p access.Permit, always bool) error {
	if !w.due(p.Tenant(), always) {
		return nil
	}
	if always {
		w.writing.Lock()
	} else if !w.writing.TryLock() {
		return nil
	}
	defer w.writing.Unlock()
	var err error
	for range maxTries {
		if err = w.write(ctx, p); ward.KindOf(err) != ward.Precondition {
			return err
		}
		if err := w.again(ctx, p); err != nil {
			return err
		}
	}
	return err
}

// Unsaid returns, for each tenant of which something is not written, one of the senders.
func (w *Watch) Unsaid() map[db.Tenant]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[db.Tenant]string{}
	for tn, m := range w.tenants {
		for n, k := range m.all {
			if len(k.fresh) > 0 || !k.since.IsZero() {
				out[tn] = n.Sender
				break
			}
		}
	}
	return out
}

func (w *Watch) due(tn db.Tenant, always bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.tenants[tn]
	return m != nil && (always || m.unsaid >= maxUnsaid || m.unsaid > 0 && w.now().Sub(m.wrote) >= every)
}

// part is what one write takes of a series.
type part struct {
	k     *kept
	fresh int
	since time.Time
}

// write writes series that have changed.
func (w *Watch) write(ctx context.Context, p access.Permit) error {
	for {
		parts, list, err := w.changed(p.Tenant())
		if err != nil || len(parts) == 0 {
			return err
		}
		if err := w.store.PutSeries(ctx, p, list); err != nil {
			return err
		}
		w.mu.Lock()
		m := w.tenants[p.Tenant()]
		for _, x := range parts {
			x.k.version++
			x.k.fresh = slices.Clone(x.k.fresh[x.fresh:])
			if x.k.since.Equal(x.since) {
				x.k.since = time.Time{}
			}
			m.unsaid -= x.fresh
		}
		m.wrote = w.now()
		w.mu.Unlock()
	}
}

func (w *Watch) changed(tn db.Tenant) (parts []part, list []store.Series, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.tenants[tn].all {
		if len(k.fresh) == 0 && k.since.IsZero() || len(list) == maxPut {
			continue
		}
		body, err := json.Marshal(k.Series)
		if err != nil {
			return nil, nil, ward.E(ward.Internal, "watch.write", "a series cannot be written", err)
		}
		parts = append(parts, part{k, len(k.fresh), k.since})
		list = append(list, store.Series{Name: k.Name.key(), Version: k.version, Body: ward.Protected(body)})
	}
	return parts, list, nil
}

// key is the name under which a series is kept. No part holds a blank.
func (n Name) key() string { return strings.Join([]string{n.Sender, n.Local, n.LOINC, n.Unit}, " ") }

// again reads what another node has written since, and counts on top of it what is not written yet.
func (w *Watch) again(ctx context.Context, p access.Permit) error {
	found, err := w.store.AllSeries(ctx, p)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.tenants[p.Tenant()]
	for _, x := range found {
		now, err := read(x)
		if err != nil {
			return err
		}
		k := m.all[now.Name]
		if k == nil || k.version == now.version {
			continue
		}
		now.fresh, now.since = k.fresh, k.since
		a, _ := terminology.Lookup(now.LOINC)
		if !now.since.IsZero() {
			now.confirm(now.since)
		}
		for _, bin := range now.fresh {
			now.add(bin)
			now.judge(a, nil, w.now())
		}
		*k = *now
	}
	return nil
}

// Standing is a series as it is told to persons.
type Standing struct {
	Name
	Seen         int64   // results
	Low          float64 // 5 of 100 are under it, in the canonical unit
	Median, High float64 //
	Shift        *Shift  // nil: none
}

// Standings returns what is known of a sender's results, by code. The tenant must be loaded.
func (w *Watch) Standings(tn db.Tenant, sender string) []Standing {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.tenants[tn]
	if m == nil {
		return nil
	}
	var out []Standing
	for n, k := range m.all {
		a, ok := terminology.Lookup(n.LOINC)
		if n.Sender != sender || !ok {
			continue
		}
		all := k.whole()
		out = append(out, Standing{Name: n, Seen: k.Seen, Low: valueOf(a, all.quantile(0.05)), Median: valueOf(a, all.quantile(0.5)),
			High: valueOf(a, all.quantile(0.95)), Shift: k.Shift})
	}
	slices.SortFunc(out, func(a, b Standing) int {
		return strings.Compare(a.LOINC+" "+a.Local+" "+a.Unit, b.LOINC+" "+b.Local+" "+b.Unit)
	})
	return out
}
