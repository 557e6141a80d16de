package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ward-health/ward/audit/verify"
)

// prove checks offline that the answer's entry is in the log.
func (t *tour) prove(ctx context.Context) error {
	return t.do("prove the answer's log entry offline", func() (string, error) {
		var p struct {
			Index int64  `json:"index"`
			Leaf  []byte `json:"leaf"`
			Proof string `json:"proof"`
			Key   string `json:"key"`
		}
		if err := t.port.json(ctx, t.auditor, http.MethodGet, "/v1/audit/entries/"+t.proofOf+"/proof", nil, &p); err != nil {
			return "", err
		}
		if err := verify.Proof([]byte(p.Proof), p.Key, p.Leaf); err != nil {
			return "", err
		}
		changed := slices.Clone(p.Leaf)
		changed[len(changed)/2] ^= 1
		if verify.Proof([]byte(p.Proof), p.Key, changed) == nil {
			return "", errors.New("a changed entry was proved too")
		}
		return fmt.Sprintf("entry %d holds; with one bit changed it does not", p.Index), nil
	})
}

type checked struct {
	Entries   int64 `json:"entries"`
	Resources int64 `json:"resources"`
	Versions  int64 `json:"versions"`
	Faults    []struct {
		Class string `json:"class"`
		Where string `json:"where"`
		What  string `json:"what"`
	} `json:"faults"`
}

func (c checked) err() error {
	if len(c.Faults) == 0 {
		return nil
	}
	var lines []string
	for _, f := range c.Faults[:min(len(c.Faults), 10)] {
		lines = append(lines, f.Class+" "+f.Where+": "+f.What)
	}
	return fmt.Errorf("%d faults:\n%s", len(c.Faults), strings.Join(lines, "\n"))
}

// verifyLog lets the node recompute its whole log.
func (t *tour) verifyLog(ctx context.Context) error {
	return t.do("auditor verifies the log", func() (string, error) {
		var v checked
		if err := t.port.lines(ctx, t.auditor, "/v1/audit/verify", &v); err != nil {
			return "", err
		}
		t.log = v.Entries
		return fmt.Sprintf("%d entries: journal, tree, tiles, checkpoint", v.Entries), v.err()
	})
}

// check lets the node re-verify everything it stores.
func (t *tour) check(ctx context.Context) error {
	return t.do("auditor checks the store", func() (string, error) {
		var v checked
		if err := t.port.lines(ctx, t.auditor, "/v1/store/check", &v); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d resources, %d versions, every row recomputed", v.Resources, v.Versions), v.err()
	})
}
