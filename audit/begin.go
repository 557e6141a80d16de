package audit

import (
	"context"
	"encoding/binary"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// pseudonyms of one tenant.
type pseudonyms struct {
	tenant [8]byte
	mac    keys.MAC
}

func (p *pseudonyms) actor(id ward.PrincipalID) [16]byte {
	sum := p.mac.Sum([]byte("actor"), []byte(id))
	return [16]byte(sum[:16])
}

func (l *Log) pseudonyms(ctx context.Context, tn db.Tenant) (*pseudonyms, error) {
	if p, ok := l.tenants.Load(tn); ok {
		return p.(*pseudonyms), nil
	}
	m, err := l.ring.MAC(ctx, tn, "pseudonym")
	if err != nil {
		return nil, err
	}
	sum := l.names.Sum([]byte("tenant"), binary.BigEndian.AppendUint64(nil, uint64(tn)))
	p := &pseudonyms{tenant: [8]byte(sum[:8]), mac: m}
	l.tenants.Store(tn, p)
	return p, nil
}

// ActorPseudonym and TenantPseudonym let an operator put names to entries.
func (l *Log) ActorPseudonym(ctx context.Context, tn db.Tenant, p ward.PrincipalID) ([16]byte, error) {
	macs, err := l.pseudonyms(ctx, tn)
	if err != nil || p == "" {
		return [16]byte{}, err
	}
	return macs.actor(p), nil
}

// TenantPseudonym returns what leaves carry for the tenant.
func (l *Log) TenantPseudonym(ctx context.Context, tn db.Tenant) ([8]byte, error) {
	macs, err := l.pseudonyms(ctx, tn)
	if err != nil {
		return [8]byte{}, err
	}
	return macs.tenant, nil
}

// Begin makes the entry durable before it returns; the first byte may be opened only after. If the journal cannot be
// written it tries the emergency journal, then fails with ward.Unavailable: there is no fail-open. When ctx ends while
// the entry is being written, Begin fails, and whether the entry is kept is not known.
func (l *Log) Begin(ctx context.Context, in Intent) (Receipt, error) {
	p, err := l.build(ctx, &in)
	if err != nil {
		return Receipt{}, err
	}
	r := newReceipt(&in, p.id)
	if err := l.commits.commit(ctx, &p); err != nil {
		return Receipt{}, err
	}
	return r.issued(), nil
}

// Prepared is an entry of a write, sealed and hashed before the writer.
type Prepared struct {
	id      ward.ID
	tenant  db.Tenant
	payload []byte
	receipt Receipt
}

// ID returns the id that the entry will have.
func (p Prepared) ID() ward.ID { return p.id }

// Prepare seals the detail of a write's entry outside the transaction.
func (l *Log) Prepare(ctx context.Context, in Intent) (Prepared, error) {
	p, err := l.build(ctx, &in)
	if err != nil {
		return Prepared{}, err
	}
	if p.size() > maxPayload {
		return Prepared{}, ward.E(ward.TooLarge, "audit.prepare", "the audit entry is too large; split the request", nil)
	}
	return Prepared{id: p.id, tenant: p.tenant, payload: p.append(make([]byte, 0, p.size())), receipt: newReceipt(&in, p.id)}, nil
}

var rowColumns = []string{"tn", "node", "n", "txid", "seq", "id", "payload", "chain"}

// Enter adds the prepared entry to the writing transaction, which must be of the entry's tenant or of db.System. It may
// be re-run with the transaction; entering the same entry in two transactions that both commit is a ward.Conflict of the
// second. The receipt is good only if the transaction commits: what it opens must not leave the process before.
func (l *Log) Enter(ctx context.Context, tx *db.Tx, p Prepared) (Receipt, error) {
	rcs, err := l.EnterAll(ctx, tx, p)
	if err != nil {
		return Receipt{}, err
	}
	return rcs[0], nil
}

// EnterAll is Enter for several entries of one tenant, in their order; so are the receipts.
func (l *Log) EnterAll(ctx context.Context, tx *db.Tx, ps ...Prepared) ([]Receipt, error) {
	if len(ps) == 0 {
		return nil, nil
	}
	for i := range ps {
		if ps[i].id.IsZero() {
			return nil, ward.E(ward.Internal, "audit.enter", "the audit entry was not prepared", nil)
		}
		if tn := tx.Tenant(); tn != ps[i].tenant && tn != db.System || ps[i].tenant != ps[0].tenant {
			return nil, ward.E(ward.Internal, "audit.enter", "the audit entry is of another tenant than the transaction", nil)
		}
	}
	c := chainOf{src: srcRow, tn: ps[0].tenant, node: l.node}
	n, prev, err := extend(ctx, tx, c, len(ps))
	if err != nil {
		return nil, err
	}
	txid, err := tx.ID(ctx)
	if err != nil {
		return nil, err
	}
	seq, err := tx.Allocate(ctx, "audit_row", int64(len(ps)))
	if err != nil {
		return nil, err
	}
	rows, out := make([][]any, len(ps)), make([]Receipt, len(ps))
	for i := range ps {
		at := rowAt{n: n + int64(i), txid: txid, seq: seq + int64(i)}
		prev = linkRow(l.mac, c, at, prev[:], ps[i].payload)
		rows[i] = []any{int64(c.tn), l.node, at.n, txid, at.seq, ps[i].id, ps[i].payload, prev}
		out[i] = ps[i].receipt.issued()
	}
	if err = tx.Insert(ctx, "audit_row", rowColumns, rows); err == nil {
		err = settle(ctx, tx, l.mac, c, n+int64(len(ps))-1, prev)
	}
	if err != nil {
		return nil, err
	}
	l.rowsEntered.Add(1) // also when the outcome of the commit stays unknown
	tx.AfterCommit(func() { l.rowsEntered.Add(1) })
	return out, nil
}
