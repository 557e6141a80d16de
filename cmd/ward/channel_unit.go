package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/ward-health/ward/server"
)

type channelUnitCmd struct {
	List     channelUnitListCmd     `cmd:"" help:"List what is said of a channel's units, and what its results have shown."`
	Propose  channelUnitProposeCmd  `cmd:"" help:"First person: say what the sender means by a unit text."`
	Confirm  channelUnitConfirmCmd  `cmd:"" help:"Second person: put in force what was proposed."`
	Withdraw channelUnitWithdrawCmd `cmd:"" help:"Take back what was said: results under that text are in doubt."`
}

// Help is shown by ward channel unit --help.
func (channelUnitCmd) Help() string {
	return `Some numbers could be meant in more than one unit: magnesium of 2.0 is usual in mg/dL and in meq/L, and a result without a reference range
says even less. Such results are stored with the tag unit-unconfirmed, and no model reads them until two persons with the role steward
have confirmed with the sender what it means. The same verbs say what a text means that is no unit, or a wrong one, at this sender.`
}

// spoken names what is spoken of.
type spoken struct {
	Channel string `arg:"" help:"Name of the channel."`
	Code    string `help:"Local code (OBX-3.1) or LOINC code; all codes when left out." placeholder:"CODE"`
	Sent    string `help:"The unit text as sent (OBX-6), exactly; results without a unit when left out." placeholder:"TEXT"`
}

func (c spoken) path(verb ...string) string {
	return path(append([]string{"v1", "channels", c.Channel, "units"}, verb...)...)
}

type channelUnitListCmd struct {
	person
	Channel string `arg:"" help:"Name of the channel."`
}

// Run implements the verb.
func (c channelUnitListCmd) Run(s *session) error {
	return c.run(s, func(a *api) error {
		var got server.UnitsShown
		if err := a.call(http.MethodGet, path("v1", "channels", c.Channel, "units"), nil, &got); err != nil {
			return err
		}
		if s.json {
			return s.printJSON(got)
		}
		var rows [][]string
		for _, u := range got.Said {
			rows = append(rows, []string{some(u.Code, "any"), some(u.Source, "none"), u.Unit, some(strings.Join(u.Ranges, ", "), "none"), u.State, string(u.First), string(u.Second), u.Digest})
		}
		if err := s.table(got.Said, "CODE SENT MEANS RANGES STATE FIRST SECOND DIGEST", rows); err != nil {
			return err
		}
		rows = nil
		for _, r := range got.Results {
			shift := ""
			if r.Shift != nil {
				shift = strings.TrimSpace(fmt.Sprintf("%.3g times %s, fits %s %s", r.Shift.Ratio, r.Shift.Against, r.Shift.Code, r.Shift.Unit))
			}
			rows = append(rows, []string{some(r.Code, "none"), r.LOINC, r.Unit, fmt.Sprint(r.Results), fmt.Sprintf("%.3g", r.Low), fmt.Sprintf("%.3g", r.Median), fmt.Sprintf("%.3g", r.High), shift})
		}
		s.say("")
		return s.table(got.Results, "CODE LOINC UNIT RESULTS P5 MEDIAN P95 SHIFT", rows)
	})
}

func some(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

type channelUnitProposeCmd struct {
	person
	spoken
	Means  string   `help:"The unit that the sender means, UCUM." required:"" placeholder:"UNIT"`
	Range  []string `help:"Reference range that such results come with (OBX-7); may be repeated. Results without one are covered too." placeholder:"LOW-HIGH" sep:"none"`
	Reason string   `help:"Who of the sender confirmed it, and how; at most 200 characters." required:"" placeholder:"TEXT"`
}

// Help is shown by ward channel unit propose --help.
func (channelUnitProposeCmd) Help() string {
	return `A result that comes with another range than those named is not covered: it may be in another unit. Example:

  ward channel unit propose lab --code 19123-9 --sent mg/dL --means mg/dL --range 1.7-2.2 --as anna --reason "list of Dr Grey, 4 November"

The second person signs in itself and confirms just what it has seen:

  export WARD_TOKEN=...
  ward channel unit list lab
  ward channel unit confirm lab --code 19123-9 --sent mg/dL --digest HEX`
}

// Run implements the verb.
func (c channelUnitProposeCmd) Run(s *session) error {
	return c.run(s, func(a *api) error {
		in := server.Unit{Code: c.Code, Source: c.Sent, Unit: c.Means, Ranges: c.Range, Reason: c.Reason}
		var got server.Unit
		if err := a.call(http.MethodPost, c.path("propose"), in, &got); err != nil {
			return err
		}
		if s.json {
			return s.printJSON(got)
		}
		s.say("proposed; a second person confirms it with --digest %s", got.Digest)
		return nil
	})
}

type channelUnitConfirmCmd struct {
	person
	spoken
	Digest string `help:"Digest of the proposal that you have seen (ward channel unit list)." required:"" placeholder:"HEX"`
}

// Run implements the verb.
func (c channelUnitConfirmCmd) Run(s *session) error {
	return c.run(s, func(a *api) error {
		var got server.Unit
		if err := a.call(http.MethodPost, c.path("confirm"), map[string]string{"code": c.Code, "source": c.Sent, "digest": c.Digest}, &got); err != nil {
			return err
		}
		if s.json {
			return s.printJSON(got)
		}
		s.say("%s of channel %s means %s; messages that came before can be replayed", plain(some(got.Source, "no unit")), plain(c.Channel), plain(got.Unit))
		return nil
	})
}

type channelUnitWithdrawCmd struct {
	person
	spoken
}

// Run implements the verb.
func (c channelUnitWithdrawCmd) Run(s *session) error {
	return c.run(s, func(a *api) error {
		return a.call(http.MethodPost, c.path("withdraw"), map[string]string{"code": c.Code, "source": c.Sent}, nil)
	})
}
