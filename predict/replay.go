package predict

import (
	"bytes"
	"context"
	"encoding/hex"

	"github.com/go-json-experiment/json"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict/registry"
)

// Replay is the result of recomputing a decision.
type Replay struct {
	Decision ward.ID
	Equal    bool
	Erased   bool   // the decision or a version that it stands on was erased: nothing can be compared
	Why      string // what differs, or why it cannot be recomputed (erased)
}

// Replay recomputes a decision from its recorded source versions with the artefact of its digest at its own time, and
// compares the canonical part byte by byte. g.Permit is for access.DecisionReplay, which opens the recorded sources of that
// decision and nothing else. What cannot be recomputed because it was erased, or because a source is not what was recorded,
// is no error but says so.
func (s *Service) Replay(ctx context.Context, g access.Grant, id ward.ID) (Replay, error) {
	out := Replay{Decision: id}
	if err := g.Permit.Allows(access.DecisionReplay, ""); err != nil {
		return out, err
	}
	d, _, err := s.store.Decision(ctx, g.Permit, id)
	if err != nil {
		return gone(out, err)
	}
	var digest [32]byte
	if n, err := hex.Decode(digest[:], []byte(d.Digest)); err != nil || n != len(digest) {
		return out, ward.E(ward.Internal, "predict.replay", "the decision names no artefact", err)
	}
	v, err := s.registry.ByDigest(ctx, g.Permit.Tenant(), digest)
	if err != nil {
		return out, unverified(err)
	}
	if d.Lineage.Engine != v.Semantics() {
		out.Why = "it was computed by another engine than " + v.Semantics()
		return out, nil
	}
	who, rs, err := s.sources(ctx, g.Permit, v.Manifest(), d)
	if err != nil {
		return missing(out, err)
	}
	again := d
	again.Model = v.Model()
	judge(v, who, rs, d.At).into(&again)
	return compare(out, d, again)
}

// gone turns an erasure into an answer.
func gone(out Replay, err error) (Replay, error) {
	if ward.KindOf(err) == ward.Gone {
		out.Erased = true
		out.Why = "it cannot be recomputed: " + ward.PublicText(err)
		return out, nil
	}
	return out, err
}

// missing turns a source that is hidden from the caller, or is not the one that was recorded, into an answer as well.
func missing(out Replay, err error) (Replay, error) {
	if ward.KindOf(err) == ward.NotFound {
		out.Why = "it cannot be recomputed: a source version is not the one that was recorded, or this caller may not see it"
		return out, nil
	}
	return gone(out, err)
}

// sources re-reads exactly the versions that the decision recorded. Whose results they are was decided when they were read.
func (s *Service) sources(ctx context.Context, p access.Permit, m registry.Manifest, d ward.Decision) (who *person, rs [][]*result, err error) {
	rs = make([][]*result, len(m.Inputs))
	type key struct {
		source  string
		version int64
	}
	seen := map[key]bool{}
	for _, in := range d.Inputs {
		k := key{in.Source, in.Version}
		if in.Source == "" && in.Missing != "" || seen[k] {
			continue
		}
		seen[k] = true
		ref, err := ward.ParseReference(in.Source)
		if err != nil {
			return nil, nil, err
		}
		v, err := s.store.Source(ctx, p, d.ID, ref, in.Version)
		if err != nil {
			return nil, nil, err
		}
		if ref.Type == "Patient" {
			who, err = readPerson(v)
		} else {
			var own []*result
			own, _, err = readResults(v, m)
			for i, r := range own {
				if r != nil {
					rs[i] = append(rs[i], r)
				}
			}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if who == nil || who.ref.ID != d.Patient {
		return nil, nil, ward.E(ward.Internal, "predict.replay", "the decision does not name its patient among its sources", nil)
	}
	return who, rs, nil
}

// canonical is the part of a decision that is recomputed equal on any build and CPU.
type canonical struct {
	Model   string       `json:"model"`
	Digest  string       `json:"digest"`
	Inputs  []ward.Input `json:"inputs"`
	Output  *ward.Output `json:"output,omitempty"`
	Reasons []string     `json:"reasons"`

	Explain *ward.Explanation `json:"explain,omitempty"`
}

// Canonical returns the canonical bytes of a decision: JSON with its members in a fixed order.
func Canonical(d ward.Decision) ([]byte, error) {
	return json.Marshal(canonical{d.Model, d.Digest, d.Inputs, d.Output, d.Reasons, d.Explain}, json.Deterministic(true))
}

func compare(out Replay, was, again ward.Decision) (Replay, error) {
	a, err := Canonical(was)
	if err != nil {
		return out, ward.E(ward.Internal, "predict.replay", "the decision cannot be written", err)
	}
	b, err := Canonical(again)
	if err != nil {
		return out, ward.E(ward.Internal, "predict.replay", "the decision cannot be written", err)
	}
	if out.Equal = bytes.Equal(a, b); out.Equal {
		return out, nil
	}
	out.Why = differs(was, again)
	return out, nil
}

// differs names the first part that is not equal, without its content.
func differs(a, b ward.Decision) string {
	for _, part := range []struct {
		name string
		cut  func(ward.Decision) ward.Decision
	}{
		{"model", func(d ward.Decision) ward.Decision { return ward.Decision{Model: d.Model, Digest: d.Digest} }},
		{"inputs", func(d ward.Decision) ward.Decision { return ward.Decision{Inputs: d.Inputs} }},
		{"output", func(d ward.Decision) ward.Decision { return ward.Decision{Output: d.Output} }},
		{"explanation", func(d ward.Decision) ward.Decision { return ward.Decision{Explain: d.Explain} }},
	} {
		x, _ := Canonical(part.cut(a))
		y, _ := Canonical(part.cut(b))
		if !bytes.Equal(x, y) {
			return "the " + part.name + " differ"
		}
	}
	return "the reasons differ"
}
