package fhir

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/index"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Scan reads one resource strictly: JSON without doubles and within bounds, and all that the base specification of FHIR R4 says of structure
// (package structure). Errors are ward.Error of kind Invalid (the form is wrong), Unprocessable (a type or a subject that cannot be kept) or
// TooLarge, with a FHIRPath in Path; those of form have all Findings as their cause.
func Scan(body []byte) (Facts, error) { return scan(body, strict|full) }

// Scanned is a body that Scan has accepted, with what it says. Only Check makes one that holds a body.
type Scanned struct {
	body  string
	facts Facts
}

// Format implements fmt.Formatter for every verb: only the length is shown.
func (s Scanned) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "[scanned, %d bytes]", len(s.body)) }

// Check is Scan for a body that others are to take as it is, without a second look.
func Check(body []byte) (Scanned, error) {
	f, err := Scan(body)
	if err != nil {
		return Scanned{}, err
	}
	return Scanned{string(body), f}, nil
}

// Of returns what Scan says of the body; ok is false if it is not the very one that was looked at. The slices are not to be changed.
func (s Scanned) Of(body []byte) (f Facts, ok bool) {
	if s.body == "" || s.body != string(body) {
		return Facts{}, false
	}
	return s.facts, true
}

// Refs is Scan without search values, labels, and the rule on subjects: for a body whose references are still to be
// replaced (entries of a transaction). Facts.Patient is not set.
func Refs(body []byte) (Facts, error) { return scan(body, strict) }

// Read takes the facts of a resource that was accepted before: it does not judge the form again, since rules grow and what is kept must stay
// readable. It refuses what Scan refuses for its JSON, type or subject.
func Read(body []byte) (Facts, error) { return scan(body, full) }

// mode of a scan.
type mode uint8

const (
	strict mode = 1 << iota // refuse what is not well formed
	full                    // collect values, labels, compartments
)

var scanners = sync.Pool{New: func() any { return new(scanner) }}

func scan(body []byte, m mode) (Facts, error) {
	if len(body) > MaxBytes {
		return Facts{}, ward.E(ward.TooLarge, "fhir.scan", "a resource may have at most "+strconv.Itoa(MaxBytes)+" bytes", nil)
	}
	s := scanners.Get().(*scanner)
	f, err := s.resource(body, m)
	s.release()
	scanners.Put(s)
	return f, err
}

// scanner is one pass over one body.
type scanner struct {
	doc    tree.Doc
	check  structure.Checker
	values index.Collector
	def    *typeDef
	facts  Facts
	texts  []byte // what Values and References are made of
	spans  []span
	kept   map[Value]struct{}
}

var limits = tree.Limits{Bytes: MaxBytes, Depth: MaxDepth}

// resource reads one body.
func (s *scanner) resource(body []byte, m mode) (Facts, error) {
	if err := s.doc.Parse(body, limits); err != nil {
		return Facts{}, syntax(err)
	}
	if err := s.findType(); err != nil {
		return Facts{}, err
	}
	e := theEngine()
	o := structure.Options{}
	if m&full != 0 {
		o.Watch = e.table(s.def).Watch
	}
	if !s.check.Check(e.schema, &s.doc, o) && m&strict != 0 {
		return Facts{}, refusal(&Findings{Issues: append(s.check.Issues[:0:0], s.check.Issues...), More: s.check.More})
	}
	s.facts = Facts{Type: s.def.row.name, Conf: -1}
	if id := s.text(0, "id"); id != nil {
		if !ward.ValidID(string(id)) {
			return Facts{}, s.fail(ward.Invalid, s.doc.Member(0, "id"), "an id has 1 to 64 characters out of A-Z a-z 0-9 - and .")
		}
		s.facts.ID = string(id)
	}
	if err := s.references(e); err != nil || m&full == 0 {
		return s.facts, err
	}
	s.labels()
	if err := s.take(e); err != nil {
		return Facts{}, err
	}
	return s.facts, s.whose()
}

// release forgets everything of the body.
func (s *scanner) release() {
	s.check.Forget()
	s.values.Forget()
	clear(s.texts[:cap(s.texts)])
	s.doc.Src, s.texts, s.spans, s.kept, s.facts = nil, s.texts[:0], s.spans[:0], nil, Facts{}
	if cap(s.doc.Nodes) > 1<<16 || cap(s.texts) > 64<<10 {
		*s = scanner{}
	}
}

// findType looks up what the table says of the body's type.
func (s *scanner) findType() error {
	if s.doc.Nodes[0].Kind != tree.Object {
		return s.fail(ward.Invalid, 0, "a JSON object was expected here")
	}
	at := s.doc.Member(0, "resourceType")
	if at == tree.None {
		return ward.E(ward.Invalid, "fhir.scan", "a resource needs a resourceType", nil).At("resourceType")
	}
	if s.doc.Nodes[at].Kind != tree.String {
		return ward.E(ward.Invalid, "fhir.scan", "a string was expected here", nil).At("resourceType")
	}
	if s.def = compiled[string(s.doc.Text(at))]; s.def == nil {
		return ward.E(ward.Unprocessable, "fhir.scan", "this server does not keep this resourceType; it keeps "+strings.Join(Types(), ", "), nil).At("resourceType")
	}
	return nil
}

// text returns the text of a string member of node n, nil if there is none.
func (s *scanner) text(n int, name string) []byte {
	at := s.doc.Member(n, name)
	if at == tree.None || s.doc.Nodes[at].Kind != tree.String {
		return nil
	}
	return s.doc.Text(at)
}

// fail is an error at node n.
func (s *scanner) fail(kind ward.ErrorKind, n int, public string) error {
	return ward.E(kind, "fhir.scan", public, nil).At(theEngine().schema.Expression(&s.doc, n))
}

// references lists the reference strings.
func (s *scanner) references(e *engine) error {
	refs := s.check.Refs
	if len(refs) > MaxReferences {
		return s.fail(ward.TooLarge, 0, "a resource may hold at most "+strconv.Itoa(MaxReferences)+" references")
	}
	if len(refs) > 0 {
		s.facts.References = make([]RefAt, len(refs))
	}
	for i, r := range refs {
		n := &s.doc.Nodes[r.Node]
		s.facts.References[i] = RefAt{
			Start: int(n.Start), End: int(n.End), Target: string(s.doc.Text(r.Node)), Path: e.schema.Expression(&s.doc, int(n.Parent)),
		}
	}
	return nil
}
