package predicttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/predict"
	"github.com/ward-health/ward/predict/registry"
)

// Mortality is the name of the example model of trees.
const Mortality = "mortality-ten-year"

// MortalityArtefact reads the example model from the source tree: examples/mortality imports nothing of Ward and nothing of Ward
// imports it.
func MortalityArtefact(t testing.TB) registry.Artefact {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "examples", "mortality", "artefact", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a := registry.Artefact{Manifest: read("manifest.json"), Files: map[string][]byte{}}
	m, err := registry.Read(a.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Files {
		a.Files[f.Name] = read(f.Name)
	}
	return a
}

// Key is a model owner's key outside of the node.
type Key struct {
	private *ecdsa.PrivateKey
	Public  []byte // PKIX DER
}

// NewKey makes a fresh P-256 key.
func NewKey(t testing.TB) Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return Key{private, public}
}

// Sign implements keys.Signer.
func (k Key) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, k.private, sum[:])
}

// TrustKey makes the tenant trust a key, as its operator.
func (n *Node) TrustKey(k Key) {
	n.t.Helper()
	n.Must(n.Registry.TrustKey(context.Background(), n.Operator(n.Tenant.ID, access.ModelTrust), k.Public))
}

// PushSigned signs an artefact with the owner's key and pushes it as the tenant's operator.
func (n *Node) PushSigned(a registry.Artefact, k Key, stage registry.Stage) error {
	n.t.Helper()
	bundle, err := registry.Sign(a, k, k.Public)
	if err != nil {
		return err
	}
	return n.Registry.PushSigned(context.Background(), n.Operator(n.Tenant.ID, access.ModelPush), a, bundle, stage)
}

// PushMortality makes the example model active, signed by a fresh key that the tenant trusts.
func (n *Node) PushMortality() Key {
	n.t.Helper()
	k := NewKey(n.t)
	n.TrustKey(k)
	n.Must(n.PushSigned(MortalityArtefact(n.t), k, registry.Active))
	return k
}

// AskModel serves a model to the tenant's clinician.
func (n *Node) AskModel(model, patient string) (ward.Decision, error) {
	n.t.Helper()
	d, _, err := n.Predict.Serve(context.Background(), n.Grant(ward.Clinician, access.Predict, ""), model, patient, "test")
	return d, err
}

// EngineGrant is what the node's own work on a tenant's events gets.
func (n *Node) EngineGrant(ctx context.Context, tn db.Tenant, request ward.ID) (access.Grant, error) {
	who, err := n.Access.EngineOf(ctx, tn)
	if err != nil {
		return access.Grant{}, err
	}
	decide := func(ctx context.Context, a access.Action, rtype string) (access.Permit, error) {
		return n.Access.Decide(ctx, access.Request{Principal: who, Action: a, Type: rtype, Purpose: ward.Treatment, ID: request})
	}
	p, err := decide(ctx, access.Predict, "")
	return access.Grant{Permit: p, Decide: decide}, err
}

// Listen wires new results to the models and works on them with the real queue until the test ends. Each job that was worked on
// sends its error, or nil, to the channel.
func (n *Node) Listen() <-chan error {
	n.t.Helper()
	n.Halt()
	n.Store.Feed(predict.EventQueue, n.Registry.Answering, "Observation")
	done := make(chan error, 1024)
	handler := n.Predict.EventHandler(n.EngineGrant)
	q := queue.New(n.DB, "predicttest")
	q.Handle(predict.EventQueue, 2, 3, func(ctx context.Context, j queue.Job) (queue.Finish, error) {
		f, err := handler(ctx, j)
		done <- err
		return f, err
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	n.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			n.t.Errorf("queue: %v", err)
		}
	})
	return done
}
