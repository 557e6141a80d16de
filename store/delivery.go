package store

import (
	"context"
	"encoding/hex"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// DeliverQueue is the queue of messages to understand. A job's Ref is an encoded Delivery, its Key the lane.
const DeliverQueue = "deliver"

// Delivery is what a job of DeliverQueue names.
type Delivery struct {
	Message ward.ID
	Channel string // which it came by
	Lane    int    // which of Lanes this job is of
}

// deliveryForm is the first byte of an encoded Delivery: form(1) | message(16) | lane(1) | channel.
const deliveryForm = 1

func (d Delivery) encode() []byte {
	return append(append(append([]byte{deliveryForm}, d.Message[:]...), byte(d.Lane)), d.Channel...)
}

// ReadDelivery reads a job's Ref.
func ReadDelivery(ref []byte) (Delivery, error) {
	if len(ref) < 18 || ref[0] != deliveryForm || ref[17] >= maxLanes {
		return Delivery{}, internal("store.delivery", "a job of the queue deliver names no message", nil)
	}
	return Delivery{Message: ward.ID(ref[1:17]), Lane: int(ref[17]), Channel: string(ref[18:])}, nil
}

// jobID names the job of a message in one of its lanes, the same for each replay.
func (n names) jobID(message []byte, lane int) ward.ID {
	sum := n.index.Sum([]byte("delivery"), message, []byte{byte(lane)})
	return ward.DerivedID([16]byte(sum[:16]))
}

// jobs are those by which a message is understood, one per lane.
func (n names) jobs(m *message) []queue.Job {
	out := make([]queue.Job, 0, maxLanes)
	for i := range len(m.lanes) / 16 {
		out = append(out, queue.Job{ID: n.jobID(m.id, i), Queue: DeliverQueue, Key: hex.EncodeToString(m.lanes[16*i : 16*i+16]),
			Ref: Delivery{Message: ward.ID(m.id), Channel: m.channel, Lane: i}.encode()})
	}
	return out
}

// Arrived notes that the job is at the head of its lane and reports whether all lanes of its message are: a merge is worked on only then.
// done reports that the message is no longer MessageReceived: the job has nothing to do.
func (s *Store) Arrived(ctx context.Context, j queue.Job) (all, done bool, err error) {
	d, err := ReadDelivery(j.Ref)
	if err != nil {
		return false, false, err
	}
	n, err := s.names(ctx, j.Tenant)
	if err != nil {
		return false, false, err
	}
	m, err := s.message(ctx, n, byID, d.Message[:])
	switch {
	case err != nil:
		return false, false, err
	case m == nil || d.Lane >= len(m.lanes)/16:
		return false, false, internal("store.arrived", "a job names a message or a lane that is not there; run ward store check", nil)
	case m.state != string(MessageReceived):
		return false, true, nil
	case m.arrived&(1<<d.Lane) != 0 || len(m.lanes) == 16:
		return m.allArrived(d.Lane), false, nil
	}
	err = s.commit(ctx, n.tn, func(tx *db.Tx) error {
		if m, err = loadMessage(ctx, tx, n, true, byID, d.Message[:]); err != nil {
			return err
		}
		if m == nil {
			return errNotFound
		}
		if all, done = m.allArrived(d.Lane), m.state != string(MessageReceived); done {
			return nil
		}
		m.arrived |= 1 << d.Lane
		return m.update(ctx, tx, n)
	})
	return all && !done, done, err
}

// allArrived reports whether the jobs of all lanes are at their heads when that of the given lane is.
func (m *message) allArrived(lane int) bool {
	full := int64(1)<<(len(m.lanes)/16) - 1
	return m.arrived|1<<lane == full
}
