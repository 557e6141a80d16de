package registry_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store/storetest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

var ctx = context.Background()

// node is a node of two tenants with the built-in model and the example model, signed by an owner's key outside of the node.
type node struct {
	*predicttest.Node
	t   *testing.T
	tn  db.Tenant
	a   registry.Artefact
	key predicttest.Key
}

func each(t *testing.T, test func(n *node)) {
	for _, engine := range []string{storetest.SQLite, storetest.PostgreSQL} {
		t.Run(engine, func(t *testing.T) {
			n := &node{Node: predicttest.Start(t, engine), t: t, a: predicttest.MortalityArtefact(t), key: predicttest.NewKey(t)}
			n.tn = db.Tenant(n.Tenant.Number)
			test(n)
		})
	}
}

// fresh is a registry that has verified nothing yet, as after a restart.
func (n *node) fresh() *registry.Registry {
	return registry.Open(n.DB, n.Log, func(ctx context.Context, tn db.Tenant) (keys.MAC, error) { return n.Ring.MAC(ctx, tn, "row") })
}

func (n *node) permit(a access.Action) access.Permit { return n.Operator(n.Tenant.ID, a) }

// version is the example under another version.
func (n *node) version(v string) registry.Artefact {
	return registry.Artefact{Manifest: bytes.Replace(n.a.Manifest, []byte(`"version": "1.0.0"`), []byte(`"version": "`+v+`"`), 1), Files: n.a.Files}
}

func kind(t *testing.T, what string, err error, want ward.ErrorKind) {
	t.Helper()
	if err == nil || ward.KindOf(err) != want {
		t.Errorf("%s: %v, expected %s", what, err, want)
	}
}

// TestPushSigned: only what a trusted key signed, whole, is taken.
func TestPushSigned(t *testing.T) {
	each(t, func(n *node) {
		stranger := predicttest.NewKey(n.t)
		kind(n.t, "a key that is not trusted", n.PushSigned(n.a, n.key, registry.Active), ward.Precondition)
		n.TrustKey(n.key)
		n.TrustKey(n.key) // again
		kind(n.t, "a key that is still not trusted", n.PushSigned(n.a, stranger, registry.Active), ward.Precondition)
		bundle, err := registry.Sign(n.a, n.key, n.key.Public)
		n.Must(err)
		lying, err := registry.Sign(n.a, stranger, n.key.Public) // says that the trusted key signed
		n.Must(err)
		push := func(a registry.Artefact, bundle []byte) error {
			return n.Registry.PushSigned(ctx, n.permit(access.ModelPush), a, bundle, registry.Active)
		}
		kind(n.t, "a stranger's signature under the trusted key's name", push(n.a, lying), ward.Unprocessable)
		spoil := func(change func(a *registry.Artefact)) registry.Artefact {
			a := registry.Artefact{Manifest: bytes.Clone(n.a.Manifest), Files: map[string][]byte{}}
			for name, b := range n.a.Files {
				a.Files[name] = bytes.Clone(b)
			}
			change(&a)
			return a
		}
		for what, a := range map[string]registry.Artefact{
			"a changed file":     spoil(func(a *registry.Artefact) { a.Files["model.json"][1000] ^= 1 }),
			"a changed card":     spoil(func(a *registry.Artefact) { a.Files["CARD.md"] = append(a.Files["CARD.md"], ' ') }),
			"a missing file":     spoil(func(a *registry.Artefact) { delete(a.Files, "CARD.md") }),
			"another file":       spoil(func(a *registry.Artefact) { a.Files["more.json"] = []byte("{}") }),
			"a changed manifest": n.version("1.0.1"),
			"exchanged files": spoil(func(a *registry.Artefact) {
				a.Files["model.json"], a.Files["calibration.json"] = a.Files["calibration.json"], a.Files["model.json"]
			}),
		} {
			err := push(a, bundle)
			if k := ward.KindOf(err); err == nil || k != ward.Unprocessable && k != ward.Invalid {
				n.t.Errorf("%s: %v", what, err)
			}
			if _, err := registry.Sign(a, n.key, n.key.Public); (err == nil) != (what == "a changed manifest") {
				n.t.Errorf("signing %s: %v", what, err)
			}
		}
		kind(n.t, "no bundle", push(n.a, nil), ward.Unprocessable)
		kind(n.t, "retired", n.Registry.PushSigned(ctx, n.permit(access.ModelPush), n.a, bundle, registry.Retired), ward.Invalid)
		kind(n.t, "another permit", n.Registry.PushSigned(ctx, n.permit(access.ModelRead), n.a, bundle, registry.Active), ward.Denied)
		if _, err := n.Registry.Active(ctx, n.tn, predicttest.Mortality); ward.KindOf(err) != ward.NotFound {
			n.t.Errorf("after nothing but refusals: %v", err)
		}
		n.Must(push(n.a, bundle))
		n.Must(push(n.a, bundle)) // again
		v, err := n.Registry.Active(ctx, n.tn, predicttest.Mortality)
		kid, _ := registry.KeyID(n.key.Public)
		if err != nil || v.Key() != kid || v.Trees() == nil || v.Explainer() == nil || v.Calibration() == nil || v.Digest() != sha256.Sum256(n.a.Manifest) {
			n.t.Fatalf("%s by %s, %v", v.Model(), v.Key(), err)
		}
		other := n.version("1.0.0")
		other.Manifest = bytes.Replace(other.Manifest, []byte(`"needed": 4`), []byte(`"needed": 5`), 1)
		kind(n.t, "other bytes under a version that exists", n.PushSigned(other, n.key, registry.Active), ward.Conflict)
		if _, err := n.Registry.Active(ctx, db.Tenant(n.Other.Number), predicttest.Mortality); ward.KindOf(err) != ward.NotFound {
			n.t.Errorf("another tenant: %v", err)
		}
		if count(n, audit.ActModelPush) != 2 || count(n, audit.ActModelTrust) != 2 { // with the built-in model's push
			n.t.Errorf("%d entries of pushes, %d of trust", count(n, audit.ActModelPush), count(n, audit.ActModelTrust))
		}
	})
}

func count(n *node, act audit.Act) (k int) {
	for _, e := range n.Entries() {
		if e.Act == act && e.Outcome == audit.Done {
			k++
		}
	}
	return k
}

// TestTrustRefuses: a key that is not P-256 in canonical DER is no model key.
func TestTrustRefuses(t *testing.T) {
	each(t, func(n *node) {
		p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		n.Must(err)
		der, err := x509.MarshalPKIXPublicKey(&p384.PublicKey)
		n.Must(err)
		kind(n.t, "P-384", n.Registry.TrustKey(ctx, n.permit(access.ModelTrust), der), ward.Unsupported)
		kind(n.t, "noise", n.Registry.TrustKey(ctx, n.permit(access.ModelTrust), []byte("key")), ward.Invalid)
		kind(n.t, "another permit", n.Registry.TrustKey(ctx, n.permit(access.ModelPush), n.key.Public), ward.Denied)
		ks, err := n.Registry.Keys(ctx, n.permit(access.ModelRead))
		if err != nil || len(ks) != 1 || !bytes.Equal(ks[0].Public, n.Public) {
			n.t.Errorf("%d keys, %v", len(ks), err)
		}
	})
}

// TestStages walks a version through its life; the history says which version was active when.
func TestStages(t *testing.T) {
	each(t, func(n *node) {
		n.TrustKey(n.key)
		one, two := n.a, n.version("1.1.0")
		d1, d2 := sha256.Sum256(one.Manifest), sha256.Sum256(two.Manifest)
		is := func(what string, active string, shadows ...string) {
			n.t.Helper()
			s, err := n.Registry.Standing(ctx, n.tn, predicttest.Mortality)
			if active == "" {
				kind(n.t, what, err, ward.NotFound)
				return
			}
			var have []string
			for _, v := range s.Shadows {
				have = append(have, v.Manifest().Version)
			}
			if err != nil || s.Active.Manifest().Version != active || !slices.Equal(have, shadows) || len(s.Faults) > 0 {
				n.t.Errorf("%s: %s beside %q, %v", what, s.Active.Model(), have, err)
			}
			in, err := n.Registry.In(ctx, n.tn, registry.Active, predicttest.Mortality)
			if err != nil || len(in) != 1 || in[0].Digest() != s.Active.Digest() {
				n.t.Errorf("%s: %d active, %v", what, len(in), err)
			}
		}
		set := func(d [32]byte, s registry.Stage) {
			n.t.Helper()
			n.Must(n.Registry.SetStage(ctx, n.permit(access.ModelPush), d, s))
		}
		n.Must(n.PushSigned(one, n.key, registry.Shadow))
		is("a shadow alone", "")
		set(d1, registry.Active)
		is("made active", "1.0.0")
		n.Must(n.PushSigned(two, n.key, registry.Shadow))
		is("a shadow beside", "1.0.0", "1.1.0")
		set(d2, registry.Active)
		is("the second", "1.1.0")
		set(d1, registry.Shadow)
		is("roles exchanged", "1.1.0", "1.0.0")
		set(d2, registry.Retired)
		is("the active one retired", "")
		set(d2, registry.Retired) // again
		set(d1, registry.Active)
		is("back", "1.0.0")
		kind(n.t, "no stage", n.Registry.SetStage(ctx, n.permit(access.ModelPush), d1, "canary"), ward.Invalid)
		kind(n.t, "unknown", n.Registry.SetStage(ctx, n.permit(access.ModelPush), [32]byte{1}, registry.Retired), ward.NotFound)
		kind(n.t, "another permit", n.Registry.SetStage(ctx, n.permit(access.ModelTrust), d1, registry.Retired), ward.Denied)
		shown, err := n.Registry.Show(ctx, n.permit(access.ModelRead), d2)
		n.Must(err)
		var history []string
		for _, e := range shown.History {
			history = append(history, fmt.Sprintf("%x %s", e.Digest[:1], e.Stage))
		}
		a, b := fmt.Sprintf("%x ", d1[:1]), fmt.Sprintf("%x ", d2[:1])
		if want := []string{a + "shadow", a + "active", b + "shadow", b + "active", a + "shadow", b + "retired", a + "active"}; !slices.Equal(history, want) || shown.Fault != "" || shown.Stage != registry.Retired {
			n.t.Errorf("%q, %+v", history, shown.Listed)
		}
		ms, err := n.Registry.Models(ctx, n.permit(access.ModelRead))
		if err != nil || len(ms) != 3 || ms[0].Stage != registry.Active || ms[1].Stage != registry.Active || ms[2].Stage != registry.Retired {
			n.t.Errorf("%+v, %v", ms, err)
		}
		if count(n, audit.ActModelStage) != 5 { // setting the same stage again leaves none
			n.t.Errorf("%d entries of stages", count(n, audit.ActModelStage))
		}
		n.Reopen()
		is("after a restart", "1.0.0")
	})
}

// row is one place of the tables to spoil.
type row struct{ table, column, where string }

// TestTamperedRows changes every column of every row in turn, as somebody with the database in hand would. A registry that starts
// then gives out no artefact that hangs on the row; when the row is put back it does again. One that has verified the artefact
// before never gives out anything but those very bytes.
func TestTamperedRows(t *testing.T) {
	each(t, func(n *node) {
		n.TrustKey(n.key)
		n.Must(n.PushSigned(n.version("0.9.0"), n.key, registry.Shadow))
		n.Must(n.PushSigned(n.a, n.key, registry.Active))
		digest := sha256.Sum256(n.a.Manifest)
		kid, err := registry.KeyID(n.key.Public)
		n.Must(err)
		mine := fmt.Sprintf("digest = %s", n.literal(digest[:]))
		var rows []row
		for _, c := range []string{"public", "added_us", "mac"} {
			rows = append(rows, row{"model_key", c, "kid = '" + kid + "'"})
		}
		for _, c := range []string{"name", "version", "manifest", "bundle", "pushed_us", "entry", "mac"} {
			rows = append(rows, row{"model", c, mine})
		}
		for _, name := range []string{"CARD.md", "calibration.json", "model.json"} {
			for _, c := range []string{"name", "body", "mac"} {
				rows = append(rows, row{"model_file", c, mine + " AND name = '" + name + "'"})
			}
		}
		for _, seq := range []string{"1", "2", "3"} {
			for _, c := range []string{"seq", "name", "digest", "stage", "at_us", "entry", "mac"} {
				rows = append(rows, row{"model_stage", c, "seq = " + seq})
			}
		}
		for _, c := range []string{"seq", "mac"} {
			rows = append(rows, row{"model_head", c, "seq = 3"})
		}
		for _, r := range rows {
			n.spoil(r)
		}
	})
}

func (n *node) literal(b []byte) string {
	if n.Config.Path == "" {
		return fmt.Sprintf("'\\x%x'::bytea", b)
	}
	return fmt.Sprintf("x'%x'", b)
}

// spoil changes one place, looks whether anything answers, and puts it back.
func (n *node) spoil(r row) {
	n.t.Helper()
	var old any
	n.read("SELECT "+r.column+" FROM "+r.table+" WHERE "+r.where, &old)
	var bad any
	switch x := old.(type) {
	case []byte:
		b := bytes.Clone(x)
		b[len(b)/2] ^= 1
		bad = b
	case string:
		bad = x + "x"
	case int64:
		bad = x + 1000
	default:
		n.t.Fatalf("%s.%s is a %T", r.table, r.column, old)
	}
	where := r.where
	if c, _, _ := strings.Cut(where, " = "); c == r.column && r.table != "model_file" {
		where = "seq = " + fmt.Sprint(bad)
	}
	back := where
	if r.table == "model_file" && r.column == "name" {
		back = strings.Replace(where, "'"+old.(string)+"'", "'"+bad.(string)+"'", 1)
	}
	n.write(1, "UPDATE "+r.table+" SET "+r.column+" = $1 WHERE "+r.where, bad)
	if v, err := n.fresh().Active(ctx, n.tn, predicttest.Mortality); err == nil {
		n.t.Errorf("%s.%s where %s was changed and %s is given out", r.table, r.column, r.where, v.Model())
	} else if k := ward.KindOf(err); k != ward.Unprocessable && k != ward.NotFound && k != ward.Invalid {
		n.t.Errorf("%s.%s: %v", r.table, r.column, err)
	}
	if v, err := n.Registry.Active(ctx, n.tn, predicttest.Mortality); err == nil && (v.Digest() != sha256.Sum256(n.a.Manifest) || r.table != "model_file") {
		n.t.Errorf("%s.%s was changed and %s is given out from memory", r.table, r.column, v.Model())
	}
	if r.table == "model_file" {
		s, err := n.Registry.Show(ctx, n.permit(access.ModelRead), sha256.Sum256(n.a.Manifest))
		if err != nil || s.Fault == "" || len(s.Manifest) > 0 {
			n.t.Errorf("%s.%s was changed and show says %q, %v", r.table, r.column, s.Fault, err)
		}
	}
	n.write(1, "UPDATE "+r.table+" SET "+r.column+" = $1 WHERE "+back, old)
	if _, err := n.fresh().Active(ctx, n.tn, predicttest.Mortality); err != nil {
		n.t.Fatalf("%s.%s was put back: %v", r.table, r.column, err)
	}
}

func (n *node) read(sql string, dest ...any) {
	n.t.Helper()
	n.Must(n.DB.Read(ctx, n.tn, func(tx *db.Tx) error {
		found, err := tx.Get(ctx, sql, nil, dest...)
		if err == nil && !found {
			err = fmt.Errorf("nothing found by %s", sql)
		}
		return err
	}))
}

func (n *node) write(want int64, sql string, args ...any) {
	n.t.Helper()
	n.Must(n.DB.Write(ctx, n.tn, func(tx *db.Tx) error {
		got, err := tx.Exec(ctx, sql, args...)
		if err == nil && got != want {
			err = fmt.Errorf("%d rows of %d by %s", got, want, sql)
		}
		return err
	}))
}

// TestCutHistory removes, repeats and moves rows.
func TestCutHistory(t *testing.T) {
	for what, c := range map[string]struct {
		sql  string
		rows int64
	}{
		"the newest stage row":        {"DELETE FROM model_stage WHERE seq = 3", 1},
		"the oldest stage row":        {"DELETE FROM model_stage WHERE seq = 1", 1},
		"all stage rows":              {"DELETE FROM model_stage", 3},
		"the head":                    {"DELETE FROM model_head", 1},
		"a file":                      {"DELETE FROM model_file WHERE name = 'model.json'", 2},
		"the key":                     {"DELETE FROM model_key", 2},
		"the artefact":                {"DELETE FROM model WHERE name = 'mortality-ten-year'", 2},
		"a repeated stage row":        {"INSERT INTO model_stage (tn, seq, name, digest, stage, at_us, entry, mac) SELECT tn, 4, name, digest, stage, at_us, entry, mac FROM model_stage WHERE seq = 3", 1},
		"a head set back":             {"UPDATE model_head SET seq = 2", 1},
		"two stage rows exchanged":    {"UPDATE model_stage SET seq = 5 - seq WHERE seq IN (2, 3)", 0},
		"a retired row made active":   {"UPDATE model_stage SET stage = 'active' WHERE seq = 2", 1},
		"another version's body":      {"UPDATE model_file SET body = (SELECT body FROM model_file WHERE name = 'CARD.md' LIMIT 1) WHERE name = 'model.json'", 2},
		"another version's signature": {"UPDATE model SET bundle = (SELECT bundle FROM model WHERE version = '0.9.0') WHERE version = '1.0.0' AND name = 'mortality-ten-year'", 1},
	} {
		t.Run(what, func(t *testing.T) {
			n := &node{Node: predicttest.Start(t, storetest.SQLite), t: t, a: predicttest.MortalityArtefact(t), key: predicttest.NewKey(t)}
			n.tn = db.Tenant(n.Tenant.Number)
			n.TrustKey(n.key)
			n.Must(n.PushSigned(n.version("0.9.0"), n.key, registry.Shadow))
			n.Must(n.PushSigned(n.a, n.key, registry.Active))
			if c.rows == 0 { // one statement would meet the primary key on its way
				n.write(1, "UPDATE model_stage SET seq = 9 WHERE seq = 2")
				n.write(1, "UPDATE model_stage SET seq = 2 WHERE seq = 3")
				n.write(1, "UPDATE model_stage SET seq = 3 WHERE seq = 9")
			} else {
				n.write(c.rows, c.sql)
			}
			if v, err := n.fresh().Active(ctx, n.tn, predicttest.Mortality); err == nil {
				t.Errorf("%s is given out", v.Model())
			}
			if what != "a file" && what != "another version's body" {
				if v, err := n.Registry.Active(ctx, n.tn, predicttest.Mortality); err == nil {
					t.Errorf("%s is given out from memory", v.Model())
				}
			}
		})
	}
}

// TestAnswering: results are of interest from the moment on at which a model that answers them is active, and what cannot be read counts as
// one that does.
func TestAnswering(t *testing.T) {
	each(t, func(n *node) {
		n.TrustKey(n.key)
		is := func(what string, want bool) {
			n.t.Helper()
			for _, r := range []*registry.Registry{n.Registry, n.fresh()} {
				var got bool
				n.Must(n.DB.Write(ctx, n.tn, func(tx *db.Tx) (err error) {
					got, err = r.Answering(ctx, tx)
					return err
				}))
				if got != want {
					n.t.Errorf("%s: %v", what, got)
				}
			}
		}
		is("no model", false)
		quiet := n.version("0.8.0")
		quiet.Manifest = bytes.Replace(quiet.Manifest, []byte(`"events": true`), []byte(`"events": false`), 1)
		n.Must(n.PushSigned(quiet, n.key, registry.Active))
		is("one that is only asked", false)
		digest := sha256.Sum256(quiet.Manifest)
		set := func(manifest []byte) {
			n.Must(n.DB.Write(ctx, n.tn, func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE model SET manifest = $1 WHERE digest = $2", manifest, digest)
				return err
			}))
		}
		set(n.version("0.8.0").Manifest)
		var got bool
		n.Must(n.DB.Write(ctx, n.tn, func(tx *db.Tx) (err error) {
			got, err = n.fresh().Answering(ctx, tx)
			return err
		}))
		if !got {
			n.t.Error("a manifest that is not the one of its digest was believed")
		}
		set(quiet.Manifest)
		n.Must(n.PushSigned(n.a, n.key, registry.Shadow))
		is("one that answers nobody yet", false)
		n.Must(n.Registry.SetStage(ctx, n.permit(access.ModelPush), sha256.Sum256(n.a.Manifest), registry.Active))
		is("one that answers", true)
	})
}
