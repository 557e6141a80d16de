package seal_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys/keystest"
	"github.com/ward-health/ward/engine/keys/seal"
)

// TestShredRace lets writers ensure, seal and commit under Live while others destroy, on two nodes where the engine has
// them. What a destruction counts when it commits is all there ever is: no write slips in behind it, and no key comes back.
func TestShredRace(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, openDB func() *db.DB) {
		handles := []*db.DB{openDB()}
		if handles[0].Engine() == "postgres" {
			handles = append(handles, openDB())
		}
		records := db.Migrations{Owner: "test", Files: fstest.MapFS{"0001_rec.sql": &fstest.MapFile{Data: []byte(
			"CREATE TABLE rec (tn {{int}} NOT NULL, n {{int}} NOT NULL, subj {{blob}} NOT NULL, sealed {{blob}} NOT NULL, PRIMARY KEY (tn, n)) {{strict}};")}}}
		root := keystest.Root(t)
		var rings []*seal.Ring
		for _, d := range handles {
			rings = append(rings, open(t, d, root))
		}
		if err := handles[0].Migrate(ctx, records); err != nil {
			t.Fatal(err)
		}
		const subjects, writers, rounds, every = 12, 6, 60, 40
		var number atomic.Int64
		var written, refused atomic.Int64
		counted := make([]atomic.Int64, subjects)  // rows at the destruction, plus one
		start := make([]chan struct{}, subjects/2) // one destruction after so many tries of writers
		for i := range start {
			start[i] = make(chan struct{})
		}
		subject := func(i int) seal.Subject { return seal.Subject{0xc0, byte(i)} }
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				d, r := handles[w%len(handles)], rings[w%len(rings)]
				random := rand.New(rand.NewPCG(uint64(w), 1))
				for range rounds {
					s := subject(random.IntN(subjects))
					n := number.Add(1)
					if i := n/every - 1; n%every == 0 && i < int64(len(start)) {
						s = subject(int(i)) // and this writer is in the middle of it
						close(start[i])
					}
					err := writeRecord(d, r, s, n)
					switch ward.KindOf(err) {
					case ward.Gone:
						refused.Add(1)
					default:
						if err != nil {
							t.Error(err)
						}
						written.Add(1)
					}
				}
			})
		}
		for i := range subjects / 2 {
			wg.Go(func() {
				<-start[i]
				d, r := handles[i%len(handles)], rings[i%len(rings)]
				var n int64
				err := d.Write(ctx, tn, func(tx *db.Tx) error {
					if err := r.Destroy(ctx, tx, tn, subject(i)); err != nil {
						return err
					}
					_, err := tx.Get(ctx, "SELECT COUNT(*) FROM rec WHERE tn = $1 AND subj = $2", []any{int64(tn), subj(subject(i))}, &n)
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				counted[i].Store(n + 1)
				wantKind(t, "current after destroy", second(r.Current(ctx, tn, subject(i), seal.Data)), ward.Gone)
				wantKind(t, "ensure after destroy", r.Ensure(ctx, tn, subject(i)), ward.Gone)
			})
		}
		wg.Wait()
		fresh := open(t, openDB(), root)
		for i := range subjects {
			var n int64
			rows := 0
			err := handles[0].Read(ctx, tn, func(tx *db.Tx) error {
				_, err := tx.Get(ctx, "SELECT COUNT(*) FROM rec WHERE tn = $1 AND subj = $2", []any{int64(tn), subj(subject(i))}, &n)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			k, err := fresh.Current(ctx, tn, subject(i), seal.Data)
			if i < subjects/2 {
				wantKind(t, "a destroyed key at the end", err, ward.Gone)
				if counted[i].Load() != n+1 {
					t.Errorf("subject %d: %d rows at its destruction, %d now", i, counted[i].Load()-1, n)
				}
				continue
			}
			if n == 0 {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range sealedOf(t, handles[0], subject(i)) {
				if got, err := k.Open(record, text); err != nil || string(got) != "x" {
					t.Error("a committed record does not open:", err)
				}
				rows++
			}
			if int64(rows) != n {
				t.Errorf("%d of %d", rows, n)
			}
		}
		t.Logf("%d written, %d refused", written.Load(), refused.Load())
		clean(t, fresh)
	})
}

func subj(s seal.Subject) []byte { return s[:] }

func writeRecord(d *db.DB, r *seal.Ring, s seal.Subject, n int64) error {
	if err := r.Ensure(ctx, tn, s); err != nil {
		return err
	}
	k, err := r.Current(ctx, tn, s, seal.Data)
	if err != nil {
		return err
	}
	sealed, err := k.Seal(record, []byte("x"))
	if err != nil {
		return err
	}
	return d.Write(ctx, tn, func(tx *db.Tx) error {
		if err := r.Live(ctx, tx, tn, k.ID()); err != nil {
			return err
		}
		return tx.Insert(ctx, "rec", []string{"tn", "n", "subj", "sealed"}, [][]any{{int64(tn), n, s[:], sealed}})
	})
}

func sealedOf(t *testing.T, d *db.DB, s seal.Subject) (out [][]byte) {
	t.Helper()
	err := d.Read(ctx, tn, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, "SELECT sealed FROM rec WHERE tn = $1 AND subj = $2 ORDER BY n", int64(tn), s[:])
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var b []byte
			if err := rows.Scan(&b); err != nil {
				return err
			}
			out = append(out, b)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestOpenTogether: nodes that open an empty database at once agree on the node's keys, on who makes a subject's key, and
// on signing keys.
func TestOpenTogether(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, openDB func() *db.DB) {
		const nodes = 4
		root := keystest.Root(t)
		d := openDB()
		if err := d.Migrate(ctx, seal.Migrations()); err != nil {
			t.Fatal(err)
		}
		var handles [nodes]*db.DB
		for i := range nodes {
			handles[i] = d
			if d.Engine() == "postgres" {
				handles[i] = openDB()
			}
		}
		var rings [nodes]*seal.Ring
		var wg sync.WaitGroup
		for i := range nodes {
			wg.Go(func() {
				r, err := seal.Open(ctx, handles[i], root)
				if err != nil {
					t.Error(err)
				}
				rings[i] = r
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		addTenant(t, handles[0], rings[0], tn)
		var sums [nodes][32]byte
		var ids [nodes]seal.KeyID
		var publics [nodes]string
		many := make([]seal.Subject, 300)
		for i := range many {
			many[i] = seal.Subject{0xd0, byte(i), byte(i >> 8)}
		}
		for i := range nodes {
			wg.Go(func() {
				m, err := rings[i].MAC(ctx, db.System, "row")
				if err != nil {
					t.Error(err)
					return
				}
				sums[i] = m.Sum([]byte("a"))
				if err := rings[i].Ensure(ctx, tn, many...); err != nil {
					t.Error(err)
					return
				}
				k, err := rings[i].Current(ctx, tn, many[7], seal.Data)
				if err != nil {
					t.Error(err)
				}
				ids[i] = k.ID()
				_, public, err := rings[i].Signer(ctx, "token", "ES256")
				if err != nil {
					t.Error(err)
				}
				publics[i] = string(public)
			})
		}
		wg.Wait()
		for i := range nodes {
			if sums[i] != sums[0] || ids[i] != ids[0] || publics[i] != publics[0] {
				t.Errorf("node %d has other keys than node 0", i)
			}
		}
		clean(t, rings[0])
	})
}
