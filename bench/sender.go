package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/connect/mllp"
)

// loadPatients is how many patients the messages of a source are about, in turn.
const loadPatients = 500

// The kinds of messages that a source makes.
const (
	results = "ORU^R01^ORU_R01"
	unruled = "ORU^R40^ORU_R40" // the same under an event that normalize has no rules for
)

// sources makes messages of ten results each ahead of those who send them. No two have the same control id. They are a week old, so
// that no result lies in the future, however many there are.
func sources(ctx context.Context, kind string) (<-chan simulate.Message, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	out := make(chan simulate.Message, 4096)
	go func() {
		simulate.New(1, time.Now().AddDate(0, 0, -7)).Load(loadPatients, func(m simulate.Message) bool {
			m.Bytes = bytes.Replace(m.Bytes, []byte(results), []byte(kind), 1)
			select {
			case out <- m:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	for len(out) < cap(out)/2 { // making messages ahead is not measured
		time.Sleep(time.Millisecond)
	}
	return out, cancel
}

// accepted checks that an acknowledgement says AA for the message.
func accepted(m simulate.Message, answer []byte) error {
	_, msa, _ := bytes.Cut(answer, []byte("\rMSA|AA|"))
	if id := msa[:max(0, bytes.IndexAny(msa, "|\r"))]; len(id) == 0 || string(id) != m.ControlID {
		return fmt.Errorf("message %s was answered %.200q", m.ControlID, answer)
	}
	return nil
}

// connections opens MLLP connections; closeAll ends them.
func connections(ctx context.Context, address string, n int) (all []*mllp.Client, closeAll func(), err error) {
	closeAll = func() {
		for _, c := range all {
			c.Close()
		}
	}
	for range n {
		c, err := mllp.Dial(ctx, address, mllp.ClientOptions{})
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		all = append(all, c)
	}
	return all, closeAll, nil
}

// stopAndWait measures acknowledgements: each connection sends its next message when the one before was acknowledged.
func stopAndWait(ctx context.Context, address string, n int, messages <-chan simulate.Message) (load, error) {
	clients, closeAll, err := connections(ctx, address, n)
	if err != nil {
		return load{}, err
	}
	defer closeAll()
	return drive(n, during, func(caller, _ int) error {
		m := <-messages
		answer, err := clients[caller].Send(ctx, m.Bytes)
		if err != nil {
			return err
		}
		return accepted(m, answer)
	})
}

// pipelined measures acknowledgements of one connection that has up to depth messages on their way.
func pipelined(ctx context.Context, address string, depth int, messages <-chan simulate.Message) (load, error) {
	clients, closeAll, err := connections(ctx, address, 1)
	if err != nil {
		return load{}, err
	}
	defer closeAll()
	p := pipeline{client: clients[0], messages: messages, slots: make(chan struct{}, depth), waiting: make(chan flight, depth), ended: make(chan struct{})}
	start := time.Now()
	err = p.client.Start(ctx, p.write, p.read)
	p.elapsed = time.Since(start)
	return p.load, err
}

// flight is a message that waits for its acknowledgement.
type flight struct {
	simulate.Message
	at time.Time
}

type pipeline struct {
	load
	client   *mllp.Client
	messages <-chan simulate.Message
	slots    chan struct{}
	waiting  chan flight
	ended    chan struct{} // nobody reads any more
}

func (p *pipeline) write() error {
	defer close(p.waiting)
	for start := time.Now(); time.Since(start) < during; {
		select {
		case p.slots <- struct{}{}:
		case <-p.ended:
			return nil
		}
		f := flight{<-p.messages, time.Now()}
		p.waiting <- f
		if err := p.client.Write(f.Bytes); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipeline) read() error {
	defer close(p.ended)
	for f := range p.waiting {
		answer, err := p.client.Read()
		if err == nil {
			err = accepted(f.Message, answer)
		}
		if err != nil {
			return err
		}
		p.done++
		p.each = append(p.each, time.Since(f.at))
		<-p.slots
	}
	return nil
}
