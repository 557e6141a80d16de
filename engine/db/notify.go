package db

import "sync"

// hub wakes the listeners of this process.
type hub struct {
	mu     sync.Mutex
	topics map[string]map[chan struct{}]struct{}
	remote func(topic string) // tells the other nodes without waiting; nil on SQLite
}

// Notify wakes every Listen of the same topic on every node; Listen's channel has capacity 1 and is a hint only: it may
// come late, once for many, or, when a connection is lost, not at all, so that a listener also polls. Topics have
// lower-case letters, digits and _, and must not hold anything secret.
func (d *DB) Notify(topic string) {
	d.hub.wake(topic)
	if d.hub.remote != nil && validName(topic) {
		d.hub.remote(topic)
	}
}

// Listen returns a wake-up channel for the topic and a function that ends it.
func (d *DB) Listen(topic string) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	h := &d.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.topics[topic] == nil {
		h.topics[topic] = map[chan struct{}]struct{}{}
	}
	h.topics[topic][c] = struct{}{}
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.topics[topic], c)
		if len(h.topics[topic]) == 0 {
			delete(h.topics, topic)
		}
	}
}

// wake wakes the listeners of one topic here.
func (h *hub) wake(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.topics[topic] {
		poke(c)
	}
}

// wakeAll wakes every listener here: after a lost connection nobody knows what was missed.
func (h *hub) wakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, listeners := range h.topics {
		for c := range listeners {
			poke(c)
		}
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
