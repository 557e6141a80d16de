package main

import (
	"net/http"
	"os"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/server"
)

type channelCmd struct {
	Add     channelAddCmd     `cmd:"" help:"Open a listener for the messages of one source."`
	List    channelListCmd    `cmd:"" help:"List channels."`
	Disable channelDisableCmd `cmd:"" help:"Close a channel: it takes no more messages."`
	Unit    channelUnitCmd    `cmd:"" help:"What a sender means by a unit text."`
}

type channelAddCmd struct {
	ID         string            `arg:"" help:"Name of the channel: a-z, 0-9 and -; never used again."`
	Principal  string            `help:"Service principal with the role integration." required:"" placeholder:"ID"`
	Listen     string            `help:"IP address and port of its own listener." default:"127.0.0.1:2575" placeholder:"ADDR:PORT"`
	TLS        bool              `help:"Speak TLS with the node's certificate."`
	ClientCA   string            `help:"Senders must show a certificate of the authorities in this PEM file." type:"existingfile" placeholder:"FILE"`
	Allow      []string          `help:"Networks that may connect. Needed beyond loopback unless --client-ca is given." placeholder:"NET/BITS"`
	Processing string            `help:"What an empty MSH-11 means: P, D or T." default:"P" enum:"P,D,T"`
	Zone       string            `help:"IANA time zone of times without an offset." default:"UTC"`
	Charset    string            `help:"Character set of messages with an empty MSH-18 (HL7 table 0211 name)." placeholder:"NAME"`
	System     map[string]string `help:"Identifier system by assigning authority (PID-3.4)." placeholder:"AUTHORITY=URI"`
}

// Help is shown by ward channel add --help.
func (channelAddCmd) Help() string {
	return `The running node begins to listen within seconds. What arrives is acknowledged after it is durable; see ward message list for what became
of it. Example:

  ward principal add lab --kind service --role integration
  ward channel add lab --principal lab --zone Europe/Berlin --system GOODHEALTH=http://goodhealth.example/mrn
  ward send results.hl7`
}

// Run implements the verb.
func (c channelAddCmd) Run(s *session) error {
	in := server.Channel{ID: c.ID, Principal: ward.PrincipalID(c.Principal), Listen: c.Listen, TLS: c.TLS || c.ClientCA != "", Allow: c.Allow, Processing: c.Processing,
		Zone: c.Zone, Charset: c.Charset, Systems: c.System}
	if c.ClientCA != "" {
		text, err := os.ReadFile(c.ClientCA)
		if err != nil {
			return err
		}
		in.ClientCA = string(text)
	}
	return s.with(s.tenant, func(a *api) error {
		if err := a.call(http.MethodPost, "/v1/channels", in, nil); err != nil {
			return err
		}
		s.say("channel %s listens on %s", c.ID, c.Listen)
		return nil
	})
}

type channelListCmd struct{}

// Run implements the verb.
func (channelListCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		have := []server.Channel{}
		for after := ""; ; {
			var page []server.Channel
			if err := a.call(http.MethodGet, "/v1/channels?count=1000&after="+after, nil, &page); err != nil {
				return err
			}
			have = append(have, page...)
			if len(page) < 1000 {
				break
			}
			after = page[len(page)-1].ID
		}
		var rows [][]string
		for _, c := range have {
			how := "plain"
			if c.TLS {
				how = "TLS"
			}
			if c.ClientCA != "" {
				how = "mTLS"
			}
			rows = append(rows, []string{c.ID, string(c.Principal), c.Listen, how, strings.Join(c.Allow, ","), c.Processing, c.Zone, state(c.Disabled)})
		}
		return s.table(have, "CHANNEL PRINCIPAL LISTEN SECURITY ALLOW PROCESSING ZONE STATE", rows)
	})
}

type channelDisableCmd struct {
	ID string `arg:"" help:"Name of the channel."`
}

// Run implements the verb.
func (c channelDisableCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		return a.call(http.MethodPost, path("v1", "channels", c.ID, "disable"), nil, nil)
	})
}
