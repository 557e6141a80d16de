package validate

import (
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// invariant is a compiled constraint.
type invariant struct {
	key, source, text string
	severity          issue.Severity
	expr              *fhirpath.Expression // nil: native, or it could not be compiled
	native            func(r *runner, v value) bool
}

// limits of one invariant on one element.
var limits = fhirpath.Limits{Steps: 1 << 20, Items: 1 << 18, Text: 8 << 20}

// invariantOptions read an invariant as its authors mean it, where FHIRPath has an error.
var invariantOptions = fhirpath.Options{AsFilters: true, ManyTrue: true}

// invariants compiles constraints; those that package structure enforces are left out, and best practice unless it was asked for. It is called under the lock.
func (v *Validator) invariants(all []*definition.Constraint) (out []*invariant) {
	for _, c := range all {
		if c.Expression == "" || slices.Contains(structure.Constraints, c.Key) {
			continue
		}
		k := &invariant{key: c.Key, source: c.Source, severity: severityOf(c.Severity), text: "invariant " + c.Key + " does not hold: " + c.Human}
		if c.BestPractice {
			if v.o.BestPractice == 0 {
				continue
			}
			k.severity = v.o.BestPractice
		}
		if k.native = natives[nativeKey{c.Key, c.Expression}]; k.native == nil {
			expr, err := fhirpath.Compile(rewritten(c), invariantOptions)
			if err == nil {
				k.expr = expr
			}
		}
		out = append(out, k)
	}
	return out
}

// rewritten is the expression of a constraint, corrected where the published text of R4 is known not to say what it means.
func rewritten(c *definition.Constraint) string {
	if c.Expression == namePattern {
		return "name.exists() implies " + namePattern
	}
	if fixed, ok := corrected[nativeKey{c.Key, c.Expression}]; ok {
		return fixed
	}
	return c.Expression
}

// corrected lists expressions of R4 whose text is wrong, with the text that later releases give.
var corrected = map[nativeKey]string{
	// The rule's text says "more than one".
	{"que-12", "enableWhen.count() > 2 implies enableBehavior.exists()"}: "enableWhen.count() > 1 implies enableBehavior.exists()",
	// What may be left out has no result, and an invariant without a result does not hold.
	{"ras-2", "probability is decimal implies (probability as decimal) <= 100"}: "probability.empty() or (probability is decimal implies (probability as decimal) <= 100)",
	{"md-1", "max='*' or (max.toInteger() > 0)"}:                                "max.empty() or max='*' or (max.toInteger() > 0)",
	// Moments of unlike precision that may be in order are, as per-1 of later releases has it.
	{"inv-1", "lastModified.exists().not() or authoredOn.exists().not() or lastModified >= authoredOn"}: "lastModified.exists().not() or authoredOn.exists().not() or lastModified.highBoundary() >= authoredOn.lowBoundary()",
	{"mdd-1", "whenHandedOver.empty() or whenPrepared.empty() or whenHandedOver >= whenPrepared"}:       "whenHandedOver.empty() or whenPrepared.empty() or whenHandedOver.highBoundary() >= whenPrepared.lowBoundary()",
	// The rule's text: "if Observation.effective[x] is dateTime and has a value".
	{"vs-1", "($this as dateTime).toString().length() >= 8"}: "($this is dateTime and hasValue()) implies $this.toString().length() >= 8",
}

// namePattern is the expression of the rules vsd-0, csd-0 and so on; later releases ask it of a name that is there.
const namePattern = "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')"

// nativeKey names an invariant by its key and its exact text, so that a package that changes the text gets its own.
type nativeKey struct{ key, expression string }

// natives are invariants that stand on nearly every resource, in code of their own. Each says the same as its expression.
var natives = map[nativeKey]func(r *runner, v value) bool{
	// Reference: a fragment names a contained resource; package structure checks it in every text (id reference-contained).
	{"ref-1", "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))"}: holds,
	// dom-4: contained resources have no meta.versionId and no meta.lastUpdated.
	{"dom-4", "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()"}: func(r *runner, v value) bool {
		return !r.containedMeta(v, "versionId") && !r.containedMeta(v, "lastUpdated")
	},
	{"dom-5", "contained.meta.security.empty()"}: func(r *runner, v value) bool { return !r.containedMeta(v, "security") },
	{"dom-6", "text.`div`.exists()"}: func(r *runner, v value) bool {
		text := r.doc.Member(v.node, "text")
		return text != tree.None && r.doc.Member(text, "div") != tree.None
	},
}

func holds(*runner, value) bool { return true }

// containedMeta reports whether a contained resource has the member in its meta.
func (r *runner) containedMeta(v value, name string) (found bool) {
	each(r.doc, v.node, "contained", func(n int) {
		if meta := r.doc.Member(n, "meta"); meta != tree.None && r.doc.Member(meta, name) != tree.None {
			found = true
		}
	})
	return found
}

// context makes the context of expressions.
func (r *runner) context() {
	r.ctx = fhirpath.Context{Set: r.v.set, Limits: limits, Now: r.v.o.Now, Spent: &r.evals,
		Resolve: func(reference string) (fhirpath.Node, bool) {
			n, known := r.resolveNode(reference)
			r.answered(known || strings.HasPrefix(reference, "#")) // what is not contained is known not to be there
			return n, known
		},
		MemberOf: func(item fhirpath.Value, set string) (bool, bool) {
			member, known := r.itemMember(item, set)
			return member, r.answered(known)
		},
		ConformsTo: func(n fhirpath.Node, canonical string) (bool, bool) {
			conforms, known := r.conformsNode(n, canonical)
			return conforms, r.answered(known)
		},
		Slice: func(n fhirpath.Node, canonical, name string) (bool, bool) {
			in, known := r.sliceNode(n, canonical, name)
			return in, r.answered(known)
		},
	}
	if r.ctx.Now.IsZero() {
		r.ctx.Now = time.Now()
	}
}

// answered counts what an expression asked for and is not known here.
func (r *runner) answered(known bool) bool {
	if !known {
		r.unknowns++
	}
	return known
}

// node is v for FHIRPath.
func (r *runner) node(v value) fhirpath.Node {
	return fhirpath.Node{Doc: r.doc, Value: v.node, Extra: v.extra, Type: v.typ, Element: v.elem}
}

// place sets %resource and %rootResource of an expression on v.
func (r *runner) place(v value) {
	s := r.here()
	r.ctx.Resource, r.ctx.Root = r.node(s.value), fhirpath.Node{}
	switch {
	case s.root != s.node:
		r.ctx.Root = fhirpath.Node{Doc: r.doc, Value: s.root, Extra: -1, Type: r.v.resourceType(r.doc, s.root)}
	case v.typ.Kind == definition.Resource && v.node != s.node:
		r.ctx.Root = r.ctx.Resource // a profile of the outer resource says something of the inner one
	}
}

// invariant evaluates a constraint on a value.
//
// SPEC(FHIR R4 conformance-rules.html#constraints): the expression is evaluated on the element that has the constraint; %resource is the resource
// that it is in, %rootResource the one that contains that. It has to be true: where it has no result the constraint does not hold. One that is not true
// and asked for what is not known here (the target of a reference, a value set, a profile) is not checked: it might be true where that is known.
func (r *runner) invariant(k *invariant, v value) {
	if k.native != nil {
		if !k.native(r, v) {
			r.report(k.severity, v.at(), "invariant", IDInvariant, k.key, k.text)
		}
		return
	}
	if k.expr == nil {
		r.warnOnce(issue.Warning, v.at(), "not-supported", IDInvariantSkipped, k.key, "the expression of invariant "+k.key+" could not be compiled: it was not checked")
		return
	}
	if !r.step() {
		return
	}
	r.place(v)
	unknowns := r.unknowns
	ok, err := k.expr.True(&r.ctx, r.node(v))
	switch {
	case err == nil && !ok && r.unknowns != unknowns:
		r.warnOnce(issue.Warning, v.at(), "not-supported", IDInvariantSkipped, k.key, "invariant "+k.key+" asks for what is not known here (the target of a reference, a value set or a profile): it was not checked")
	case err != nil:
		r.warnOnce(issue.Warning, v.at(), "processing", IDInvariantSkipped, k.key, "invariant "+k.key+" could not be evaluated: it was not checked")
	case !ok:
		r.report(k.severity, v.at(), "invariant", IDInvariant, k.key, k.text)
	}
}
