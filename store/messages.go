package store

import (
	"context"
	"slices"
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
)

// maxDead bounds the dead jobs that one list looks at.
const maxDead = 10_000

// Messages lists messages newest first, under a permit for access.MessageRead; an entry of its own. Nothing is opened. A page of
// received messages leaves out the dead ones, and may be shorter for it; next tells whether there is more.
func (s *Store) Messages(ctx context.Context, p access.Permit, q MessageQuery) (ms []MessageInfo, next string, err error) {
	const act = audit.ActMessageList
	if err := p.Allows(access.MessageRead, ""); err != nil {
		return nil, "", err
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return nil, "", err
	}
	about := string(q.State) + " " + q.Channel
	before := int64(newest)
	if q.Cursor != "" {
		c, err := s.openCursor(ctx, p, cursorMessages, about, q.Cursor)
		if err != nil {
			return nil, "", err
		}
		before = c.Last
	}
	var page []*message
	var more bool
	if p.Filter().Match(messageAttributes("")) {
		if page, more, err = s.listMessages(ctx, n, q, before, bound(q.Count)); err != nil {
			return nil, "", err
		}
	}
	if _, err := s.beginOn(ctx, p, act, "messages "+strconv.Itoa(len(page)), nil); err != nil {
		return nil, "", err
	}
	if ms, err = s.infos(ctx, n, q, page); err != nil {
		return nil, "", s.failed(ctx, p, act, err)
	}
	if more {
		next, err = s.sealCursor(ctx, p, cursorBody{Kind: cursorMessages, About: about, Last: page[len(page)-1].rid})
	}
	return ms, next, err
}

// listMessages reads one page of rows.
func (s *Store) listMessages(ctx context.Context, n names, q MessageQuery, before int64, count int) (out []*message, more bool, err error) {
	var dead [][]byte
	if q.State == MessageDead {
		if dead, err = s.dead(ctx, n); err != nil || len(dead) == 0 {
			return nil, false, err
		}
	}
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		parts := [][][]byte{nil}
		if dead != nil {
			parts = slices.Collect(slices.Chunk(dead, readChunk))
		}
		for _, ids := range parts {
			sql := n.messageList(q, before, count+1, ids)
			rows, err := tx.Query(ctx, sql.String(), sql.args...)
			if err := each(rows, err, func(scan scanner) error {
				m := &message{tn: n.tn}
				out = append(out, m)
				return scan.Scan(m.dest()...)
			}); err != nil {
				return err
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b *message) int { return int(min(max(b.rid-a.rid, -1), 1)) })
	if len(out) > count {
		return out[:count], true, err
	}
	return out, false, err
}

func (n names) messageList(q MessageQuery, before int64, count int, ids [][]byte) *query {
	sql := &query{}
	sql.add("SELECT ", messageColumns, " FROM message m WHERE m.tn = ", sql.arg(int64(n.tn)), " AND m.rid < ", sql.arg(before))
	if q.State != "" {
		state := q.State
		if state == MessageDead {
			state = MessageReceived
		}
		sql.add(" AND m.state = ", sql.arg(string(state)))
	}
	if q.Channel != "" {
		sql.add(" AND m.channel = ", sql.arg(q.Channel))
	}
	for i, id := range ids {
		sql.add([]string{" AND m.id IN (", ", "}[min(i, 1)], sql.arg(id))
	}
	if len(ids) > 0 {
		sql.add(")")
	}
	sql.add(" ORDER BY m.rid DESC LIMIT ", strconv.Itoa(count))
	return sql
}

// dead returns the ids of messages with a dead job.
func (s *Store) dead(ctx context.Context, n names) (ids [][]byte, err error) {
	for after := (ward.ID{}); len(ids) < maxDead; {
		jobs, err := s.queue.List(ctx, n.tn, DeliverQueue, queue.Dead, after, 1000)
		if err != nil || len(jobs) == 0 {
			return ids, err
		}
		for _, j := range jobs {
			after = j.ID
			if d, err := ReadDelivery(j.Ref); err == nil {
				ids = append(ids, d.Message[:])
			}
		}
	}
	return ids, nil
}

// infos tells of rows, after comparing their digests, and says of received ones whether they are dead.
func (s *Store) infos(ctx context.Context, n names, q MessageQuery, page []*message) (out []MessageInfo, err error) {
	reasons, err := s.deadReasons(ctx, n, page)
	if err != nil {
		return nil, err
	}
	for _, m := range page {
		if err := m.genuine(n); err != nil {
			return nil, err
		}
		i := m.info()
		if reason, dead := reasons[i.ID]; dead {
			i.State, i.Reason = MessageDead, reason
		}
		if q.State == "" || q.State == i.State {
			out = append(out, i)
		}
	}
	return out, nil
}

// deadReasons looks up which of the received messages have a dead job, and why.
func (s *Store) deadReasons(ctx context.Context, n names, page []*message) (map[ward.ID]string, error) {
	var ids []ward.ID
	for _, m := range page {
		if m.state == string(MessageReceived) {
			for lane := range len(m.lanes) / 16 {
				ids = append(ids, n.jobID(m.id, lane))
			}
		}
	}
	out := map[ward.ID]string{}
	for part := range slices.Chunk(ids, readChunk) {
		err := s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
			jobs, err := queue.Look(ctx, tx, part...)
			for _, j := range jobs {
				if d, err := ReadDelivery(j.Ref); err == nil && j.State == queue.Dead {
					out[d.Message] = j.Reason
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Message returns one with its hops, under a permit for access.MessageRead.
func (s *Store) Message(ctx context.Context, p access.Permit, id ward.ID) (MessageInfo, error) {
	const act = audit.ActMessageRead
	if err := p.Allows(access.MessageRead, ""); err != nil {
		return MessageInfo{}, err
	}
	n, m, err := s.visibleMessage(ctx, p, act, id)
	if err != nil {
		return MessageInfo{}, err
	}
	if _, err := s.beginOn(ctx, p, act, "hops", m.subjects()); err != nil {
		return MessageInfo{}, err
	}
	out, err := s.infos(ctx, n, MessageQuery{}, []*message{m})
	if err != nil {
		return MessageInfo{}, s.failed(ctx, p, act, err)
	}
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) (err error) {
		out[0].Hops, err = hopsOf(ctx, tx, n, m)
		return err
	})
	if err != nil {
		return MessageInfo{}, s.failed(ctx, p, act, err)
	}
	return out[0], nil
}
