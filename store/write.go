package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// inlineMax is the size of a sealed text from which on it is a blob.
const inlineMax = 16 << 10

// seal makes the keys of new patients, seals every version and stores what is large. Blobs come before the rows that name
// them: a failure leaves an orphan, never a row without its text.
func (b *batch) seal(ctx context.Context, writes []*item) error {
	var subjects []seal.Subject
	for _, it := range writes {
		if !isZero(it.next.pat) {
			subjects = append(subjects, subjectOf(it.next.pat))
		}
	}
	slices.SortFunc(subjects, func(a, b seal.Subject) int { return strings.Compare(string(a[:]), string(b[:])) })
	subjects = slices.Compact(subjects)
	if err := b.s.ring.Ensure(ctx, b.n.tn, subjects...); err != nil {
		return b.erased(ctx, err)
	}
	known := map[seal.Subject]seal.Key{}
	for _, it := range writes {
		sub := subjectOf(it.next.pat)
		if _, ok := known[sub]; !ok {
			key, err := b.s.ring.Current(ctx, b.n.tn, sub, seal.Data)
			if err != nil {
				return b.erased(ctx, err)
			}
			known[sub] = key
		}
		it.key = known[sub]
	}
	if err := parallel(writes, func(it *item) error { return it.seal() }); err != nil {
		return err
	}
	for _, it := range writes {
		if err := b.s.place(ctx, &it.next, it.sealed); err != nil {
			return err
		}
	}
	return nil
}

// erased ends an act for a patient who was erased.
func (b *batch) erased(ctx context.Context, err error) error {
	if ward.KindOf(err) != ward.Gone {
		return err
	}
	return b.s.failed(ctx, b.p, b.act, ward.E(ward.Gone, "store.apply", "the patient was erased; nothing can be written for them again", nil))
}

// seal fills next with the sealed text's identity.
func (it *item) seal() error {
	r := &it.next
	h := header{op: Op(r.op), updUS: r.updUS, conf: r.conf, patient: subjectOf(r.pat), rt: r.rt, id: r.id}
	if Op(r.op) == OpDelete {
		old, err := unpack(it.old.rev)
		if err != nil {
			return err
		}
		it.body, it.keys = nil, labelsOf(old)
		for _, k := range it.keys {
			h.labels = append(h.labels, k.v8())
		}
	}
	sealed, err := it.key.Seal(r.record(), append(h.append(make([]byte, 0, 160+len(it.body))), it.body...))
	if err != nil {
		return err
	}
	kid := it.key.ID()
	digest := sha256.Sum256(sealed)
	r.kid, r.digest, it.sealed = kid[:], digest[:], sealed
	return nil
}

// place puts a sealed text into its row, or into a blob that the row names.
func (s *Store) place(ctx context.Context, r *row, sealed []byte) error {
	if len(sealed) <= inlineMax {
		r.body, r.blob = sealed, nil
		return nil
	}
	g, err := s.blobs.Put(ctx, sealed)
	if err != nil {
		return err
	}
	r.body, r.blob = nil, g[:]
	return nil
}

// write commits all versions with their entry, or nothing. errMoved: something that was read is no longer so.
func (b *batch) write(ctx context.Context, writes []*item) error {
	in := b.p.Intent(b.act)
	for _, it := range writes {
		in.Subjects = append(in.Subjects, it.next.subject())
		in.Writes = append(in.Writes, [32]byte(it.next.digest))
	}
	if b.side != nil {
		b.side.intent(&in)
	}
	entry, err := b.s.log.Prepare(ctx, in)
	if err != nil {
		return err
	}
	kids := b.kids(writes)
	err = b.s.commit(ctx, b.n.tn, func(tx *db.Tx) error {
		if err := b.s.ring.Live(ctx, tx, b.n.tn, kids...); err != nil {
			return err
		}
		if err := b.still(ctx, tx); err != nil {
			return err
		}
		return b.insert(ctx, tx, writes, entry)
	})
	if moved := errors.Is(err, errMoved) || db.IsUnique(err); moved || errors.Is(err, errDone) {
		b.drop(ctx, writes)
		if moved {
			err = errMoved
		}
		return err
	}
	if err != nil {
		return b.unwritten(ctx, err)
	}
	for _, it := range writes {
		it.result = &Result{Version: it.next.version(), Created: it.old == nil || it.old.deleted()}
	}
	return nil
}

// unwritten ends an act that could not be written: with an entry when the rules of its content were against it.
func (b *batch) unwritten(ctx context.Context, err error) error {
	if ward.KindOf(err) == ward.Conflict {
		return b.s.failed(ctx, b.p, b.act, err)
	}
	return b.erased(ctx, err)
}

// drop removes the blobs of an attempt that certainly did not commit. One that stays is an orphan, which Check counts.
func (b *batch) drop(ctx context.Context, writes []*item) {
	if b.side != nil {
		b.side.drop(ctx)
	}
	for _, it := range writes {
		if it.next.blob != nil {
			_ = b.s.blobs.Delete(ctx, blob.Digest(it.next.blob))
		}
	}
}

// kids lists the keys that must be live when the versions are written: those that sealed them, and those of the versions
// they replace, so that nobody writes over an erased patient's record.
func (b *batch) kids(writes []*item) []seal.KeyID {
	var out []seal.KeyID
	for _, it := range writes {
		out = append(out, it.key.ID())
		if it.old != nil {
			out = append(out, seal.KeyID(it.old.kid))
		}
	}
	if b.side != nil {
		out = append(out, b.side.kids()...)
	}
	slices.SortFunc(out, func(a, b seal.KeyID) int { return strings.Compare(string(a[:]), string(b[:])) })
	return slices.Compact(out)
}

// still checks inside the transaction what kept results and conditions rest on.
func (b *batch) still(ctx context.Context, tx *db.Tx) error {
	for _, it := range b.items {
		if it.result != nil && it.old != nil {
			var ver int64
			ok, err := tx.Get(ctx, "SELECT ver FROM res WHERE tn = $1 AND rid = $2", []any{int64(b.n.tn), it.old.rid}, &ver)
			if err != nil {
				return err
			}
			if !ok || ver != it.old.ver {
				return errMoved
			}
		}
		if it.claim != nil && it.result == nil {
			if err := b.take(ctx, tx, it); err != nil {
				return err
			}
		}
	}
	return nil
}

var verInsert = []string{"tn", "seq", "txid", "rid", "ver", "op", "upd_us", "pat", "conf", "kid", "entry", "body", "blob", "digest", "mac"}

var resInsert = []string{"tn", "rid", "rt", "id", "rk16", "ver", "seq", "upd_us", "flags", "pat", "conf", "bh", "rev", "mac"}

// insert writes the entry, the versions and what stands beside them.
func (b *batch) insert(ctx context.Context, tx *db.Tx, writes []*item, entry audit.Prepared) error {
	rc, err := b.s.log.Enter(ctx, tx, entry)
	if err != nil {
		return err
	}
	id := rc.ID()
	if len(writes) > 0 {
		if err := b.versions(ctx, tx, writes, id); err != nil {
			return err
		}
	}
	if b.side != nil {
		return b.side.write(ctx, tx, b, id)
	}
	return nil
}

// versions writes rows, pointers, index and the jobs of feeds.
func (b *batch) versions(ctx context.Context, tx *db.Tx, writes []*item, id ward.ID) error {
	seq, err := tx.Allocate(ctx, "ver", int64(len(writes)))
	if err != nil {
		return err
	}
	txid, err := tx.ID(ctx)
	if err != nil {
		return err
	}
	vers, ress := make([][]any, 0, len(writes)), make([][]any, 0, len(writes))
	var olds []*item
	for i, it := range writes {
		r := &it.next
		r.seq, r.txid, r.entry = seq+int64(i), txid, id[:]
		r.mac = r.wantMAC(b.n.row)
		vers = append(vers, []any{int64(r.tn), r.seq, r.txid, r.rid, r.ver, r.op, r.updUS, r.pat, int64(r.conf), r.kid,
			r.entry, orNull(r.body), orNull(r.blob), r.digest, r.mac})
		if it.old != nil {
			olds = append(olds, it)
			continue
		}
		p := it.pointer()
		ress = append(ress, []any{int64(p.tn), p.rid, p.rt, p.id, p.rk, p.ver, p.seq, p.updUS, p.flags, p.pat, int64(p.conf), p.bh,
			p.rev, p.wantMAC(b.n.row)})
	}
	if err := tx.Insert(ctx, "ver", verInsert, vers); err != nil {
		return err
	}
	if err := tx.Insert(ctx, "res", resInsert, ress); err != nil {
		return err
	}
	slices.SortFunc(olds, func(a, b *item) int { return cmp.Compare(a.old.rid, b.old.rid) })
	for _, it := range olds {
		if err := b.repoint(ctx, tx, it); err != nil {
			return err
		}
	}
	if err := b.index(ctx, tx, writes); err != nil {
		return err
	}
	return b.feed(ctx, tx, writes)
}

// refs names the versions that stand when the batch is written: "Type/id/_history/n".
func (b *batch) refs() []string {
	out := make([]string, len(b.items))
	for i, it := range b.items {
		version := it.next.ver
		if it.result != nil {
			version = it.result.Version.Number
		}
		out[i] = it.ref.String() + "/_history/" + strconv.FormatInt(version, 10)
	}
	return out
}

// pointer is the res row that a written version brings.
func (it *item) pointer() *pointer {
	r := &it.next
	p := &pointer{tn: r.tn, rid: r.rid, rt: r.rt, id: r.id, rk: it.rk, ver: r.ver, seq: r.seq, updUS: r.updUS, pat: r.pat,
		conf: r.conf, bh: it.bh, rev: pack(it.keys)}
	if Op(r.op) == OpDelete {
		p.flags, p.bh = flagDeleted, zero16
	}
	return p
}

// repoint replaces a pointer if it is still the one that was read: the row count is the check.
func (b *batch) repoint(ctx context.Context, tx *db.Tx, it *item) error {
	p := it.pointer()
	n, err := tx.Exec(ctx, "UPDATE res SET ver = $1, seq = $2, upd_us = $3, flags = $4, pat = $5, conf = $6, bh = $7, rev = $8, mac = $9 "+
		"WHERE tn = $10 AND rid = $11 AND ver = $12 AND flags = $13", p.ver, p.seq, p.updUS, p.flags, p.pat, int64(p.conf), p.bh, p.rev,
		p.wantMAC(b.n.row), int64(p.tn), p.rid, it.old.ver, it.old.flags)
	if err == nil && n != 1 {
		return errMoved
	}
	return err
}

// index brings the index rows from what the old version had to what the new one has.
func (b *batch) index(ctx context.Context, tx *db.Tx, writes []*item) error {
	ix := ixRows{tn: int64(b.n.tn)}
	for _, it := range writes {
		fresh := it.keys
		if it.old != nil {
			old, err := unpack(it.old.rev)
			if err != nil {
				return err
			}
			if err := ix.remove(ctx, tx, it.next.rid, difference(old, it.keys)); err != nil {
				return err
			}
			fresh = difference(it.keys, old)
		}
		ix.add(it.next.rid, fresh)
	}
	return ix.insert(ctx, tx)
}

// ixRows collects index rows to insert.
type ixRows struct {
	tn              int64
	tok, ref, dates [][]any
}

func (x *ixRows) add(rid int64, ks []ixKey) {
	for _, k := range ks {
		switch k.table() {
		case tokTable:
			x.tok = append(x.tok, []any{x.tn, k.sp(), k.v8(), rid})
		case refTable:
			x.ref = append(x.ref, []any{x.tn, k.sp(), k.rk(), rid})
		case dateTable:
			x.dates = append(x.dates, []any{x.tn, k.sp(), rid, k.lo(), k.hi()})
		}
	}
}

// insert writes the rows of tokens, by far the most, in the order in which they lie in their table.
func (x *ixRows) insert(ctx context.Context, tx *db.Tx) error {
	slices.SortFunc(x.tok, func(a, b []any) int {
		return cmp.Or(cmp.Compare(a[1].(int64), b[1].(int64)), cmp.Compare(a[2].(int64), b[2].(int64)), cmp.Compare(a[3].(int64), b[3].(int64)))
	})
	if err := tx.Insert(ctx, "ix_tok", []string{"tn", "sp", "v8", "rid"}, x.tok); err != nil {
		return err
	}
	if err := tx.Insert(ctx, "ix_ref", []string{"tn", "sp", "rk16", "rid"}, x.ref); err != nil {
		return err
	}
	return tx.Insert(ctx, "ix_date", []string{"tn", "sp", "rid", "lo", "hi"}, x.dates)
}

// remove deletes the index rows of one resource by their keys.
func (x *ixRows) remove(ctx context.Context, tx *db.Tx, rid int64, ks []ixKey) error {
	for _, k := range ks {
		var err error
		switch k.table() {
		case tokTable:
			_, err = tx.Exec(ctx, "DELETE FROM ix_tok WHERE tn = $1 AND sp = $2 AND v8 = $3 AND rid = $4", x.tn, k.sp(), k.v8(), rid)
		case refTable:
			_, err = tx.Exec(ctx, "DELETE FROM ix_ref WHERE tn = $1 AND sp = $2 AND rk16 = $3 AND rid = $4", x.tn, k.sp(), k.rk(), rid)
		case dateTable:
			_, err = tx.Exec(ctx, "DELETE FROM ix_date WHERE tn = $1 AND sp = $2 AND rid = $3 AND lo = $4 AND hi = $5", x.tn, k.sp(), rid, k.lo(), k.hi())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// orNull keeps an absent text apart from an empty one.
func orNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// newest is above every row number.
const newest = math.MaxInt64
