package server

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/store"
)

// What people say of held facts, and what it would do.
type (
	Correction = quarantine.Correction
	Preview    = quarantine.Preview
)

// HeldFact is a fact that must not be used as it stands.
type HeldFact struct {
	ID       ward.ID          `json:"id"`
	State    store.HoldState  `json:"state" enum:"held,proposed,released,rejected,superseded"`
	Class    string           `json:"class" doc:"unit, unmapped-code, plausibility, identity, profile, order ..."`
	Reason   string           `json:"reason" doc:"A constant"`
	Position string           `json:"position" doc:"Where in the message, OBX[3]-5"`
	Rule     string           `json:"rule" doc:"Rule and version that doubts it"`
	Message  ward.ID          `json:"message"`
	Patient  string           `json:"patient,omitempty" doc:"FHIR id"`
	Fact     string           `json:"fact,omitempty" doc:"What it would become, Observation/id"`
	At       time.Time        `json:"at"`
	First    ward.PrincipalID `json:"first,omitempty" doc:"Who proposed its release"`
	Second   ward.PrincipalID `json:"second,omitempty" doc:"Who released or rejected it"`
}

// HeldPage is one page of held facts, oldest first.
type HeldPage struct {
	Facts []HeldFact `json:"facts"`
	Next  string     `json:"next,omitempty" doc:"Cursor of the next page"`
}

// HeldShown is a held fact, opened.
type HeldShown struct {
	HeldFact
	Evidence quarantine.Evidence `json:"evidence"`
	Proposal *quarantine.Preview `json:"proposal,omitempty"`
	Digest   string              `json:"digest,omitempty" doc:"Of the proposal: what a second person releases"`
	Note     string              `json:"note,omitempty" doc:"Why it was rejected"`
}

// Released names what a release stored.
type Released struct {
	Fact    string `json:"fact"`
	Version int64  `json:"version"`
}

func heldOf(h store.HeldFact) HeldFact {
	return HeldFact{h.ID, h.State, h.Hold.Class, h.Hold.Reason, h.Hold.Position, h.Hold.Rule, h.Message, h.Hold.Patient, h.Hold.Fact, h.At, h.First, h.Second}
}

func (v *v1) quarantine() {
	d := v.node.desk
	operate(v, about{"POST", "/v1/quarantine/search", access.HoldRead, access.AuditData, "list-held", "List held facts, oldest first, without opening them", false},
		func(ctx context.Context, g access.Grant, in *struct {
			Body struct {
				State   store.HoldState `json:"state,omitempty" enum:"held,proposed,released,rejected,superseded"`
				Class   string          `json:"class,omitempty" maxLength:"40"`
				Message ward.ID         `json:"message,omitzero"`
				Patient string          `json:"patient,omitempty" maxLength:"64" doc:"FHIR id"`
				Cursor  string          `json:"cursor,omitempty" maxLength:"1000"`
				Count   int             `json:"count,omitempty" minimum:"0" maximum:"1000" doc:"50 when left out"`
			}
		}) (*body[HeldPage], error) {
			b := in.Body
			if b.Count == 0 {
				b.Count = 50
			}
			found, next, err := d.List(ctx, g, store.HoldQuery{State: b.State, Class: b.Class, Message: b.Message, Patient: b.Patient, Cursor: b.Cursor, Count: b.Count})
			page := HeldPage{Facts: []HeldFact{}, Next: next}
			for _, h := range found {
				page.Facts = append(page.Facts, heldOf(h))
			}
			return answer(page), err
		})
	operate(v, about{"GET", "/v1/quarantine/{id}", access.HoldRead, access.AuditData, "show-held", "Open a held fact: what was sent, why it is doubted, what is proposed", false},
		func(ctx context.Context, g access.Grant, in *byID) (*body[HeldShown], error) {
			s, err := d.Show(ctx, g, in.ID)
			out := HeldShown{HeldFact: heldOf(s.Held), Evidence: s.Evidence, Proposal: s.Proposal, Note: s.Held.Note}
			if s.Proposal != nil {
				out.Digest = hex.EncodeToString(s.Digest[:])
			}
			return answer(out), err
		})
	for _, how := range []struct {
		path, id, summary string
		keep              bool
	}{
		{"/preview", "preview-release", "Show what a correction would do, without keeping it", false},
		{"/propose", "propose-release", "First person: keep a correction for a second person to release", true},
	} {
		operate(v, about{"POST", "/v1/quarantine/{id}" + how.path, access.HoldRelease, access.AuditData, how.id, how.summary, false},
			func(ctx context.Context, g access.Grant, in *struct {
				ID   ward.ID `path:"id"`
				Body quarantine.Correction
			}) (*body[quarantine.Preview], error) {
				do := d.Preview
				if how.keep {
					do = d.Propose
				}
				p, err := do(ctx, g, in.ID, in.Body)
				return answer(p), err
			})
	}
	operate(v, about{"POST", "/v1/quarantine/{id}/release", access.HoldRelease, access.AuditData, "release-held", "Second person: store what was proposed", false},
		func(ctx context.Context, g access.Grant, in *struct {
			ID   ward.ID `path:"id"`
			Body struct {
				Digest string `json:"digest" pattern:"^[0-9a-f]{64}$" doc:"Of the proposal that this person has seen"`
			}
		}) (*body[[]Released], error) {
			var digest [32]byte
			_, _ = hex.Decode(digest[:], []byte(in.Body.Digest))
			done, err := d.Release(ctx, g, in.ID, digest)
			out := []Released{}
			for _, r := range done {
				out = append(out, Released{r.Version.Ref.String(), r.Version.Number})
			}
			return answer(out), err
		})
	operate(v, about{"POST", "/v1/quarantine/{id}/reject", access.HoldReject, access.AuditData, "reject-held", "End a held fact; it stays sealed and readable", false},
		func(ctx context.Context, g access.Grant, in *struct {
			ID   ward.ID `path:"id"`
			Body struct {
				Note string `json:"note" minLength:"1" maxLength:"200"`
			}
		}) (*struct{}, error) {
			return nil, d.Reject(ctx, g, in.ID, in.Body.Note)
		})
}
