package seal_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/keystest"
	"github.com/ward-health/ward/engine/keys/seal"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

var (
	ctx    = context.Background()
	record = seal.Record{Kind: "ver", RID: []byte{0, 0, 0, 0, 0, 0, 0, 9}, Version: 1, Schema: 1}
	ann    = seal.Subject{0x51, 7}
	bob    = seal.Subject{0xa2, 9}
)

const tn db.Tenant = 5

// open migrates and opens a ring with one tenant.
func open(t *testing.T, d *db.DB, root keys.Root) *seal.Ring {
	t.Helper()
	if err := d.Migrate(ctx, seal.Migrations()); err != nil {
		t.Fatal(err)
	}
	r, err := seal.Open(ctx, d, root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Current(ctx, tn, seal.Subject{}, seal.Data); ward.KindOf(err) == ward.NotFound {
		addTenant(t, d, r, tn)
	}
	return r
}

func addTenant(t *testing.T, d *db.DB, r *seal.Ring, tn db.Tenant) {
	t.Helper()
	if err := d.Write(ctx, db.System, func(tx *db.Tx) error { return r.AddTenant(ctx, tx, tn) }); err != nil {
		t.Fatal(err)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantKind(t *testing.T, what string, err error, kind ward.ErrorKind) {
	t.Helper()
	if err == nil || ward.KindOf(err) != kind {
		t.Errorf("%s: %v, expected %v", what, err, kind)
	}
}

func clean(t *testing.T, r *seal.Ring) {
	t.Helper()
	if faults := check(t, r); len(faults) > 0 {
		t.Errorf("a clean database has faults: %v", faults)
	}
}

func check(t *testing.T, r *seal.Ring) []string {
	t.Helper()
	var faults []string
	if err := r.Check(ctx, func(table, row, fault string) { faults = append(faults, table+" "+row+": "+fault) }); err != nil {
		t.Fatal(err)
	}
	return faults
}

func destroy(d *db.DB, r *seal.Ring, tn db.Tenant, s seal.Subject) error {
	return d.Write(ctx, tn, func(tx *db.Tx) error { return r.Destroy(ctx, tx, tn, s) })
}

func TestRing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, openDB func() *db.DB) {
		d, root := openDB(), keystest.Root(t)
		r := open(t, d, root)
		wantKind(t, "a subject that was not ensured", second(r.Current(ctx, tn, ann, seal.Data)), ward.NotFound)
		if err := r.Ensure(ctx, tn, ann, bob, ann, seal.Subject{}); err != nil {
			t.Fatal(err)
		}
		seen := map[seal.KeyID]bool{}
		sealed := map[seal.KeyID][]byte{}
		for _, s := range []seal.Subject{{}, ann, bob} {
			for _, u := range []seal.Use{seal.Data, seal.Audit} {
				k := must[seal.Key](t)(r.Current(ctx, tn, s, u))
				if seen[k.ID()] || k.ID() == (seal.KeyID{}) {
					t.Error("a key id came twice")
				}
				seen[k.ID()] = true
				sealed[k.ID()] = must[[]byte](t)(k.Seal(record, []byte("x")))
			}
		}
		for _, u := range []seal.Use{seal.Data, seal.Audit} {
			if _, err := r.Current(ctx, db.System, seal.Subject{}, u); err != nil {
				t.Error("the node's shared key:", err)
			}
		}
		// Another opening of the same database: the same keys.
		again := open(t, openDB(), root)
		for kid, text := range sealed {
			k := must[seal.Key](t)(again.Key(ctx, tn, must[seal.KeyID](t)(seal.KeyOf(text))))
			if got := must[[]byte](t)(k.Open(record, text)); string(got) != "x" || k.ID() != kid {
				t.Error("another ring opens something else")
			}
		}
		mac := must[keys.MAC](t)(r.MAC(ctx, tn, "row"))
		mac2 := must[keys.MAC](t)(again.MAC(ctx, tn, "row"))
		if mac.Sum([]byte("a")) != mac2.Sum([]byte("a")) {
			t.Error("a digest changed between two openings")
		}
		addTenant(t, d, r, 6)
		digests := map[[32]byte]bool{}
		for _, n := range []db.Tenant{db.System, tn, 6} {
			for _, purpose := range []string{"row", "index", "ref", "id", "pseudonym"} {
				digests[must[keys.MAC](t)(r.MAC(ctx, n, purpose)).Sum([]byte("a"))] = true
			}
		}
		if len(digests) != 15 {
			t.Error("digests of two tenants or purposes are equal")
		}
		wantKind(t, "the ring's own purpose", second(r.MAC(ctx, tn, "keyrow")), ward.Internal)
		wantKind(t, "an unknown tenant", second(r.MAC(ctx, 99, "row")), ward.NotFound)
		wantKind(t, "ensure for an unknown tenant", r.Ensure(ctx, 99, ann), ward.NotFound)
		wantKind(t, "an unknown kid", second(r.Key(ctx, tn, seal.KeyID{9})), ward.NotFound)
		for kid := range sealed {
			wantKind(t, "a kid of another tenant", second(again.Key(ctx, 6, kid)), ward.NotFound)
		}
		wantKind(t, "a tenant twice", d.Write(ctx, db.System, func(tx *db.Tx) error { return r.AddTenant(ctx, tx, tn) }), ward.Conflict)
		wantKind(t, "tenant 0", d.Write(ctx, db.System, func(tx *db.Tx) error { return r.AddTenant(ctx, tx, db.System) }), ward.Internal)
		if _, err := seal.Open(ctx, d, keystest.Root(t)); ward.KindOf(err) != ward.Unauthentic {
			t.Error("another root key:", err)
		}
		clean(t, r)
		clean(t, again)
	})
}

func second[T any](_ T, err error) error { return err }

// TestTenantRollsBack: a tenant whose transaction fails leaves nothing, in no cache either.
func TestTenantRollsBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, openDB func() *db.DB) {
		d := openDB()
		r := open(t, d, keystest.Root(t))
		failed := errors.New("no")
		err := d.Write(ctx, db.System, func(tx *db.Tx) error {
			return errors.Join(r.AddTenant(ctx, tx, 6), r.Destroy(ctx, tx, 6, ann), failed)
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		wantKind(t, "a tenant that was rolled back", r.Ensure(ctx, 6, bob), ward.NotFound)
		addTenant(t, d, r, 6)
		if err := r.Ensure(ctx, 6, ann, bob); err != nil {
			t.Error("the tombstone was not rolled back:", err)
		}
		clean(t, r)
	})
}

func TestDestroy(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, openDB func() *db.DB) {
		d, root := openDB(), keystest.Root(t)
		r := open(t, d, root)
		if err := r.Ensure(ctx, tn, ann, bob); err != nil {
			t.Fatal(err)
		}
		data := must[seal.Key](t)(r.Current(ctx, tn, ann, seal.Data))
		audit := must[seal.Key](t)(r.Current(ctx, tn, ann, seal.Audit))
		bobs := must[seal.Key](t)(r.Current(ctx, tn, bob, seal.Data))
		live := func(kids ...seal.KeyID) error {
			return d.Write(ctx, tn, func(tx *db.Tx) error { return r.Live(ctx, tx, tn, kids...) })
		}
		if err := live(data.ID(), audit.ID(), bobs.ID(), data.ID()); err != nil {
			t.Error("live keys:", err)
		}
		failed := errors.New("no")
		err := d.Write(ctx, tn, func(tx *db.Tx) error { return errors.Join(r.Destroy(ctx, tx, tn, ann), failed) })
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		if err := errors.Join(live(data.ID()), second(r.Key(ctx, tn, data.ID()))); err != nil {
			t.Error("a destruction that was rolled back:", err)
		}
		wrapped := column(t, d, "SELECT wrapped FROM key_subject WHERE tn = $1 AND subj = $2 AND use = 1", int64(tn), ann[:])
		if len(wrapped) != 60 {
			t.Fatalf("%d wrapped bytes", len(wrapped))
		}
		for range 2 { // twice is no error
			if err := destroy(d, r, tn, ann); err != nil {
				t.Fatal(err)
			}
		}
		again := open(t, openDB(), root)
		for _, ring := range []*seal.Ring{r, again} {
			wantKind(t, "current", second(ring.Current(ctx, tn, ann, seal.Data)), ward.Gone)
			wantKind(t, "key", second(ring.Key(ctx, tn, data.ID())), ward.Gone)
			wantKind(t, "ensure", ring.Ensure(ctx, tn, seal.Subject{3}, ann), ward.Gone)
			wantKind(t, "ensure makes nothing", second(ring.Current(ctx, tn, seal.Subject{3}, seal.Data)), ward.NotFound)
			if k, err := ring.Current(ctx, tn, ann, seal.Audit); err != nil || k.ID() != audit.ID() {
				t.Error("the audit key went too:", err)
			}
		}
		wantKind(t, "live", live(bobs.ID(), data.ID()), ward.Gone)
		wantKind(t, "live, unknown", live(bobs.ID(), seal.KeyID{9}), ward.Gone)
		if err := live(bobs.ID(), audit.ID()); err != nil {
			t.Error("others were destroyed too:", err)
		}
		if got := column(t, d, "SELECT wrapped FROM key_subject WHERE tn = $1 AND subj = $2 AND use = 1", int64(tn), ann[:]); len(got) != 0 {
			t.Errorf("%d bytes of the wrapped key are left", len(got))
		}
		// A subject that was never seen.
		stranger := seal.Subject{8}
		if err := destroy(d, r, tn, stranger); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "a tombstone", r.Ensure(ctx, tn, stranger), ward.Gone)
		wantKind(t, "a tombstone", second(r.Current(ctx, tn, stranger, seal.Data)), ward.Gone)
		if _, err := r.Current(ctx, tn, stranger, seal.Audit); err != nil {
			t.Error("the audit key of a tombstone:", err)
		}
		wantKind(t, "the shared keys", destroy(d, r, tn, seal.Subject{}), ward.Internal)
		clean(t, r)
	})
}

func column(t *testing.T, d *db.DB, query string, args ...any) (out []byte) {
	t.Helper()
	err := d.Read(ctx, db.System, func(tx *db.Tx) error {
		ok, err := tx.Get(ctx, query, args, &out)
		if err == nil && !ok {
			err = errors.New("no row")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDestroyLeavesNoBytes looks for the wrapped key in every file of the SQLite database after it was closed.
func TestDestroyLeavesNoBytes(t *testing.T) {
	c := dbtest.Open(t, dbtest.SQLite)
	d, err := db.Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, d, keystest.Root(t))
	for i := range 200 { // so that rows stand on several pages
		if err := r.Ensure(ctx, tn, seal.Subject{9, byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	victim := seal.Subject{9, 100}
	wrapped := column(t, d, "SELECT wrapped FROM key_subject WHERE tn = $1 AND subj = $2 AND use = 1", int64(tn), victim[:])
	if err := destroy(d, r, tn, victim); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(c.Path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if bytes.Contains(mustRead(t, f), wrapped[12:44]) {
			t.Errorf("%s holds the wrapped key still", filepath.Base(f))
		}
	}
}

func TestSigner(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, openDB func() *db.DB) {
		d, root := openDB(), keystest.Root(t)
		r := open(t, d, root)
		again := open(t, openDB(), root)
		for name, alg := range map[string]string{"token": keys.ES256, "model": keys.ES256, "log": keys.Ed25519} {
			s, public, err := r.Signer(ctx, name, alg)
			if err != nil {
				t.Fatal(err)
			}
			_, public2, err := again.Signer(ctx, name, alg)
			if err != nil || !bytes.Equal(public, public2) {
				t.Error("another ring has another key:", err)
			}
			sig := must[[]byte](t)(s.Sign([]byte("m")))
			if err := keys.Verify(public, []byte("m"), sig); err != nil {
				t.Error(name, err)
			}
			wantKind(t, "another message", keys.Verify(public, []byte("n"), sig), ward.Unauthentic)
			if alg == keys.ES256 {
				raw := must[[]byte](t)(keys.P1363(sig))
				der := must[[]byte](t)(keys.DER(raw))
				if err := keys.Verify(public, []byte("m"), der); len(raw) != 64 || err != nil {
					t.Error("P1363:", err)
				}
			}
		}
		_, _, err := r.Signer(ctx, "log", keys.ES256)
		wantKind(t, "another algorithm", err, ward.Conflict)
		_, _, err = open(t, openDB(), root).Signer(ctx, "token", keys.Ed25519)
		wantKind(t, "another algorithm, another ring", err, ward.Conflict)
		_, _, err = r.Signer(ctx, "x", "RS256")
		wantKind(t, "an unknown algorithm", err, ward.Unsupported)
		_, _, err = r.Signer(ctx, "a|b", keys.ES256)
		wantKind(t, "a bad name", err, ward.Internal)
		localCA(t, r)
		clean(t, again)
	})
}

// localCA signs a server certificate as the local CA does, and speaks TLS with it.
func localCA(t *testing.T, r *seal.Ring) {
	ca, err := r.CryptoSigner(ctx, "ca")
	if err != nil {
		t.Fatal(err)
	}
	server, err := r.CryptoSigner(ctx, "tls")
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	rootDER := must[[]byte](t)(x509.CreateCertificate(rand.Reader, root, root, ca.Public(), ca))
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"localhost"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter}
	leafDER := must[[]byte](t)(x509.CreateCertificate(rand.Reader, leaf, must[*x509.Certificate](t)(x509.ParseCertificate(rootDER)), server.Public(), ca))
	pool := x509.NewCertPool()
	pool.AddCert(must[*x509.Certificate](t)(x509.ParseCertificate(rootDER)))
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leafDER}, PrivateKey: server}}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = errors.Join(c.(*tls.Conn).Handshake(), c.Close())
		}
		served <- err
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, ok := ca.(interface{ Bytes() ([]byte, error) }); ok {
		t.Error("the signer gives out its bytes")
	}
	if _, ok := any(ca).(*ecdsa.PrivateKey); ok {
		t.Error("the signer is the bare private key")
	}
}
