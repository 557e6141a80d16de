package console

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/audit/verify"
)

// Bounds of reading the log.
const (
	entryRows  = 50
	scanStep   = 512    // leaves looked at in one go
	scanBound  = 20_000 // leaves looked at for one page
	verifyTime = 5 * time.Minute
)

// entryLine is one entry as the explorer shows it. Actor, note and records come out of its sealed detail.
type entryLine struct {
	audit.Entry
	Who     ward.PrincipalID
	Note    string
	Records int
}

// filter chooses entries by what their leaves say.
type filter struct {
	Act     string
	Outcome string
}

func (f filter) holds(e audit.Entry) bool {
	return (f.Act == "" || e.Act.String() == f.Act) && (f.Outcome == "" || e.Outcome.String() == f.Outcome)
}

// acts are the names of all acts, in the order of their names.
var acts = func() (out []string) {
	for a := audit.ActRead; a <= audit.ActUnitWithdraw; a++ {
		out = append(out, a.String())
	}
	slices.Sort(out)
	return out
}()

var outcomes = []string{audit.Done.String(), audit.Denied.String(), audit.Failed.String()}

// entriesPage is a piece of the log.
type entriesPage struct {
	Entries    []entryLine
	Filter     filter
	Acts       []string
	Outcomes   []string
	Size       int64
	Before     int64 // index to go on below; 0: there is nothing older
	First      bool
	Checkpoint string
	Key        string
	Verified   *verified
}

// verified is the result of re-verifying the whole log.
type verified struct {
	Entries int64
	Faults  []audit.Fault
	Took    time.Duration
}

// entries is GET /console/log: newest entries first.
func (c *Console) entries(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	return c.showEntries(w, r, g, nil)
}

func (c *Console) showEntries(w http.ResponseWriter, r *http.Request, g access.Grant, checked *verified) error {
	ctx := r.Context()
	p := entriesPage{Filter: filter{chosen(r, "act", acts), chosen(r, "outcome", outcomes)}, Acts: acts, Outcomes: outcomes, Key: c.log.VerifierKey(), Verified: checked}
	if err := c.log.Flush(ctx); err != nil {
		return err
	}
	p.Size = c.log.Size()
	from := p.Size
	if n, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64); err == nil && n > 0 && n < from {
		from = n
	}
	p.First = from == p.Size
	var err error
	if p.Entries, p.Before, err = c.read(ctx, g, p.Filter, from, entryRows); err != nil {
		return err
	}
	_, checkpoint, err := c.log.ProveConsistency(ctx, 0)
	if err != nil {
		return err
	}
	p.Checkpoint = string(checkpoint)
	return c.show(w, r, g, "log", "Log", "log", p)
}

// newest are the entries made until now.
func (c *Console) newest(ctx context.Context, g access.Grant, n int) ([]entryLine, error) {
	p, err := leave(ctx, g, access.LogRead, "")
	if err != nil {
		return nil, err
	}
	if err := c.log.Flush(ctx); err != nil {
		return nil, err
	}
	out, _, err := c.read(ctx, access.Grant{Permit: p, Decide: g.Decide}, filter{}, c.log.Size(), n)
	return out, err
}

// read opens up to n of the tenant's entries below an index, newest first. Entries of other tenants are passed over.
func (c *Console) read(ctx context.Context, g access.Grant, f filter, below int64, n int) ([]entryLine, int64, error) {
	tenant, err := c.log.TenantPseudonym(ctx, g.Permit.Tenant())
	if err != nil {
		return nil, 0, err
	}
	var found []audit.Entry
	at := below
	for seen := 0; at > 0 && len(found) < n && seen < scanBound; {
		start := max(0, at-scanStep)
		part, err := c.log.Entries(ctx, start, int(at-start))
		if err != nil {
			return nil, 0, err
		}
		if len(part) == 0 {
			break
		}
		for _, e := range slices.Backward(part) {
			if at, seen = e.Index, seen+1; e.Tenant == tenant && f.holds(e) {
				found = append(found, e)
			}
			if len(found) == n {
				break
			}
		}
	}
	out, err := c.details(ctx, g.Permit, found)
	return out, at, err
}

// details opens what the entries hold, under an entry of its own.
func (c *Console) details(ctx context.Context, p access.Permit, es []audit.Entry) ([]entryLine, error) {
	receipt, err := c.log.Begin(ctx, p.Intent(audit.ActLogRead))
	if err != nil {
		return nil, err
	}
	var out []entryLine
	for _, e := range es {
		d, err := c.log.Detail(ctx, receipt, p.Tenant(), e.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, entryLine{Entry: e, Who: d.Actor, Note: d.Note, Records: len(d.Subjects)})
	}
	return out, nil
}

// verifyLog is POST /console/log/verify: journal, tree, tiles and checkpoint are checked anew.
func (c *Console) verifyLog(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	ctx, cancel := context.WithTimeout(r.Context(), verifyTime)
	defer cancel()
	// A log of years takes longer than an answer may; a server that cannot wait keeps its own bound.
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(verifyTime + liveWrite))
	if _, err := c.log.Begin(ctx, g.Permit.Intent(audit.ActLogRead)); err != nil {
		return err
	}
	if err := c.log.Flush(ctx); err != nil {
		return err
	}
	began, size := time.Now(), c.log.Size()
	faults, err := c.log.Check(ctx)
	if err != nil {
		return err
	}
	return c.showEntries(w, r, g, &verified{size, faults, time.Since(began).Round(time.Millisecond)})
}

// proof is what proves one entry to whoever holds the log's public key.
type proof struct {
	Entry   audit.Entry
	Text    string // C2SP tlog-proof with a signed checkpoint
	Leaf    string // the entry as it stands in the log, base64
	Key     string
	Fault   string // why it does not hold; empty: it was checked here and holds
	Back    string
	HasFile string // where it can be had as a file
}

// prove makes the proof of an entry and checks it as anybody would.
func (c *Console) prove(ctx context.Context, id ward.ID) (proof, error) {
	if err := c.log.Flush(ctx); err != nil {
		return proof{}, err
	}
	text, err := c.log.Prove(ctx, id)
	if err != nil {
		return proof{}, err
	}
	in, err := verify.ParseProof(text)
	if err != nil {
		return proof{}, err
	}
	es, err := c.log.Entries(ctx, in.Index, 1)
	if err != nil {
		return proof{}, err
	}
	if len(es) != 1 || es[0].ID != id {
		return proof{}, ward.E(ward.NotFound, "console.prove", "the log has no such entry", nil)
	}
	p := proof{Entry: es[0], Text: string(text), Leaf: base64.StdEncoding.EncodeToString(es[0].Leaf), Key: c.log.VerifierKey()}
	if err := verify.Proof(text, p.Key, es[0].Leaf); err != nil {
		p.Fault = ward.PublicText(err)
	}
	return p, nil
}

// entryPage is one entry with its detail.
type entryPage struct {
	Line    entryLine
	Request ward.ID
	Detail  audit.Detail
	Proof   proof
}

// entry is GET /console/log/{id}.
func (c *Console) entry(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	receipt, p, err := c.own(r, g)
	if err != nil {
		return err
	}
	d, err := c.log.Detail(r.Context(), receipt, g.Permit.Tenant(), p.Entry.ID)
	if err != nil {
		return err
	}
	line := entryLine{Entry: p.Entry, Who: d.Actor, Note: d.Note, Records: len(d.Subjects)}
	return c.show(w, r, g, "entry", "Log entry", "log", entryPage{line, d.Request, d, p})
}

// entryProof is GET /console/log/{id}/proof.
func (c *Console) entryProof(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	_, p, err := c.own(r, g)
	if err != nil {
		return err
	}
	return c.giveProof(w, r, g, "log", p)
}

// own proves an entry of the own tenant, under an entry of its own; others look as if they did not exist.
func (c *Console) own(r *http.Request, g access.Grant) (audit.Receipt, proof, error) {
	ctx := r.Context()
	id, err := pathID(r)
	if err != nil {
		return audit.Receipt{}, proof{}, err
	}
	receipt, err := c.log.Begin(ctx, g.Permit.Intent(audit.ActLogRead))
	if err != nil {
		return receipt, proof{}, err
	}
	p, err := c.prove(ctx, id)
	if err != nil {
		return receipt, p, err
	}
	tenant, err := c.log.TenantPseudonym(ctx, g.Permit.Tenant())
	if err == nil && p.Entry.Tenant != tenant {
		err = ward.E(ward.NotFound, "console.entry", "the log has no such entry; it may not be under a checkpoint yet", nil)
	}
	return receipt, p, err
}
