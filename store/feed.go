package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// Event is what a job of a feed names.
type Event struct {
	Patient string // FHIR id
	Refs    []ward.Reference
}

// eventBytes keeps an encoded Event within what a job may carry.
const eventBytes = 3 << 10

// eventText is the JSON form of an Event.
type eventText struct {
	P string
	R []string
}

// ReadEvent reads a job's Ref.
func ReadEvent(ref []byte) (Event, error) {
	var t eventText
	if err := json.Unmarshal(ref, &t); err != nil || !ward.ValidID(t.P) {
		return Event{}, internal("store.event", "a job of a feed names no patient", err)
	}
	e := Event{Patient: t.P}
	for _, s := range t.R {
		r, err := ward.ParseReference(s)
		if err != nil {
			return Event{}, internal("store.event", "a job of a feed names something that is no reference", err)
		}
		e.Refs = append(e.Refs, r)
	}
	return e, nil
}

// Feed makes every committed version of the given types a job of the queue, in the transaction that writes it: one job per patient and write,
// keyed by patient; Ref is an encoded Event. References that do not fit into one job go into further ones, in order. Call it before Queue.Run.
// Versions without a patient make no job; neither does the deletion of a record whose Patient resource is not stored, nor what is written
// while when, asked in that transaction, says that nobody of the tenant would do anything with it; nil: somebody always would.
func (s *Store) Feed(queue string, when When, types ...string) {
	if when != nil {
		s.when[queue] = when
	}
	for _, t := range types {
		if !slices.Contains(s.feeds[t], queue) {
			s.feeds[t] = append(s.feeds[t], queue)
		}
	}
}

// When reports whether anybody of the transaction's tenant follows a queue. It only reads.
type When func(ctx context.Context, tx *db.Tx) (bool, error)

// feedOf is one job under way: what a queue is told about a patient.
type feedOf struct {
	queue, pat, patient string
	refs                []string
}

// feed enqueues what the registered queues want to know of the versions.
func (b *batch) feed(ctx context.Context, tx *db.Tx, writes []*item) error {
	var feeds []*feedOf
	for _, it := range writes {
		if len(b.s.feeds[it.ref.Type]) == 0 || isZero(it.next.pat) {
			continue
		}
		patient, err := b.patientOf(ctx, tx, it)
		if err != nil {
			return err
		}
		if patient == "" {
			continue
		}
		for _, queue := range b.s.feeds[it.ref.Type] {
			feeds = tell(feeds, queue, string(it.next.pat), patient, it.ref.String())
		}
	}
	if len(feeds) == 0 {
		return nil
	}
	feeds, err := b.followed(ctx, tx, feeds)
	if err != nil || len(feeds) == 0 {
		return err
	}
	var jobs []queue.Job
	for _, f := range feeds {
		more, err := f.jobs()
		if err != nil {
			return err
		}
		jobs = append(jobs, more...)
	}
	return queue.Enqueue(ctx, tx, jobs...)
}

// followed leaves out the queues that nobody follows.
func (b *batch) followed(ctx context.Context, tx *db.Tx, feeds []*feedOf) (out []*feedOf, err error) {
	known := map[string]bool{}
	for _, f := range feeds {
		yes, asked := known[f.queue]
		if when := b.s.when[f.queue]; when == nil {
			yes = true
		} else if !asked {
			if yes, err = when(ctx, tx); err != nil {
				return nil, err
			}
			known[f.queue] = yes
		}
		if yes {
			out = append(out, f)
		}
	}
	return out, nil
}

func tell(feeds []*feedOf, queue, pat, patient, ref string) []*feedOf {
	at := slices.IndexFunc(feeds, func(f *feedOf) bool { return f.queue == queue && f.pat == pat })
	if at < 0 {
		return append(feeds, &feedOf{queue: queue, pat: pat, patient: patient, refs: []string{ref}})
	}
	feeds[at].refs = append(feeds[at].refs, ref)
	return feeds
}

// patientOf is the FHIR id of a version's patient. A deletion has no body: its pointer's keyed reference is that of the Patient resource.
func (b *batch) patientOf(ctx context.Context, tx *db.Tx, it *item) (patient string, err error) {
	if Op(it.next.op) != OpDelete {
		return it.attr.Patient, nil
	}
	_, err = tx.Get(ctx, "SELECT id FROM res WHERE tn = $1 AND rk16 = $2", []any{int64(b.n.tn), it.next.pat}, &patient)
	return patient, err
}

// jobs cuts the references into jobs that are small enough.
func (f *feedOf) jobs() (out []queue.Job, err error) {
	for rest := f.refs; len(rest) > 0; {
		n, size := 0, 0
		for n < len(rest) && (n == 0 || size+len(rest[n]) < eventBytes) {
			size += len(rest[n]) + 3
			n++
		}
		text, err := json.Marshal(eventText{f.patient, rest[:n]})
		if err != nil {
			return nil, internal("store.feed", "an event cannot be written", err)
		}
		out = append(out, queue.Job{Queue: f.queue, Key: hex.EncodeToString([]byte(f.pat)), Ref: text})
		rest = rest[n:]
	}
	return out, nil
}
