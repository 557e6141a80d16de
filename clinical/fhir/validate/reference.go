package validate

import (
	"bytes"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

const coreURL = "http://hl7.org/fhir/StructureDefinition/"

// targets is what a Reference or canonical may point at.
type targets struct {
	names    []string // resource types of the base specification
	profiles []string // canonical URLs of profiles
	any      bool     // any resource will do
	modes    definition.TypeRef
}

// newTargets compiles the targets of a type, nil if anything will do.
func newTargets(t definition.TypeRef) *targets {
	if t.Type == nil || t.Type.Name != "Reference" && t.Type.Name != "canonical" {
		return nil
	}
	return targetsOf(t.Targets, definition.TypeRef{Contained: t.Contained, Referenced: t.Referenced, Bundled: t.Bundled})
}

func targetsOf(urls []string, modes definition.TypeRef) *targets {
	out := &targets{modes: modes}
	for _, u := range urls {
		name, core := strings.CutPrefix(bare(u), coreURL)
		switch {
		case core && name == "Resource":
			out.any = true
		case core && !strings.ContainsAny(name, "-") && name != "" && name[0] >= 'A' && name[0] <= 'Z':
			out.names = append(out.names, name)
		default:
			out.profiles = append(out.profiles, u)
		}
	}
	out.any = out.any || len(urls) == 0
	if out.any && !modes.Contained && !modes.Referenced && !modes.Bundled {
		return nil
	}
	return out
}

// found is what a reference points at.
type found struct {
	value
	doc   *tree.Doc // nil = nothing
	many  bool      // more than one thing
	local bool      // contained, or in the bundle
}

// refer looks at a Reference by itself: Reference.type agrees with what it points at.
func (r *runner) refer(v value) {
	typ := r.text(v.node, "type")
	ref := r.text(v.node, "reference")
	if r.v.o.MustResolve && ref != nil && r.typeNamed(ref) != nil && !absoluteURI(ref) && r.resolve(v.node, string(ref)).doc == nil {
		r.fail(v.node, "not-found", IDTargetMissing, "", "what this reference points at is not known here")
	}
	if typ == nil {
		return
	}
	t := r.v.set.Type(strings.TrimPrefix(string(typ), coreURL))
	if t == nil || t.Kind != definition.Resource {
		r.fail(r.doc.Member(v.node, "type"), "value", IDTarget, "", "the type of a Reference is the name of a resource type")
		return
	}
	if named := r.typeNamed(ref); named != nil && named != t && !named.Is(t) {
		// SPEC(FHIR R4 references.html#Reference.type): the type of the reference is that of the resource that it points at.
		r.fail(v.node, "structure", IDTarget, "", "the type of this Reference is not that of the resource that it points at")
	}
}

// typeNamed is the resource type that the text of a reference names, nil if it names none.
func (r *runner) typeNamed(ref []byte) *definition.Type {
	if len(ref) == 0 || ref[0] == '#' {
		return nil
	}
	s := string(ref)
	absolute := strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
	if strings.Contains(s, ":") && !absolute {
		return nil
	}
	s, _, _ = strings.Cut(s, "#")
	s, _, conditional := strings.Cut(s, "?")
	parts := strings.Split(s, "/")
	if k := slices.Index(parts, "_history"); k > 0 {
		parts = parts[:k]
	}
	at := len(parts) - 2
	if conditional {
		at = len(parts) - 1
	}
	if at < 0 || absolute && at < 3 {
		return nil
	}
	t := r.v.set.Type(parts[at])
	if t == nil || t.Kind != definition.Resource || t.Name != parts[at] {
		return nil
	}
	return t
}

// target checks what a Reference points at against the targets that are allowed.
//
// SPEC(FHIR R4 references.html#2.3.0.1): the target has one of the types, and conforms to one of the profiles, that the definition names.
func (r *runner) target(v value, t *targets, rule string) {
	if v.typ.Name == "canonical" || v.node < 0 || r.doc.Nodes[v.node].Kind != tree.Object {
		return
	}
	ref := r.text(v.node, "reference")
	var at found
	if ref != nil {
		at = r.resolve(v.node, string(ref))
	}
	typ := at.typ
	if typ == nil {
		typ = r.typeNamed(ref)
	}
	if typ == nil {
		if name := r.text(v.node, "type"); name != nil {
			typ = r.v.set.Type(strings.TrimPrefix(string(name), coreURL))
		}
	}
	if t.any || typ == nil || typ.Kind != definition.Resource || typ.Name == "Resource" {
		r.mode(v, ref, at, t, rule)
		return
	}
	if !r.allows(t, typ) {
		r.fail(v.node, "structure", IDTarget, rule, "a reference to one of these is expected here: "+strings.Join(append(slices.Clone(t.names), t.profiles...), ", "))
		return
	}
	r.mode(v, ref, at, t, rule)
	if len(t.profiles) > 0 && at.doc != nil && !slices.Contains(t.names, typ.Name) {
		r.targetProfiles(v, at, t, rule)
	}
}

// allows reports whether a type is one of the targets.
func (r *runner) allows(t *targets, typ *definition.Type) bool {
	for _, n := range t.names {
		if is(typ, n) {
			return true
		}
	}
	for _, p := range t.profiles {
		s := r.v.set.Structure(p)
		if s == nil || is(typ, s.Type) {
			return true
		}
	}
	return false
}

// mode checks the aggregation of a reference.
//
// SPEC(FHIR R4 elementdefinition.html#ElementDefinition.type.aggregation): how a reference may be made: contained, referenced, bundled.
func (r *runner) mode(v value, ref []byte, at found, t *targets, rule string) {
	m := t.modes
	if len(ref) == 0 || !m.Contained && !m.Bundled && !m.Referenced {
		return
	}
	contained := ref[0] == '#'
	ok := m.Contained && contained || m.Referenced && !contained || m.Bundled && !contained && (at.local || r.scopes[0].typ.Name != "Bundle")
	if !ok {
		r.fail(v.node, "structure", IDTarget, rule, "this kind of reference (contained, bundled or to elsewhere) is not allowed here")
	}
}

// targetProfiles checks a resource that a reference points at.
func (r *runner) targetProfiles(v value, at found, t *targets, rule string) {
	unknown := ""
	for _, p := range t.profiles {
		o := r.v.overlay(p)
		if o == nil {
			unknown = p
			continue
		}
		if o.typ != nil && at.typ.Is(o.typ) && r.conformsIn(at, o) {
			return
		}
	}
	if unknown != "" {
		r.warnOnce(issue.Warning, v.node, "not-found", IDProfileUnknown, unknown, "this profile is not loaded: the target of the reference was not checked against it")
		return
	}
	r.fail(v.node, "structure", IDConforms, rule, "the target of this reference conforms to none of "+strings.Join(t.profiles, ", "))
}

// conformsIn reports whether a resource, perhaps of another text, conforms to a profile.
func (r *runner) conformsIn(at found, o *overlay) bool {
	if at.doc == r.doc {
		return r.conforms(at.value, o)
	}
	other := r.aside(at)
	ok := other.conforms(at.value, o)
	r.steps, r.evals, r.deep = other.steps, r.evals+other.evals, r.deep || other.deep
	return ok
}

// resolve finds what a reference that stands at node n points at.
func (r *runner) resolve(n int, ref string) found {
	if ref == "" {
		return found{}
	}
	if ref[0] == '#' {
		return r.local(r.here().root, ref[1:])
	}
	if r.scopes[0].typ.Name == "Bundle" {
		if f := r.bundled(r.entryOf(n), ref); f.doc != nil || f.many {
			return f
		}
	}
	if r.scopes[0].typ.Name == "Parameters" {
		if f := r.parameter(ref); f.doc != nil {
			return f
		}
	}
	if r.v.o.Target != nil {
		if d := r.v.o.Target(ref); d != nil && len(d.Nodes) > 0 {
			if t := r.v.resourceType(d, 0); t != nil {
				return found{value: value{0, -1, t, nil}, doc: d}
			}
		}
	}
	return found{}
}

// parameter finds a resource among the parameters by its type and id.
func (r *runner) parameter(ref string) (f found) {
	if r.params == nil {
		r.params = map[string]int{}
		r.indexParameters(0, "parameter", 0)
	}
	if n, ok := r.params[ref]; ok {
		f = found{value: value{n, -1, r.v.resourceType(r.doc, n), nil}, doc: r.doc, local: true}
	}
	return f
}

// indexParameters notes the resources of the parameters below node n, of those with one type and id the first.
func (r *runner) indexParameters(n int, name string, depth int) {
	if depth > maxDepth {
		r.deep = true
		return
	}
	each(r.doc, n, name, func(p int) {
		if r.doc.Nodes[p].Kind != tree.Object {
			return
		}
		if key := r.entryKey(p); key != "" {
			if _, twice := r.params[key]; !twice {
				r.params[key] = r.doc.Member(p, "resource")
			}
		}
		r.indexParameters(p, "part", depth+1)
	})
}

// local finds a contained resource by its id; "" is the container.
func (r *runner) local(root int, id string) (f found) {
	if id == "" {
		if t := r.v.resourceType(r.doc, root); t != nil {
			f = found{value: value{root, -1, t, nil}, doc: r.doc, local: true}
		}
		return f
	}
	if n, ok := r.contained(root)[id]; ok {
		if t := r.v.resourceType(r.doc, n); t != nil {
			f = found{value: value{n, -1, t, nil}, doc: r.doc, local: true}
		}
	}
	if f.doc == nil && bytes.Equal(r.text(root, "id"), []byte(id)) {
		return r.local(root, "")
	}
	return f
}

// entryOf is the outermost bundle's entry that node n stands in, -1 if it stands in none.
func (r *runner) entryOf(n int) int {
	for n > 0 {
		up := int(r.doc.Nodes[n].Parent)
		if r.doc.Nodes[up].Kind == tree.Array && r.doc.Nodes[up].Parent == 0 && r.doc.NameIs(up, "entry") {
			return n
		}
		n = up
	}
	return -1
}

// contained maps the ids of the resources that a resource contains to them, once for each resource.
func (r *runner) contained(root int) map[string]int {
	if ids, ok := r.locals[root]; ok {
		return ids
	}
	ids := map[string]int{}
	if r.locals == nil {
		r.locals = map[int]map[string]int{}
	}
	r.locals[root] = ids
	each(r.doc, root, "contained", func(n int) {
		if r.doc.Nodes[n].Kind != tree.Object {
			return
		}
		id := string(r.text(n, "id"))
		if _, twice := ids[id]; !twice {
			ids[id] = n
		}
	})
	return ids
}

// resolveNode is resolve() of FHIRPath.
func (r *runner) resolveNode(ref string) (fhirpath.Node, bool) {
	f := r.resolve(r.here().node, ref)
	if f.doc == nil {
		return fhirpath.Node{}, false
	}
	return fhirpath.Node{Doc: f.doc, Value: f.node, Extra: -1, Type: f.typ}, true
}

// canonical checks a canonical that names a known definition of another kind than asked for.
func (r *runner) canonical(v value) {
	if v.elem == nil || r.doc.Nodes[v.node].Kind != tree.String {
		return
	}
	text := string(r.doc.Text(v.node))
	if text == "" || text[0] == '#' {
		return
	}
	if !absoluteURI([]byte(text)) {
		// SPEC(FHIR R4 references.html#canonical): the URL of a definition is absolute, or a fragment for one that is contained.
		r.fail(v.node, "value", IDCanonical, "", "a canonical is an absolute URL, or #id of something contained")
		return
	}
	kind := ""
	switch {
	case r.v.set.ValueSet(text) != nil:
		kind = "ValueSet"
	case r.v.set.CodeSystem(bare(text)) != nil:
		kind = "CodeSystem"
	case r.v.set.Structure(text) != nil:
		kind = "StructureDefinition"
	default:
		return
	}
	for _, t := range v.elem.Types {
		for _, target := range t.Targets {
			if name := strings.TrimPrefix(target, coreURL); name == kind || name == "Resource" {
				return
			}
			if kind == "CodeSystem" && strings.HasSuffix(target, "/ValueSet") && r.v.set.ValueSet(text) != nil {
				return
			}
		}
		if t.Type.Name == "canonical" && len(t.Targets) > 0 {
			r.fail(v.node, "invalid", IDCanonical, "", "this URL is that of a "+kind+", which is not expected here")
			return
		}
	}
}
