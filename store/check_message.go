package store

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// messageChunk is how many messages are opened under one entry, which names each once per patient.
const messageChunk = 150

func (m *message) where() string { return fmt.Sprintf("message %x", m.id) }

// messages opens every message and compares it with what stands about it elsewhere.
func (c *checker) messages(ctx context.Context) error {
	after := int64(math.MinInt64)
	for {
		var page []*message
		about := map[int64][]byte{}
		err := c.s.db.Read(ctx, c.n.tn, func(tx *db.Tx) error {
			page = nil
			rows, err := tx.Query(ctx, "SELECT "+messageColumns+", m.body FROM message m WHERE m.tn = $1 AND m.rid > $2 ORDER BY m.rid LIMIT $3", c.tn(), after, messageChunk)
			if err := each(rows, err, func(s scanner) error {
				m := &message{tn: c.n.tn}
				page = append(page, m)
				return s.Scan(m.dest(&m.body)...)
			}); err != nil {
				return err
			}
			if len(page) == 0 {
				return nil
			}
			if err := c.beside(ctx, tx, after, page, about); err != nil {
				return err
			}
			return c.waiting(ctx, tx, page)
		})
		if err != nil || len(page) == 0 {
			c.lastMessage = after
			return err
		}
		after = page[len(page)-1].rid
		c.report.Raw += int64(len(page))
		if err := c.openMessages(ctx, page, about); err != nil {
			return err
		}
	}
}

// beside reads whom the rows of about name, and counts hops.
func (c *checker) beside(ctx context.Context, tx *db.Tx, after int64, page []*message, about map[int64][]byte) error {
	last := page[len(page)-1].rid
	rows, err := tx.Query(ctx, "SELECT rid, pat FROM about WHERE tn = $1 AND rid > $2 AND rid <= $3 ORDER BY rid, pat", c.tn(), after, last)
	if err := each(rows, err, func(s scanner) error {
		var rid int64
		var pat []byte
		err := s.Scan(&rid, &pat)
		about[rid] = append(about[rid], pat...)
		return err
	}); err != nil {
		return err
	}
	hops := map[int64]int64{}
	rows, err = tx.Query(ctx, "SELECT rid, n, at_us, step, note, entry, refs, rules, mac FROM hop WHERE tn = $1 AND rid > $2 AND rid <= $3 ORDER BY rid, n", c.tn(), after, last)
	if err := each(rows, err, func(s scanner) error {
		var rid, i, at int64
		var step, note, refs, rules string
		var entry, mac []byte
		if err := s.Scan(&rid, &i, &at, &step, &note, &entry, &refs, &rules, &mac); err != nil {
			return err
		}
		if hops[rid]++; hops[rid] != i || !sameMAC(mac, hopMAC(c.n, rid, i, at, step, note, entry, refs, rules)) {
			c.fault("message", fmt.Sprintf("hop %d of message row %d", i, rid), "the row was changed, or one before it is missing")
		}
		return nil
	}); err != nil {
		return err
	}
	for _, m := range page {
		if hops[m.rid] != m.hops {
			c.fault("message", m.where(), fmt.Sprintf("%d hops are there of %d", hops[m.rid], m.hops))
		}
		delete(hops, m.rid)
	}
	for rid := range hops {
		c.fault("message", fmt.Sprintf("hop of message row %d", rid), "there is no such message")
	}
	return nil
}

// waiting finds messages that wait for nothing: they are received and no job of theirs is there.
func (c *checker) waiting(ctx context.Context, tx *db.Tx, page []*message) error {
	want := map[ward.ID]*message{}
	var ids []ward.ID
	for _, m := range page {
		if m.state == string(MessageReceived) {
			for lane := range len(m.lanes) / 16 {
				id := c.n.jobID(m.id, lane)
				want[id], ids = m, append(ids, id)
			}
		}
	}
	jobs, err := queue.Look(ctx, tx, ids...)
	for _, j := range jobs {
		delete(want, j.ID)
	}
	for _, m := range want {
		c.fault("message", m.where(), "it waits to be understood and has no job in one of its lanes")
	}
	return err
}

// openMessages verifies the clear side of messages, and opens those whose patients were not erased.
func (c *checker) openMessages(ctx context.Context, page []*message, about map[int64][]byte) error {
	p, err := c.decide(ctx)
	if err != nil {
		return err
	}
	var live []*message
	var subjects []audit.Subject
	for _, m := range page {
		named := about[m.rid]
		delete(about, m.rid)
		if c.note(m.digest, m.entry); m.genuine(c.n) != nil {
			c.fault("message", m.where(), "the row was changed: its digest does not fit")
			continue
		}
		if !bytes.Equal(named, m.pats) {
			c.fault("message", m.where(), "the index of whom it is about is not that of the row")
		}
		if c.anyErased(m.patients()) {
			continue
		}
		if m.blob != nil {
			c.blobs[[32]byte(m.digest)] = m.where()
		}
		live, subjects = append(live, m), append(subjects, m.subjects()...)
	}
	for rid := range about {
		c.fault("message", fmt.Sprintf("about row of message row %d", rid), "there is no such message")
	}
	rc, err := c.s.beginOn(ctx, p, audit.ActStoreCheck, "messages", subjects)
	if err != nil {
		return err
	}
	for _, m := range live {
		_, err := c.s.openMessage(ctx, c.n, p, access.StoreCheck, rc, m)
		if err == nil && len(m.reply) > 0 {
			_, err = c.s.openReply(ctx, c.n, p, access.StoreCheck, rc, m)
		}
		if err := c.opened(ctx, "message", m.where(), m, err); err != nil {
			return err
		}
	}
	c.progressed(len(page))
	return nil
}

// note remembers a row that an entry must have written.
func (c *checker) note(digest, entry []byte) {
	if len(digest) == 32 && len(entry) == 16 {
		c.rows[[32]byte(digest)] = ward.ID(entry)
	}
}

func (c *checker) progressed(n int) {
	c.done += int64(n)
	c.progress(min(c.done, c.total), c.total)
}

func (c *checker) anyErased(pats [][]byte) bool {
	return slices.ContainsFunc(pats, func(pat []byte) bool { _, gone := c.erased[subjectOf(pat)]; return gone })
}

// opened judges the outcome of opening something under the key of a message.
func (c *checker) opened(ctx context.Context, class, where string, m *message, err error) error {
	switch k := ward.KindOf(err); {
	case err == nil:
		return nil
	case k == ward.Denied || k == ward.Unavailable || ctx.Err() != nil:
		return err
	}
	gone := false
	for _, pat := range m.patients() {
		if err := c.s.db.Read(ctx, c.n.tn, func(tx *db.Tx) error { return notErased(ctx, tx, c.n, pat) }); ward.KindOf(err) == ward.Gone {
			gone = true
		} else if err != nil {
			return err
		}
	}
	if !gone {
		c.fault(class, where, why(err))
	}
	return nil
}

// sides opens every text beside a message.
func (c *checker) sides(ctx context.Context) error {
	after := int64(math.MinInt64)
	for {
		var page []*sideText
		var of []*message
		var owned []int64
		err := c.read(ctx, "SELECT "+sideColumns+", CASE WHEN EXISTS (SELECT 1 FROM hold h WHERE h.tn = x.tn AND h.id = x.owner AND h.message = x.message) THEN 1 ELSE 0 END, "+
			messageColumns+" FROM side_text x CROSS JOIN message m WHERE x.tn = $1 AND x.rid > $2 AND m.tn = x.tn AND m.rid = x.message ORDER BY x.rid LIMIT $3",
			[]any{c.tn(), after, messageChunk}, func(s scanner) error {
				t, m, own := &sideText{tn: c.n.tn}, &message{tn: c.n.tn}, int64(0)
				err := s.Scan(append(t.dest(&own), m.dest()...)...)
				page, of, owned, after = append(page, t), append(of, m), append(owned, own), t.rid
				return err
			})
		if err != nil || len(page) == 0 {
			c.lastSide = after
			return err
		}
		for i, t := range page {
			if owned[i] == 0 && !bytes.Equal(t.owner, of[i].id) {
				c.fault("hold", t.where(), "there is no held fact or message that it belongs to")
			}
		}
		c.report.Sides += int64(len(page))
		if err := c.openSides(ctx, page, of); err != nil {
			return err
		}
	}
}

func (t *sideText) where() string { return fmt.Sprintf("%s row %d", t.kind, t.rid) }

func (c *checker) openSides(ctx context.Context, page []*sideText, of []*message) error {
	p, err := c.decide(ctx)
	if err != nil {
		return err
	}
	var subjects []audit.Subject
	for i, t := range page {
		c.note(t.digest, t.entry)
		if t.blob != nil && !c.anyErased(of[i].patients()) {
			c.blobs[[32]byte(t.digest)] = t.where()
		}
		subjects = append(subjects, of[i].subjects()...)
	}
	rc, err := c.s.beginOn(ctx, p, audit.ActStoreCheck, "texts beside messages", subjects)
	if err != nil {
		return err
	}
	for i, t := range page {
		switch m := of[i]; {
		case !sameMAC(t.mac, t.wantMAC(c.n.row)):
			c.fault("hold", t.where(), "the row was changed: its digest does not fit")
		case c.anyErased(m.patients()) || m.genuine(c.n) != nil: // opens nowhere, or has its fault already
		default:
			_, err := c.s.openSide(ctx, c.n, p, access.StoreCheck, rc, m, m.subjects(), t)
			if err := c.opened(ctx, "hold", t.where(), m, err); err != nil {
				return err
			}
		}
	}
	c.progressed(len(page))
	return nil
}

// holds compares every held fact with its digest and with the texts that it names, and finds rows whose message is gone.
func (c *checker) holds(ctx context.Context) error {
	const texts = "(SELECT COUNT(*) FROM side_text x WHERE x.tn = h.tn AND x.owner = h.id AND x.message = h.message AND x.rid IN (h.evidence, h.proposal, h.note))"
	err := c.read(ctx, "SELECT "+holdColumns+", "+texts+", CASE WHEN EXISTS (SELECT 1 FROM message m WHERE m.tn = h.tn AND m.rid = h.message) THEN 1 ELSE 0 END "+
		"FROM hold h WHERE h.tn = $1 ORDER BY h.rid", []any{c.tn()}, func(s scanner) error {
		h := &held{tn: c.n.tn}
		var have, message, want int64
		if err := s.Scan(h.dest(&have, &message)...); err != nil {
			return err
		}
		c.report.Holds++
		for _, rid := range []int64{h.evidence, h.proposal, h.note} {
			if rid != 0 {
				want++
			}
		}
		bad := func(what string) { c.fault("hold", fmt.Sprintf("hold %x", h.id), what) }
		switch {
		case h.genuine(c.n) != nil:
			bad("the row was changed: its digest does not fit")
		case !bytes.Equal(h.pat, c.n.patient(h.patient)):
			bad("the keyed digest of its patient does not fit")
		case message == 0:
			bad("there is no message that it was held of")
		case have != want:
			bad(fmt.Sprintf("%d of its %d texts are there", have, want))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.read(ctx, "SELECT x.rid, x.kind FROM side_text x WHERE x.tn = $1 AND NOT EXISTS (SELECT 1 FROM message m WHERE m.tn = x.tn AND m.rid = x.message) ORDER BY x.rid LIMIT 1000",
		[]any{c.tn()}, func(s scanner) error {
			t := &sideText{}
			err := s.Scan(&t.rid, &t.kind)
			c.fault("hold", t.where(), "there is no message that it belongs to")
			return err
		})
}

// merges compares every merge with its digest, and finds those that messages made and that are gone.
func (c *checker) merges(ctx context.Context) error {
	err := c.read(ctx, "SELECT gone, survivor, message, at_us, entry, mac FROM merged WHERE tn = $1 ORDER BY gone", []any{c.tn()}, func(s scanner) error {
		var gone, survivor string
		var message, at int64
		var entry, mac []byte
		err := s.Scan(&gone, &survivor, &message, &at, &entry, &mac)
		if err == nil && !sameMAC(mac, mergedMAC(c.n, gone, survivor, message, at, entry)) {
			c.fault("merge", fmt.Sprintf("merge of message row %d", message), "the row was changed: its digest does not fit")
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.read(ctx, "SELECT m.id FROM message m WHERE m.tn = $1 AND m.merges <> '' AND NOT EXISTS (SELECT 1 FROM merged g WHERE g.tn = m.tn AND g.gone = m.merges) ORDER BY m.rid",
		[]any{c.tn()}, func(s scanner) error {
			m := &message{}
			err := s.Scan(&m.id)
			c.fault("merge", m.where(), "the merge that it made is missing")
			return err
		})
}
