package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/connect/mllp"
)

type loadCmd struct {
	MLLP loadMLLPCmd `cmd:"" name:"mllp" help:"Send made-up laboratory messages over MLLP as fast as they are acknowledged."`
}

type loadMLLPCmd struct {
	target
	Connections int           `help:"Connections side by side." default:"16"`
	Messages    int           `help:"Messages in all." default:"10000"`
	Within      time.Duration `help:"End after this time, whatever was sent." default:"10m"`
	Patients    int           `help:"Patients that the messages are about." default:"1000"`
	Seed        uint64        `help:"What the messages are made from: equal seeds make equal messages." default:"1"`
	Pipeline    int           `help:"Messages of one connection on their way at a time." default:"1"`
}

// Help is shown by ward load mllp --help.
func (loadMLLPCmd) Help() string {
	return `Each message carries ten results. A connection sends the next message when the one before it was acknowledged (or when fewer than
--pipeline wait). What is not acknowledged is not sent again: this measures, it does not deliver. Use it on a node made for trying.`
}

// loaded is the result of a load.
type loaded struct {
	Sent         int64   `json:"sent"`
	Accepted     int64   `json:"accepted"`
	Refused      int64   `json:"refused"`
	Unanswered   int64   `json:"unanswered"`
	Seconds      float64 `json:"seconds"`
	PerSecond    float64 `json:"per_second"`
	P50          float64 `json:"p50_ms"`
	P99          float64 `json:"p99_ms"`
	ResultsEach  int     `json:"results_each"`
	FirstFailure string  `json:"first_failure,omitempty"`
}

// Run implements the verb.
func (c loadMLLPCmd) Run(s *session) error {
	switch {
	case c.Connections < 1 || c.Connections > 1000:
		return misused("--connections must be 1 to 1000")
	case c.Messages < 1 || c.Messages > 10_000_000:
		return misused("--messages must be 1 to 10000000")
	case c.Within <= 0:
		return misused("--within must be longer than 0")
	case c.Patients < 1 || c.Patients > 1_000_000:
		return misused("--patients must be 1 to 1000000")
	case c.Pipeline < 1 || c.Pipeline > 64:
		return misused("--pipeline must be 1 to 64")
	}
	o, err := c.options()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, c.Within)
	defer cancel()
	l := &load{messages: make(chan []byte, c.Connections)}
	go c.make(ctx, l.messages)
	meter := newMeter(s.err, "load")
	stop := l.report(meter, int64(c.Messages))
	start := time.Now()
	var all sync.WaitGroup
	for range c.Connections {
		all.Go(func() { l.connection(ctx, c.To, o, c.Pipeline) })
	}
	all.Wait()
	r := l.result(time.Since(start))
	stop()
	if s.json {
		return s.printJSON(r)
	}
	s.say("%d messages of %d results in %.1f s: %.0f acknowledged a second, p50 %.2f ms, p99 %.2f ms; %d refused, %d not answered",
		r.Sent, r.ResultsEach, r.Seconds, r.PerSecond, r.P50, r.P99, r.Refused, r.Unanswered)
	if r.Refused+r.Unanswered > 0 {
		return fmt.Errorf("%d messages were not accepted: %s", r.Refused+r.Unanswered, r.FirstFailure)
	}
	return nil
}

func (c loadMLLPCmd) make(ctx context.Context, out chan<- []byte) {
	defer close(out)
	n := 0
	simulate.New(c.Seed, time.Now()).Load(c.Patients, func(m simulate.Message) bool {
		select {
		case out <- m.Bytes:
			n++
			return n < c.Messages
		case <-ctx.Done():
			return false
		}
	})
}

// load is a load under way.
type load struct {
	messages                            chan []byte
	sent, accepted, refused, unanswered atomic.Int64

	mu    sync.Mutex
	took  []time.Duration
	first string // what the first failure said
}

// report shows the progress until its return value is called.
func (l *load) report(m *meter, total int64) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				m.end()
				return
			case <-tick.C:
				m.at(l.sent.Load(), total)
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

func (l *load) failed(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == "" {
		l.first = text
	}
}

// flight is a message that waits for its acknowledgement.
type flight struct {
	message []byte
	at      time.Time
}

// connection sends until there are no more messages; after a failure it connects again.
func (l *load) connection(ctx context.Context, to string, o mllp.ClientOptions, pipeline int) {
	for ctx.Err() == nil {
		client, err := mllp.Dial(ctx, to, o)
		if err != nil {
			l.failed(told(err))
			if _, more := <-l.messages; !more {
				return
			}
			l.sent.Add(1)
			l.unanswered.Add(1)
			select {
			case <-ctx.Done():
			case <-time.After(again(1)):
			}
			continue
		}
		more := l.stream(ctx, client, pipeline)
		client.Close()
		if !more {
			return
		}
	}
}

// stream sends over one connection; false: there is nothing left to send.
func (l *load) stream(ctx context.Context, client *mllp.Client, pipeline int) (more bool) {
	waiting := make(chan flight, pipeline)
	slots := make(chan struct{}, pipeline)
	ended := make(chan struct{}) // the reader reads no more
	more = true
	err := client.Start(ctx, func() error {
		defer close(waiting)
		for {
			select {
			case slots <- struct{}{}:
			case <-ended:
				return nil
			case <-ctx.Done():
				return nil
			}
			m, ok := <-l.messages
			if !ok {
				more = false
				return nil
			}
			l.sent.Add(1)
			waiting <- flight{m, time.Now()}
			if err := client.Write(m); err != nil {
				return err
			}
		}
	}, func() error {
		defer close(ended)
		for f := range waiting {
			answer, err := client.Read()
			if err != nil {
				l.unanswered.Add(1)
				return err
			}
			l.answered(f, answer)
			<-slots
		}
		return nil
	})
	for range waiting {
		l.unanswered.Add(1)
	}
	if err != nil {
		l.failed(told(err))
	}
	return more
}

func (l *load) answered(f flight, answer []byte) {
	took := time.Since(f.at)
	if code, text := read(f.message, answer); code != "AA" && code != "CA" {
		l.refused.Add(1)
		l.failed(orNone(code) + " " + plain(text))
		return
	}
	l.accepted.Add(1)
	l.mu.Lock()
	l.took = append(l.took, took)
	l.mu.Unlock()
}

func (l *load) result(took time.Duration) loaded {
	slices.Sort(l.took)
	at := func(q float64) float64 {
		if len(l.took) == 0 {
			return 0
		}
		return float64(l.took[int(q*float64(len(l.took)-1))].Microseconds()) / 1000
	}
	return loaded{Sent: l.sent.Load(), Accepted: l.accepted.Load(), Refused: l.refused.Load(), Unanswered: l.unanswered.Load(), Seconds: took.Seconds(),
		PerSecond: float64(l.accepted.Load()) / took.Seconds(), P50: at(0.5), P99: at(0.99), ResultsEach: 10, FirstFailure: l.first}
}
