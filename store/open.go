package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/keys/seal"
)

// The types under which filters see what is not a resource.
const (
	decisionType = "Decision"
	messageType  = "Message"
)

// defaultConf is the confidentiality of what carries no label: normal.
const defaultConf = 3

// opened is a sealed text that was opened, verified and is covered by the permit's filter.
type opened struct {
	head  header
	body  []byte     // without meta.versionId and meta.lastUpdated
	facts fhir.Facts // versions with a body only
	seen  ward.ID    // entry that named the row
}

// open is the one place where a sealed text is opened. It takes leave (the permit, for the action that the caller serves)
// and proof (the receipt of a durable entry that names the row); without either it does not compile, with the wrong one it
// opens nothing. ward.NotFound: the opened body is outside the permit's filter. ward.Gone: the key was destroyed.
//
// SPEC(DESIGN I2): the entry that names subject and version is durable before the first byte is opened.
func (s *Store) open(ctx context.Context, n names, p access.Permit, a access.Action, rc audit.Receipt, r *row) (opened, error) {
	if err := s.mayOpen(n, p, a, rc, r); err != nil {
		return opened{}, err
	}
	sealed, err := s.sealedText(ctx, r.digest, r.body, r.blob)
	if err != nil {
		return opened{}, err
	}
	if len(r.kid) != len(seal.KeyID{}) {
		return opened{}, broken("a version without its key")
	}
	if !sameMAC(r.mac, r.wantMAC(n.row)) {
		return opened{}, broken("the row was changed: its digest does not fit")
	}
	key, err := s.ring.Key(ctx, r.tn, seal.KeyID(r.kid))
	if err != nil {
		return opened{}, err
	}
	text, err := key.Open(r.record(), sealed)
	if err != nil {
		return opened{}, err
	}
	head, body, ok := cutHeader(text)
	if !ok {
		return opened{}, broken("the sealed header has a form that this build does not know")
	}
	o := opened{head: head, body: body, seen: rc.ID()}
	if err := o.compare(n, r); err != nil {
		return opened{}, err
	}
	if !o.covered(n, n.widen(p.Filter())) {
		return opened{}, errNotFound
	}
	return o, nil
}

// mayOpen checks leave and proof.
func (s *Store) mayOpen(n names, p access.Permit, a access.Action, rc audit.Receipt, r *row) error {
	rt := r.rt
	if r.key != nil || a == access.StoreCheck || a == access.DecisionReplay {
		rt = ""
	}
	if err := p.Allows(a, rt); err != nil {
		return err
	}
	if p.Tenant() != r.tn || n.tn != r.tn {
		return ward.E(ward.Denied, "store.open", "the permit is of another tenant", nil)
	}
	return rc.Covers(r.tn, p.Request(), r.subject())
}

// sealedText returns the ciphertext after comparing its digest, from the row or from its blob.
func (s *Store) sealedText(ctx context.Context, digest, body, name []byte) ([]byte, error) {
	if len(digest) != sha256.Size {
		return nil, broken("a pointer without its version, or a version without digest")
	}
	if name != nil {
		if !bytes.Equal(name, digest) {
			return nil, broken("the blob's name and the digest differ")
		}
		return s.blobs.Get(ctx, blob.Digest(name))
	}
	sum := sha256.Sum256(body)
	if subtle.ConstantTimeCompare(sum[:], digest) != 1 {
		return nil, broken("the sealed text was changed: its digest does not fit")
	}
	return body, nil
}

func broken(what string) error { return internal("store.open", what+"; run ward store check", nil) }

// compare holds every clear column against the sealed header and the facts of the body.
func (o *opened) compare(n names, r *row) error {
	h := o.head
	if int64(h.op) != r.op || h.updUS != r.updUS || !bytes.Equal(h.patient[:], r.pat) || h.rt != r.rt {
		return broken("the row contradicts its sealed text")
	}
	if r.key != nil {
		if !bytes.Equal(h.topic[:], r.topic) {
			return broken("the row contradicts its sealed text")
		}
		return nil
	}
	if h.id != r.id || h.conf != r.conf {
		return broken("the row contradicts its sealed text")
	}
	if h.op == OpDelete {
		return nil
	}
	f, err := fhir.Read(o.body)
	if err != nil {
		return internal("store.open", "a stored body is not a resource; run ward store check", err)
	}
	if f.Type != h.rt || f.ID != h.id || f.Conf != h.conf || !bytes.Equal(n.patient(f.Patient), r.pat) {
		return broken("the body contradicts its sealed header")
	}
	o.facts = f
	o.facts.Updated = r.updUS
	return nil
}

// covered evaluates the filter on what was opened. A deletion has no body and tells nothing but that it happened; the
// filter held its row in SQL.
func (o *opened) covered(n names, f access.Filter) bool {
	switch {
	case o.head.rt == feedbackKind:
		return f.Match(n.aboutSubject(f, o.head.patient[:]))
	case o.head.rt == decisionKind:
		return f.Match(access.Attributes{Type: decisionType, Patient: o.head.id, Conf: defaultConf})
	case o.head.op == OpDelete:
		return true
	}
	return f.Match(attributes(o.facts))
}

func attributes(f fhir.Facts) access.Attributes {
	return access.Attributes{Type: f.Type, Patient: f.Patient, Conf: f.Conf, Labels: f.Labels}
}

// stamp returns the version with its public body.
func (o *opened) stamp(r *row) (ward.Version, error) {
	v := r.version()
	v.Seen = o.seen
	if Op(r.op) == OpDelete {
		return v, nil
	}
	b, err := fhir.Stamp(o.body, r.id, r.ver, micros(r.updUS))
	if err != nil {
		return v, internal("store.open", "a stored body cannot be stamped", err)
	}
	v.Body = b
	return v, nil
}

// begin makes the entry of a read durable, naming the rows that are to be opened.
func (s *Store) begin(ctx context.Context, p access.Permit, act audit.Act, note string, rows ...*row) (audit.Receipt, error) {
	in := p.Intent(act)
	in.Note = note
	for _, r := range rows {
		in.Subjects = append(in.Subjects, r.subject())
	}
	return s.log.Begin(ctx, in)
}

// failed records that a permitted act came to nothing, and returns err. It is the act's only entry, or the outcome of one
// that had begun.
func (s *Store) failed(ctx context.Context, p access.Permit, act audit.Act, err error) error {
	in := p.Intent(act)
	in.Outcome = audit.Failed
	in.Note = ward.KindOf(err).String()
	if _, lerr := s.log.Begin(ctx, in); lerr != nil {
		return lerr
	}
	return err
}

// hidden records that a principal asked for what its filter hides, and returns what it may hear.
func (s *Store) hidden(ctx context.Context, p access.Permit, act audit.Act, sub audit.Subject, answer error) error {
	if err := s.access.Hidden(ctx, p, act, sub); err != nil {
		return err
	}
	return answer
}
