package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit/verify"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/seal"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the log's tables.
func Migrations() db.Migrations {
	sub, err := fs.Sub(schema, "schema")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return db.Migrations{Owner: "audit", Files: sub}
}

// Config says where the log lives.
type Config struct {
	Dir       string        // published side: checkpoint, tile/..., and (SQLite) journal/
	Emergency string        // emergency journal: a folder, best on another disk; empty means Dir/emergency
	Origin    string        // "ward/<node-set id>", fixed at init
	Every     time.Duration // sequencing interval; zero means 200 ms
}

// Log is the open log. Safe for concurrent use.
type Log struct {
	c      Config
	disk   disk
	db     *db.DB
	ring   *seal.Ring
	mac    keys.MAC // chains, state
	names  keys.MAC // tenant pseudonyms
	node   int64
	signer note.Signer
	vkey   string

	tenants   sync.Map // db.Tenant to *pseudonyms
	journal   journal
	files     *files // the journal on SQLite, else nil
	emergency *emergency
	commits   *committer
	counts    counts

	seq         sequencer
	rowsEntered atomic.Int64
	rowsRead    time.Time // guarded by seq.mu
	size        atomic.Int64
	merged      int                   // entries that came out of the emergency journal at Open
	trouble     atomic.Pointer[error] // of the newest pass
}

// Open recovers both sources, refuses (ward.Unavailable, with a text that names what to do) when the database is older
// than the published checkpoint or the journal's newest anchor, and republishes tiles that are missing.
func Open(ctx context.Context, c Config, d *db.DB, r *seal.Ring) (*Log, error) {
	return open(ctx, c, d, r, osDisk{})
}

func open(ctx context.Context, c Config, d *db.DB, r *seal.Ring, disk disk) (*Log, error) {
	if c.Dir == "" || c.Every < 0 {
		return nil, ward.E(ward.Invalid, "audit.open", "the log needs a folder and an interval that is not negative", nil)
	}
	if c.Every == 0 {
		c.Every = 200 * time.Millisecond
	}
	if c.Emergency == "" {
		c.Emergency = filepath.Join(c.Dir, "emergency")
	}
	l := &Log{c: c, disk: disk, db: d, ring: r}
	if err := l.identity(ctx); err != nil {
		return nil, err
	}
	if err := l.recover(ctx); err != nil {
		return nil, errors.Join(err, l.release())
	}
	l.commits = newCommitter(l.durable)
	if err := l.mergeNote(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// identity loads keys and names.
func (l *Log) identity(ctx context.Context) error {
	var err error
	if l.mac, err = l.ring.MAC(ctx, db.System, "chain"); err != nil {
		return err
	}
	if l.names, err = l.ring.MAC(ctx, db.System, "pseudonym"); err != nil {
		return err
	}
	sign, public, err := l.ring.Signer(ctx, "log", keys.Ed25519)
	if err != nil {
		return err
	}
	parsed, err := x509.ParsePKIXPublicKey(public)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return ward.E(ward.Internal, "audit.open", "the log's signing key is not Ed25519", err)
	}
	if l.vkey, err = note.NewEd25519VerifierKey(l.c.Origin, key); err != nil {
		return ward.E(ward.Invalid, "audit.open", "the log's origin must be a name without spaces and plus signs", err)
	}
	v, err := note.NewVerifier(l.vkey)
	if err != nil {
		return ward.E(ward.Invalid, "audit.open", "the log's origin must be a name without spaces and plus signs", err)
	}
	l.signer = signer{name: v.Name(), hash: v.KeyHash(), sign: sign.Sign}
	l.node, err = l.nodeNumber()
	return err
}

// nodeNumber reads the random number that tells the chains of nodes apart, or makes it.
func (l *Log) nodeNumber() (int64, error) {
	name := filepath.Join(l.c.Dir, "node")
	b, err := readFile(l.disk, name, 64)
	if err == nil {
		raw, err := hex.DecodeString(strings.TrimSpace(string(b)))
		if err != nil || len(raw) != 8 {
			return 0, ward.E(ward.Unavailable, "audit.open", "the file node in the log's folder is damaged; restore it from a copy", err)
		}
		return int64(binary.BigEndian.Uint64(raw)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, ward.E(ward.Unavailable, "audit.open", "the log's folder cannot be read", err)
	}
	var raw [8]byte
	rand.Read(raw[:])
	raw[0] &= 0x7f
	if err = writeFile(l.disk, name, []byte(hex.EncodeToString(raw[:])+"\n")); err == nil {
		err = l.disk.syncDir(l.c.Dir)
	}
	if err != nil {
		return 0, ward.E(ward.Unavailable, "audit.open", "the log's folder cannot be written", err)
	}
	return int64(binary.BigEndian.Uint64(raw[:])), nil
}

// recover brings state, journal and published side together.
func (l *Log) recover(ctx context.Context) error {
	s := &l.seq
	st, _, err := l.readLive(ctx)
	if err != nil {
		return err
	}
	s.hold(st)
	s.rows, s.step, s.gap = newFeed(srcRow, l.mac), 128, true
	published, err := l.readCheckpoint()
	if err != nil {
		return err
	}
	if s.st.edge.Size < published.Size {
		return rollback("the checkpoint published here: %d entries against %d", s.st.edge.Size, published.Size)
	}
	if s.st.edge.Size == published.Size && s.st.root() != published.Root {
		return rollback("the checkpoint published here: its %d entries are others than those of the database", published.Size)
	}
	anchors, unsequenced, err := l.openJournal(ctx)
	if err != nil {
		return err
	}
	for _, a := range anchors {
		if s.st.edge.Size < a.size || s.st.jrn.before(a.jrn) || s.st.rows.before(a.rows) {
			return rollback("what the journal says was published: %d entries against %d", s.st.edge.Size, a.size)
		}
	}
	if l.emergency, err = openEmergency(l.disk, l.c.Emergency, l.mac); err != nil {
		return err
	}
	if err := l.takeUpTiles(ctx, published); err != nil {
		return err
	}
	if err := l.publish(ctx); err != nil {
		return err
	}
	if err := l.checkAnchors(anchors); err != nil {
		return err
	}
	return l.merge(ctx, unsequenced)
}

// readCheckpoint returns the published checkpoint; the zero one if nothing was published yet.
func (l *Log) readCheckpoint() (verify.Checkpoint, error) {
	signed, err := readFile(l.disk, filepath.Join(l.c.Dir, checkpointName), verify.MaxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		var empty verify.Edge
		return verify.Checkpoint{Origin: l.c.Origin, Root: empty.Root()}, nil
	}
	var c verify.Checkpoint
	if err == nil {
		c, err = verify.OpenCheckpoint(signed, l.vkey)
	}
	if err != nil {
		return c, refuseOpen("the published checkpoint is damaged or was signed by another key; restore the log's folder, or the database that holds its key", err)
	}
	return c, nil
}

// openJournal opens the journal behind the state's cursor and returns the anchors and entry ids that it holds there.
func (l *Log) openJournal(ctx context.Context) (anchors []anchor, ids map[ward.ID]bool, err error) {
	ids = map[ward.ID]bool{}
	if l.db.Engine() != "sqlite" {
		t := newTable(l.db, l.mac, l.node)
		l.journal = t
		return nil, ids, l.unsequenced(ctx, t, ids)
	}
	l.files, err = openFiles(l.disk, filepath.Join(l.c.Dir, "journal"), l.mac, l.seq.st.jrn, func(_ int64, in incoming) error {
		switch in.kind {
		case frameAnchor:
			a, err := parseAnchor(in.payload)
			anchors = append(anchors, a)
			return err
		case frameEntry, frameMerged:
			p, err := parsePayload(in.payload)
			ids[p.id] = true
			return err
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	l.journal = l.files
	if err := l.disk.syncDir(l.c.Dir); err != nil {
		return nil, nil, refuseOpen("the log's folder cannot be written; check the disk", err)
	}
	return anchors, ids, nil
}

func (l *Log) unsequenced(ctx context.Context, t *table, ids map[ward.ID]bool) error {
	at := l.seq.st.jrn
	for {
		n := 0
		next, err := t.read(ctx, at, feedMax, func(e entry) error { ids[e.id] = true; n++; return nil })
		if err != nil || n == 0 {
			return err
		}
		at = next
	}
}

// takeUpTiles loads the published right edge. When files are missing or damaged there, all tiles are made again from the
// sources; files that are right are left alone.
func (l *Log) takeUpTiles(ctx context.Context, c verify.Checkpoint) error {
	p := newPublisher(l.disk, l.c.Dir)
	l.size.Store(c.Size)
	if p.load(c) == nil {
		l.seq.pub = p
		return nil
	}
	p = newPublisher(l.disk, l.c.Dir)
	p.same = true
	if err := l.each(ctx, 0, c.Size, func(_ int64, e *payload) error { return p.add(e.leaf) }); err != nil {
		return err
	}
	edge := p.edge()
	if edge.Root() != c.Root {
		return rollback("the checkpoint published here: its %d entries are not the first of the database", c.Size)
	}
	if err := p.partials(); err != nil {
		return refuseOpen("the log's tiles cannot be written; check the disk that holds its folder", err)
	}
	p.same = false
	l.seq.pub = p
	return nil
}

// checkAnchors compares the anchors with the tree: equal sizes must have equal roots.
func (l *Log) checkAnchors(anchors []anchor) error {
	reader := l.hashes(l.seq.st.edge.Size, l.seq.st.root())
	for _, a := range anchors {
		root, err := tlog.TreeHash(a.size, reader)
		if err != nil {
			return refuseOpen("the log's tiles cannot be read; run ward-verify on the log's folder", err)
		}
		if verify.Hash(root) != a.root {
			return rollback("what the journal says was published: its %d entries are not the first of the database", a.size)
		}
	}
	return nil
}

// durable makes a group of entries durable in the journal or, failing that, in the emergency journal.
func (l *Log) durable(frames []outgoing) error {
	err := l.journal.append(context.Background(), frames)
	if err == nil {
		return nil
	}
	if second := l.emergency.append(frames); second != nil {
		return ward.E(ward.Unavailable, "audit.begin", "the audit log cannot be written, so nothing may be opened; try again later", errors.Join(err, second))
	}
	return nil
}

// merge moves what waits in the emergency journal into the journal. known are the ids that the journal holds already.
func (l *Log) merge(ctx context.Context, known map[ward.ID]bool) error {
	n, err := l.emergency.merge(func(frames []outgoing) error {
		var fresh []outgoing
		for _, f := range frames {
			p, err := parsePayload(f.payload)
			if err != nil {
				return refuseOpen("the emergency journal is damaged; keep the file for investigation and move it away", err)
			}
			found, err := l.sequenced(ctx, p.id)
			if err != nil {
				return err
			}
			if !found && !known[p.id] {
				known[p.id] = true
				fresh = append(fresh, f)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		return l.journal.append(ctx, fresh)
	})
	l.merged = n
	return err
}

func (l *Log) sequenced(ctx context.Context, id ward.ID) (found bool, err error) {
	err = l.db.Read(ctx, db.System, func(tx *db.Tx) error {
		var idx int64
		found, err = tx.Get(ctx, "SELECT idx FROM audit_pos WHERE id = $1", []any{id[:]}, &idx)
		return err
	})
	return found, err
}

// mergeNote records that entries came out of the emergency journal.
func (l *Log) mergeNote(ctx context.Context) error {
	if l.merged == 0 {
		return nil
	}
	_, err := l.Begin(ctx, Intent{Tenant: db.System, Act: ActNode, Purpose: ward.SystemAdmin, Outcome: Done, Request: ward.NewID(),
		Note: fmt.Sprintf("merged %d entries of the emergency journal", l.merged)})
	return err
}

// Close stops appends after those under way are durable.
func (l *Log) Close() error {
	if l.commits != nil {
		l.commits.close()
	}
	return l.release()
}

func (l *Log) release() error {
	var errs []error
	if l.journal != nil {
		errs = append(errs, l.journal.close())
	}
	if l.emergency != nil {
		errs = append(errs, l.emergency.close())
	}
	return errors.Join(errs...)
}
