package server

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/normalize/validate"
	"github.com/ward-health/ward/normalize/watch"
	"github.com/ward-health/ward/store"
)

// DecisionPage is one page of decisions, newest first.
type DecisionPage struct {
	Decisions []ward.Decision `json:"decisions"`
	Next      string          `json:"next,omitempty" doc:"Cursor of the next page"`
}

// DecisionShown is one decision with the log entry under which it was made.
type DecisionShown struct {
	Decision ward.Decision `json:"decision"`
	Entry    ward.ID       `json:"entry"`
}

// FeedbackShown is what one person made of a decision.
type FeedbackShown struct {
	Outcome string           `json:"outcome" doc:"accepted or overridden"`
	At      time.Time        `json:"at" doc:"When the person acted, as the client says"`
	By      ward.PrincipalID `json:"by"`
	Body    json.RawMessage  `json:"body,omitempty" doc:"Reasons as they were sent"`
}

// Replayed says whether a decision was recomputed equal.
type Replayed struct {
	Decision ward.ID `json:"decision"`
	Equal    bool    `json:"equal"`
	Erased   bool    `json:"erased,omitempty" doc:"The patient was erased: there is nothing left to compare"`
	Why      string  `json:"why,omitempty" doc:"What differs, or why nothing can be recomputed: inputs that were erased"`
}

// Erasure is the certificate of a shred.
type Erasure struct {
	Patient     string    `json:"patient"`
	Versions    int64     `json:"versions" doc:"Sealed texts that nothing opens any more"`
	At          time.Time `json:"at"`
	Entry       ward.ID   `json:"entry" doc:"Log entry of the erasure"`
	Certificate string    `json:"certificate"`
}

// CheckResult is the result of a store check.
type CheckResult struct {
	Versions  int64       `json:"versions"`
	Resources int64       `json:"resources"`
	IndexRows int64       `json:"index_rows"`
	Blobs     int64       `json:"blobs"`
	Decisions int64       `json:"decisions"`
	Raw       int64       `json:"raw"`
	Series    int64       `json:"series"`
	Packages  int64       `json:"packages"`
	Erased    int64       `json:"erased"`
	Entries   int64       `json:"entries" doc:"Log entries re-verified, all tenants"`
	Faults    []FaultLine `json:"faults"`
}

// FaultLine is one finding of a check.
type FaultLine struct {
	Class string `json:"class"`
	Where string `json:"where"`
	What  string `json:"what"`
}

func (v *v1) data() {
	v.decisions()
	operate(v, about{"POST", "/v1/shred", access.Shred, access.AuditData, "shred-patient", "Erase a patient by destroying its key", false},
		func(ctx context.Context, g access.Grant, in *struct {
			Body struct {
				Patient string `json:"patient" minLength:"1" maxLength:"64" doc:"FHIR id of the Patient"`
			}
		}) (*body[Erasure], error) {
			e, err := v.node.store.Shred(ctx, g.Permit, in.Body.Patient)
			return answer(Erasure{e.Patient, e.Versions, e.At, e.Entry, e.Text}), err
		})
	operate(v, about{"POST", "/v1/store/check", access.StoreCheck, access.AuditData, "check-store",
		"Re-verify every stored row of the tenant; answers progress, then the result, one JSON value a line", false},
		func(ctx context.Context, g access.Grant, _ *struct{}) (*huma.StreamResponse, error) {
			return streamed(ctx, v.node, func(step func(done, total int64)) (any, error) {
				return v.node.check(ctx, g, step)
			}), nil
		})
}

// check re-verifies the tenant's rows and the log that they are compared with.
func (n *Node) check(ctx context.Context, g access.Grant, step func(done, total int64)) (CheckResult, error) {
	decide := func(ctx context.Context) (access.Permit, error) { return g.Decide(ctx, access.StoreCheck, "") }
	var rows int64
	r, err := n.store.CheckLong(ctx, decide, watch.Check, func(done, total int64) {
		rows = total
		step(done, total)
	})
	if err != nil {
		return CheckResult{}, err
	}
	out := checkResult(r)
	out.Packages, err = n.packages.Verify(ctx, validate.Verification{Decide: decide,
		Progress: func(done, total int64) { step(rows+done, rows+total) },
		Fault:    func(where, what string) { out.Faults = append(out.Faults, FaultLine{"package", where, what}) }})
	if err != nil {
		return out, err
	}
	if err := n.log.Flush(ctx); err != nil {
		return out, err
	}
	faults, err := n.log.Check(ctx)
	for _, f := range faults {
		out.Faults = append(out.Faults, FaultLine{"log " + f.Class, f.Where, f.What})
	}
	out.Entries = n.log.Size()
	return out, err
}

func checkResult(r store.CheckReport) CheckResult {
	out := CheckResult{Versions: r.Versions, Resources: r.Resources, IndexRows: r.IndexRows, Blobs: r.Blobs,
		Decisions: r.Decisions, Raw: r.Raw, Series: r.Series, Erased: r.Erased, Faults: []FaultLine{}}
	for _, f := range r.Faults {
		out.Faults = append(out.Faults, FaultLine{f.Class, f.Where, f.What})
	}
	return out
}

func (v *v1) decisions() {
	operate(v, about{"POST", "/v1/decisions/search", access.DecisionRead, access.AuditData, "list-decisions", "List decisions, newest first", false},
		func(ctx context.Context, g access.Grant, in *struct {
			Body struct {
				Patient string `json:"patient,omitempty" maxLength:"64" doc:"FHIR id of one patient; all when left out"`
				Cursor  string `json:"cursor,omitempty" maxLength:"1000"`
				Count   int    `json:"count,omitempty" minimum:"0" maximum:"1000" doc:"50 when left out"`
			}
		}) (*body[DecisionPage], error) {
			count := in.Body.Count
			if count == 0 {
				count = 50
			}
			ds, next, err := v.node.store.Decisions(ctx, g.Permit, in.Body.Patient, in.Body.Cursor, count)
			return answer(DecisionPage{ds, next}), err
		})
	operate(v, about{"GET", "/v1/decisions/{id}", access.DecisionRead, access.AuditData, "show-decision", "Show one decision", false},
		func(ctx context.Context, g access.Grant, in *byID) (*body[DecisionShown], error) {
			d, entry, err := v.node.store.Decision(ctx, g.Permit, in.ID)
			return answer(DecisionShown{d, entry}), err
		})
	operate(v, about{"GET", "/v1/decisions/{id}/feedback", access.DecisionRead, access.AuditData, "list-feedback", "List what people made of a decision, newest first", false},
		func(ctx context.Context, g access.Grant, in *byID) (*body[[]FeedbackShown], error) {
			fs, err := v.node.store.Feedbacks(ctx, g.Permit, in.ID)
			out := []FeedbackShown{}
			for _, f := range fs {
				out = append(out, FeedbackShown{f.Outcome, f.At, f.By, json.RawMessage(f.Body)})
			}
			return answer(out), err
		})
	operate(v, about{"POST", "/v1/decisions/{id}/replay", access.DecisionReplay, access.AuditData, "replay-decision",
		"Recompute a decision from its recorded inputs and compare", false},
		func(ctx context.Context, g access.Grant, in *byID) (*body[Replayed], error) {
			r, err := v.node.predict.Replay(ctx, g, in.ID)
			return answer(Replayed{r.Decision, r.Equal, r.Erased, r.Why}), err
		})
}

type byID struct {
	ID ward.ID `path:"id"`
}
