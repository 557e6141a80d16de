package predict_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/predict/predicttest"
	"github.com/ward-health/ward/predict/registry"
	"github.com/ward-health/ward/store/storetest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

var ctx = context.Background()

// recent lies 12 days before predicttest.Now.
const recent = "2026-11-10T07:15:00Z"

// birth returns the birth date of somebody who is age years old at predicttest.Now.
func birth(age int) string {
	return fmt.Sprintf("%04d-03-01", predicttest.Now.Year()-age)
}

func TestKnownAnswers(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	for i, c := range []struct {
		gender string
		age    int
		value  string
		unit   string
		code   string
		want   float64
		band   string
	}{
		{"male", 50, "1.0", "mg/dL", "2160-0", 91.69, "G1"},
		{"female", 50, "1.0", "mg/dL", "2160-0", 68.63, "G2"},
		{"female", 20, "0.7", "mg/dL", "2160-0", 126.90, "G1"},
		{"male", 50, "88.40168", "umol/L", "14682-9", 91.69, "G1"},
		{"male", 50, "0.08840168", "mmol/L", "14682-9", 91.69, "G1"},
		{"female", 50, "88.40168", "umol/L", "14682-9", 68.63, "G2"},
		{"male", 50, "10", "mg/L", "2160-0", 91.69, "G1"},
		{"male", 50, "0.01", "g/L", "2160-0", 91.69, "G1"},
		{"male", 50, "1.0e0", "mg/dl", "2160-0", 91.69, "G1"},
		{"male", 60, "8.5", "mg/dL", "2160-0", 6.61, "G5"},
	} {
		id := fmt.Sprintf("known-%d", i)
		n.Person(id, c.gender, birth(c.age), "")
		n.Result("cr-"+id, id, c.code, "final", recent, predicttest.Quantity(c.value, c.unit))
		d, err := n.Ask(id)
		if err != nil || d.Output == nil {
			t.Errorf("%+v: %v, %v", c, d.Reasons, err)
			continue
		}
		if d.Output.Value != c.want || d.Output.Band != c.band || d.Output.Unit != "mL/min/{1.73_m2}" || d.Output.Code != "98979-8" {
			t.Errorf("%+v: %+v", c, d.Output)
		}
		lab := d.Inputs[0]
		if lab.Source != "Observation/cr-"+id || lab.Version != 1 || lab.Unit != "mg/dL" || lab.Given != c.value+" "+c.unit || len(lab.Digest) != 64 || lab.At.Format(time.RFC3339) != recent {
			t.Errorf("%+v: %+v", c, lab)
		}
		if len(d.Lineage.Reads) < 2 || d.Lineage.Principal != "clinician" || d.Lineage.Engine != "formula/1" || len(d.Lineage.Policy) != 64 || d.Model != "egfr-ckd-epi-2021@1.0.0" {
			t.Errorf("%+v: %+v", c, d.Lineage)
		}
	}
}

// TestHonest asks where no number may come.
func TestHonest(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	good := predicttest.Quantity("1.0", "mg/dL")
	for name, c := range map[string]struct {
		gender, birth, extra    string
		code, status, effective string
		quantity                string
		want                    string
	}{
		"wrong-dimension":   {quantity: predicttest.Quantity("1.0", "U/L"), want: "another kind of quantity"},
		"mass-alone":        {quantity: predicttest.Quantity("1.0", "mg"), want: "another kind of quantity"},
		"equivalents":       {quantity: predicttest.Quantity("88", "ueq/L"), want: "another kind of quantity"},
		"not-ucum-text":     {quantity: `{"value":1.0,"unit":"mg/dL"}`, want: "has no UCUM unit"},
		"not-ucum-code":     {quantity: predicttest.Quantity("1.0", "mg%"), want: "not understood as UCUM"},
		"swapped-up":        {quantity: predicttest.Quantity("88", "mg/dL"), want: "plausible range"},
		"swapped-down":      {quantity: predicttest.Quantity("1.0", "umol/L"), want: "plausible range"},
		"negative":          {quantity: predicttest.Quantity("-1.0", "mg/dL"), want: "plausible range"},
		"huge-number":       {quantity: predicttest.Quantity("1e29", "mg/dL"), want: "plausible range"},
		"bound":             {quantity: `{"value":0.2,"comparator":"<","system":"http://unitsofmeasure.org","code":"mg/dL"}`, want: "only a bound"},
		"no-quantity":       {quantity: "-", want: "no numeric quantity"},
		"stale":             {quantity: good, effective: "2025-11-20T07:15:00Z", want: "older than 365 days"},
		"stale-vague":       {quantity: good, effective: "2025", want: "older than 365 days"},
		"future":            {quantity: good, effective: "2026-12-24T07:15:00Z", want: "dated in the future"},
		"no-time":           {quantity: good, effective: "-", want: "does not say when"},
		"preliminary":       {quantity: good, status: "preliminary", want: "is marked preliminary, and there is no finished one"},
		"entered-in-error":  {quantity: good, status: "entered-in-error", want: "is marked entered-in-error"},
		"missing":           {want: "no creatinine result is on record"},
		"other-code":        {quantity: good, code: "2161-8", want: "no creatinine result is on record"},
		"child":             {quantity: good, birth: birth(12), want: "ages 18 to 110"},
		"almost-adult":      {quantity: good, birth: "2008-11-23", want: "ages 18 to 110"},
		"too-old":           {quantity: good, birth: birth(111), want: "ages 18 to 110"},
		"unborn":            {quantity: good, birth: "2027-01-01", want: "birth date lies in the future"},
		"vague-birth":       {quantity: good, birth: "1976", want: "not known to the day"},
		"sex-unknown":       {quantity: good, gender: "unknown", want: "administrative gender"},
		"sex-other":         {quantity: good, gender: "other", want: "administrative gender"},
		"deceased":          {quantity: good, extra: `,"deceasedBoolean":true`, want: "deceased"},
		"deceased-time":     {quantity: good, extra: `,"deceasedDateTime":"2026-01-01"`, want: "deceased"},
		"child-and-missing": {birth: birth(12), want: "ages 18 to 110"},
	} {
		t.Run(name, func(t *testing.T) {
			name := "canary-" + name
			n.Person(name, or(c.gender, "male"), or(c.birth, birth(50)), c.extra)
			if c.quantity != "" {
				n.Result("cr-"+name, name, or(c.code, "2160-0"), or(c.status, "final"), blank(or(c.effective, recent)), blank(c.quantity))
			}
			d, err := n.Ask(name)
			if err != nil || d.Output != nil || !slices.ContainsFunc(d.Reasons, func(s string) bool { return strings.Contains(s, c.want) }) {
				t.Fatalf("output %+v, reasons %q, error %v; want %q", d.Output, d.Reasons, err, c.want)
			}
			for _, text := range d.Reasons {
				if strings.Contains(text, "U/L") || strings.Contains(text, "mg%") || strings.Contains(text, "canary") {
					t.Errorf("a reason repeats the source: %q", text)
				}
			}
			r, err := n.Predict.Replay(ctx, n.Grant(ward.Clinician, access.DecisionReplay, ""), d.ID)
			if err != nil || !r.Equal {
				t.Errorf("replay of a refusal: %+v, %v", r, err)
			}
		})
	}
	n.Person("eighteen", "male", "2008-11-22", "")
	n.Result("cr-eighteen", "eighteen", "2160-0", "final", recent, good)
	if d, err := n.Ask("eighteen"); err != nil || d.Output == nil {
		t.Errorf("on the eighteenth birthday: %q, %v", d.Reasons, err)
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// blank turns "-" into nothing.
func blank(s string) string { return strings.TrimPrefix(s, "-") }

// TestNewest has results arrive out of order, corrected, and unfinished beside finished ones.
func TestNewest(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.Person("p", "male", birth(50), "")
	n.Result("old-but-last-in", "p", "2160-0", "final", "2026-01-05", predicttest.Quantity("3.0", "mg/dL"))
	n.Result("newest", "p", "14682-9", "corrected", "2026-11-12T10:00:00+02:00", predicttest.Quantity("88.40168", "umol/L"))
	n.Result("older", "p", "2160-0", "final", "2026-11-12T07:00:00Z", predicttest.Quantity("2.0", "mg/dL"))
	n.Result("unfinished", "p", "2160-0", "preliminary", "2026-11-20", predicttest.Quantity("5.0", "mg/dL"))
	n.Person("q", "male", birth(50), "")
	n.Result("of-another", "q", "2160-0", "final", "2026-11-21", predicttest.Quantity("9.0", "mg/dL"))
	d, err := n.Ask("p")
	if err != nil || d.Output == nil || d.Inputs[0].Source != "Observation/newest" || d.Output.Value != 91.69 {
		t.Fatalf("%+v %q %v", d.Inputs, d.Reasons, err)
	}
	// The newest finished one is judged even if an older one would be usable.
	n.Result("broken", "p", "2160-0", "final", "2026-11-13", predicttest.Quantity("1.0", "U/L"))
	if d, err = n.Ask("p"); err != nil || d.Output != nil || d.Inputs[0].Source != "Observation/broken" {
		t.Fatalf("%+v %q %v", d.Inputs, d.Reasons, err)
	}
	// A correction takes its place at once.
	n.Result("broken", "p", "2160-0", "corrected", "2026-11-13", predicttest.Quantity("1.0", "mg/dL"))
	if d, err = n.Ask("p"); err != nil || d.Output == nil || d.Inputs[0].Version != 2 {
		t.Fatalf("%+v %q %v", d.Inputs, d.Reasons, err)
	}
}

// TestManyResults: more than a page in the window, the newest is still found.
func TestManyResults(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.Person("p", "male", birth(50), "")
	var refs []ward.Reference
	var bodies []string
	for i := range 230 {
		id := fmt.Sprintf("r%03d", i)
		at := predicttest.Now.Add(-time.Duration((i*97)%230+1) * time.Hour).Format(time.RFC3339)
		refs = append(refs, ward.Reference{Type: "Observation", ID: id})
		bodies = append(bodies, predicttest.Observation(id, "p", "2160-0", "final", at, predicttest.Quantity("1.0", "mg/dL")))
	}
	if _, err := n.Store.Apply(ctx, audit.ActTransaction, n.Changes(ward.Integration, refs, bodies)); err != nil {
		t.Fatal(err)
	}
	d, err := n.Ask("p")
	if err != nil || d.Output == nil || d.Inputs[0].Source != "Observation/r000" {
		t.Fatalf("%+v %q %v", d.Inputs, d.Reasons, err)
	}
}

func TestErrors(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	if _, err := n.Ask("nobody"); ward.KindOf(err) != ward.NotFound {
		t.Errorf("unknown patient: %v", err)
	}
	if _, err := n.Ask("../x"); ward.KindOf(err) != ward.Invalid {
		t.Errorf("no id: %v", err)
	}
	if _, _, err := n.Predict.Serve(ctx, n.Grant(ward.Clinician, access.Predict, ""), "no-such-model", "p", "test"); ward.KindOf(err) != ward.NotFound {
		t.Errorf("unknown model: %v", err)
	}
	if _, _, err := n.Predict.Serve(ctx, access.Grant{}, predicttest.Model, "p", "test"); err == nil {
		t.Error("the zero grant is served")
	}
	if _, _, err := n.Predict.Serve(ctx, n.Grant(ward.Clinician, access.Read, "Patient"), predicttest.Model, "p", "test"); err == nil {
		t.Error("a permit to read is served")
	}
	if _, err := n.Predict.Replay(ctx, n.Grant(ward.Clinician, access.DecisionReplay, ""), ward.NewID()); ward.KindOf(err) != ward.NotFound {
		t.Errorf("unknown decision: %v", err)
	}
	if _, err := n.Predict.Replay(ctx, n.Grant(ward.Clinician, access.DecisionRead, ""), ward.NewID()); ward.KindOf(err) != ward.Denied {
		t.Errorf("replay under another permit: %v", err)
	}
}

// TestReplay recomputes 100 decisions after a restart, on PostgreSQL one of each kind of patient.
func TestReplay(t *testing.T) {
	t.Run(storetest.SQLite, func(t *testing.T) { replay(t, predicttest.Start(t, storetest.SQLite), 100) })
	t.Run(storetest.PostgreSQL, func(t *testing.T) { replay(t, predicttest.Start(t, storetest.PostgreSQL), 12) })
}

func replay(t *testing.T, n *predicttest.Node, patients int) {
	truth := load(t, n, patients)
	var ids []ward.ID
	numbers := 0
	for i, one := range truth {
		n.Now = predicttest.Now.Add(time.Duration(i) * time.Second)
		d, err := n.Ask(one.Patient)
		if err != nil {
			t.Fatalf("%s: %v", one.Case, err)
		}
		answers := one.Case == simulate.MassUnit || one.Case == simulate.MolarUnit || one.Case == simulate.Confidential || one.Case == simulate.Corrected
		if (d.Output != nil) != answers {
			t.Errorf("%s: %+v, %q", one.Case, d.Output, d.Reasons)
		}
		if d.Output != nil {
			numbers++
			if d.Inputs[0].Source != "Observation/"+one.Creatinine || d.Inputs[0].Given != one.Value+" "+one.Unit {
				t.Errorf("%s: judged %+v, not %s", one.Case, d.Inputs[0], one.Creatinine)
			}
		}
		ids = append(ids, d.ID)
	}
	if numbers < 4 || numbers < patients*8/10 && patients > 12 {
		t.Errorf("only %d of %d decisions have a number", numbers, patients)
	}
	// A source that changes afterwards changes nothing: its version is what was read.
	n.Result(truth[0].Creatinine, truth[0].Patient, "2160-0", "corrected", recent, predicttest.Quantity("9.9", "mg/dL"))
	n.Reopen()
	n.Now = predicttest.Now.AddDate(3, 0, 0)
	for i, id := range ids {
		r, err := n.Predict.Replay(ctx, n.Grant(ward.Clinician, access.DecisionReplay, ""), id)
		if err != nil || !r.Equal || r.Decision != id {
			t.Errorf("%s: %+v, %v", truth[i].Case, r, err)
		}
	}
	// The local operator may replay though it may not read.
	operator := access.Grant{Permit: n.Operator(n.Tenant.ID, access.DecisionReplay)}
	if r, err := n.Predict.Replay(ctx, operator, ids[0]); err != nil || !r.Equal {
		t.Errorf("operator: %+v, %v", r, err)
	}
	// An erased patient's decision is not recomputed and says so.
	if _, err := n.Store.Shred(ctx, n.Permit(ward.Privacy, access.Shred, ""), truth[0].Patient); err != nil {
		t.Fatal(err)
	}
	r, err := n.Predict.Replay(ctx, n.Grant(ward.Clinician, access.DecisionReplay, ""), ids[0])
	if err != nil || r.Equal || !r.Erased || r.Why == "" {
		t.Errorf("erased: %+v, %v", r, err)
	}
	n.Clean()
}

// load puts a simulated hospital into the store.
func load(t *testing.T, n *predicttest.Node, patients int) []simulate.Truth {
	t.Helper()
	h := simulate.New(42, predicttest.Now).Hospital(patients)
	for _, g := range h.Groups {
		var refs []ward.Reference
		var bodies []string
		for _, r := range g.Resources {
			refs = append(refs, ward.Reference{Type: r.Type, ID: r.ID})
			bodies = append(bodies, string(r.Body))
		}
		if _, err := n.Store.Apply(ctx, audit.ActTransaction, n.Changes(ward.Integration, refs, bodies)); err != nil {
			t.Fatal(err)
		}
	}
	return h.Truth
}

// TestReplayFindsChange keeps decisions that say other than what was computed: replay must tell.
func TestReplayFindsChange(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.Person("p", "male", birth(50), "")
	n.Result("cr", "p", "2160-0", "final", recent, predicttest.Quantity("1.0", "mg/dL"))
	d, err := n.Ask("p")
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*ward.Decision){
		"the output differ":  func(d *ward.Decision) { o := *d.Output; o.Value += 0.01; d.Output = &o },
		"the reasons differ": func(d *ward.Decision) { d.Reasons = append(slices.Clone(d.Reasons), "because") },
		"the inputs differ": func(d *ward.Decision) {
			d.Inputs = slices.Clone(d.Inputs)
			d.Inputs[0].Value = 1.0000000000000002
		},
		"it cannot be recomputed: a source version is not the one that was recorded, or this caller may not see it": func(d *ward.Decision) {
			d.Inputs = slices.Clone(d.Inputs)
			d.Inputs[0].Version = 2
		},
		"the model differ": func(d *ward.Decision) { d.Model = "egfr-ckd-epi-2021@1.0.1" },
	} {
		x := d
		x.ID = ward.NewID()
		spoil(&x)
		p := n.Permit(ward.Clinician, access.Predict, "")
		if _, err := n.Store.PutDecision(ctx, p, x, [32]byte{1}); err != nil {
			t.Fatal(err)
		}
		r, err := n.Predict.Replay(ctx, n.Grant(ward.Clinician, access.DecisionReplay, ""), x.ID)
		if err != nil || r.Equal || r.Erased || r.Why != want {
			t.Errorf("%s: %+v, %v", want, r, err)
		}
	}
}

// TestTampered changes every column of every registry row, one at a time: the model must not answer, and must answer again
// when the column is put back.
func TestTampered(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.Person("p", "male", birth(50), "")
	n.Result("cr", "p", "2160-0", "final", recent, predicttest.Quantity("1.0", "mg/dL"))
	if d, err := n.Ask("p"); err != nil || d.Output == nil {
		t.Fatalf("%q, %v", d.Reasons, err)
	}
	for table, columns := range map[string][]string{
		"model_key":   {"kid:t", "public:b", "added_us:i", "mac:b"},
		"model":       {"digest:b", "name:t", "version:t", "manifest:b", "bundle:b", "pushed_us:i", "entry:b", "mac:b"},
		"model_stage": {"seq:i", "name:t", "digest:b", "stage:t", "at_us:i", "entry:b", "mac:b"},
	} {
		for _, c := range columns {
			column, kind, _ := strings.Cut(c, ":")
			var text string
			var number int64
			var raw []byte
			var old, bad any
			switch kind {
			case "t":
				value(t, n, table, column, &text)
				old, bad = text, text+"x"
			case "i":
				value(t, n, table, column, &number)
				old, bad = number, number+1
			case "b":
				value(t, n, table, column, &raw)
				flipped := bytes.Clone(raw)
				flipped[len(flipped)/2] ^= 1
				old, bad = raw, flipped
			}
			set(t, n, table, column, bad)
			if d, err := n.Ask("p"); err == nil {
				t.Errorf("%s.%s was changed and the model answers %+v", table, column, d.Output)
			} else if k := ward.KindOf(err); k != ward.Unavailable && k != ward.NotFound {
				t.Errorf("%s.%s: %v", table, column, err)
			}
			set(t, n, table, column, old)
			if d, err := n.Ask("p"); err != nil || d.Output == nil {
				t.Fatalf("%s.%s was put back and the model does not answer: %v", table, column, err)
			}
		}
	}
	for _, table := range []string{"model_key", "model", "model_stage"} {
		var gone error
		err := n.DB.Write(ctx, db.Tenant(n.Tenant.Number), func(tx *db.Tx) error {
			if _, err := tx.Exec(ctx, "DELETE FROM "+table); err != nil {
				return err
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, gone = n.Ask("p"); gone == nil {
			t.Errorf("%s is empty and the model answers", table)
		}
		n = predicttest.Start(t, storetest.SQLite)
		n.Person("p", "male", birth(50), "")
	}
}

func value(t *testing.T, n *predicttest.Node, table, column string, dest any) {
	t.Helper()
	err := n.DB.Read(ctx, db.Tenant(n.Tenant.Number), func(tx *db.Tx) error {
		_, err := tx.Get(ctx, "SELECT "+column+" FROM "+table, nil, dest)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, n *predicttest.Node, table, column string, v any, where ...string) {
	t.Helper()
	err := n.DB.Write(ctx, db.Tenant(n.Tenant.Number), func(tx *db.Tx) error {
		touched, err := tx.Exec(ctx, "UPDATE "+table+" SET "+column+" = $1"+strings.Join(where, ""), v)
		if err == nil && touched != 1 {
			err = fmt.Errorf("%d rows touched", touched)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ownKey is a key that no tenant trusts.
type ownKey struct{ key *ecdsa.PrivateKey }

func (k ownKey) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, k.key, sum[:])
}

func newKey(t *testing.T) (ownKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return ownKey{key}, public
}

type failing struct{}

func (failing) Sign([]byte) ([]byte, error) { return nil, errors.New("no key") }

func TestPush(t *testing.T) {
	for _, engine := range []string{storetest.SQLite, storetest.PostgreSQL} {
		t.Run(engine, func(t *testing.T) { push(t, predicttest.Start(t, engine)) })
	}
}

func push(t *testing.T, n *predicttest.Node) {
	builtin := registry.Builtin()[0]
	tn := db.Tenant(n.Tenant.Number)
	next := registry.Artefact{Manifest: bytes.Replace(builtin.Manifest, []byte(`"version": "1.0.0"`), []byte(`"version": "1.1.0"`), 1)}
	first, err := n.Registry.Active(ctx, tn, predicttest.Model)
	if err != nil {
		t.Fatal(err)
	}
	foreign, foreignPublic := newKey(t)
	if err := n.Push(next, foreign, foreignPublic); ward.KindOf(err) != ward.Precondition {
		t.Errorf("a key that is not trusted: %v", err)
	}
	if err := n.Push(next, foreign, n.Public); ward.KindOf(err) != ward.Unprocessable {
		t.Errorf("a signer of another key: %v", err)
	}
	if err := n.Push(next, failing{}, n.Public); err == nil {
		t.Error("a signer that fails")
	}
	other := registry.Artefact{Manifest: bytes.Replace(builtin.Manifest, []byte(`"142"`), []byte(`"143"`), 1)}
	if err := n.Push(other, n.Signer, n.Public); ward.KindOf(err) != ward.Conflict {
		t.Errorf("other bytes under a version that exists: %v", err)
	}
	if err := n.Push(registry.Artefact{Manifest: []byte("{}")}, n.Signer, n.Public); ward.KindOf(err) != ward.Invalid {
		t.Errorf("no manifest: %v", err)
	}
	if err := n.Registry.Push(ctx, n.Permit(ward.Clinician, access.Read, "Patient"), next, n.Signer, n.Public); ward.KindOf(err) != ward.Denied {
		t.Errorf("another permit: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := n.Registry.Push(ended, n.Operator(n.Tenant.ID, access.ModelPush), next, n.Signer, n.Public); err == nil {
		t.Error("a push whose caller has gone is not refused")
	}
	if v, err := n.Registry.Active(ctx, tn, predicttest.Model); err != nil || v.Digest() != first.Digest() {
		t.Errorf("after a push that failed: %s, %v", v.Model(), err)
	}
	before := pushes(n)
	if err := n.Push(builtin, n.Signer, n.Public); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if got := pushes(n); got != before {
		t.Errorf("pushing the same again made %d entries", got-before)
	}
	n.Must(n.Push(next, n.Signer, n.Public))
	if got := pushes(n); got != before+1 {
		t.Errorf("a push made %d entries", got-before)
	}
	second, err := n.Registry.Active(ctx, tn, predicttest.Model)
	if err != nil || second.Manifest().Version != "1.1.0" || second.Digest() == first.Digest() {
		t.Fatalf("%s, %v", second.Model(), err)
	}
	if old, err := n.Registry.ByDigest(ctx, tn, first.Digest()); err != nil || old.Model() != first.Model() {
		t.Errorf("the version before: %s, %v", old.Model(), err)
	}
	n.Must(n.Push(builtin, n.Signer, n.Public)) // going back is a stage row more
	if v, err := n.Registry.Active(ctx, tn, predicttest.Model); err != nil || v.Digest() != first.Digest() {
		t.Errorf("after going back: %s, %v", v.Model(), err)
	}
	if _, err := n.Registry.Active(ctx, db.Tenant(n.Other.Number), predicttest.Model); ward.KindOf(err) != ward.NotFound {
		t.Errorf("another tenant: %v", err)
	}
	if _, err := n.Registry.ByDigest(ctx, db.Tenant(n.Other.Number), first.Digest()); ward.KindOf(err) != ward.NotFound {
		t.Errorf("another tenant by digest: %v", err)
	}
}

func pushes(n *predicttest.Node) int {
	k := 0
	for _, e := range n.Entries() {
		if e.Act == audit.ActModelPush {
			k++
		}
	}
	return k
}

func TestServeIsAudited(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.Person("p", "male", birth(50), "")
	n.Result("cr", "p", "2160-0", "final", recent, predicttest.Quantity("1.0", "mg/dL"))
	before := len(n.Entries())
	d, err := n.Ask("p")
	if err != nil {
		t.Fatal(err)
	}
	entries := n.Entries()[before:]
	_, entry, err := n.Store.Decision(ctx, n.Permit(ward.Clinician, access.DecisionRead, ""), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	at := map[ward.ID]audit.Act{}
	for _, e := range entries {
		at[e.ID] = e.Act
	}
	if at[entry] != audit.ActPredict {
		t.Errorf("the entry of the answer is %v", at[entry])
	}
	for i, want := range []audit.Act{audit.ActRead, audit.ActSearch} {
		if i >= len(d.Lineage.Reads) || at[d.Lineage.Reads[i]] != want {
			t.Errorf("lineage names %d reads", len(d.Lineage.Reads))
		}
	}
}

// TestOtherTenantsDecision: a decision of another tenant does not exist.
func TestOtherTenantsDecision(t *testing.T) {
	n := predicttest.Start(t, storetest.SQLite)
	n.Person("p", "male", birth(50), "")
	d, err := n.Ask("p")
	if err != nil {
		t.Fatal(err)
	}
	p := n.OtherPermit(ward.Clinician, access.DecisionReplay, "")
	g := access.Grant{Permit: p, Decide: n.Grant(ward.Clinician, access.DecisionReplay, "").Decide}
	if r, err := n.Predict.Replay(ctx, g, d.ID); ward.KindOf(err) != ward.NotFound {
		t.Errorf("%+v, %v", r, err)
	}
}
