package validate

import (
	"slices"
	"strconv"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// runner is one validation.
type runner struct {
	v     *Validator
	doc   *tree.Doc
	check structure.Checker
	out   []issue.Issue
	said  map[string]bool // warnings that are given once

	quiet    int  // above 0: nothing is noted, failed says whether there was an error
	failed   bool //
	steps    int
	evals    int  // steps of expressions that are not counted in steps yet
	spent    bool // the bound of steps was met
	depth    int  // of profiles within profiles
	deep     bool // something was not checked because it is within too many
	unsure   int  // how often a slice could not be told because what a reference points at is not known here
	unknowns int  // how often an expression asked for what is not known here: a target of a reference, a value set, a profile

	scopes []scope // the resources that the walk is in, the outermost first
	bundle *bundle // index of the bundle that the text is, nil = not made yet
	memo   map[memoKey]bool
	ids    map[elementID]bool

	params map[string]int         // "Type/id" of resources among Parameters: their nodes; nil = not made yet
	locals map[int]map[string]int // of resources that contain others: the nodes of those by their ids

	vals []value // arena of children
	ctx  fhirpath.Context
}

// scope is a resource that the walk is in.
type scope struct {
	value
	root  int // node of the resource that contains it, or its own
	entry int // node of the bundle's entry that it stands in, -1 = none
}

// elementID is the id of an element of the resource at a node.
type elementID struct {
	resource int
	id       string
}

type memoKey struct {
	node int
	o    *overlay
}

// maxDepth bounds profiles that lead to profiles.
const maxDepth = 24

func (r *runner) run(doc *tree.Doc, structural bool, profiles []string) []issue.Issue {
	r.doc = doc
	if len(doc.Nodes) == 0 {
		return []issue.Issue{{Severity: issue.Fatal, Code: "structure", ID: structure.IDJSONKind, Text: "a resource (an object) was expected"}}
	}
	if structural {
		r.check.Check(r.v.schema, doc, structure.Options{Max: r.v.o.Max})
		r.out = append([]issue.Issue(nil), r.check.Issues...)
	}
	if t := r.v.resourceType(doc, 0); t != nil {
		r.begin()
		r.resource(value{0, -1, t, nil}, -1, false, profiles)
	}
	if r.deep {
		r.warnOnce(issue.Warning, 0, "too-costly", IDDeep, "", "what is within more than "+strconv.Itoa(maxDepth)+" profiles or resources was not checked")
	}
	out := r.out
	r.out = nil
	slices.SortStableFunc(out, func(a, b issue.Issue) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return out
}

// valid is whether run would find no error in a text that is structurally right.
func (r *runner) valid(doc *tree.Doc) bool {
	r.doc = doc
	t := r.v.resourceType(doc, 0)
	if t == nil {
		return true
	}
	r.begin()
	r.quiet = 1
	r.resource(value{0, -1, t, nil}, -1, false, nil)
	return !r.failed
}

func (r *runner) begin() {
	r.said, r.quiet, r.failed, r.steps, r.evals, r.spent, r.depth, r.deep, r.unknowns, r.unsure = nil, 0, false, 0, 0, false, 0, false, 0, 0
	r.locals, r.params = nil, nil
	r.scopes, r.bundle, r.vals = r.scopes[:0], nil, r.vals[:0]
	clear(r.memo)
	clear(r.ids)
	r.context()
}

// release lets go of the text.
func (r *runner) release() {
	r.doc, r.out, r.bundle, r.locals, r.params = nil, nil, nil, nil, nil
	clear(r.scopes[:cap(r.scopes)])
	clear(r.vals[:cap(r.vals)])
	clear(r.memo)
	clear(r.ids)
	r.check.Issues = r.check.Issues[:0]
	r.ctx = fhirpath.Context{}
}

// here is the resource that the walk is in.
func (r *runner) here() *scope { return &r.scopes[len(r.scopes)-1] }

// resource checks a resource. entry is the node of the bundle entry that it stands in, -1 if it stands in none.
func (r *runner) resource(v value, entry int, contained bool, profiles []string) {
	s := scope{value: v, root: v.node, entry: entry}
	if contained {
		s.root, s.entry = r.here().root, r.here().entry
	}
	r.scopes = append(r.scopes, s)
	r.walk(v, r.v.plan(v.typ))
	r.rules(v)
	r.claimed(v)
	for _, p := range r.v.o.Profiles[v.typ.Name] {
		r.asked(v, v.node, p)
	}
	for _, p := range profiles {
		r.asked(v, v.node, p)
	}
	r.scopes = r.scopes[:len(r.scopes)-1]
}

// claimed checks the profiles of meta.profile.
func (r *runner) claimed(v value) {
	meta := r.doc.Member(v.node, "meta")
	if meta == tree.None || r.doc.Nodes[meta].Kind != tree.Object {
		return
	}
	var done map[string]bool
	each(r.doc, meta, "profile", func(n int) {
		if r.doc.Nodes[n].Kind != tree.String {
			return
		}
		url := string(r.doc.Text(n))
		if done[url] {
			return
		}
		if done == nil {
			done = map[string]bool{}
		}
		done[url] = true
		r.asked(v, n, url)
	})
}

// asked checks a resource against a profile by its URL; n is where to say that there is none.
func (r *runner) asked(v value, n int, canonical string) {
	o := r.v.overlay(canonical)
	switch {
	case o == nil:
		r.warnOnce(r.v.o.UnknownProfile, n, "not-found", IDProfileUnknown, canonicalText(canonical), "this profile is not loaded: the resource was not checked against it")
	case o.skip != "":
		r.warnOnce(r.v.o.UnknownProfile, n, "not-supported", IDProfileUnknown, o.url, "this profile could not be compiled ("+o.skip+"): the resource was not checked against it")
	case o.typ == nil || !v.typ.Is(o.typ):
		r.fail(n, "invalid", IDProfileType, o.url, "the profile is not one of this type of resource")
	default:
		if o.part {
			r.warnOnce(issue.Warning, n, "not-supported", IDProfilePart, o.url, "the codes that this profile fixes are not shipped: the resource was checked against the rest of it")
		}
		r.profile(v, o)
	}
}

// rules are those of one resource type.
func (r *runner) rules(v value) {
	switch v.typ.Name {
	case "Bundle":
		r.bundleRules(v)
	case "Questionnaire":
		r.questionnaire(v)
	case "QuestionnaireResponse":
		r.response(v)
	default:
		if fn := definitionRules[v.typ.Name]; fn != nil {
			fn(r, v)
		}
	}
}

// is reports whether t is the type with the name or derives from it.
func is(t *definition.Type, name string) bool {
	for ; t != nil; t = t.Base {
		if t.Name == name {
			return true
		}
	}
	return false
}

// canonicalText lets a URL of the text stand in an issue only if it looks like that of a definition.
func canonicalText(s string) string {
	if len(s) > 200 {
		return ""
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c > '~' || c == '?' || c == '@' {
			return ""
		}
	}
	return s
}
