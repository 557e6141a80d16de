package console

import (
	"context"
	"net/http"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/store"
)

// Bounds of the lists on the home page, and of what is counted.
const (
	homeRows = 8
	countMax = 200
)

// waiting is what needs a person.
type waiting struct {
	Held     count // facts that nobody has proposed anything for
	Proposed count // facts that wait for a second person
	Dead     count // messages whose job gave up
	Whole    count // messages held as a whole
}

// count is a number up to countMax.
type count struct {
	N    int  `json:"n"`
	More bool `json:"more"`
}

// homePage is what a role needs first.
type homePage struct {
	Waiting   *waiting
	People    []person
	Messages  []store.MessageInfo
	Decisions []decided
	Entries   []entryLine
	Role      bool // the role has pages here at all
}

// home is GET /console/.
func (c *Console) home(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	ctx, can := r.Context(), offerTo(g.Permit)
	p := homePage{Role: can != offer{}}
	var err error
	if can.Holds || can.Messages {
		if p.Waiting, err = c.waiting(ctx, g, can); err != nil {
			return err
		}
	}
	if can.Messages {
		if p.Messages, _, err = c.listMessages(ctx, g, store.MessageQuery{Count: homeRows}); err != nil {
			return err
		}
	}
	if can.Decisions {
		if p.Decisions, _, err = c.listDecisions(ctx, g, "", "", homeRows); err != nil {
			return err
		}
	}
	if can.Patients {
		if p.People, _, err = c.listPatients(ctx, g, fhir.Search{Type: "Patient", Count: homeRows}); err != nil {
			return err
		}
	}
	if can.Audit {
		if p.Entries, err = c.newest(ctx, g, homeRows); err != nil {
			return err
		}
	}
	f := frameOf(r, g.Permit, "Overview", "home", p)
	f.Live = p.Waiting != nil
	return c.write(w, http.StatusOK, "home", f)
}

// leave is the grant's own permit if it is for the action, else another one.
func leave(ctx context.Context, g access.Grant, a access.Action, rtype string) (access.Permit, error) {
	if g.Permit.Allows(a, rtype) == nil {
		return g.Permit, nil
	}
	return g.Decide(ctx, a, rtype)
}

// waiting counts by listing: each list is an entry of the log, and nothing is opened.
func (c *Console) waiting(ctx context.Context, g access.Grant, can offer) (*waiting, error) {
	out := &waiting{}
	if can.Holds {
		for state, n := range map[store.HoldState]*count{store.HoldHeld: &out.Held, store.HoldProposed: &out.Proposed} {
			found, next, err := c.desk.List(ctx, g, store.HoldQuery{State: state, Count: countMax})
			if err != nil {
				return nil, err
			}
			*n = count{len(found), next != ""}
		}
	}
	if can.Messages {
		for state, n := range map[store.MessageState]*count{store.MessageDead: &out.Dead, store.MessageHeld: &out.Whole} {
			found, next, err := c.listMessages(ctx, g, store.MessageQuery{State: state, Count: countMax})
			if err != nil {
				return nil, err
			}
			*n = count{len(found), next != ""}
		}
	}
	return out, nil
}

func (c *Console) listMessages(ctx context.Context, g access.Grant, q store.MessageQuery) ([]store.MessageInfo, string, error) {
	p, err := leave(ctx, g, access.MessageRead, "")
	if err != nil {
		return nil, "", err
	}
	return c.store.Messages(ctx, p, q)
}

// listPatients finds patients, newest first.
func (c *Console) listPatients(ctx context.Context, g access.Grant, q fhir.Search) ([]person, string, error) {
	p, err := g.Decide(ctx, access.Search, "Patient")
	if err != nil {
		return nil, "", err
	}
	page, err := c.store.Search(ctx, p, q)
	if err != nil {
		return nil, "", err
	}
	var out []person
	for _, v := range page.Versions {
		who, err := personOf(v, c.now())
		if err != nil && ward.KindOf(err) != ward.Unprocessable {
			return nil, "", err
		}
		out = append(out, who)
	}
	return out, page.Next, nil
}
