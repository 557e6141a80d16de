package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// loader posts transactions and remembers what became of them.
type loader struct {
	port     port
	token    token
	alive    token          // of the administrator, kept from ending while the load runs
	loaded   map[string]int // by type
	refused  []string       // "Type/id (file:line): why"
	patients []string       // ids, in order of loading
}

// post sends one transaction. If it is refused as a whole, each of its entries is sent alone, so that the refused ones can
// be named; a transaction whose entries refer to each other is named as a whole.
func (l *loader) post(ctx context.Context, t transaction) error {
	if _, err := l.alive(ctx); err != nil {
		return err
	}
	err := l.send(ctx, t)
	var no *refusal
	if err == nil || !errors.As(err, &no) {
		return err
	}
	if !t.apart || len(t.entries) == 1 {
		l.refuse(t, no)
		return nil
	}
	for _, e := range t.entries {
		if err := l.post(ctx, transaction{[]entry{e}, t.from, true}); err != nil {
			return err
		}
	}
	return nil
}

const namedRefusals = 20

func (l *loader) refuse(t transaction, no *refusal) {
	name, from := fmt.Sprintf("transaction of %d entries", len(t.entries)), t.from
	if len(t.entries) == 1 {
		rtype, id := t.entries[0].about()
		name = rtype + "/" + id
		if t.entries[0].from != "" {
			from = t.entries[0].from
		}
	}
	l.refused = append(l.refused, fmt.Sprintf("%s (%s): %v", name, from, no))
}

func (l *loader) send(ctx context.Context, t transaction) error {
	body, err := t.encode()
	if err != nil {
		return err
	}
	var answer struct {
		Entry []struct {
			Response struct {
				Status   string `json:"status"`
				Location string `json:"location"`
			} `json:"response"`
		} `json:"entry"`
	}
	if err := l.port.call(ctx, l.token, http.MethodPost, "/fhir/R4", bundleMedium, body, &answer); err != nil {
		return err
	}
	if len(answer.Entry) != len(t.entries) {
		return fmt.Errorf("a transaction of %d entries was answered by %d", len(t.entries), len(answer.Entry))
	}
	for i, e := range t.entries {
		rtype, id := e.about()
		if at := strings.Split(answer.Entry[i].Response.Location, "/"); id == "" || e.Request != nil && e.Request.Method == http.MethodPost {
			for j, part := range at {
				if part == rtype && j+1 < len(at) {
					id = at[j+1]
				}
			}
		}
		l.loaded[rtype]++
		if rtype == "Patient" {
			l.patients = append(l.patients, id)
		}
	}
	return nil
}

func (l *loader) total() int {
	n := 0
	for _, c := range l.loaded {
		n += c
	}
	return n
}

// names lists counts by type in loading order.
func (l *loader) names() string {
	in := input{items: map[string][]item{}}
	for t := range l.loaded {
		in.items[t] = []item{{}}
	}
	var out []string
	for _, t := range in.types() {
		out = append(out, fmt.Sprintf("%s %d", t, l.loaded[t]))
	}
	return strings.Join(out, ", ")
}
