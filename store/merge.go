package store

import (
	"context"
	"slices"
	"sync"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
)

// Merge says that a patient's record lives on in another.
type Merge struct{ From, Into string } // FHIR ids

// maxMerges bounds the length of a chain of merges, and maxKin the patients that live on in one.
const (
	maxMerges = 16
	maxKin    = 500
)

func (m Merge) check() error {
	if !ward.ValidID(m.From) || !ward.ValidID(m.Into) || m.From == m.Into {
		return ward.E(ward.Invalid, "store.merge", "a merge names two patients by FHIR id", nil).At("merge")
	}
	return nil
}

var (
	errCycle   = ward.E(ward.Conflict, "store.merge", "the two patients are one already, the other way round", nil)
	errLong    = ward.E(ward.Unprocessable, "store.merge", "the merge would make a chain of more than 16 patients; look whether they are all one person", nil)
	errMany    = ward.E(ward.Unprocessable, "store.merge", "the merge would make one of more than 500 patients; look whether they are all one person", nil)
	errOtherly = ward.E(ward.Conflict, "store.merge", "the patient's record lives on in another patient already", nil)
)

// mergeLock is held by everything that changes or rests on the merges of a tenant.
const mergeLock = "store merges"

// merge writes that From lives on in Into. The same merge again is no error. ward.Conflict: From lives on elsewhere, or Into in From.
// ward.Gone: one of the two was erased. ward.Unprocessable: more would be one than an erasure or a search can treat as one.
func (s *Store) merge(ctx context.Context, tx *db.Tx, n names, m Merge, message int64, entry ward.ID) error {
	if err := tx.Lock(ctx, mergeLock); err != nil {
		return err
	}
	if err := notErased(ctx, tx, n, n.patient(m.From), n.patient(m.Into)); err != nil {
		return err
	}
	to, err := mergedInto(ctx, tx, n, m.From)
	switch {
	case err != nil:
		return err
	case to == m.Into:
		return nil
	case to != "":
		return errOtherly
	}
	up, err := chain(ctx, tx, n, m.Into)
	if err != nil {
		return err
	}
	below, depth, err := kinBelow(ctx, tx, n, m.From)
	if err != nil {
		return err
	}
	if slices.Contains(up, m.From) {
		return errCycle
	}
	beside, _, err := kinBelow(ctx, tx, n, up[len(up)-1])
	switch {
	case err != nil:
		return err
	case len(up)+depth >= maxMerges:
		return errLong
	case len(beside)+len(below)+1 > maxKin: // with From, all of them live on in the root
		return errMany
	}
	at := now().UnixMicro()
	tx.AfterCommit(func() { s.kin.drop(n.tn) })
	return tx.Insert(ctx, "merged", []string{"tn", "gone", "survivor", "message", "at_us", "entry", "mac"},
		[][]any{{int64(n.tn), m.From, m.Into, message, at, entry[:], mergedMAC(n, m.From, m.Into, message, at, entry[:])}})
}

func mergedMAC(n names, gone, survivor string, message, at int64, entry []byte) []byte {
	return rowMAC(n.row, "merged", int64(n.tn), gone, survivor, message, at, entry)
}

// mergedInto reads one merge; "" if the patient was never merged.
func mergedInto(ctx context.Context, tx *db.Tx, n names, gone string) (survivor string, err error) {
	var message, at int64
	var entry, mac []byte
	found, err := tx.Get(ctx, "SELECT survivor, message, at_us, entry, mac FROM merged WHERE tn = $1 AND gone = $2", []any{int64(n.tn), gone},
		&survivor, &message, &at, &entry, &mac)
	if err == nil && found && !sameMAC(mac, mergedMAC(n, gone, survivor, message, at, entry)) {
		return "", broken("the row of a merge was changed: its digest does not fit")
	}
	return survivor, err
}

// chain follows merges from a patient to the record that lives on, which stands last; the patient stands first.
func chain(ctx context.Context, tx *db.Tx, n names, patient string) ([]string, error) {
	out := []string{patient}
	for range maxMerges {
		next, err := mergedInto(ctx, tx, n, out[len(out)-1])
		if err != nil || next == "" {
			return out, err
		}
		out = append(out, next)
	}
	return nil, broken("a chain of merges is longer than 16")
}

// kinBelow returns the patients merged into one, transitively, and how many steps away the farthest is.
func kinBelow(ctx context.Context, tx *db.Tx, n names, patient string) (all []string, depth int, err error) {
	for front := []string{patient}; len(front) > 0 && depth <= maxMerges; depth++ {
		var next []string
		for part := range slices.Chunk(front, readChunk) {
			args := []any{int64(n.tn)}
			for _, p := range part {
				args = append(args, p)
			}
			rows, err := tx.Query(ctx, "SELECT gone, survivor, message, at_us, entry, mac FROM merged WHERE tn = $1 AND survivor IN ("+
				db.Placeholders(2, len(part))+") ORDER BY gone", args...)
			if err := each(rows, err, func(scan scanner) error {
				gone, err := scanMerged(scan, n)
				next = append(next, gone)
				return err
			}); err != nil {
				return nil, 0, err
			}
		}
		if all = append(all, next...); len(all) > maxKin {
			return nil, 0, broken("too many patients were merged into one")
		}
		front = next
	}
	return all, depth - 1, nil
}

func scanMerged(scan scanner, n names) (gone string, err error) {
	var survivor string
	var message, at int64
	var entry, mac []byte
	if err := scan.Scan(&gone, &survivor, &message, &at, &entry, &mac); err != nil {
		return "", err
	}
	if !sameMAC(mac, mergedMAC(n, gone, survivor, message, at, entry)) {
		return "", broken("the row of a merge was changed: its digest does not fit")
	}
	return gone, nil
}

// anyLeave is nil for a live permit of a tenant, whatever it is for.
func anyLeave(p access.Permit) error {
	err := p.Allows(access.Receive, "") // most are for it
	for _, a := range access.Actions() {
		if err == nil || p.Allows(a, "") == nil {
			return nil
		}
	}
	return err
}

// Survivor follows merges from a patient's FHIR id to the record that lives on; the same id when it was never merged. p is any live permit of
// the tenant: the act that needs the answer has an entry of its own.
func (s *Store) Survivor(ctx context.Context, p access.Permit, patient string) (string, error) {
	if err := anyLeave(p); err != nil {
		return "", err
	}
	if !ward.ValidID(patient) {
		return "", ward.E(ward.Invalid, "store.survivor", "a patient is named by its FHIR id: 1 to 64 letters, digits, '-' and '.'", nil)
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return "", err
	}
	if some, err := s.merges(ctx, n.tn); err != nil || !some {
		return patient, err
	}
	var up []string
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		up, err = chain(ctx, tx, n, patient)
		return err
	})
	if err != nil {
		return "", err
	}
	return up[len(up)-1], nil
}

// kinCache remembers, on SQLite, which tenants have merges at all: this process makes every one of them. epoch counts merges: what was
// read before one must not be kept after it.
type kinCache struct {
	mu    sync.Mutex
	epoch uint64
	some  map[db.Tenant]bool
}

func newKinCache() *kinCache { return &kinCache{some: map[db.Tenant]bool{}} }

func (k *kinCache) drop(tn db.Tenant) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.epoch++
	delete(k.some, tn)
}

// any reports whether a tenant has merges; ask is called when it is not known.
func (k *kinCache) any(tn db.Tenant, ask func() (bool, error)) (bool, error) {
	k.mu.Lock()
	some, known := k.some[tn]
	epoch := k.epoch
	k.mu.Unlock()
	if known {
		return some, nil
	}
	some, err := ask()
	if err != nil {
		return false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if epoch == k.epoch {
		k.some[tn] = some
	}
	return some, nil
}

// namesFor is names with the patients that were merged into those whom the permit's filter or the call names: then a filter and a search for a
// patient speak of all of them. A call that names no patient asks nothing.
func (s *Store) namesFor(ctx context.Context, p access.Permit, patients ...string) (names, error) {
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return n, err
	}
	patients = append(named(p.Filter().Node), patients...)
	return n, s.relate(ctx, &n, patients)
}

// relate looks up who was merged into the patients.
func (s *Store) relate(ctx context.Context, n *names, patients []string) error {
	patients = slices.DeleteFunc(slices.Clone(patients), func(p string) bool { return p == "" })
	if len(patients) == 0 {
		return nil
	}
	if some, err := s.merges(ctx, n.tn); err != nil || !some {
		return err
	}
	slices.Sort(patients)
	return s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		for _, p := range slices.Compact(patients) {
			kin, _, err := kinBelow(ctx, tx, *n, p)
			if err != nil {
				return err
			}
			if len(kin) == 0 {
				continue
			}
			if n.kin == nil {
				n.kin = map[string][]string{}
			}
			n.kin[p] = kin
		}
		return nil
	})
}

// merges reports whether there is a merge to look for. On PostgreSQL other nodes make merges too, so that there always may be one.
func (s *Store) merges(ctx context.Context, tn db.Tenant) (bool, error) {
	if s.db.Engine() != "sqlite" {
		return true, nil
	}
	return s.kin.any(tn, func() (bool, error) { return s.anyMerge(ctx, tn) })
}

// anyMerge reports whether a tenant has merges.
func (s *Store) anyMerge(ctx context.Context, tn db.Tenant) (some bool, err error) {
	err = s.db.Read(ctx, tn, func(tx *db.Tx) error {
		var one int64
		some, err = tx.Get(ctx, "SELECT 1 FROM merged WHERE tn = $1 LIMIT 1", []any{int64(tn)}, &one)
		return err
	})
	return some, err
}

// named lists the patients that a filter names.
func named(node access.Node) (out []string) {
	switch node := node.(type) {
	case access.PatientIs:
		return []string{string(node)}
	case access.Not:
		return named(node.Node)
	case access.And:
		for _, m := range node {
			out = append(out, named(m)...)
		}
	case access.Or:
		for _, m := range node {
			out = append(out, named(m)...)
		}
	}
	return out
}

// widen returns the filter that speaks of merged patients too: what SQL and evaluator both see.
func (n names) widen(f access.Filter) access.Filter {
	if n.kin == nil {
		return f
	}
	return access.Filter{Node: n.wider(f.Node)}
}

func (n names) wider(node access.Node) access.Node {
	switch node := node.(type) {
	case access.PatientIs:
		kin := n.kin[string(node)]
		if len(kin) == 0 {
			return node
		}
		out := access.Or{node}
		for _, k := range kin {
			out = append(out, access.PatientIs(k))
		}
		return out
	case access.Not:
		return access.Not{Node: n.wider(node.Node)}
	case access.And:
		out := make(access.And, len(node))
		for i, m := range node {
			out[i] = n.wider(m)
		}
		return out
	case access.Or:
		out := make(access.Or, len(node))
		for i, m := range node {
			out[i] = n.wider(m)
		}
		return out
	}
	return node
}

// sought lists the patients that the clauses of a search name.
func sought(q fhir.Search) (out []string) {
	for _, c := range q.Clauses {
		for _, m := range c.Any {
			if c.Kind == fhir.Ref && (m.System == "Patient" || m.System == "") {
				out = append(out, m.Code)
			}
		}
	}
	return out
}

// widenSearch returns the search that finds the records of merged patients too.
func (n names) widenSearch(q fhir.Search) fhir.Search {
	if n.kin == nil {
		return q
	}
	q.Clauses = slices.Clone(q.Clauses)
	for i, c := range q.Clauses {
		if c.Kind != fhir.Ref {
			continue
		}
		any := slices.Clone(c.Any)
		for _, m := range c.Any {
			if m.System != "Patient" && m.System != "" {
				continue
			}
			for _, k := range n.kin[m.Code] {
				more := m
				more.System, more.Code = "Patient", k
				any = append(any, more)
			}
		}
		q.Clauses[i].Any = any
	}
	return q
}

// anyOf lists, for an IN, the keyed digests of a patient and of all who were merged into it.
func (n names) anyOf(q *query, patient string) string {
	out := q.arg(n.patient(patient))
	for _, k := range n.kin[patient] {
		out += ", " + q.arg(n.patient(k))
	}
	return out
}
