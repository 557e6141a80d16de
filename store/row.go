package store

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/binary"
	"sync"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/seal"
)

// The flags of a res row.
const (
	flagDeleted = 1
	flagErased  = 2
)

// row is one row of ver with what names its resource, or one row of payload (rt is then the kind).
type row struct {
	tn      db.Tenant
	rid     int64
	rt, id  string // of the resource; payload: kind and ""
	ver     int64
	seq     int64
	txid    int64
	op      int64 // an Op; what stands in a row is not believed
	updUS   int64
	pat     []byte
	topic   []byte // payload only
	conf    int
	key     []byte // payload only: the 16-byte id
	kid     []byte
	entry   []byte
	body    []byte
	blob    []byte
	digest  []byte
	mac     []byte
	visible bool // by the permit's filter on both aliases, as SQL saw it
	erased  bool
	flags   int64
	current int64 // version that res points to
}

// verColumns selects a row from ver v joined with res r. COALESCE: a pointer without its version must scan, and fail to open.
const verColumns = `r.rid, r.rt, r.id, COALESCE(v.ver, 0), COALESCE(v.seq, 0), COALESCE(v.txid, 0), COALESCE(v.op, 0), ` +
	`COALESCE(v.upd_us, 0), v.pat, COALESCE(v.conf, 0), v.kid, v.entry, v.body, v.blob, v.digest, v.mac, r.flags, r.ver`

const erasedR = `CASE WHEN EXISTS (SELECT 1 FROM erased e WHERE e.tn = r.tn AND e.pat = r.pat) THEN 1 ELSE 0 END`

func (r *row) verDest(more ...any) []any {
	return append([]any{&r.rid, &r.rt, &r.id, &r.ver, &r.seq, &r.txid, &r.op, &r.updUS, &r.pat, &r.conf, &r.kid,
		&r.entry, &r.body, &r.blob, &r.digest, &r.mac, &r.flags, &r.current}, more...)
}

// record is what the row's sealed text is bound to.
func (r *row) record() seal.Record {
	if r.key != nil {
		return seal.Record{Kind: r.rt, RID: r.key, Version: 1, Schema: schemaVersion}
	}
	return seal.Record{Kind: "ver", RID: be8(r.rid), Version: r.ver, Schema: schemaVersion}
}

// subject is how audit entries name the row.
func (r *row) subject() audit.Subject {
	rec := r.record()
	return audit.Subject{Patient: subjectOf(r.pat), Kind: rec.Kind, RID: rec.RID, Version: rec.Version}
}

func (r *row) ref() ward.Reference { return ward.Reference{Type: r.rt, ID: r.id} }

// version returns the public form without a body.
func (r *row) version() ward.Version {
	v := ward.Version{Ref: r.ref(), Number: r.ver, Updated: micros(r.updUS), Deleted: Op(r.op) == OpDelete}
	copy(v.Digest[:], r.digest)
	copy(v.Entry[:], r.entry)
	return v
}

func subjectOf(b []byte) (s seal.Subject) {
	copy(s[:], b)
	return s
}

// rowMAC is the first 16 bytes of the tenant's keyed digest over the columns given, in the order of the table.
func rowMAC(m keys.MAC, table string, columns ...any) []byte {
	room := macRooms.Get().(*[]byte)
	defer macRooms.Put(room)
	b := (*room)[:0]
	for _, c := range columns {
		switch c := c.(type) {
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 1), uint64(c))
		case string:
			b = appendText(append(b, 2), c)
		case []byte:
			// NULL and empty are one here: drivers do not keep them apart.
			b = append(binary.AppendUvarint(append(b, 3), uint64(len(c))), c...)
		default:
			panic("store: a column is of a type that has no encoding")
		}
	}
	sum := m.Sum([]byte(table), b)
	if *room = b; cap(b) > maxMACRoom {
		*room = make([]byte, 0, 512)
	}
	return sum[:16]
}

// macRooms are where rowMAC joins columns, none of which is more than the table shows.
var macRooms = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

const maxMACRoom = 8 << 10

// wantMAC computes the MAC of a ver or payload row. The body is covered by its digest.
func (r *row) wantMAC(m keys.MAC) []byte {
	if r.key != nil {
		return rowMAC(m, "payload", int64(r.tn), r.rt, r.key, r.seq, r.txid, r.pat, r.topic, r.updUS, r.kid, r.entry, r.blob, r.digest)
	}
	return rowMAC(m, "ver", int64(r.tn), r.seq, r.txid, r.rid, r.ver, r.op, r.updUS, r.pat, int64(r.conf), r.kid, r.entry, r.blob, r.digest)
}

// pointer is one row of res, with what a write needs of the version it points to.
type pointer struct {
	tn      db.Tenant
	rid     int64
	rt, id  string
	rk      []byte
	ver     int64
	seq     int64
	updUS   int64
	flags   int64
	pat     []byte
	conf    int
	bh      []byte
	rev     []byte
	mac     []byte
	visible bool
	erased  bool
	kid     []byte // of the version
	digest  []byte
	entry   []byte
}

const resColumns = `r.rid, r.rt, r.id, r.rk16, r.ver, r.seq, r.upd_us, r.flags, r.pat, r.conf, r.bh, r.rev, r.mac`

func (p *pointer) dest(more ...any) []any {
	return append([]any{&p.rid, &p.rt, &p.id, &p.rk, &p.ver, &p.seq, &p.updUS, &p.flags, &p.pat, &p.conf, &p.bh, &p.rev, &p.mac}, more...)
}

func (p *pointer) wantMAC(m keys.MAC) []byte {
	return rowMAC(m, "res", int64(p.tn), p.rid, p.rt, p.id, p.rk, p.ver, p.seq, p.updUS, p.flags, p.pat, int64(p.conf), p.bh, p.rev)
}

func (p *pointer) deleted() bool { return p.flags&flagDeleted != 0 }

func (p *pointer) gone() bool { return p.erased || p.flags&flagErased != 0 }

// sameMAC compares in constant time.
func sameMAC(a, b []byte) bool { return hmac.Equal(a, b) }

// each scans every row of a query and closes it.
func each(rows *sql.Rows, err error, scan func(scanner) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// names holds a tenant's keyed digests.
type names struct {
	tn              db.Tenant
	row, index, rfs keys.MAC
	kin             map[string][]string // patients that were merged into one, transitively, by that one; nil: nobody whom the call names
}

// names refuses the scope of the node, which sees every tenant: nothing of a patient belongs to it.
func (s *Store) names(ctx context.Context, tn db.Tenant) (n names, err error) {
	if tn <= db.System {
		return n, ward.E(ward.Denied, "store", "the permit is of no tenant", nil)
	}
	n.tn = tn
	if n.row, err = s.ring.MAC(ctx, tn, "row"); err != nil {
		return n, err
	}
	if n.index, err = s.ring.MAC(ctx, tn, "index"); err != nil {
		return n, err
	}
	n.rfs, err = s.ring.MAC(ctx, tn, "ref")
	return n, err
}

// ref is rk16: the keyed digest of "Type/id".
func (n names) ref(r ward.Reference) []byte {
	sum := n.rfs.Sum([]byte(r.Type), []byte(r.ID))
	return sum[:16]
}

// patient is the subject of a patient id; none for "".
func (n names) patient(id string) []byte {
	if id == "" {
		return zero16
	}
	return n.ref(ward.Reference{Type: "Patient", ID: id})
}

// channel is the subject under which raw messages of a source are sealed. No resource type contains the slash.
func (n names) channel(source string) []byte {
	return n.ref(ward.Reference{Type: "channel/", ID: source})
}

// body is bh.
func (n names) body(b []byte) []byte {
	sum := n.index.Sum([]byte("body"), b)
	return sum[:16]
}
