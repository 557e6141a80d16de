package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/server"
)

type auditCmd struct {
	Tail   auditTailCmd   `cmd:"" help:"Show the newest entries of the tenant."`
	Export auditExportCmd `cmd:"" help:"Write a copy of the log that ward-verify checks without keys or database."`
	Prove  auditProveCmd  `cmd:"" help:"Prove that an entry is in the log."`
	Verify auditVerifyCmd `cmd:"" help:"Re-verify the node's whole log, or an exported copy."`
}

type auditTailCmd struct {
	Count  int  `help:"Number of entries." short:"n" default:"20"`
	Follow bool `help:"Go on with new entries until interrupted; own reads of the log are left out." short:"f"`
	Node   bool `help:"Entries of all tenants, sealed details left closed."`
}

const followEvery = 2 * time.Second

// Run implements the verb.
func (c auditTailCmd) Run(s *session) error {
	if c.Count < 1 || c.Count > 1000 {
		return misused("--count must be 1 to 1000")
	}
	tenant := s.tenant
	if c.Node {
		tenant = ""
	}
	return s.with(tenant, func(a *api) error {
		var page server.EntryPage
		if err := a.call(http.MethodGet, "/v1/audit/entries?count="+strconv.Itoa(c.Count), nil, &page); err != nil {
			return err
		}
		if err := s.entries(page.Entries, true); err != nil || !c.Follow {
			return err
		}
		return c.follow(s, a, page.Next)
	})
}

func (c auditTailCmd) follow(s *session, a *api, next int64) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return nil
		case <-tick.C:
		}
		var page server.EntryPage
		if err := a.call(http.MethodGet, "/v1/audit/entries?count=1000&from="+strconv.FormatInt(next, 10), nil, &page); err != nil {
			if s.ctx.Err() != nil {
				return nil
			}
			return err
		}
		next = page.Next
		var others []server.Entry
		for _, e := range page.Entries {
			if e.Act != "log.read" {
				others = append(others, e)
			}
		}
		if err := s.entries(others, false); err != nil {
			return err
		}
	}
}

func (s *session) entries(list []server.Entry, head bool) error {
	if s.json {
		for _, e := range list {
			if err := s.printJSON(e); err != nil {
				return err
			}
		}
		return nil
	}
	var rows [][]string
	for _, e := range list {
		rows = append(rows, []string{strconv.FormatInt(e.Index, 10), e.At.Local().Format("2006-01-02 15:04:05.000"), e.Act, e.Outcome,
			dash(string(e.Purpose)), dash(string(e.Actor)), strconv.Itoa(e.Records), e.ID.String(), e.Note})
	}
	headings := ""
	if head {
		headings = "INDEX TIME ACT OUTCOME PURPOSE ACTOR RECORDS ENTRY NOTE"
	}
	return s.table(list, headings, rows)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type auditExportCmd struct {
	To string `arg:"" name:"dir" help:"New or empty directory." type:"path"`
}

// Run implements the verb.
func (c auditExportCmd) Run(s *session) error {
	return s.with("", func(a *api) error {
		var done server.Exported
		if err := a.long("export", "/v1/audit/export", map[string]string{"dir": c.To}, &done); err != nil {
			return err
		}
		if s.json {
			return s.printJSON(done)
		}
		s.say("%d entries exported to %s", done.Entries, done.Dir)
		s.say("check them anywhere with: ward-verify --key '%s' %s", done.Key, done.Dir)
		return nil
	})
}

type auditProveCmd struct {
	Entry string `arg:"" help:"Id of the entry, as ward audit tail shows it."`
	Out   string `help:"Write the proof to a file instead of stdout." short:"o" type:"path" placeholder:"FILE"`
	Leaf  string `help:"Write the entry as it stands in the log to a file, for ward-verify --leaf." type:"path" placeholder:"FILE"`
}

// Help is shown by ward audit prove --help.
func (auditProveCmd) Help() string {
	return `Prints a C2SP tlog-proof: the place of the entry, the hashes up to the root, and the signed checkpoint. The proof is
checked here, with the log's public key alone, before it is printed.`
}

// Run implements the verb.
func (c auditProveCmd) Run(s *session) error {
	if _, err := ward.ParseID(c.Entry); err != nil {
		return misused("an entry id has the form of a UUID, as ward audit tail shows it")
	}
	return s.with(s.tenant, func(a *api) error {
		var p server.EntryProof
		if err := a.call(http.MethodGet, path("v1", "audit", "entries", c.Entry, "proof"), nil, &p); err != nil {
			return err
		}
		if err := verify.Proof([]byte(p.Proof), p.Key, p.Leaf); err != nil {
			return errors.Join(faults{1}, err)
		}
		if c.Leaf != "" {
			if err := os.WriteFile(c.Leaf, p.Leaf, 0o600); err != nil {
				return err
			}
		}
		switch {
		case s.json:
			return s.printJSON(p)
		case c.Out != "":
			if err := os.WriteFile(c.Out, []byte(p.Proof), 0o600); err != nil {
				return err
			}
		default:
			fmt.Fprint(s.out, p.Proof)
		}
		fmt.Fprintf(s.err, "entry %d is in the log: the proof verifies\n", p.Index)
		return nil
	})
}

type auditVerifyCmd struct {
	Exported string `arg:"" optional:"" name:"dir" help:"Exported copy; the node's own log when left out." type:"path"`
	Key      string `help:"Public key of the log, kept elsewhere. Without it the key inside the copy is taken, which proves less." placeholder:"VKEY"`
}

// Run implements the verb.
func (c auditVerifyCmd) Run(s *session) error {
	if c.Exported != "" {
		return c.offline(s)
	}
	return s.with("", func(a *api) error {
		var v server.Verified
		if err := a.long("verify", "/v1/audit/verify", nil, &v); err != nil {
			return err
		}
		return s.verdict(v, v.Faults, fmt.Sprintf("%d entries verified: journal, tree, tiles, checkpoint", v.Entries))
	})
}

// verdict prints what a verification found and turns faults into its error.
func (s *session) verdict(v any, list []server.FaultLine, sound string) error {
	if s.json {
		if err := s.printJSON(v); err != nil {
			return err
		}
	} else if len(list) == 0 {
		s.say("%s", sound)
	} else {
		var rows [][]string
		for _, f := range list {
			rows = append(rows, []string{f.Class, f.Where, f.What})
		}
		if err := s.table(v, "CLASS WHERE WHAT", rows); err != nil {
			return err
		}
	}
	if len(list) > 0 {
		return faults{len(list)}
	}
	return nil
}

func (c auditVerifyCmd) offline(s *session) error {
	key := c.Key
	if key == "" {
		text, err := os.ReadFile(filepath.Join(c.Exported, "key.vkey"))
		if err != nil {
			return fmt.Errorf("there is no key.vkey in %s; name the log's public key with --key", c.Exported)
		}
		key = string(bytes.TrimSpace(text))
		fmt.Fprintln(s.err, "checked with the key that lies in the copy itself; name the one you kept with --key")
	}
	r, err := verify.Log(os.DirFS(c.Exported), strings.TrimSpace(key))
	if err != nil {
		return err
	}
	v := server.Verified{Entries: r.Entries, Faults: []server.FaultLine{}}
	for _, f := range r.Faults {
		v.Faults = append(v.Faults, server.FaultLine{Class: "log", Where: c.Exported, What: f})
	}
	return s.verdict(v, v.Faults, fmt.Sprintf("%d entries of %s verified, root %x", r.Entries, r.Origin, r.Root))
}
