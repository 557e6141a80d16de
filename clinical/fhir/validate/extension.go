package validate

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// extension checks an extension against its definition. parent is what it extends.
//
// SPEC(FHIR R4 extensibility.html#2.4.0.1): the url is that of the definition, which says what the extension may hold, where it may stand, and whether it
// modifies. SPEC(extensibility.html#modifierExtension): a modifier that is not understood must not be passed over.
func (r *runner) extension(parent, v value, m *member) {
	d := r.doc
	modifier := m.elem.Name == "modifierExtension"
	url := r.text(v.node, "url")
	p := r.v.plan(v.typ)
	if d.Nodes[v.node].Kind != tree.Object {
		return
	}
	if url == nil {
		r.members(v, p)
		return
	}
	text := string(url)
	absolute := absoluteURI(url)
	nested := is(parent.typ, "Extension") && !absolute // a name within the definition of the parent
	if !nested && !absolute {
		r.fail(d.Member(v.node, "url"), "value", IDExtensionUnknown, "", "the url of an extension is an absolute URL")
	}
	var o *overlay
	if nested {
		r.partOf(parent, v, text)
	} else {
		o = r.definitionOf(v, text, modifier)
	}
	if o != nil {
		r.extended(parent, v, o, modifier)
	}
	r.members(v, p)
}

// partOf checks that the definition of a complex extension has a part with the url.
//
// SPEC(FHIR R4 extensibility.html#extension): the url of a part is a name within the definition of the extension that it is part of.
func (r *runner) partOf(parent, v value, url string) {
	whole := bareURL(r.text(parent.node, "url"))
	if !absoluteURI([]byte(whole)) {
		return // a part of a part
	}
	if o := r.v.overlay(whole); o != nil && o.parts != nil && !o.parts[url] {
		r.fail(v.node, "extension", IDExtensionUnknown, o.url, "the definition of the extension around this one names no part with this url")
	}
}

// partsOf lists the urls of the parts of a complex extension that its definition names, nil if it names none.
func partsOf(root *profileElement) map[string]bool {
	at := slices.IndexFunc(root.children, func(k *profileElement) bool { return k.name == "extension" })
	if at < 0 {
		return nil
	}
	out := map[string]bool{}
	for _, s := range root.children[at].slices {
		for _, u := range s.children {
			var url string
			if u.name == "url" && json.Unmarshal(u.def.Fixed, &url) == nil {
				out[url] = true
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// definitionOf finds the definition of an extension, and says so if there is none.
func (r *runner) definitionOf(v value, url string, modifier bool) *overlay {
	at := r.doc.Member(v.node, "url")
	if strings.Contains(url, "|") {
		r.fail(at, "value", IDExtensionUnknown, "", "the url of an extension has no version")
		url = bare(url)
	}
	o := r.v.overlay(url)
	if o != nil && o.typ != nil && o.typ.Name == "Extension" {
		return o
	}
	for _, domain := range r.v.o.ExtensionDomains {
		if strings.HasPrefix(url, domain) {
			return nil
		}
	}
	severity := r.v.o.UnknownExtension
	if otherVersion(url) {
		modifier, severity = false, issue.Warning
	}
	if modifier {
		severity = issue.Error
	}
	r.warnOnce(severity, v.node, "extension", IDExtensionUnknown, canonicalText(url), "the definition of this extension is not loaded: it was not checked")
	return nil
}

// extended checks an extension against its definition.
func (r *runner) extended(parent, v value, o *overlay, modifier bool) {
	s := r.v.set.Structure(o.url)
	if s == nil || len(s.Elements) == 0 {
		return
	}
	if asModifier := s.Elements[0].Modifier; asModifier != modifier {
		word := "as a modifierExtension"
		if !asModifier {
			word = "as an extension, not a modifierExtension"
		}
		r.fail(v.node, "extension", IDExtensionKind, o.url, "this extension is defined to be used "+word)
	}
	if !r.allowedAt(parent, s) {
		r.fail(v.node, "extension", IDExtensionPlace, o.url, "this extension may not be used here; its definition names: "+strings.Join(s.Context, ", "))
	}
	r.profile(v, o)
}

// placesToo lists where R4's own definitions use an extension beside the contexts that it names.
var placesToo = map[string][]string{coreURL + "structuredefinition-fhir-type": {"ElementDefinition.type"}}

// allowedAt reports whether the definition of an extension lets it stand on parent.
//
// SPEC(FHIR R4 defining-extensions.html#context): on the elements, types, extensions or FHIRPath selections that the contexts name; contextInvariants hold there.
func (r *runner) allowedAt(parent value, s *definition.Structure) bool {
	if !r.contextHolds(parent, s) {
		return false
	}
	if len(s.Context) == 0 {
		return true
	}
	for _, more := range placesToo[s.URL] {
		if r.elementIs(parent, more) {
			return true
		}
	}
	for i, context := range s.Context {
		kind := "element"
		if i < len(s.ContextTypes) {
			kind = s.ContextTypes[i]
		}
		switch kind {
		case "element", "resource", "datatype":
			if r.elementIs(parent, context) {
				return true
			}
		case "extension":
			if is(parent.typ, "Extension") && bareURL(r.text(parent.node, "url")) == bare(context) {
				return true
			}
		case "fhirpath":
			if r.selected(parent, context) {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// otherVersion reports whether a URL is that of the extension which carries an element of another version of FHIR.
//
// SPEC(FHIR versions.html#extensions): http://hl7.org/fhir/[version]/StructureDefinition/extension-[path].
func otherVersion(url string) bool {
	rest, ok := strings.CutPrefix(url, "http://hl7.org/fhir/")
	if !ok || len(rest) < 4 || rest[0] < '1' || rest[0] > '9' || rest[1] != '.' {
		return false
	}
	_, name, ok := strings.Cut(rest, "/")
	return ok && strings.HasPrefix(name, "StructureDefinition/extension-")
}

// canonicalResource reports whether resources of a type are known by a canonical URL.
func canonicalResource(t *definition.Type) bool {
	url, _ := elementOf(t, "url")
	status, _ := elementOf(t, "status")
	return t.Kind == definition.Resource && url != nil && status != nil && url.Types[0].Type.Name == "uri"
}

func bareURL(b []byte) string { return bare(string(b)) }

// elementIs reports whether a value is the element, or of the type, that a context names.
func (r *runner) elementIs(v value, context string) bool {
	if url, path, ok := strings.Cut(context, "#"); ok && strings.Contains(url, "/") {
		context = path // of a profile
	}
	context = strings.TrimSuffix(strings.TrimPrefix(context, coreURL), "[x]")
	if context == "*" || context == "Element" || context == "CanonicalResource" && canonicalResource(v.typ) || context == "MetadataResource" && canonicalResource(v.typ) {
		return true
	}
	if is(v.typ, context) && !strings.Contains(context, ".") || v.typ.Name == context { // an item of an item is a Questionnaire.item
		return true
	}
	for _, path := range r.paths(v, 0) {
		if path == context {
			return true
		}
	}
	return false
}

// paths lists the names that the place of a value has: from each type that it is in.
func (r *runner) paths(v value, depth int) (out []string) {
	if v.elem == nil || depth > maxDepth {
		return []string{v.typ.Name}
	}
	path := strings.TrimSuffix(v.elem.Path, "[x]")
	out = append(out, path)
	if v.elem.Choice {
		out = append(out, path+definition.Suffix(v.typ.Name))
	}
	for t := v.elem.Owner.Base; t != nil; t = t.Base {
		out = append(out, t.Name+"."+v.elem.Name)
	}
	// the longer paths, through types that other elements have: Patient.contact.name is also HumanName
	for i := 0; i < len(out); i++ {
		if owner, rest, ok := strings.Cut(out[i], "."); ok {
			if t := r.v.set.Type(owner); t != nil && t.Base != nil && t.Base.Kind == definition.Resource && depth == 0 {
				for b := t.Base; b != nil; b = b.Base {
					if !slices.Contains(out, b.Name+"."+rest) {
						out = append(out, b.Name+"."+rest)
					}
				}
			}
		}
	}
	if up := r.longPath(v); up != "" {
		out = append(out, up)
	}
	return out
}

// longPath is the path of a value from its resource: "Patient.name.family".
func (r *runner) longPath(v value) string {
	n := v.at()
	var names []string
	for n > 0 && n != r.here().node {
		if up := int(r.doc.Nodes[n].Parent); r.doc.Nodes[up].Kind != tree.Array {
			names = append(names, strings.TrimPrefix(r.doc.MemberName(n), "_"))
		}
		n = int(r.doc.Nodes[n].Parent)
	}
	if n != r.here().node || len(names) == 0 || len(names) > 40 {
		return ""
	}
	slices.Reverse(names)
	return r.here().typ.Name + "." + strings.Join(names, ".")
}

// selected reports whether a FHIRPath context selects a value.
func (r *runner) selected(v value, context string) bool {
	e := r.v.expression(context, false)
	if e == nil {
		return true // what is not understood is not held against the text
	}
	v = r.whole(v)
	s := r.here()
	r.place(s.value)
	got, err := e.Eval(&r.ctx, r.node(s.value))
	if err != nil {
		return true
	}
	for _, g := range got {
		if n, ok := g.Node(); ok && n.Value == v.node && n.Extra == v.extra {
			return true
		}
		if b, ok := g.Bool(); ok && b && len(got) == 1 {
			return true
		}
	}
	return false
}

// whole is the primitive whose id and extensions stand at v.node, where the walk has that object in the place of its value; else v.
func (r *runner) whole(v value) value {
	d := r.doc
	if v.typ.Kind != definition.Primitive || v.node < 0 || d.Nodes[v.node].Kind != tree.Object {
		return v
	}
	out := value{-1, v.node, v.typ, v.elem}
	member, at := v.node, 0
	if up := int(d.Nodes[member].Parent); d.Nodes[up].Kind == tree.Array {
		for c := d.First(up); c != v.node; c = d.Sibling(c) {
			at++
		}
		member = up
	}
	r.steps += at >> 2
	n := d.Member(int(d.Nodes[member].Parent), strings.TrimPrefix(d.MemberName(member), "_"))
	if member != v.node && n != tree.None && d.Nodes[n].Kind == tree.Array {
		n = d.First(n)
		for ; n != tree.None && at > 0; at-- {
			n = d.Sibling(n)
		}
	}
	if k := d.Nodes[n].Kind; n != tree.None && k >= tree.False && k <= tree.String {
		out.node = n
	}
	return out
}

// expression compiles an expression of a definition once; nil if it cannot be.
func (v *Validator) expression(text string, invariant bool) *fhirpath.Expression {
	key, o := exprKey{text, invariant}, fhirpath.Options{}
	if invariant {
		o = invariantOptions
	}
	if e, ok := v.exprs.Load(key); ok {
		return e.(*fhirpath.Expression)
	}
	e, err := fhirpath.Compile(text, o)
	if err != nil {
		e = nil
	}
	v.exprs.Store(key, e)
	return e
}

// exprKey is the text of an expression, and whether it is an invariant.
type exprKey struct {
	text      string
	invariant bool
}

// contextHolds evaluates the invariants of an extension's context.
func (r *runner) contextHolds(parent value, s *definition.Structure) bool {
	for _, text := range s.ContextInvariants {
		e := r.v.expression(text, true)
		if e == nil {
			continue
		}
		r.place(r.here().value)
		if ok, err := e.True(&r.ctx, r.node(r.whole(parent))); err == nil && !ok {
			return false
		}
	}
	return true
}
