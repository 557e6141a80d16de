package main

import (
	"net/http"
	"strings"

	"github.com/ward-health/ward/server"
)

type quarantineCmd struct {
	List    quarantineListCmd    `cmd:"" help:"List held facts, oldest first."`
	Show    quarantineShowCmd    `cmd:"" help:"Open one: what was sent, why it is doubted, what is proposed."`
	Release quarantineReleaseCmd `cmd:"" help:"Propose a correction; a second person releases it."`
	Reject  quarantineRejectCmd  `cmd:"" help:"End a held fact; it stays sealed and readable."`
}

// Help is shown by ward quarantine --help.
func (quarantineCmd) Help() string {
	return `Facts that must not be used as they stand: a wrong unit, an impossible value, a late order. Held facts are patient data: the operator does
not open them. Every verb acts for a person with the role steward, named by --as; the log shows both. A release takes two persons.`
}

// person is as whom a verb acts.
type person struct {
	As    string `help:"Person as whom to act: a principal with the role steward. The operator obtains a token for it." placeholder:"PRINCIPAL"`
	Token string `help:"The person's own access token, instead of --as; a release needs it." env:"WARD_TOKEN" placeholder:"TOKEN"`
}

// run connects and acts as the person.
func (p person) run(s *session, fn func(*api) error) error {
	return s.with(s.tenant, func(a *api) error {
		if p.Token != "" {
			a.token = p.Token
		} else if err := a.become(p.As); err != nil {
			return err
		}
		return fn(a)
	})
}

type quarantineListCmd struct {
	person
	State string `help:"Only of this state." enum:",held,proposed,released,rejected,superseded" default:"" placeholder:"STATE"`
	Class string `help:"Only of this class, unit or plausibility for example." placeholder:"CLASS"`
	Count int    `help:"Number of facts." short:"n" default:"50"`
}

// Run implements the verb.
func (c quarantineListCmd) Run(s *session) error {
	if c.Count < 1 || c.Count > 10_000 {
		return misused("--count must be 1 to 10000")
	}
	return c.run(s, func(a *api) error {
		found := []server.HeldFact{}
		for cursor := ""; len(found) < c.Count; {
			ask := map[string]any{"count": min(c.Count-len(found), 1000)}
			for name, v := range map[string]string{"state": c.State, "class": c.Class, "cursor": cursor} {
				if v != "" {
					ask[name] = v
				}
			}
			var page server.HeldPage
			if err := a.call(http.MethodPost, "/v1/quarantine/search", ask, &page); err != nil {
				return err
			}
			found = append(found, page.Facts...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		var rows [][]string
		for _, h := range found {
			rows = append(rows, []string{h.ID.String(), h.At.Local().Format("2006-01-02 15:04:05"), string(h.State), h.Class, h.Reason, h.Position, h.Message.String()})
		}
		return s.table(found, "HELD AT STATE CLASS REASON POSITION MESSAGE", rows)
	})
}

type quarantineShowCmd struct {
	person
	ID string `arg:"" help:"Id of the held fact."`
}

// Run implements the verb.
func (c quarantineShowCmd) Run(s *session) error {
	return c.run(s, func(a *api) error {
		var h server.HeldShown
		if err := a.call(http.MethodGet, path("v1", "quarantine", c.ID), nil, &h); err != nil {
			return err
		}
		e := h.Evidence
		rows := [][]string{{"held", h.ID.String()}, {"state", string(h.State)}, {"class", h.Class + ": " + h.Reason}, {"message", h.Message.String() + " " + h.Position},
			{"patient", h.Patient}, {"sent", strings.Join(strings.Fields(strings.Join([]string{e.Sent.Code, e.Sent.Display, e.Sent.Comparator, e.Sent.Value, e.Sent.Unit}, " ")), " ")},
			{"range sent", e.Sent.Range}, {"taken", e.Sent.Taken}}
		for _, w := range e.Why {
			rows = append(rows, []string{"why", w})
		}
		for _, p := range e.Proposals {
			rows = append(rows, []string{"would fit", strings.TrimSpace(strings.Join([]string{p.Code, p.Value, p.Unit}, " ")) + ": " + p.Why})
		}
		if h.Proposal != nil {
			rows = append(rows, []string{"proposed by", string(h.First)}, []string{"because", h.Proposal.Correction.Reason}, []string{"digest", h.Digest})
			for _, d := range h.Proposal.Diff {
				rows = append(rows, []string{"change", d.Path + ": " + d.From + " -> " + d.To})
			}
		}
		if h.Note != "" {
			rows = append(rows, []string{"rejected because", h.Note})
		}
		return s.table(h, "", rows)
	})
}

type quarantineReleaseCmd struct {
	person
	ID     string `arg:"" help:"Id of the held fact."`
	Unit   string `help:"First person: the unit that was meant, UCUM." xor:"how" placeholder:"UNIT"`
	Code   string `help:"First person: the LOINC code that was meant." xor:"how" placeholder:"CODE"`
	Accept bool   `help:"First person: the fact stands as it was sent." xor:"how"`
	Reason string `help:"First person: why, at most 200 characters." placeholder:"TEXT"`
	Digest string `help:"Second person: digest of the proposal that you have seen (ward quarantine show)." placeholder:"HEX"`
}

// Help is shown by ward quarantine release --help.
func (quarantineReleaseCmd) Help() string {
	return `The first person says what was meant and why; the correction is judged by the same rules as everything that arrives:

  ward quarantine release ID --as anna --unit mmol/L --reason "laboratory confirms the unit"

The second person looks at it and releases just that, with a token from its own sign-in (a token that the operator obtained does not
count), or in the console:

  export WARD_TOKEN=...
  ward quarantine show ID
  ward quarantine release ID --digest HEX`
}

// Run implements the verb.
func (c quarantineReleaseCmd) Run(s *session) error {
	first := c.Unit != "" || c.Code != "" || c.Accept
	if first == (c.Digest != "") {
		return misused("give either a correction (--unit, --code or --accept, with --reason) or, as the second person, --digest")
	}
	return c.run(s, func(a *api) error {
		if first {
			var p server.Preview
			in := server.Correction{Unit: c.Unit, Code: c.Code, Accept: c.Accept, Reason: c.Reason}
			if err := a.call(http.MethodPost, path("v1", "quarantine", c.ID, "propose"), in, &p); err != nil {
				return err
			}
			if s.json {
				return s.printJSON(p)
			}
			for _, d := range p.Diff {
				s.say("%s: %s -> %s", plain(d.Path), plain(d.From), plain(d.To))
			}
			s.say("proposed; a second person releases it")
			return nil
		}
		var done []server.Released
		if err := a.call(http.MethodPost, path("v1", "quarantine", c.ID, "release"), map[string]string{"digest": c.Digest}, &done); err != nil {
			return err
		}
		if s.json {
			return s.printJSON(done)
		}
		for _, r := range done {
			s.say("stored %s version %d", r.Fact, r.Version)
		}
		return nil
	})
}

type quarantineRejectCmd struct {
	person
	ID     string `arg:"" help:"Id of the held fact."`
	Reason string `help:"Why, at most 200 characters." required:""`
}

// Run implements the verb.
func (c quarantineRejectCmd) Run(s *session) error {
	return c.run(s, func(a *api) error {
		return a.call(http.MethodPost, path("v1", "quarantine", c.ID, "reject"), map[string]string{"note": c.Reason}, nil)
	})
}
