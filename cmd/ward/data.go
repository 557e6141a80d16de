package main

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/server"
)

type storeCmd struct {
	Check storeCheckCmd `cmd:"" help:"Re-verify every stored row, blob, key and log entry."`
}

type storeCheckCmd struct {
	AllTenants bool `help:"Check every tenant, not only --tenant."`
}

// Help is shown by ward store check --help.
func (storeCheckCmd) Help() string {
	return `Opens every body, recomputes every index row, compares pointers with versions, versions with log entries and blobs with their
names, reads the FHIR packages and what is counted of each sender, checks every key row, and re-verifies the log. Exit code 3 and one line
for each fault when something is wrong.`
}

// Run implements the verb.
func (c storeCheckCmd) Run(s *session) error {
	tenants := []string{s.tenant}
	if c.AllTenants {
		err := s.with("", func(a *api) error {
			var have []server.Tenant
			err := a.call(http.MethodGet, "/v1/tenants", nil, &have)
			tenants = nil
			for _, t := range have {
				tenants = append(tenants, string(t.ID))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	found := 0
	for _, t := range tenants {
		n, err := c.one(s, t)
		if err != nil {
			return err
		}
		found += n
	}
	if found > 0 {
		return faults{found}
	}
	return nil
}

func (c storeCheckCmd) one(s *session, tenant string) (found int, err error) {
	err = s.with(tenant, func(a *api) error {
		var r server.CheckResult
		if err := a.long("check "+tenant, "/v1/store/check", nil, &r); err != nil {
			return err
		}
		found = len(r.Faults)
		if s.json {
			return s.printJSON(r)
		}
		s.say("tenant %s: %d resources, %d versions, %d index rows, %d decisions, %d blobs, %d erased, %d log entries; %d faults",
			tenant, r.Resources, r.Versions, r.IndexRows, r.Decisions, r.Blobs, r.Erased, r.Entries, found)
		var rows [][]string
		for _, f := range r.Faults {
			rows = append(rows, []string{f.Class, f.Where, f.What})
		}
		if found == 0 {
			return nil
		}
		return s.table(r, "CLASS WHERE WHAT", rows)
	})
	return found, err
}

type shredCmd struct {
	Patient string `arg:"" help:"FHIR id of the Patient."`
	Yes     bool   `help:"Do not ask."`
}

// Help is shown by ward shred --help.
func (shredCmd) Help() string {
	return `Destroys the patient's data key. Nothing that was sealed under it opens any more on this node; index rows are removed within 5
seconds; the log keeps its entries and still verifies. It cannot be undone. Backups made before still hold the wrapped key: the
certificate that is printed says what remains.`
}

// Run implements the verb.
func (c shredCmd) Run(s *session) error {
	if !c.Yes {
		fmt.Fprint(s.err, "This erases the patient for ever. Type the id once more to go on: ")
		line, _ := bufio.NewReader(s.in).ReadString('\n')
		if strings.TrimSpace(line) != c.Patient {
			return misused("nothing was erased: the id was not repeated (or use --yes)")
		}
	}
	return s.with(s.tenant, func(a *api) error {
		var e server.Erasure
		if err := a.call(http.MethodPost, "/v1/shred", map[string]string{"patient": c.Patient}, &e); err != nil {
			return err
		}
		if s.json {
			return s.printJSON(e)
		}
		for line := range strings.Lines(e.Certificate) {
			s.say("%s", plain(strings.TrimSuffix(line, "\n")))
		}
		s.say("%d sealed texts gone at %s; log entry %s", e.Versions, e.At.Format(time.RFC3339), e.Entry)
		return nil
	})
}

type decisionCmd struct {
	List   decisionListCmd   `cmd:"" help:"List decisions, newest first."`
	Show   decisionShowCmd   `cmd:"" help:"Show one decision with its inputs and lineage."`
	Replay decisionReplayCmd `cmd:"" help:"Recompute decisions from their recorded inputs and compare."`
}

type decisionListCmd struct {
	Patient string `help:"Of one patient only (FHIR id)." placeholder:"ID"`
	Count   int    `help:"Number of decisions." short:"n" default:"50"`
}

// Run implements the verb.
func (c decisionListCmd) Run(s *session) error {
	if c.Count < 1 || c.Count > 1000 {
		return misused("--count must be 1 to 1000")
	}
	return s.with(s.tenant, func(a *api) error {
		found, err := decisions(a, c.Patient, c.Count)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, d := range found {
			rows = append(rows, []string{d.ID.String(), d.At.Local().Format("2006-01-02 15:04:05"), d.Model, d.Asked, d.Patient, result(d)})
		}
		return s.table(found, "DECISION TIME MODEL ASKED PATIENT RESULT", rows)
	})
}

// decisions reads up to n decisions, newest first, page by page.
func decisions(a *api, patient string, n int) ([]ward.Decision, error) {
	found := []ward.Decision{}
	for cursor := ""; len(found) < n; {
		var page server.DecisionPage
		ask := map[string]any{"patient": patient, "count": min(n-len(found), 200), "cursor": cursor}
		if err := a.call(http.MethodPost, "/v1/decisions/search", ask, &page); err != nil {
			return nil, err
		}
		found = append(found, page.Decisions...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	return found, nil
}

func result(d ward.Decision) string {
	if d.Output == nil {
		return "no number"
	}
	return strconv.FormatFloat(d.Output.Value, 'g', -1, 64) + " " + d.Output.Unit
}

type decisionShowCmd struct {
	ID string `arg:"" help:"Id of the decision."`
}

// Run implements the verb.
func (c decisionShowCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		var d server.DecisionShown
		if err := a.call(http.MethodGet, path("v1", "decisions", c.ID), nil, &d); err != nil {
			return err
		}
		rows := [][]string{{"decision", d.Decision.ID.String()}, {"at", d.Decision.At.Format(time.RFC3339Nano)},
			{"patient", d.Decision.Patient}, {"asked", d.Decision.Asked}, {"model", d.Decision.Model}, {"manifest", d.Decision.Digest},
			{"result", result(d.Decision)}}
		for _, in := range d.Decision.Inputs {
			rows = append(rows, []string{"input", fmt.Sprintf("%s = %g %s (given %s) from %s version %d", in.Name, in.Value, in.Unit, in.Given, in.Source, in.Version)})
		}
		for _, r := range d.Decision.Reasons {
			rows = append(rows, []string{"reason", r})
		}
		l := d.Decision.Lineage
		rows = append(rows, []string{"principal", string(l.Principal)}, []string{"purpose", string(l.Purpose)}, []string{"policy", l.Policy},
			[]string{"engine", l.Engine}, []string{"entry", d.Entry.String()})
		var said []server.FeedbackShown
		if err := a.call(http.MethodGet, path("v1", "decisions", c.ID, "feedback"), nil, &said); err != nil {
			return err
		}
		for _, f := range said {
			rows = append(rows, []string{"feedback", fmt.Sprintf("%s by %s at %s %s", f.Outcome, f.By, f.At.Format(time.RFC3339), f.Body)})
		}
		return s.table(struct {
			server.DecisionShown
			Feedback []server.FeedbackShown `json:"feedback"`
		}{d, said}, "", rows)
	})
}

// Help is shown by ward decision replay --help.
func (decisionReplayCmd) Help() string {
	return `Reads the very versions that the decision recorded, computes again with the very artefact, and compares byte by byte. Exit code 3
when a decision is not equal, or cannot be recomputed because its inputs were erased; the reason is shown.`
}

type decisionReplayCmd struct {
	ID  string `arg:"" optional:"" help:"Id of the decision."`
	All bool   `help:"The newest 1000 decisions of the tenant."`
}

// Run implements the verb.
func (c decisionReplayCmd) Run(s *session) error {
	if (c.ID == "") == !c.All {
		return misused("name one decision, or --all")
	}
	return s.with(s.tenant, func(a *api) error {
		ids := []string{c.ID}
		if c.All {
			found, err := decisions(a, "", 1000)
			if err != nil {
				return err
			}
			ids = nil
			for _, d := range found {
				ids = append(ids, d.ID.String())
			}
		}
		all, rows, bad := []server.Replayed{}, [][]string{}, 0
		show := newMeter(s.err, "replay")
		for i, id := range ids {
			var r server.Replayed
			if err := a.call(http.MethodPost, path("v1", "decisions", id, "replay"), nil, &r); err != nil {
				show.end()
				return err
			}
			if !r.Equal && !r.Erased {
				bad++
			}
			all = append(all, r)
			rows = append(rows, []string{r.Decision.String(), verdict(r), r.Why})
			show.at(int64(i+1), int64(len(ids)))
		}
		show.end()
		if err := s.table(all, "DECISION RESULT WHY", rows); err != nil {
			return err
		}
		if bad > 0 {
			return faults{bad}
		}
		return nil
	})
}

func verdict(r server.Replayed) string {
	switch {
	case r.Equal:
		return "equal"
	case r.Erased:
		return "erased"
	}
	return "not equal"
}
