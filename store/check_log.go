package store

import (
	"context"
	"fmt"
	"math"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/db"
)

// payloads opens decisions and the feedback on them.
func (c *checker) payloads(ctx context.Context) error {
	after := int64(math.MinInt64)
	for {
		var page []*row
		err := c.read(ctx, "SELECT "+payloadColumns+" FROM payload y WHERE y.tn = $1 AND y.seq > $2 ORDER BY y.seq LIMIT $3",
			[]any{c.tn(), after, checkChunk}, func(s scanner) error {
				r := &row{tn: c.n.tn}
				err := s.Scan(r.payloadDest()...)
				page, after = append(page, r), r.seq
				return err
			})
		if err != nil || len(page) == 0 {
			if c.lastPayload = after; err != nil {
				return err
			}
			return c.feedback(ctx)
		}
		for _, r := range page {
			switch r.rt {
			case decisionKind:
				c.report.Decisions++
			case feedbackKind:
				c.report.Feedback++
			default:
				c.fault("decision", r.where(), "a payload is of an unknown kind")
			}
		}
		if err := c.open(ctx, page, "payload", func(r *row, o opened) error {
			if r.rt == feedbackKind {
				if _, err := o.feedback(r); err != nil {
					c.fault(r.rt, r.where(), why(err))
				}
				return nil
			}
			if sub := c.n.patient(o.head.id); string(sub) != string(r.pat) {
				c.fault(r.rt, r.where(), "the row's subject is not the one of its text")
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

func (c *checker) claims(ctx context.Context) error {
	return c.read(ctx, "SELECT h16, rid, mac FROM claim WHERE tn = $1 ORDER BY h16", []any{c.tn()}, func(s scanner) error {
		var h, mac []byte
		var rid int64
		err := s.Scan(&h, &rid, &mac)
		if err == nil && !sameMAC(mac, claimMAC(c.n, h, rid)) {
			c.fault("pointer", fmt.Sprintf("claim %x", h), "the row was changed: its digest does not fit")
		}
		return err
	})
}

// files lists every blob: one that no row of any tenant names is an orphan. Missing and changed ones were found when their
// rows were opened.
func (c *checker) files(ctx context.Context) error {
	for g, err := range c.s.blobs.List(ctx) {
		if err != nil {
			return err
		}
		if _, ok := c.blobs[g]; ok {
			c.report.Blobs++
			continue
		}
		named, err := c.named(ctx, g)
		if err != nil {
			return err
		}
		if !named {
			c.report.Orphans++
		}
	}
	return nil
}

// named reports whether a row of any tenant names the blob.
func (c *checker) named(ctx context.Context, g blob.Digest) (named bool, err error) {
	err = c.s.db.Read(ctx, db.System, func(tx *db.Tx) error {
		var n int64
		_, err := tx.Get(ctx, "SELECT (SELECT COUNT(*) FROM ver WHERE blob = $1) + (SELECT COUNT(*) FROM payload WHERE blob = $1) + "+
			"(SELECT COUNT(*) FROM message WHERE blob = $1) + (SELECT COUNT(*) FROM side_text WHERE blob = $1)", []any{g[:]}, &n)
		named = n > 0
		return err
	})
	return named, err
}

func (c *checker) keys(ctx context.Context) error {
	return c.s.ring.Check(ctx, func(table, row, fault string) { c.fault("key", table+" "+row, fault) })
}

// entries compares rows and log both ways. The rows were read first and the log is brought up to date after, so every row
// seen must have its entry; a write whose row was not seen may be younger than the walk and is looked up.
func (c *checker) entries(ctx context.Context) error {
	if err := c.s.log.Flush(ctx); err != nil {
		return err
	}
	p, err := c.decide(ctx)
	if err != nil {
		return err
	}
	rc, err := c.s.begin(ctx, p, audit.ActStoreCheck, "entries of writes")
	if err != nil {
		return err
	}
	lost := map[[32]byte]ward.ID{}
	err = c.s.log.WriteDigests(ctx, rc, c.n.tn, func(id ward.ID, _ []audit.Subject, writes [][32]byte) error {
		for _, w := range writes {
			entry, ok := c.rows[w]
			switch {
			case !ok:
				lost[w] = id
			case entry != id:
				c.fault("version", fmt.Sprintf("digest %x", w[:8]), "the row names another entry of the log than the one that wrote it")
			}
			delete(c.rows, w)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for w := range c.rows {
		c.fault("version", fmt.Sprintf("digest %x", w[:8]), "no entry of the log wrote this row")
	}
	return c.missing(ctx, lost)
}

// missing looks up the rows of writes that the walk did not see: first those written since, in order, then one by one.
func (c *checker) missing(ctx context.Context, lost map[[32]byte]ward.ID) error {
	for _, since := range []struct {
		query string
		after int64
	}{{"SELECT seq, digest FROM ver WHERE tn = $1 AND seq > $2 ORDER BY seq LIMIT $3", c.lastVer},
		{"SELECT seq, digest FROM payload WHERE tn = $1 AND seq > $2 ORDER BY seq LIMIT $3", c.lastPayload},
		{"SELECT rid, digest FROM message WHERE tn = $1 AND rid > $2 ORDER BY rid LIMIT $3", c.lastMessage},
		{"SELECT rid, digest FROM side_text WHERE tn = $1 AND rid > $2 ORDER BY rid LIMIT $3", c.lastSide}} {
		for n, after := checkChunk, since.after; n == checkChunk && len(lost) > 0; {
			n = 0
			if err := c.read(ctx, since.query, []any{c.tn(), after, checkChunk}, func(s scanner) error {
				var w [32]byte
				err := s.Scan(&after, db.Fixed(w[:]))
				n++
				delete(lost, w)
				return err
			}); err != nil {
				return err
			}
		}
	}
	looks := 0
	for w, id := range lost {
		if looks++; looks > maxLooks {
			c.fault("version", "", fmt.Sprintf("%d writes of the log have no row", len(lost)))
			return nil
		}
		var n int64
		err := c.read(ctx, "SELECT (SELECT COUNT(*) FROM ver WHERE tn = $1 AND digest = $2) + (SELECT COUNT(*) FROM payload WHERE tn = $1 AND digest = $2) + "+
			"(SELECT COUNT(*) FROM message WHERE tn = $1 AND digest = $2) + (SELECT COUNT(*) FROM side_text WHERE tn = $1 AND digest = $2)",
			[]any{c.tn(), w[:]}, func(s scanner) error { return s.Scan(&n) })
		if err != nil {
			return err
		}
		if n == 0 {
			c.fault("version", "entry "+id.String(), "the log holds a write whose row is gone or has another text")
		}
	}
	return nil
}
