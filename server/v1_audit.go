package server

import (
	"bufio"
	"bytes"
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// Entry is one entry of the log as the interface shows it. Actor and note come out of its sealed detail.
type Entry struct {
	Index   int64            `json:"index"`
	ID      ward.ID          `json:"id"`
	At      time.Time        `json:"at"`
	Act     string           `json:"act"`
	Outcome string           `json:"outcome"`
	Purpose ward.Purpose     `json:"purpose,omitempty"`
	Actor   ward.PrincipalID `json:"actor,omitempty"`
	Note    string           `json:"note,omitempty"`
	Records int              `json:"records" doc:"Number of records that the entry names"`
}

// EntryPage is a piece of the log.
type EntryPage struct {
	Size    int64   `json:"size" doc:"Entries under the newest checkpoint, all tenants"`
	Next    int64   `json:"next" doc:"Index to continue from"`
	Entries []Entry `json:"entries"`
}

// EntryProof proves one entry to whoever holds the log's public key.
type EntryProof struct {
	Index int64  `json:"index"`
	Leaf  []byte `json:"leaf" doc:"The entry as it stands in the log"`
	Proof string `json:"proof" doc:"C2SP tlog-proof, with a signed checkpoint"`
	Key   string `json:"key" doc:"Public key of the log, a C2SP verifier key"`
}

// Verified is the result of re-verifying the whole log.
type Verified struct {
	Entries int64       `json:"entries"`
	Faults  []FaultLine `json:"faults"`
}

// Exported says what an export wrote.
type Exported struct {
	Dir     string `json:"dir"`
	Entries int64  `json:"entries"`
	Key     string `json:"key"`
}

const (
	scanStep  = 512    // leaves looked at in one go
	scanBound = 50_000 // leaves looked at for one page
)

func (v *v1) auditing() {
	n := v.node
	operate(v, about{"GET", "/v1/audit/entries", access.LogRead, access.AuditAdmin, "list-entries", "Read entries of the tenant", false},
		func(ctx context.Context, g access.Grant, in *struct {
			From  int64 `query:"from" minimum:"-1" default:"-1" doc:"Index to begin at; -1: the newest entries"`
			Count int   `query:"count" minimum:"1" maximum:"1000" default:"50"`
		}) (*body[EntryPage], error) {
			page, err := n.entries(ctx, g.Permit, in.From, in.Count)
			return answer(page), err
		})
	operate(v, about{"GET", "/v1/audit/entries/{id}/proof", access.LogRead, access.AuditAdmin, "prove-entry", "Prove that an entry is in the log", false},
		func(ctx context.Context, g access.Grant, in *byID) (*body[EntryProof], error) {
			p, err := n.prove(ctx, g.Permit, in.ID)
			return answer(p), err
		})
	operate(v, about{"POST", "/v1/audit/verify", access.LogRead, access.AuditAdmin, "verify-log", "Re-verify journal, tree, tiles and checkpoint", false},
		func(ctx context.Context, g access.Grant, _ *struct{}) (*huma.StreamResponse, error) {
			return streamed(ctx, n, func(func(int64, int64)) (any, error) { return n.verify(ctx, g.Permit) }), nil
		})
	operate(v, about{"POST", "/v1/audit/export", access.LogExport, access.AuditAdmin, "export-log", "Write a copy of the log for ward-verify", true},
		func(ctx context.Context, g access.Grant, in *struct {
			Body struct {
				Dir string `json:"dir" minLength:"1" maxLength:"4096"`
			}
		}) (*huma.StreamResponse, error) {
			return streamed(ctx, n, func(step func(done, total int64)) (any, error) {
				return n.export(ctx, g.Permit, in.Body.Dir, step)
			}), nil
		})
}

// entries reads a page. Entries of other tenants are passed over; the node's operator sees all.
func (n *Node) entries(ctx context.Context, p access.Permit, from int64, count int) (EntryPage, error) {
	mine, err := n.ours(ctx, p)
	if err != nil {
		return EntryPage{}, err
	}
	if from < 0 { // the newest entries are those made until now, not those of the last interval
		if err := n.log.Flush(ctx); err != nil {
			return EntryPage{}, err
		}
	}
	size := n.log.Size()
	var found []audit.Entry
	page := EntryPage{Size: size, Next: size, Entries: []Entry{}}
	if from < 0 {
		found, err = n.newest(ctx, mine, size, count)
	} else {
		found, page.Next, err = n.following(ctx, mine, from, size, count)
	}
	if err != nil || len(found) == 0 && from >= 0 && from >= size {
		return page, err
	}
	receipt, err := n.log.Begin(ctx, p.Intent(audit.ActLogRead))
	if err != nil {
		return EntryPage{}, err
	}
	for _, e := range found {
		line, err := n.show(ctx, receipt, p, e)
		if err != nil {
			return EntryPage{}, err
		}
		page.Entries = append(page.Entries, line)
	}
	return page, nil
}

// ours tells which entries the permit's holder may see.
func (n *Node) ours(ctx context.Context, p access.Permit) (func(audit.Entry) bool, error) {
	if p.Tenant() == db.System {
		return func(audit.Entry) bool { return true }, nil
	}
	tenant, err := n.log.TenantPseudonym(ctx, p.Tenant())
	if err != nil {
		return nil, err
	}
	return func(e audit.Entry) bool { return e.Tenant == tenant }, nil
}

func (n *Node) newest(ctx context.Context, mine func(audit.Entry) bool, size int64, count int) ([]audit.Entry, error) {
	var found []audit.Entry // newest first
	for end, seen := size, 0; end > 0 && len(found) < count && seen < scanBound; {
		start := max(0, end-scanStep)
		part, err := n.log.Entries(ctx, start, int(end-start))
		if err != nil {
			return nil, err
		}
		for i := len(part) - 1; i >= 0 && len(found) < count; i-- {
			if mine(part[i]) {
				found = append(found, part[i])
			}
		}
		end, seen = start, seen+len(part)
	}
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	return found, nil
}

func (n *Node) following(ctx context.Context, mine func(audit.Entry) bool, from, size int64, count int) (found []audit.Entry, next int64, err error) {
	next = from
	for seen := 0; next < size && seen < scanBound; {
		part, err := n.log.Entries(ctx, next, int(min(size-next, scanStep)))
		if err != nil || len(part) == 0 {
			return found, next, err
		}
		for _, e := range part {
			next = e.Index + 1
			seen++
			if mine(e) {
				found = append(found, e)
			}
			if len(found) == count {
				return found, next, nil
			}
		}
	}
	return found, next, nil
}

// show opens the detail of an entry of the permit's tenant. Entries of other tenants, which only the node's operator sees, stay sealed.
func (n *Node) show(ctx context.Context, r audit.Receipt, p access.Permit, e audit.Entry) (Entry, error) {
	line := Entry{Index: e.Index, ID: e.ID, At: e.At, Act: e.Act.String(), Outcome: outcomeName(e.Outcome), Purpose: e.Purpose}
	own, err := n.log.TenantPseudonym(ctx, p.Tenant())
	if err != nil || own != e.Tenant {
		return line, err
	}
	d, err := n.log.Detail(ctx, r, p.Tenant(), e.ID)
	if err != nil {
		return line, err
	}
	line.Actor, line.Note, line.Records = d.Actor, d.Note, len(d.Subjects)
	return line, nil
}

func outcomeName(o audit.Outcome) string {
	switch o {
	case audit.Done:
		return "done"
	case audit.Denied:
		return "denied"
	case audit.Failed:
		return "failed"
	}
	return "unknown"
}

// prove returns the proof of an entry of the permit's tenant; other tenants' entries look as if they did not exist.
func (n *Node) prove(ctx context.Context, p access.Permit, id ward.ID) (EntryProof, error) {
	const op = "server.prove"
	none := ward.E(ward.NotFound, op, "the log has no such entry; it may not be under a checkpoint yet", nil)
	mine, err := n.ours(ctx, p)
	if err != nil {
		return EntryProof{}, err
	}
	if err := n.log.Flush(ctx); err != nil {
		return EntryProof{}, err
	}
	if _, err := n.log.Begin(ctx, p.Intent(audit.ActLogRead)); err != nil {
		return EntryProof{}, err
	}
	proof, err := n.log.Prove(ctx, id)
	if err != nil {
		return EntryProof{}, err
	}
	index, ok := proofIndex(proof)
	if !ok {
		return EntryProof{}, ward.E(ward.Internal, op, "the proof names no index", nil)
	}
	es, err := n.log.Entries(ctx, index, 1)
	if err != nil {
		return EntryProof{}, err
	}
	if len(es) != 1 || es[0].ID != id || !mine(es[0]) {
		return EntryProof{}, none
	}
	return EntryProof{index, es[0].Leaf, string(proof), n.log.VerifierKey()}, nil
}

// proofIndex reads the line "index N".
//
// SPEC(C2SP tlog-proof): the decimal index of the entry follows the word index.
func proofIndex(proof []byte) (int64, bool) {
	for s := bufio.NewScanner(bytes.NewReader(proof)); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "index "); ok {
			i, err := strconv.ParseInt(rest, 10, 64)
			return i, err == nil && i >= 0
		}
	}
	return 0, false
}

func (n *Node) verify(ctx context.Context, p access.Permit) (Verified, error) {
	if _, err := n.log.Begin(ctx, p.Intent(audit.ActLogRead)); err != nil {
		return Verified{}, err
	}
	if err := n.log.Flush(ctx); err != nil {
		return Verified{}, err
	}
	faults, err := n.log.Check(ctx)
	if err != nil {
		return Verified{}, err
	}
	out := Verified{Entries: n.log.Size(), Faults: []FaultLine{}}
	for _, f := range faults {
		out.Faults = append(out.Faults, FaultLine{f.Class, f.Where, f.What})
	}
	return out, nil
}

func (n *Node) export(ctx context.Context, p access.Permit, dir string, step func(done, total int64)) (Exported, error) {
	if !filepath.IsAbs(dir) {
		return Exported{}, ward.E(ward.Invalid, "server.export", "the directory of an export is an absolute path", nil)
	}
	if _, err := n.log.Begin(ctx, p.Intent(audit.ActLogExport)); err != nil {
		return Exported{}, err
	}
	if err := n.log.Flush(ctx); err != nil {
		return Exported{}, err
	}
	if err := n.log.Export(ctx, dir, step); err != nil {
		return Exported{}, err
	}
	return Exported{dir, n.log.Size(), n.log.VerifierKey()}, nil
}
