package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/store"
)

// Bounds of what a patient's page reads.
const (
	maxResults    = 1000
	maxEncounters = 50
	maxDecisions  = 30
)

// patientPage is what is known of one patient.
type patientPage struct {
	Person     person
	Merged     bool // the address named a record that was merged into this one
	Sections   []section
	Results    int
	Many       bool // some have a trend
	Cut        bool // there are more results than the page reads
	Held       []store.HeldFact
	Encounters []encounter
	Cards      []card // the newest decision of each model
	Decisions  []decided
	Models     []offeredModel
	NoModels   string // why there are none to ask
}

// offeredModel is a model that can be asked.
type offeredModel struct{ Name, Title, Version string }

// encounter is a stay or visit.
type encounter struct {
	Ref        ward.Reference
	Version    int64
	Status     string
	Class      string
	Type       string
	Start, End string
	Where      string
}

// patient is GET /console/patients/{id}.
func (c *Console) patient(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	ctx, id := r.Context(), r.PathValue("id")
	if !ward.ValidID(id) {
		return ward.E(ward.NotFound, "console.patient", "there is no patient under this id", nil)
	}
	read, err := leave(ctx, g, access.Read, "Patient")
	if err != nil {
		return err
	}
	lives, err := c.store.Survivor(ctx, read, id)
	if err != nil {
		return err
	}
	if lives != id {
		see(w, "/console/patients/"+url.PathEscape(lives)+"?merged=1")
		return nil
	}
	v, err := c.store.Get(ctx, read, ward.Reference{Type: "Patient", ID: id})
	if err != nil {
		return err
	}
	p := patientPage{Merged: r.URL.Query().Get("merged") == "1"}
	if p.Person, err = personOf(v, c.now()); err != nil {
		return err
	}
	if err := c.fill(ctx, g, &p, id); err != nil {
		return err
	}
	f := frameOf(r, g.Permit, "Patient", "patients", p)
	return c.write(w, http.StatusOK, "patient", f)
}

// fill reads what belongs to the patient, each part under a permit of its own.
func (c *Console) fill(ctx context.Context, g access.Grant, p *patientPage, id string) error {
	can := offerTo(g.Permit)
	if err := c.results(ctx, g, p, id); err != nil {
		return err
	}
	if err := c.encounters(ctx, g, p, id); err != nil {
		return err
	}
	var err error
	if can.Holds {
		for _, state := range []store.HoldState{store.HoldProposed, store.HoldHeld} {
			held, _, err := c.desk.List(ctx, g, store.HoldQuery{State: state, Patient: id, Count: 50})
			if err != nil {
				return err
			}
			p.Held = append(p.Held, held...)
		}
	}
	if can.Decisions {
		if p.Decisions, _, err = c.listDecisions(ctx, g, id, "", maxDecisions); err != nil {
			return err
		}
		p.Cards = c.newestCards(ctx, g, p.Decisions)
	}
	if can.Ask {
		err = c.askable(ctx, g, p)
	}
	return err
}

// of reads what a search for the patient finds of one type.
func (c *Console) of(ctx context.Context, g access.Grant, rtype, id string, n int) (store.Page, error) {
	p, err := g.Decide(ctx, access.Search, rtype)
	if err != nil {
		return store.Page{}, err
	}
	q, err := fhir.ParseSearch(rtype, url.Values{"patient": {id}})
	if err != nil {
		return store.Page{}, err
	}
	q.Count = n
	return c.store.Search(ctx, p, q)
}

func (c *Console) results(ctx context.Context, g access.Grant, p *patientPage, id string) error {
	page, err := c.of(ctx, g, "Observation", id, maxResults)
	if err != nil {
		return err
	}
	var rs []result
	for _, v := range page.Versions {
		r, err := resultOf(v)
		if err != nil {
			r.Sent = "cannot be shown here; open the record"
		}
		rs = append(rs, r)
	}
	p.Results, p.Cut, p.Sections = len(rs), page.Next != "", groupResults(rs)
	for _, s := range p.Sections {
		p.Many = p.Many || slices.ContainsFunc(s.Groups, group.Many)
	}
	return nil
}

func (c *Console) encounters(ctx context.Context, g access.Grant, p *patientPage, id string) error {
	page, err := c.of(ctx, g, "Encounter", id, maxEncounters)
	if err != nil {
		return err
	}
	for _, v := range page.Versions {
		b, err := decode[encounterBody](v)
		if err != nil {
			return err
		}
		e := encounter{Ref: v.Ref, Version: v.Number, Status: b.Status, Class: b.Class.Display, Start: moment(b.Period.Start), End: moment(b.Period.End)}
		if e.Start == "" {
			e.Start = "not known"
		}
		if e.Class == "" {
			e.Class = b.Class.Code
		}
		if len(b.Type) > 0 {
			e.Type = b.Type[0].words()
		}
		if len(b.Where) > 0 {
			e.Where = b.Where[0].Location.Display
		}
		p.Encounters = append(p.Encounters, e)
	}
	return nil
}

// askable lists the models that answer. One that does not verify is named as a reason, and nothing is offered then.
func (c *Console) askable(ctx context.Context, g access.Grant, p *patientPage) error {
	may, err := leave(ctx, g, access.Predict, "")
	if err != nil {
		return err
	}
	vs, err := c.predict.ActiveModels(ctx, access.Grant{Permit: may, Decide: g.Decide})
	if err != nil {
		c.observe(ctx, err)
		p.NoModels = ward.PublicText(err)
		return nil
	}
	for _, v := range vs {
		m := v.Manifest()
		p.Models = append(p.Models, offeredModel{m.Name, m.Title, m.Version})
	}
	return nil
}

// ask is POST /console/patients/{id}/ask: a model answers now.
func (c *Console) ask(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	d, _, err := c.predict.Serve(r.Context(), g, form.Get("model"), r.PathValue("id"), "console")
	if err != nil {
		return err
	}
	see(w, "/console/decisions/"+d.ID.String())
	return nil
}

// recordPage is one version of a record as it stands.
type recordPage struct {
	Version ward.Version
	Text    string
}

// record is GET /console/records/{type}/{id}/{version}.
func (c *Console) record(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	ref := ward.Reference{Type: r.PathValue("type"), ID: r.PathValue("id")}
	n, err := versionOf(r.PathValue("version"))
	if err != nil || !ward.ValidID(ref.ID) {
		return ward.E(ward.NotFound, "console.record", "there is no such version", err)
	}
	v, err := c.store.VRead(r.Context(), g.Permit, ref, n)
	if err != nil {
		return err
	}
	return c.show(w, r, g, "record", ref.Type, "patients", recordPage{v, indented([]byte(v.Body))})
}
