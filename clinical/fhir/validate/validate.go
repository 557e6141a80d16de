package validate

import (
	"sync"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Options of a Validator. The zero Options are those for a resource that comes from outside.
type Options struct {
	Max int // issues that are kept; 0 = structure.DefaultMax

	BestPractice     issue.Severity // of invariants that are best practice only; 0 = they are not run
	UnknownExtension issue.Severity // of an extension without a definition in the Set; 0 = Warning. A modifier extension is an Error always
	UnknownProfile   issue.Severity // of a profile that is claimed and is not in the Set; 0 = Warning
	Display          issue.Severity // of a display that is not that of its code; 0 = Warning
	ExtensionDomains []string       // an extension whose URL begins with one of these needs no definition
	MustResolve      bool           // a relative reference that is not contained, not in the Bundle or Parameters, and not known to Target is an error
	ForbidExamples   bool           // a URL of a domain for examples (example.org, acme.com) is an error
	ForbidMarkup     bool           // text that looks like markup in a string is an error

	Profiles map[string][]string // by resource type: what resources of the type have to conform to beside what they claim

	// Resource returns a canonical resource that a text refers to (a Questionnaire), nil if it is not known.
	Resource func(canonical string) *tree.Doc
	// Target returns what a reference to the outside points at, nil if it is not known.
	Target func(reference string) *tree.Doc
	// MemberOf answers questions of terminology that the Set cannot; nil = nobody does.
	MemberOf func(valueSet, system, code string) definition.Answer

	Steps int       // of one Validate, 0 = DefaultSteps
	Now   time.Time // of now() and today(); zero = the clock's
}

// DefaultSteps bounds the work of one Validate: values looked at by plans and profiles.
const DefaultSteps = 20_000_000

// Validator checks resources against a Set and its profiles. It is safe for concurrent use.
type Validator struct {
	set    *definition.Set
	o      Options
	schema *structure.Schema

	mu       sync.Mutex
	plans    sync.Map // *definition.Type -> *plan
	overlays sync.Map // canonical URL -> *overlay
	exprs    sync.Map // exprKey -> *fhirpath.Expression
	pool     sync.Pool
	units    units
	vitals   sync.Once
	vital    map[string]*overlay // by the magic code
}

// New returns a Validator. It is cheap: types and profiles are compiled when they are first met.
func New(set *definition.Set, o Options) *Validator {
	if o.Steps <= 0 {
		o.Steps = DefaultSteps
	}
	if o.Max <= 0 {
		o.Max = structure.DefaultMax
	}
	if o.UnknownExtension == 0 {
		o.UnknownExtension = issue.Warning
	}
	if o.Display == 0 {
		o.Display = issue.Warning
	}
	if o.UnknownProfile == 0 {
		o.UnknownProfile = issue.Warning
	}
	return &Validator{set: set, o: o, schema: structure.New(set)}
}

// Set returns what the Validator was made from.
func (v *Validator) Set() *definition.Set { return v.set }

// Validate returns what there is to say of the resource in doc: against the base specification, the profiles that it claims in meta.profile, and those
// given by their canonical URLs. The issues are the caller's. issue.Valid tells whether the resource is valid.
func (v *Validator) Validate(doc *tree.Doc, profiles ...string) []issue.Issue {
	return v.judge(doc, true, profiles)
}

// ValidateChecked is Validate for a resource in which the structural check (package structure, of the same R4) has found nothing: it is not done again.
func (v *Validator) ValidateChecked(doc *tree.Doc, profiles ...string) []issue.Issue {
	return v.judge(doc, false, profiles)
}

// ValidChecked reports whether ValidateChecked would find no error; findings are not made.
func (v *Validator) ValidChecked(doc *tree.Doc) (valid bool) {
	v.with(func(r *runner) { valid = r.valid(doc) })
	return valid
}

func (v *Validator) judge(doc *tree.Doc, structural bool, profiles []string) (out []issue.Issue) {
	v.with(func(r *runner) { out = r.run(doc, structural, profiles) })
	return out
}

// with lends fn a runner.
func (v *Validator) with(fn func(*runner)) {
	r, _ := v.pool.Get().(*runner)
	if r == nil {
		r = &runner{v: v}
	}
	fn(r)
	r.release()
	v.pool.Put(r)
}
