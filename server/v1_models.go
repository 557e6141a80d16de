package server

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict/registry"
)

// ModelKey is a public key whose signatures the tenant accepts.
type ModelKey struct {
	ID     string    `json:"id" readOnly:"true" doc:"By which signature bundles name it"`
	Public []byte    `json:"public" doc:"PKIX DER, ECDSA on P-256"`
	Added  time.Time `json:"added,omitzero" readOnly:"true"`
}

// Model is one version of a model.
type Model struct {
	Name    string         `json:"name"`
	Version string         `json:"version"`
	Digest  string         `json:"digest" doc:"Hex SHA-256 of its manifest, which names the digest of every file"`
	Stage   registry.Stage `json:"stage" doc:"shadow, active or retired"`
	Pushed  time.Time      `json:"pushed"`
	Entry   ward.ID        `json:"entry" doc:"Log entry of the push"`
}

// ModelShown is all that is known of one version.
type ModelShown struct {
	Model
	Title    string          `json:"title,omitempty"`
	Key      string          `json:"key,omitempty" doc:"Key that signed it"`
	Fault    string          `json:"fault,omitempty" doc:"Why it does not verify and answers nothing"`
	History  []ModelEvent    `json:"history"`
	Manifest json.RawMessage `json:"manifest,omitempty"`
}

// ModelEvent is one line of the history of a name.
type ModelEvent struct {
	At     time.Time      `json:"at"`
	Digest string         `json:"digest"`
	Stage  registry.Stage `json:"stage"`
	Entry  ward.ID        `json:"entry"`
}

// ModelPush is a signed artefact.
type ModelPush struct {
	Manifest []byte            `json:"manifest"`
	Files    map[string][]byte `json:"files,omitempty"`
	Bundle   []byte            `json:"bundle" doc:"Sigstore bundle in the OpenSSF model-signing form over manifest and files"`
	Stage    registry.Stage    `json:"stage,omitempty" enum:"active,shadow" doc:"active when left out"`
}

func modelOf(l registry.Listed) Model {
	return Model{l.Name, l.Version, hex.EncodeToString(l.Digest[:]), l.Stage, l.Pushed, l.Entry}
}

type byDigest struct {
	Digest string `path:"digest" pattern:"^[0-9a-f]{64}$"`
}

func (d byDigest) bytes() (out [32]byte) {
	_, _ = hex.Decode(out[:], []byte(d.Digest)) // the pattern has made sure of it
	return out
}

// maxPush bounds the body of a push: files are base64 in it.
const maxPush = 32 << 20

func (v *v1) models() {
	r := v.node.registry
	operate(v, about{"GET", "/v1/models", access.ModelRead, access.AuditAdmin, "list-models", "List the tenant's models with their stages", false},
		func(ctx context.Context, g access.Grant, _ *struct{}) (*body[[]Model], error) {
			have, err := r.Models(ctx, g.Permit)
			out := make([]Model, len(have))
			for i, l := range have {
				out[i] = modelOf(l)
			}
			return answer(out), err
		})
	operate(v, about{"GET", "/v1/models/{digest}", access.ModelRead, access.AuditAdmin, "show-model", "Show a model, verified anew, with the history of its name", false},
		func(ctx context.Context, g access.Grant, in *byDigest) (*body[ModelShown], error) {
			s, err := r.Show(ctx, g.Permit, in.bytes())
			out := ModelShown{Model: modelOf(s.Listed), Title: s.Title, Key: s.Key, Fault: s.Fault, History: []ModelEvent{}, Manifest: s.Manifest}
			for _, e := range s.History {
				out.History = append(out.History, ModelEvent{e.At, hex.EncodeToString(e.Digest[:]), e.Stage, e.Entry})
			}
			return answer(out), err
		})
	operateBig(v, maxPush, about{"POST", "/v1/models", access.ModelPush, access.AuditAdmin, "push-model", "Store a signed model and let it answer", false},
		func(ctx context.Context, g access.Grant, in *struct{ Body ModelPush }) (*struct{}, error) {
			stage := in.Body.Stage
			if stage == "" {
				stage = registry.Active
			}
			return nil, r.PushSigned(ctx, g.Permit, registry.Artefact{Manifest: in.Body.Manifest, Files: in.Body.Files}, in.Body.Bundle, stage)
		})
	operate(v, about{"POST", "/v1/models/{digest}/stage", access.ModelPush, access.AuditAdmin, "stage-model", "Change what a model is used for", false},
		func(ctx context.Context, g access.Grant, in *struct {
			Digest string `path:"digest" pattern:"^[0-9a-f]{64}$"`
			Body   struct {
				Stage registry.Stage `json:"stage" enum:"active,shadow,retired"`
			}
		}) (*struct{}, error) {
			return nil, r.SetStage(ctx, g.Permit, byDigest{in.Digest}.bytes(), in.Body.Stage)
		})
	operate(v, about{"GET", "/v1/model-keys", access.ModelRead, access.AuditAdmin, "list-model-keys", "List the keys whose signatures the tenant accepts", false},
		func(ctx context.Context, g access.Grant, _ *struct{}) (*body[[]ModelKey], error) {
			have, err := r.Keys(ctx, g.Permit)
			out := make([]ModelKey, len(have))
			for i, k := range have {
				out[i] = ModelKey(k)
			}
			return answer(out), err
		})
	operate(v, about{"POST", "/v1/model-keys", access.ModelTrust, access.AuditAdmin, "trust-model-key", "Accept the signatures of a key", false},
		func(ctx context.Context, g access.Grant, in *struct{ Body ModelKey }) (*body[ModelKey], error) {
			if err := r.TrustKey(ctx, g.Permit, in.Body.Public); err != nil {
				return nil, err
			}
			id, err := registry.KeyID(in.Body.Public)
			return answer(ModelKey{ID: id, Public: in.Body.Public}), err
		})
}
