package console

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/normalize/quarantine"
	"github.com/ward-health/ward/store"
)

// holdRows is how many held facts a page of the list shows.
const holdRows = 50

// The filters that the list offers.
var (
	holdStates  = []store.HoldState{store.HoldHeld, store.HoldProposed, store.HoldReleased, store.HoldRejected, store.HoldSuperseded}
	holdClasses = []string{"unit", "unmapped-code", "plausibility", "identity", "parse", "profile", "order"}
)

// holdsPage is a list of held facts.
type holdsPage struct {
	Held    []store.HeldFact
	State   store.HoldState
	Class   string
	All     bool // no state chosen: every one
	States  []store.HoldState
	Classes []string
	Next    string
	First   bool
}

// holds is GET /console/quarantine. Without a choice the list shows what waits.
func (c *Console) holds(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	p := holdsPage{States: holdStates, Classes: holdClasses, State: chosen(r, "state", holdStates), Class: chosen(r, "class", holdClasses)}
	p.All = r.URL.Query().Get("state") == "all"
	if p.State == "" && !p.All {
		p.State = store.HoldHeld
	}
	q := store.HoldQuery{State: p.State, Class: p.Class, Cursor: cursor(r), Count: holdRows}
	var err error
	if p.Held, p.Next, err = c.desk.List(r.Context(), g, q); err != nil {
		return err
	}
	p.First = q.Cursor == ""
	return c.show(w, r, g, "holds", "Held facts", "holds", p)
}

// holdPage is one held fact on the desk.
type holdPage struct {
	Shown   quarantine.Shown
	Text    string // the resource as it would be
	Digest  string
	Open    bool // it still waits
	Mine    bool // who looks is who proposed
	Wish    quarantine.Correction
	Preview *quarantine.Preview
	Unit    string // the first proposals, to be taken over
	Code    string
}

// hold is GET /console/quarantine/{id}.
func (c *Console) hold(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	return c.showHold(w, r, g, id, http.StatusOK, nil)
}

// showHold renders the fact; change adds to the page what an act found.
func (c *Console) showHold(w http.ResponseWriter, r *http.Request, g access.Grant, id ward.ID, status int, change func(*holdPage, *frame)) error {
	s, err := c.desk.Show(r.Context(), g, id)
	if err != nil {
		return err
	}
	p := holdPage{Shown: s, Text: indented(s.Evidence.Resource), Open: s.Held.State == store.HoldHeld || s.Held.State == store.HoldProposed}
	if s.Proposal != nil {
		p.Digest = hex.EncodeToString(s.Digest[:])
		p.Mine = s.Held.First == g.Permit.Principal().ID
	}
	p.takeOver(s.Evidence)
	f := frameOf(r, g.Permit, "Held fact", "holds", nil)
	f.To = "/console/quarantine/" + id.String()
	f.Notice = notices[r.URL.Query().Get("done")]
	if change != nil {
		change(&p, &f)
	}
	f.Page = p
	return c.write(w, status, "hold", f)
}

// takeOver fills the form with the first proposal that a correction can carry out. One that converts the value is shown only:
// a correction never changes a value, so its unit in the form would mean another amount.
func (p *holdPage) takeOver(e quarantine.Evidence) {
	for _, x := range e.Proposals {
		switch {
		case x.Value != "" && x.Value != e.Sent.Value:
		case x.Code != "":
			p.Code = x.Code
			return
		case x.Unit != "":
			p.Unit = x.Unit
			return
		}
	}
}

// notices are what a page says after an act; the query chooses one of them.
var notices = map[string]string{
	"proposed": "The correction is proposed. A second person must release it.",
	"released": "The fact is released and stored as proposed.",
	"rejected": "The fact is rejected. It stays sealed and readable here.",
	"replayed": "The message is set going again.",
	"ended":    "The message is rejected. It stays kept.",
}

// wish reads the form of a correction: one way, and a reason.
func wish(w http.ResponseWriter, r *http.Request) (quarantine.Correction, error) {
	form, err := readForm(w, r)
	if err != nil {
		return quarantine.Correction{}, err
	}
	k := quarantine.Correction{Reason: strings.TrimSpace(form.Get("reason"))}
	switch form.Get("way") {
	case "unit":
		k.Unit = strings.TrimSpace(form.Get("unit"))
	case "code":
		k.Code = strings.TrimSpace(form.Get("code"))
	case "accept":
		k.Accept = true
	}
	return k, nil
}

// previewHold is POST /console/quarantine/{id}/preview: what a correction would do; nothing is kept.
func (c *Console) previewHold(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	return c.correct(w, r, g, func(ctx context.Context, id ward.ID, k quarantine.Correction) (*quarantine.Preview, error) {
		p, err := c.desk.Preview(ctx, g, id, k)
		return &p, err
	})
}

// proposeHold is POST /console/quarantine/{id}/propose.
func (c *Console) proposeHold(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	return c.correct(w, r, g, func(ctx context.Context, id ward.ID, k quarantine.Correction) (*quarantine.Preview, error) {
		_, err := c.desk.Propose(ctx, g, id, k)
		return nil, err
	})
}

// correct runs an act with a correction. A correction that does not do is answered on the page, with what was typed.
func (c *Console) correct(w http.ResponseWriter, r *http.Request, g access.Grant, act func(context.Context, ward.ID, quarantine.Correction) (*quarantine.Preview, error)) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	k, err := wish(w, r)
	if err != nil {
		return err
	}
	seen, err := act(r.Context(), id, k)
	if err == nil && seen == nil {
		see(w, "/console/quarantine/"+id.String()+"?done=proposed")
		return nil
	}
	refused := ward.KindOf(err) == ward.Invalid || ward.KindOf(err) == ward.Unprocessable || ward.KindOf(err) == ward.Conflict
	if err != nil && !refused {
		return err
	}
	status := http.StatusOK
	if err != nil {
		status = statusOf(err)
	}
	return c.showHold(w, r, g, id, status, func(p *holdPage, f *frame) {
		p.Wish = k
		if err != nil {
			f.Refused = ward.PublicText(err)
			return
		}
		p.Preview = seen
	})
}

// releaseHold is POST /console/quarantine/{id}/release: the second person releases the proposal that stood on the page.
func (c *Console) releaseHold(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	var digest [32]byte
	if n, err := hex.Decode(digest[:], []byte(form.Get("digest"))); err != nil || n != len(digest) {
		return ward.E(ward.Invalid, "console.release", "the form names no proposal; open the held fact again", nil)
	}
	if _, err := c.desk.Release(r.Context(), g, id, digest); err != nil {
		return err
	}
	see(w, "/console/quarantine/"+id.String()+"?done=released")
	return nil
}

// rejectHold is POST /console/quarantine/{id}/reject.
func (c *Console) rejectHold(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	if err := c.desk.Reject(r.Context(), g, id, form.Get("note")); err != nil {
		return err
	}
	see(w, "/console/quarantine/"+id.String()+"?done=rejected")
	return nil
}
