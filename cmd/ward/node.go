package main

import (
	"bytes"
	"errors"
	"os"
	"runtime/debug"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/server"
)

type initCmd struct {
	LoopbackOnly   bool     `help:"Serve plain HTTP on a loopback address instead of HTTPS: for tries on one machine."`
	Listen         string   `help:"Address of the HTTP(S) listener." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	URL            string   `help:"Base address as clients see it, when a proxy stands before the node." placeholder:"URL"`
	Name           []string `help:"Further host name or address for the server's certificate; may be repeated." placeholder:"HOST"`
	TenantName     string   `help:"Name of the first tenant." placeholder:"TEXT"`
	Admin          string   `help:"Id of the first administrator." default:"admin" placeholder:"ID"`
	DSN            string   `help:"Keep the data in PostgreSQL; the connection string is named as env:NAME, file:/PATH or cred:NAME." placeholder:"REF"`
	PassphraseFile string   `help:"File with the passphrase of the root key." env:"WARD_PASSPHRASE_FILE" type:"path" placeholder:"FILE"`
	Passphrase     bool     `help:"Ask for the passphrase of the root key at the terminal."`
	Credential     string   `help:"Unlock the root key by a credential: cred:ward-root (systemd LoadCredential) or file:PATH." placeholder:"REF"`
}

// Help is shown by ward init --help.
func (initCmd) Help() string {
	return `Makes everything a node needs in the data directory (--dir), which must be missing or empty, adds the first tenant
(--tenant) and its administrator, and prints the administrator's one-time sign-in link.

The root key, below which every other key stands, is unlocked by one of: a passphrase (--passphrase, --passphrase-file), a
systemd credential (--credential cred:ward-root), or, when you name none, a random secret that is written beside the key into
root.cred. That last form protects nothing from whoever can read the directory: it is for tries.`
}

// Run implements the verb.
func (c initCmd) Run(s *session) error {
	o := server.InitOptions{Tenant: ward.TenantID(s.tenant), TenantName: c.TenantName, Admin: ward.PrincipalID(c.Admin), Listen: c.Listen,
		LoopbackOnly: c.LoopbackOnly, URL: c.URL, Names: c.Name, DSN: c.DSN, Credential: c.Credential}
	if err := c.passphrase(&o); err != nil {
		return err
	}
	r, err := server.Init(s.ctx, s.dir, o)
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(r)
	}
	s.say("A node was made in %s", r.Dir)
	s.say("  address          %s", r.URL)
	s.say("  first tenant     %s", r.Tenant)
	s.say("  administrator    %s", r.Admin)
	s.say("  sign-in link     %s", r.Link)
	s.say("                   works once, within 15 minutes, while the node runs; a new one: ward principal link %s", r.Admin)
	s.say("  log's key        %s", r.Key)
	s.say("                   keep a copy elsewhere: with it anyone can verify an exported log")
	if r.CACert != "" {
		s.say("  local authority  %s (clients must trust it)", r.CACert)
	}
	if r.Credential != "" {
		s.say("")
		s.say("This node is for tries: %s unlocks the root key and lies beside it,", r.Credential)
		s.say("so whoever can read the directory can read the data. For real data make a node with --passphrase or --credential.")
	}
	s.say("")
	s.say("Next: ward serve --dir %s", r.Dir)
	return nil
}

func (c initCmd) passphrase(o *server.InitOptions) error {
	given := 0
	for _, on := range []bool{c.Passphrase, c.PassphraseFile != "", c.Credential != ""} {
		if on {
			given++
		}
	}
	switch {
	case given > 1:
		return misused("choose one of --passphrase, --passphrase-file and --credential")
	case c.PassphraseFile != "":
		text, err := server.ReadSecret(c.PassphraseFile)
		o.Passphrase, o.PassphraseIs = text, "file:"+c.PassphraseFile
		return err
	case c.Passphrase:
		first, err := server.AskSecret("New passphrase of the root key: ")
		if err != nil {
			return err
		}
		second, err := server.AskSecret("Once more: ")
		if err == nil && !bytes.Equal(first, second) {
			err = errors.New("the two passphrases differ; nothing was made")
		}
		o.Passphrase = first
		return err
	}
	return nil
}

// gcPercent lets the heap of a node grow to three times what is live before it is collected: a node allocates much and keeps little, and
// with Go's own setting a tenth of its processor time went into collection. The variable GOGC goes before it.
const gcPercent = 200

type serveCmd struct {
	Listen string `help:"Listen here instead of at the configured address." placeholder:"HOST:PORT"`
}

// Help is shown by ward serve --help.
func (serveCmd) Help() string {
	return `Runs the node in the foreground. It stops in order on SIGINT or SIGTERM within 15 seconds: no new requests, running ones
finished, the log brought under a signed checkpoint. The operator's log goes to stderr and holds no patient data.
GET /readyz answers 200 while the node takes requests.`
}

// Run implements the verb.
func (c serveCmd) Run(s *session) error {
	config, err := server.Load(s.dir)
	if err != nil {
		return err
	}
	if c.Listen != "" {
		config.Listen = c.Listen
	}
	if err := config.Bind(); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	node, err := server.Open(s.ctx, config)
	if err != nil {
		config.Listener.Close()
		if ward.KindOf(err) == ward.Unavailable {
			return held{err}
		}
		return err
	}
	return node.Serve(s.ctx)
}

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Check the settings of the data directory and the environment."`
	Print configPrintCmd `cmd:"" help:"Print the settings in effect; secrets stand in them by reference only."`
}

// Help is shown by ward config --help.
func (configCmd) Help() string {
	return "Settings stand in ward.json of the data directory. Environment variables go before them:\n\n  " +
		strings.Join(server.EnvironmentHelp(), "\n  ")
}

type configCheckCmd struct{}

// Run implements the verb.
func (configCheckCmd) Run(s *session) error {
	c, err := server.Load(s.dir)
	if err != nil {
		return err
	}
	s.say("The settings of %s are sound; clients reach the node at %s", c.Dir, c.BaseURL())
	return nil
}

type configPrintCmd struct{}

// Run implements the verb.
func (configPrintCmd) Run(s *session) error {
	c, err := server.Load(s.dir)
	if err != nil {
		return err
	}
	return c.Print(s.out)
}

type versionCmd struct{}

// Run implements the verb.
func (versionCmd) Run(s *session) error {
	b := server.BuildInfo()
	fips, commit := "off", b.Commit
	if b.FIPS {
		fips = "on"
	}
	if commit == "" {
		commit = "unknown"
	}
	return s.table(b, "", [][]string{{"ward", b.Version}, {"go", b.Go + " " + b.OS + "/" + b.Arch}, {"fips140", fips}, {"commit", commit}})
}
