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

// Arrival is a message whose job is at the head of its lane.
type Arrival struct {
	All  bool // all of its lanes are: a merge is worked on only then
	Done bool // it is no longer MessageReceived: the job has nothing to do

	m *message // as it was read, with its sealed body
}

// Arrived notes that the job is at the head of its lane and says what is known of its message. Raw opens it.
func (s *Store) Arrived(ctx context.Context, j queue.Job) (a Arrival, err error) {
	d, err := ReadDelivery(j.Ref)
	if err != nil {
		return a, err
	}
	n, err := s.names(ctx, j.Tenant)
	if err != nil {
		return a, err
	}
	m, err := s.messageBody(ctx, n, d.Message)
	switch {
	case err != nil:
		return a, err
	case m == nil || d.Lane >= len(m.lanes)/16:
		return a, internal("store.arrived", "a job names a message or a lane that is not there; run ward store check", nil)
	case m.state != string(MessageReceived):
		return Arrival{Done: true}, nil
	case m.arrived&(1<<d.Lane) != 0 || len(m.lanes) == 16:
		return Arrival{All: m.allArrived(d.Lane), m: m}, nil
	}
	all, done, err := s.arrived(ctx, n, d)
	return Arrival{All: all && !done, Done: done, m: m}, err
}

// arrived notes the arrival in one of several lanes.
func (s *Store) arrived(ctx context.Context, n names, d Delivery) (all, done bool, err error) {
	var m *message
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
	return all, done, err
}

// allArrived reports whether the jobs of all lanes are at their heads when that of the given lane is.
func (m *message) allArrived(lane int) bool {
	full := int64(1)<<(len(m.lanes)/16) - 1
	return m.arrived|1<<lane == full
}
