package mapping

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/body"
)

// Options say what a message leaves open.
type Options struct {
	Zone     *time.Location    // of times without offset
	Systems  map[string]string // identifier system by assigning authority
	Received time.Time         // when the message came; stands in for a missing MSH-7; zero: not known
	Channel  string            // by which it came: numbers without authority count within it
}

// Doubt is a reason why a candidate must not be used as it stands.
type Doubt struct {
	Class    string // as store.Hold has it
	Reason   string // constant
	Position string // "OBX[3]-5"
}

// Null is an element that the sender deletes.
type Null struct {
	Path body.Path
	With map[string]string // only the items that hold these constants
}

// Candidate is a resource as the message has it, without an id.
type Candidate struct {
	Type   string
	Key    []string    // business key: a system, then what is unique in it
	Body   *body.Value // references to other candidates are Reference(i)
	At     string      // its first segment, "OBX[3]"
	Rule   string      // which rule made it, with the version of the rules
	Code   string      // code of an OBX-3 or OBR-4 as sent, for overrides
	Sent   time.Time   // when the message was written (MSH-7), not after it came; zero if that cannot be known
	Status time.Time   // when its status last changed (OBR-22); zero if not sent
	Vague  bool        // Sent is in an hour that the clocks had twice: it may be one hour later
	Future bool        // Sent or Status was far after the message came, and is left out
	Alone  bool        // an Observation without sub-id: another one under its code may have its key
	Twin   []string    // of one without sub-id, the key that it has where its code stands twice; nil: none
	Doubts []Doubt
	Flags  []string // constants: what is odd about it, but not doubtful
	Nulls  []Null
	Filled []string // elements that stand in only because FHIR requires them; they replace nothing
}

// Result is what a message says.
type Result struct {
	Candidates []Candidate
	Merges     []Merge
	Fields     int // that were sent
	Kept       int // of them, in the raw message only
}

// Merge is a patient whose record lives on in another: the candidate Into, and the segment that names the other.
type Merge struct {
	Into int
	From hl7v2.Segment // MRG
}

// candidate is the scheme of open references.
const candidate = "urn:ward:candidate:"

// Reference is what stands in a body for the i-th candidate.
func Reference(i int) string { return candidate + strconv.Itoa(i) }

// Referred returns the number of the candidate that an open reference names.
func Referred(s string) (i int, ok bool) {
	rest, ok := strings.CutPrefix(s, candidate)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(rest)
	return i, err == nil && i >= 0
}

var compiled = sync.OnceValues(func() (*rules, error) {
	f, err := readRules()
	if err != nil {
		return nil, err
	}
	return compile(f)
})

// Check reports whether the rules that are built in can be used; a node asks once when it starts.
func Check() error {
	if _, err := compiled(); err != nil {
		return ward.E(ward.Internal, "mapping.check", "the built-in rules are broken", err)
	}
	return nil
}

// Understood reports whether there are rules for messages of a kind, "ORU^R01".
func Understood(kind string) bool {
	r, err := compiled()
	return err == nil && r.kinds[kind] != nil
}

// maxCandidates bounds what one message can say, so that all it does fits into one transaction.
const maxCandidates = 4000

// Map returns what the message says, by the rules for its kind. Errors are ward.Unsupported (no rules), ward.TooLarge.
func Map(m *hl7v2.Message, kind string, o Options) (Result, error) {
	const op = "mapping.map"
	r, err := compiled()
	if err != nil {
		return Result{}, ward.E(ward.Internal, op, "the built-in rules are broken", err)
	}
	st := r.kinds[kind]
	if st == nil {
		return Result{}, ward.E(ward.Unsupported, op, "there are no rules for this kind of message", nil)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	run := &run{m: m, bytes: len(m.Encode()), o: o, rules: r, structure: st, used: map[place]bool{}, keys: map[string]int{}}
	run.header()
	root := st.group.split(m)
	run.instance(root)
	if run.full {
		return Result{}, ward.E(ward.TooLarge, op, "a message may say at most 4000 facts, repeat a field 1000 times and grow to four times its size", nil)
	}
	res := Result{Candidates: run.out, Merges: run.merges}
	res.Fields, res.Kept = run.count()
	return res, nil
}

// How returns how an update of a stored resource joins an element: "by system", "by use", "by url", "by type", "members";
// "" replaces it.
func How(rt, element string) string {
	r, err := compiled()
	if err != nil {
		return ""
	}
	return r.merge[rt][element]
}
