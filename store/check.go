package store

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// Fault is one finding of Check.
type Fault struct {
	Class string // "body", "pointer", "index", "key", "blob", "version", "decision", "feedback", "message", "hold", "merge", "series"
	Where string // pseudonymous row identity
	What  string
}

// CheckReport sums up a Check.
type CheckReport struct {
	Versions, Resources, IndexRows, Blobs, Decisions, Erased int64
	Feedback                                                 int64 // on decisions
	Raw                                                      int64 // messages as they arrived
	Holds, Sides                                             int64 // held facts, and texts beside messages: evidence, proposals, notes
	Series                                                   int64 // of a sender's results
	Orphans                                                  int64 // blobs that no row names: left by a write that failed, no fault
	Faults                                                   []Fault
}

// maxFaults bounds the list of findings; the last one then says that there are more.
const maxFaults = 1000

// checkChunk is how many rows are opened under one entry.
const checkChunk = 1000

// purgeTime is how long index rows of an erased patient may stand.
const purgeTime = 5 * time.Second

// Check re-verifies every stored row of the permit's tenant: bodies open, rows carry their MAC, pointers are the newest versions,
// index rows equal those recomputed from the bodies, every write entry of the log has its row and every row its entry, blobs hash to their names.
// It may run beside writers. A permit lives for two minutes: for a store that takes longer use CheckLong. progress may be nil.
func (s *Store) Check(ctx context.Context, p access.Permit, progress func(done, total int64)) (CheckReport, error) {
	return s.CheckLong(ctx, func(context.Context) (access.Permit, error) { return p, nil }, nil, progress)
}

// CheckLong is Check with a permit decided again for every chunk; all must be of one tenant and for access.StoreCheck. series reads the body of a
// series as who wrote it does; its public text is the fault. It may be nil.
func (s *Store) CheckLong(ctx context.Context, decide func(context.Context) (access.Permit, error), series func(Series) error, progress func(done, total int64)) (CheckReport, error) {
	p, err := decide(ctx)
	if err != nil {
		return CheckReport{}, err
	}
	if err := p.Allows(access.StoreCheck, ""); err != nil {
		return CheckReport{}, err
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return CheckReport{}, err
	}
	c := &checker{s: s, n: n, decide: decide, readSeries: series, progress: progress, seed: maphash.MakeSeed(), rows: map[[32]byte]ward.ID{},
		want: map[int64]wanted{}, erased: map[seal.Subject]time.Time{}, blobs: map[[32]byte]string{}}
	if c.progress == nil {
		c.progress = func(int64, int64) {}
	}
	for _, step := range []func(context.Context) error{c.count, c.tombstones, c.versions, c.pointers, c.indexes, c.payloads, c.messages, c.sides, c.holds, c.merges, c.series, c.claims,
		c.files, c.keys, c.entries} {
		if err := step(ctx); err != nil {
			return c.report, err
		}
	}
	c.progress(c.total, c.total)
	return c.report, nil
}

// checker is one Check. Its maps hold some 150 bytes per version and resource.
type checker struct {
	s           *Store
	n           names
	decide      func(context.Context) (access.Permit, error)
	readSeries  func(Series) error
	progress    func(done, total int64)
	done, total int64
	report      CheckReport

	seed   maphash.Seed
	rows   map[[32]byte]ward.ID // digest of every row seen -> entry that it names
	want   map[int64]wanted     // by rid: what the current body asks for
	erased map[seal.Subject]time.Time
	blobs  map[[32]byte]string // blobs that live rows name -> where

	lastVer, lastPayload, lastMessage, lastSide int64 // newest rows that the walks saw; what is above was written since
}

// wanted is what the opened body of a current version says about its pointer and index rows.
type wanted struct {
	seq   int64
	print print
	bh    []byte
}

// print is a fingerprint of a set of index rows: their number and the sum of their keyed hashes.
type print struct{ n, sum uint64 }

func (c *checker) add(p *print, k ixKey) {
	p.n++
	p.sum += maphash.Bytes(c.seed, k[:])
}

func (c *checker) print(ks []ixKey) (p print) {
	for _, k := range ks {
		c.add(&p, k)
	}
	return p
}

func (c *checker) fault(class, where, what string) {
	switch n := len(c.report.Faults); {
	case n < maxFaults-1:
		c.report.Faults = append(c.report.Faults, Fault{class, where, what})
	case n == maxFaults-1:
		c.report.Faults = append(c.report.Faults, Fault{class, "", "there are more faults than are listed"})
	}
}

func (c *checker) read(ctx context.Context, q string, args []any, scan func(scanner) error) error {
	return c.s.db.Read(ctx, c.n.tn, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, q, args...)
		return each(rows, err, scan)
	})
}

func (c *checker) tn() int64 { return int64(c.n.tn) }

func (c *checker) count(ctx context.Context) error {
	return c.read(ctx, "SELECT (SELECT COUNT(*) FROM ver WHERE tn = $1) + (SELECT COUNT(*) FROM payload WHERE tn = $1) + "+
		"(SELECT COUNT(*) FROM message WHERE tn = $1) + (SELECT COUNT(*) FROM side_text WHERE tn = $1) + (SELECT COUNT(*) FROM series WHERE tn = $1)", []any{c.tn()},
		func(s scanner) error { return s.Scan(&c.total) })
}

// tombstones: erased patients have no data key, and no index rows after purgeTime.
func (c *checker) tombstones(ctx context.Context) error {
	err := c.read(ctx, "SELECT pat, at_us, versions, entry, mac FROM erased WHERE tn = $1 ORDER BY pat", []any{c.tn()}, func(s scanner) error {
		var pat, entry, mac []byte
		var at, versions int64
		if err := s.Scan(&pat, &at, &versions, &entry, &mac); err != nil {
			return err
		}
		c.report.Erased++
		if !sameMAC(mac, erasedMAC(c.n, pat, at, versions, entry)) {
			c.fault("key", fmt.Sprintf("erased %x", pat), "the tombstone was changed")
			return nil
		}
		c.erased[subjectOf(pat)] = micros(at)
		return nil
	})
	if err != nil {
		return err
	}
	for sub := range c.erased {
		gone, err := c.s.ring.Destroyed(ctx, c.n.tn, sub)
		if err != nil {
			return err
		}
		if !gone {
			c.fault("key", fmt.Sprintf("erased %x", sub[:]), "the data key of an erased patient was not destroyed")
		}
	}
	return nil
}

// versions opens every version, in order.
func (c *checker) versions(ctx context.Context) error {
	after := int64(math.MinInt64)
	for {
		var page []*row
		current := map[*row]bool{}
		err := c.read(ctx, "SELECT COALESCE(r.rid, 0), v.rid, COALESCE(r.rt, ''), COALESCE(r.id, ''), COALESCE(r.seq, 0), v.ver, v.seq, v.txid, v.op, v.upd_us, v.pat, "+
			"v.conf, v.kid, v.entry, v.body, v.blob, v.digest, v.mac FROM ver v LEFT JOIN res r ON r.tn = v.tn AND r.rid = v.rid "+
			"WHERE v.tn = $1 AND v.seq > $2 ORDER BY v.seq LIMIT $3", []any{c.tn(), after, checkChunk}, func(s scanner) error {
			r := &row{tn: c.n.tn}
			var pointer, seq int64
			err := s.Scan(&pointer, &r.rid, &r.rt, &r.id, &seq, &r.ver, &r.seq, &r.txid, &r.op, &r.updUS, &r.pat, &r.conf, &r.kid,
				&r.entry, &r.body, &r.blob, &r.digest, &r.mac)
			page, after = append(page, r), r.seq
			current[r] = pointer != 0 && seq == r.seq
			if pointer == 0 {
				c.fault("pointer", r.where(), "the version's resource has no pointer row")
				r.flags = -1
			}
			return err
		})
		if err != nil || len(page) == 0 {
			c.lastVer = after
			return err
		}
		c.report.Versions += int64(len(page))
		if err := c.open(ctx, page, "version", func(r *row, o opened) error { return c.body(r, o, current[r]) }); err != nil {
			return err
		}
	}
}

// where is the pseudonymous identity of a row.
func (r *row) where() string {
	if r.key != nil {
		return fmt.Sprintf("%s %x", r.rt, r.key)
	}
	return fmt.Sprintf("ver rid %d version %d", r.rid, r.ver)
}

// open verifies the clear side of rows, and opens under one entry those whose key should live.
func (c *checker) open(ctx context.Context, page []*row, class string, use func(*row, opened) error) error {
	p, err := c.decide(ctx)
	if err != nil {
		return err
	}
	if p.Tenant() != c.n.tn {
		return ward.E(ward.Denied, "store.check", "the permits of one check must be of one tenant", nil)
	}
	var live []*row
	for _, r := range page {
		if c.note(r.digest, r.entry); !sameMAC(r.mac, r.wantMAC(c.n.row)) {
			c.fault(class, r.where(), "the row was changed: its digest does not fit")
			continue
		}
		if _, gone := c.erased[subjectOf(r.pat)]; gone || r.flags < 0 {
			continue
		}
		if r.blob != nil {
			c.blobs[[32]byte(r.digest)] = r.where()
		}
		live = append(live, r)
	}
	rc, err := c.s.begin(ctx, p, audit.ActStoreCheck, class, live...)
	if err != nil {
		return err
	}
	for _, r := range live {
		o, err := c.s.open(ctx, c.n, p, access.StoreCheck, rc, r)
		switch k := ward.KindOf(err); {
		case err == nil:
			err = use(r, o)
		case k == ward.Gone:
			err = c.erasedNow(ctx, r.pat, func() { c.fault("key", r.where(), "the key was destroyed without an erasure") })
		case k == ward.Denied || k == ward.Unavailable || ctx.Err() != nil:
		case r.blob != nil:
			text := "the blob is missing or does not open: " + why(err)
			err = c.erasedNow(ctx, r.pat, func() { c.fault("blob", r.where(), text) })
		default:
			c.fault(bodyClass(r), r.where(), why(err))
			err = nil
		}
		if err != nil {
			return err
		}
	}
	c.progressed(len(page))
	return nil
}

func bodyClass(r *row) string {
	if r.key != nil {
		return r.rt
	}
	return "body"
}

// why is the text of an error of opening; none of them holds patient data.
func why(err error) string {
	var e *ward.Error
	if ok := asError(err, &e); ok {
		return e.Public
	}
	return "does not open"
}

// erasedNow calls fault unless the patient was erased since the check began.
func (c *checker) erasedNow(ctx context.Context, pat []byte, fault func()) error {
	return c.s.db.Read(ctx, c.n.tn, func(tx *db.Tx) error {
		var e Erasure
		done, err := erasure(ctx, tx, c.n, pat, &e)
		if err == nil && !done {
			fault()
		}
		return err
	})
}

// body notes what an opened current version asks of pointer and index.
func (c *checker) body(r *row, o opened, current bool) error {
	if !current {
		return nil
	}
	w := wanted{seq: r.seq, bh: zero16}
	if Op(r.op) == OpDelete {
		for _, v8 := range o.head.labels {
			c.add(&w.print, tokKey(fhir.ParamSecurity, v8))
		}
	} else {
		ks, err := c.n.keys(o.facts)
		if err != nil {
			return err
		}
		w.print, w.bh = c.print(ks), c.n.body(o.body)
	}
	c.want[r.rid] = w
	return nil
}

// pointers compares every pointer with its version and with what the body asks for.
func (c *checker) pointers(ctx context.Context) error {
	after := int64(math.MinInt64)
	for {
		n := 0
		var marked []*pointer
		err := c.read(ctx, "SELECT "+resColumns+", COALESCE(v.rid, -1), COALESCE(v.ver, 0), COALESCE(v.op, 0), COALESCE(v.upd_us, 0), v.pat, COALESCE(v.conf, -1), "+
			"(SELECT COUNT(*) FROM ver x WHERE x.tn = r.tn AND x.rid = r.rid), (SELECT COALESCE(MAX(x.ver), 0) FROM ver x WHERE x.tn = r.tn AND x.rid = r.rid) "+
			"FROM res r LEFT JOIN ver v ON v.tn = r.tn AND v.seq = r.seq WHERE r.tn = $1 AND r.rid > $2 ORDER BY r.rid LIMIT $3",
			[]any{c.tn(), after, checkChunk}, func(s scanner) error {
				p, v := &pointer{tn: c.n.tn}, &row{}
				var count, newest int64
				if err := s.Scan(p.dest(&v.rid, &v.ver, &v.op, &v.updUS, &v.pat, &v.conf, &count, &newest)...); err != nil {
					return err
				}
				n++
				after = p.rid
				c.pointer(p, v, count, newest)
				if _, known := c.erased[subjectOf(p.pat)]; p.flags&flagErased != 0 && !known {
					marked = append(marked, p)
				}
				return nil
			})
		for _, p := range marked {
			if err == nil {
				err = c.erasedNow(ctx, p.pat, func() {
					c.fault("pointer", fmt.Sprintf("res rid %d", p.rid), "it is marked as erased and its patient was not")
				})
			}
		}
		if err != nil || n == 0 {
			return err
		}
		c.report.Resources += int64(n)
	}
}

func (c *checker) pointer(p *pointer, v *row, count, newest int64) {
	bad := func(what string) { c.fault("pointer", fmt.Sprintf("res rid %d", p.rid), what) }
	_, erased := c.erased[subjectOf(p.pat)]
	w, opened := c.want[p.rid]
	switch {
	case !sameMAC(p.mac, p.wantMAC(c.n.row)):
		bad("the row was changed: its digest does not fit")
	case !bytes.Equal(p.rk, c.n.ref(ward.Reference{Type: p.rt, ID: p.id})):
		bad("the keyed reference does not fit type and id")
	case v.rid != p.rid:
		bad("it points to no version of its resource")
	case p.ver != newest || v.ver != p.ver:
		bad("it does not point to the newest version")
	case count != newest:
		c.fault("version", fmt.Sprintf("res rid %d", p.rid), fmt.Sprintf("%d versions are there of %d", count, newest))
	case v.updUS != p.updUS || v.conf != p.conf || !bytes.Equal(v.pat, p.pat) || (Op(v.op) == OpDelete) != p.deleted():
		bad("it differs from its version")
	case erased || p.flags&flagErased != 0 || !opened || w.seq != p.seq: // opens nowhere, has its fault already, or was written after its version was read
	case !bytes.Equal(w.bh, p.bh):
		bad("the keyed digest of the body does not fit")
	default:
		ks, err := unpack(p.rev)
		if err != nil || c.print(ks) != w.print {
			bad("the packed index keys are not those of the body")
		}
	}
}
