package audit

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/seal"
)

// Where an entry lies; the numbers stand in audit_pos.
const (
	srcRow   = 1
	srcFile  = 2
	srcTable = 3
)

// feedMax bounds the rows of one read of a feed.
const feedMax = 512

// entry is what the sequencer needs of an entry.
type entry struct {
	id   ward.ID
	tn   db.Tenant
	leaf []byte
	tags []seal.Subject
	src  int64
	a, b int64
}

// newEntry reads a payload, which may be re-used afterwards.
func newEntry(b []byte, src, pa, pb int64) (entry, error) {
	p, err := parsePayload(b)
	if err != nil {
		return entry{}, err
	}
	tags, err := p.tags()
	if err != nil {
		return entry{}, err
	}
	return entry{id: p.id, tn: p.tenant, leaf: append([]byte(nil), p.leaf...), tags: tags, src: src, a: pa, b: pb}, nil
}

// chainOf names one chain of rows: of a tenant and node in audit_row, of a node in audit_journal.
type chainOf struct {
	src  int64
	tn   db.Tenant
	node int64
}

func (c chainOf) table() string {
	if c.src == srcRow {
		return "audit_row"
	}
	return "audit_journal"
}

// rowAt is what the link of a row covers beside its payload.
type rowAt struct{ n, txid, seq, merged int64 }

// linkRow returns the keyed digest that a row of a chain carries.
func linkRow(m keys.MAC, c chainOf, at rowAt, prev, payload []byte) [32]byte {
	var head [56]byte
	for i, v := range [...]int64{c.src, int64(c.tn), c.node, at.n, at.txid, at.seq, at.merged} {
		binary.BigEndian.PutUint64(head[8*i:], uint64(v))
	}
	return m.Sum([]byte("row"), head[:], prev, payload)
}

// headMAC seals the newest link of a chain, so that it cannot be set back to an older row.
func headMAC(m keys.MAC, c chainOf, n int64, chain []byte) [32]byte {
	var head [32]byte
	for i, v := range []int64{c.src, int64(c.tn), c.node, n} {
		binary.BigEndian.PutUint64(head[8*i:], uint64(v))
	}
	return m.Sum([]byte("head"), head[:], chain)
}

// extend lengthens a chain by count rows inside tx: it locks the chain's head and returns the number of the first new
// row and the link before it.
func extend(ctx context.Context, tx *db.Tx, c chainOf, count int) (first int64, prev [32]byte, err error) {
	var n int64
	_, err = tx.Get(ctx, `INSERT INTO audit_chain (tn, node, src, n, chain, mac) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (tn, node, src) DO UPDATE SET n = audit_chain.n + excluded.n RETURNING n, chain`,
		[]any{int64(c.tn), c.node, c.src, int64(count), prev[:]}, &n, db.Fixed(prev[:]))
	return n - int64(count) + 1, prev, err
}

// settle stores the newest link of a chain that extend has locked.
func settle(ctx context.Context, tx *db.Tx, m keys.MAC, c chainOf, n int64, chain [32]byte) error {
	mac := headMAC(m, c, n, chain[:])
	_, err := tx.Exec(ctx, "UPDATE audit_chain SET chain = $4, mac = $5 WHERE tn = $1 AND node = $2 AND src = $3",
		int64(c.tn), c.node, c.src, chain[:], mac[:])
	return err
}

// feedRow is a row of either source table as the database gave it.
type feedRow struct {
	chain chainOf
	rowAt
	tn      db.Tenant // column of both tables; of audit_journal it is in no chain
	id      []byte
	payload []byte
	link    [32]byte
}

// feed reads one source table in feed order and checks the chains.
type feed struct {
	src  int64
	mac  keys.MAC
	seen map[chainOf]seenLink // newest link checked per chain; lost links are read again
}

type seenLink struct {
	n    int64
	link [32]byte
}

const seenMax = 4096

func newFeed(src int64, m keys.MAC) *feed {
	return &feed{src: src, mac: m, seen: map[chainOf]seenLink{}}
}

// columns has a constant in place of merged for audit_row.
func (f *feed) columns() string {
	if f.src == srcRow {
		return "tn, node, n, txid, seq, 0, id, payload, chain FROM audit_row"
	}
	return "tn, node, n, txid, seq, merged, id, payload, chain FROM audit_journal"
}

// read returns up to max entries behind the cursor whose transactions have all ended, and the cursor behind them.
func (f *feed) read(ctx context.Context, tx *db.Tx, from cursor, max int) ([]entry, cursor, error) {
	horizon, err := tx.Horizon(ctx)
	if err != nil {
		return nil, from, err
	}
	rows, err := f.query(ctx, tx, "WHERE (txid, seq) > ($1, $2) AND txid < $3 ORDER BY txid, seq LIMIT $4", from.a, from.b, horizon, int64(max))
	if err != nil || len(rows) == 0 {
		return nil, from, err
	}
	if err := f.check(ctx, tx, rows); err != nil {
		return nil, from, err
	}
	entries := make([]entry, len(rows))
	for i := range rows {
		r := &rows[i]
		if entries[i], err = r.entry(); err != nil {
			return nil, from, r.fault("holds no entry of a known form")
		}
		if entries[i].tn != r.tn {
			return nil, from, r.fault("is filed under another tenant than its entry's")
		}
		from.a, from.b = r.txid, r.seq
	}
	return entries, from, nil
}

func (r *feedRow) entry() (entry, error) { return newEntry(r.payload, r.chain.src, r.chain.node, r.n) }

func (f *feed) query(ctx context.Context, tx *db.Tx, clause string, args ...any) ([]feedRow, error) {
	rows, err := tx.Query(ctx, "SELECT "+f.columns()+" "+clause, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []feedRow
	for rows.Next() {
		r := feedRow{chain: chainOf{src: f.src}}
		var tn int64
		if err := rows.Scan(&tn, &r.chain.node, &r.n, &r.txid, &r.seq, &r.merged, &r.id, &r.payload, db.Fixed(r.link[:])); err != nil {
			return nil, scanFault(ctx, rows, ward.E(ward.Internal, "audit.rows", "an audit row cannot be read", err))
		}
		r.tn = db.Tenant(tn)
		if f.src == srcRow {
			r.chain.tn = db.Tenant(tn)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// scanFault returns why a row could not be scanned: the end of the request or of the connection, else that it is damaged.
func scanFault(ctx context.Context, rows *sql.Rows, damaged error) error {
	if err := ctx.Err(); err != nil {
		return ward.E(ward.Unavailable, "audit.rows", "the request ended before the log was read", err)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return damaged
}

// check verifies the link of each row to the row before it in its chain, wherever that stands.
func (f *feed) check(ctx context.Context, tx *db.Tx, rows []feedRow) error {
	if len(f.seen) > seenMax {
		clear(f.seen)
	}
	here := make(map[chainOf]map[int64][32]byte)
	for i := range rows {
		r := &rows[i]
		links := here[r.chain]
		if links == nil {
			links = map[int64][32]byte{}
			here[r.chain] = links
			if s, ok := f.seen[r.chain]; ok {
				links[s.n] = s.link
			}
		}
		links[r.n] = r.link
	}
	for i := range rows {
		r := &rows[i]
		prev, ok := here[r.chain][r.n-1]
		if !ok && r.n > 1 {
			found, err := tx.Get(ctx, "SELECT chain FROM "+r.chain.table()+" WHERE node = $1 AND n = $2"+r.chain.scope(),
				[]any{r.chain.node, r.n - 1}, db.Fixed(prev[:]))
			if err != nil {
				return err
			}
			if !found {
				return r.fault("has lost the row before it")
			}
		}
		if linkRow(f.mac, r.chain, r.rowAt, prev[:], r.payload) != r.link {
			return r.fault("was changed, or the row before it was")
		}
		if r.n > f.seen[r.chain].n {
			f.seen[r.chain] = seenLink{r.n, r.link}
		}
	}
	return nil
}

// scope narrows a statement to the chain's tenant.
func (c chainOf) scope() string {
	if c.src == srcRow {
		return fmt.Sprintf(" AND tn = %d", int64(c.tn))
	}
	return ""
}

func (r *feedRow) where() string {
	return fmt.Sprintf("%s tn %d node %d n %d", r.chain.table(), r.chain.tn, r.chain.node, r.n)
}

func (r *feedRow) fault(what string) error {
	return ward.E(ward.Internal, "audit.rows", "the audit row "+r.where()+" "+what+"; stop the node and run the log's check", nil)
}
