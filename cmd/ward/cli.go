package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/server"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitFaults = 3
	exitHeld   = 4
)

const about = `Ward is a self-hosted trust layer between clinical systems and AI: it keeps clinical data sealed, lets
signed models answer on it, and proves every access afterwards.

A first try:

  ward demo --once               see the whole path once, in a temporary directory
  ward init --loopback-only      make a node in ./ward-data
  ward serve                     run it; then, in another terminal:
  ward principal add dr.grey --role clinician
  ward token dr.grey             an access token for the HTTP interface
  ward audit tail                what happened, and who did it

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 verification found faults, 4 the node's directory is held by another process
or the node does not answer.`

// cli is the tree of verbs.
type cli struct {
	Dir  string `help:"Data directory of the node." env:"WARD_DIR" default:"./ward-data" type:"path" placeholder:"DIR"`
	In   string `name:"tenant" help:"Tenant to act in." env:"WARD_TENANT" default:"main" placeholder:"TENANT"`
	JSON bool   `help:"Print JSON instead of tables."`

	Init       initCmd       `cmd:"" help:"Make a node: data directory, keys, certificates, first tenant and administrator."`
	Serve      serveCmd      `cmd:"" help:"Run the node until it is told to stop (SIGINT, SIGTERM)."`
	Demo       demoCmd       `cmd:"" help:"Show the whole path once in a fresh directory: load, card, reads, denial, erasure, proof."`
	Tenant     tenantCmd     `cmd:"" help:"Tenants: organisations whose data is held apart."`
	Principal  principalCmd  `cmd:"" help:"Principals: the humans and services that act."`
	Client     clientCmd     `cmd:"" help:"OAuth clients of services (private_key_jwt)."`
	Channel    channelCmd    `cmd:"" help:"Channels: where HL7 v2 messages come in (MLLP)."`
	Message    messageCmd    `cmd:"" help:"Messages and what became of them: list, show, replay."`
	Quarantine quarantineCmd `cmd:"" help:"Held facts: list, show, release by two persons, reject."`
	Model      modelCmd      `cmd:"" help:"Models: sign and push, list, show, verify, trust keys."`
	Package    packageCmd    `cmd:"" help:"FHIR packages with profiles: load, list, remove."`
	Send       sendCmd       `cmd:"" help:"Send HL7 v2 messages over MLLP."`
	Load       loadCmd       `cmd:"" help:"Load generators, for nodes made for trying."`
	Token      tokenCmd      `cmd:"" help:"Issue an access token for a principal; prints only the token."`
	Audit      auditCmd      `cmd:"" help:"The tamper-evident log: read, prove, export, verify."`
	Store      storeCmd      `cmd:"" help:"What is stored: check every row, blob, key and log entry."`
	Shred      shredCmd      `cmd:"" help:"Erase a patient by destroying its key."`
	Decision   decisionCmd   `cmd:"" help:"Answers of models: list, show, recompute."`
	Fhir       fhirCmd       `cmd:"" help:"FHIR resources in files: validate, path, view, convert, patch. Needs no node."`
	Config     configCmd     `cmd:"" help:"Settings: check, print."`
	Version    versionCmd    `cmd:"" help:"Print version, Go, FIPS state and commit."`
}

// streams are where a run reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// session is what a verb is given.
type session struct {
	streams
	ctx    context.Context
	dir    string
	named  string // the data directory if the command line names one
	tenant string
	json   bool
}

// faults is the error of a verification that found something.
type faults struct{ n int }

func (f faults) Error() string { return fmt.Sprintf("verification found %d faults", f.n) }

// held is the error of a node that cannot be reached.
type held struct{ error }

func (h held) Unwrap() error { return h.error }

type stopped int

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, s streams) (code int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case stopped:
			code = int(p)
		default:
			panic(p)
		}
	}()
	var c cli
	parser := kong.Must(&c, kong.Name("ward"), kong.Description(about), kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { panic(stopped(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120, NoExpandSubcommands: true}))
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if err != nil {
		return usage(s.err, err)
	}
	if !ward.TenantID(c.In).Valid() {
		return usage(s.err, errors.New("--tenant must be a slug of a-z, 0-9 and - that begins with a letter, at most 40 long"))
	}
	return conclude(s, k.Run(&session{s, ctx, c.Dir, named(k), c.In, c.JSON}))
}

// named returns the data directory if a flag names it: neither the environment nor the default is meant by a demo.
func named(k *kong.Context) string {
	for _, p := range k.Path {
		if p.Flag != nil && p.Flag.Name == "dir" {
			return p.Flag.Target.String()
		}
	}
	return ""
}

func usage(w io.Writer, err error) int {
	at := "ward --help"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		at = "ward " + parse.Context.Selected().Path() + " --help"
	}
	fmt.Fprintf(w, "ward: %v\nsee: %s\n", err, at)
	return exitUsage
}

// conclude tells the error and chooses the exit code.
func conclude(s streams, err error) int {
	if err == nil {
		return exitDone
	}
	var f faults
	if errors.As(err, &f) {
		fmt.Fprintf(s.err, "ward: %v\n", err)
		return exitFaults
	}
	fmt.Fprintf(s.err, "ward: %s\n", told(err))
	var h held
	switch {
	case errors.As(err, &h):
		return exitHeld
	case errors.Is(err, errUsage):
		return exitUsage
	}
	return exitFailed
}

var errUsage = errors.New("wrong usage")

// misused is an error in how a verb was called that the parser could not see.
func misused(text string) error { return fmt.Errorf("%s%w", text, silent{errUsage}) }

type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }

// told is what the person at the terminal reads: the operator's text of local errors, the public text of a node's answer.
func told(err error) string {
	var p *server.Problem
	if errors.As(err, &p) {
		text := p.Detail
		if text == "" {
			text = p.Title
		}
		if p.At != "" {
			text += " (at " + p.At + ")"
		}
		return text
	}
	var e *ward.Error
	if errors.As(err, &e) {
		text := e.Public
		if e.Path != "" {
			text += " (at " + e.Path + ")"
		}
		if e.Err != nil {
			text += ": " + told(e.Err)
		}
		return text
	}
	return err.Error()
}
