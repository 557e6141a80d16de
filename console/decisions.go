package console

import (
	"context"
	"net/http"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/predict"
)

// decisionRows is how many decisions a page of the list shows.
const decisionRows = 30

// decided is a decision in a list.
type decided struct {
	Decision ward.Decision
	Answer   string
	Silent   bool // there is no number
}

// modelName is the name in name@version.
func modelName(model string) string {
	name, _, _ := strings.Cut(model, "@")
	return name
}

// listDecisions lists decisions newest first. Those of shadow versions are shown to nobody.
func (c *Console) listDecisions(ctx context.Context, g access.Grant, patient, at string, n int) ([]decided, string, error) {
	p, err := leave(ctx, g, access.DecisionRead, "")
	if err != nil {
		return nil, "", err
	}
	ds, next, err := c.store.Decisions(ctx, p, patient, at, n)
	if err != nil {
		return nil, "", err
	}
	var out []decided
	for _, d := range ds {
		if d.Asked == predict.AskedShadow {
			continue
		}
		row := decided{Decision: d, Silent: d.Output == nil, Answer: "no number"}
		if d.Output != nil {
			row.Answer = predict.Number(d.Output.Value, 2) + " " + unitText(d.Output.Unit)
			if d.Output.Band != "" {
				row.Answer += " (" + d.Output.Band + ")"
			}
		}
		out = append(out, row)
	}
	return out, next, nil
}

// decisionsPage is a list of decisions.
type decisionsPage struct {
	Decisions []decided
	Next      string
	First     bool
}

// decisions is GET /console/decisions.
func (c *Console) decisions(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	at := cursor(r)
	ds, next, err := c.listDecisions(r.Context(), g, "", at, decisionRows)
	if err != nil {
		return err
	}
	return c.show(w, r, g, "decisions", "Decisions", "decisions", decisionsPage{ds, next, at == ""})
}

// decisionPage is one decision with all that it stands on.
type decisionPage struct {
	Card     card
	Sources  []source
	Decision ward.Decision
	Entry    ward.ID
	Replay   *predict.Replay
}

// source is a version that the decision stands on.
type source struct {
	Input   string
	Text    string
	Href    string
	Version int64
	Digest  string
}

// open reads a decision; one of a shadow version is shown to nobody.
func (c *Console) open(ctx context.Context, g access.Grant, id ward.ID) (ward.Decision, ward.ID, error) {
	p, err := leave(ctx, g, access.DecisionRead, "")
	if err != nil {
		return ward.Decision{}, ward.ID{}, err
	}
	d, entry, err := c.store.Decision(ctx, p, id)
	if err == nil && d.Asked == predict.AskedShadow {
		err = ward.E(ward.NotFound, "console.decision", "there is no decision under this id", nil)
	}
	return d, entry, err
}

// decision is GET /console/decisions/{id}.
func (c *Console) decision(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	return c.showDecision(w, r, g, nil)
}

func (c *Console) showDecision(w http.ResponseWriter, r *http.Request, g access.Grant, again *predict.Replay) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	d, entry, err := c.open(r.Context(), g, id)
	if err != nil {
		return err
	}
	p := decisionPage{Card: c.cardOf(r.Context(), g, d), Decision: d, Entry: entry, Replay: again}
	for _, in := range d.Inputs {
		if ref, err := ward.ParseReference(in.Source); err == nil {
			p.Sources = append(p.Sources, source{in.Name, ref.Type + " " + short(ref.ID), recordLink(ref, in.Version), in.Version, in.Digest})
		}
	}
	return c.show(w, r, g, "decision", "Decision", "decisions", p)
}

// replay is POST /console/decisions/{id}/replay: recompute and compare.
func (c *Console) replay(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	again, err := c.predict.Replay(r.Context(), g, id)
	if err != nil {
		return err
	}
	return c.showDecision(w, r, g, &again)
}

// decisionProof is GET /console/decisions/{id}/proof: that the entry of the answer is in the log. What the proof holds is
// public; whether there is such a decision is not, so it is opened first.
func (c *Console) decisionProof(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	_, entry, err := c.open(r.Context(), g, id)
	if err != nil {
		return err
	}
	p, err := c.prove(r.Context(), entry)
	if err != nil {
		return err
	}
	return c.giveProof(w, r, g, "decisions", p)
}

// giveProof shows a proof, or gives its text away as a file.
func (c *Console) giveProof(w http.ResponseWriter, r *http.Request, g access.Grant, here string, p proof) error {
	if r.URL.Query().Get("as") != "file" {
		return c.show(w, r, g, "proof", "Proof", here, p)
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+p.Entry.ID.String()+`.tlog-proof"`)
	w.Write([]byte(p.Text))
	return nil
}
