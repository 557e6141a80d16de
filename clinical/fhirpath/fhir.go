package fhirpath

import (
	"bytes"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

func init() {
	define(map[string]*function{
		"extension":       {least: 1, most: 1, eval: (*machine).fnExtension, sig: anything},
		"hasValue":        {eval: (*machine).fnHasValue, sig: toBoolean},
		"getValue":        {eval: (*machine).fnGetValue, sig: anything},
		"resolve":         {eval: (*machine).fnResolve, sig: anything},
		"memberOf":        {least: 1, most: 1, eval: (*machine).fnMemberOf, sig: toBoolean},
		"conformsTo":      {least: 1, most: 1, eval: (*machine).fnConformsTo, sig: toBoolean},
		"subsumes":        {least: 1, most: 1, eval: subsumer(false), sig: toBoolean},
		"subsumedBy":      {least: 1, most: 1, eval: subsumer(true), sig: toBoolean},
		"htmlChecks":      {eval: (*machine).fnHTMLChecks, sig: toBoolean},
		"checkModifiers":  {least: 1, most: 64, eval: (*machine).fnCheckModifiers, sig: same},
		"getResourceKey":  {eval: (*machine).fnResourceKey, sig: anything},
		"getReferenceKey": {most: 1, eval: (*machine).fnReferenceKey, form: byType, sig: toText},
	})
}

// fnExtension yields the extensions with a url.
func (m *machine) fnExtension(o *callOp, base int) error {
	n := len(m.stack)
	url, ok, err := o.textArg(m, 0)
	if err != nil {
		return err
	}
	for i := base; ok && i < n; i++ {
		v := m.stack[i]
		obj := v.object()
		k := member(v.typ, "extension")
		if obj < 0 || k == nil {
			continue
		}
		if err := m.scan(v.doc, obj); err != nil {
			return err
		}
		it := items{m: k, doc: v.doc, set: m.set}
		it.begin(v.doc, obj)
		var c Value
		for it.next(&c) {
			if err := m.step(1); err != nil {
				return err
			}
			if at := v.doc.Member(c.value(), "url"); at == tree.None || string(v.doc.Text(at)) != url {
				continue
			}
			if err := m.push(&c); err != nil {
				return err
			}
		}
	}
	m.drop(base, n)
	return nil
}

// fnHasValue is true for a single primitive with a value.
func (m *machine) fnHasValue(_ *callOp, base int) error {
	has := false
	if len(m.stack) == base+1 {
		v := &m.stack[base]
		has = v.kind != KindNode || v.sub != 0 && !v.lacks()
	}
	return m.answer(base, Boolean(has))
}

func (m *machine) fnGetValue(_ *callOp, base int) error {
	if len(m.stack) == base+1 {
		if v := &m.stack[base]; v.kind != KindNode || v.sub != 0 {
			if err := m.charge(v.size()); err != nil { // a text is copied
				return err
			}
			if s, ok := v.System(); ok {
				return m.answer(base, s)
			}
		}
	}
	m.stack = m.stack[:base]
	return nil
}

// reference is the text of a Reference, or of a text.
func (v *Value) reference() []byte {
	if v.kind == KindNode && v.sub == 0 {
		if !isOf(v, "Reference") || v.value() < 0 {
			return nil
		}
		at := v.doc.Member(v.value(), "reference")
		if at == tree.None || v.doc.Nodes[at].Kind != tree.String {
			return nil
		}
		return v.doc.Text(at)
	}
	return v.bytes()
}

// fnResolve leaves out what is not found.
//
// SPEC(FHIR R4 fhirpath.html#functions): items that are no references, and references that do not resolve, yield nothing.
func (m *machine) fnResolve(_ *callOp, base int) error {
	n := len(m.stack)
	for i := base; i < n; i++ {
		v := m.stack[i]
		ref := v.reference()
		if err := m.read(len(ref)); err != nil {
			return err
		}
		if len(ref) == 0 {
			continue
		}
		found, ok, err := m.resolve(&v, ref)
		if err != nil {
			return err
		}
		if !ok && m.c.Resolve != nil {
			found, ok = m.c.Resolve(string(ref))
		}
		if ok {
			if err := m.pushNode(found); err != nil {
				return err
			}
		}
	}
	m.drop(base, n)
	return m.step(n - base)
}

// resolve looks in the resource for what is contained, and in the Bundle around it.
func (m *machine) resolve(v *Value, ref []byte) (Node, bool, error) {
	start := m.stack[0]
	if v.kind == KindNode {
		start = *v
	}
	n, ok := start.Node()
	if !ok {
		return n, false, nil
	}
	if err := m.scanUp(n); err != nil {
		return n, false, err
	}
	root := n.Resource(m.set).container(m.set)
	if m.c.Root.Doc == n.Doc && n.Doc != nil {
		root = m.c.Root
	}
	if root.Doc == nil {
		return root, false, nil
	}
	if ref[0] == '#' {
		if len(ref) == 1 {
			return root, true, nil
		}
		return m.among(root, "contained", func(c Node) bool {
			id := c.Doc.Member(c.Value, "id")
			return id != tree.None && bytes.Equal(c.Doc.Text(id), ref[1:])
		})
	}
	bundle := Node{Doc: n.Doc, Extra: -1, Type: resourceType(n.Doc, 0, m.set)}
	if bundle.Type == nil || bundle.Type.Name != "Bundle" {
		return root, false, nil
	}
	return m.inBundle(bundle, root, ref)
}

// each calls f for the children of n with the name until it says that it has what it sought. Each costs a step, those behind it nothing.
func (m *machine) each(n Node, name string, f func(Node) (done bool, err error)) error {
	v := n.Item()
	k, obj := member(n.Type, name), v.object()
	if k == nil || obj < 0 {
		return nil
	}
	if err := m.scan(n.Doc, obj); err != nil {
		return err
	}
	it := items{m: k, doc: n.Doc, set: m.set}
	it.begin(n.Doc, obj)
	var c Value
	for it.next(&c) {
		if err := m.scan(c.doc, c.value()); err != nil {
			return err
		}
		if err := m.step(1); err != nil {
			return err
		}
		one, _ := c.Node()
		if done, err := f(one); done || err != nil {
			return err
		}
	}
	return nil
}

// among finds a resource in an array of them.
func (m *machine) among(n Node, name string, is func(Node) bool) (found Node, ok bool, err error) {
	err = m.each(n, name, func(c Node) (bool, error) {
		if is(c) {
			found, ok = c, true
		}
		return ok, nil
	})
	return found, ok, err
}

// inBundle finds the entry whose fullUrl is the reference; a relative one is taken relative to the fullUrl of the entry that it is in.
//
// SPEC(FHIR R4 bundle.html#references)
func (m *machine) inBundle(bundle, from Node, ref []byte) (Node, bool, error) {
	want, suffix := ref, append([]byte{'/'}, ref...)
	relative := !bytes.Contains(ref, []byte(":"))
	if relative {
		if full := fullURL(from); full != nil {
			parts := bytes.Split(full, []byte("/"))
			if len(parts) > 2 {
				want = append(bytes.Join(parts[:len(parts)-2], []byte("/")), suffix...)
			}
		}
	}
	if err := m.read(len(want)); err != nil {
		return from, false, err
	}
	found, ok, err := m.among(bundle, "entry", func(e Node) bool {
		at := e.Doc.Member(e.Value, "fullUrl")
		return at != tree.None && bytes.Equal(e.Doc.Text(at), want)
	})
	if err != nil || !ok {
		return from, false, err
	}
	for _, r := range found.Children(nil, m.set, "resource") {
		return r, true, nil
	}
	return from, false, nil
}

// fullURL is that of the entry that a resource is in.
func fullURL(n Node) []byte {
	if n.Value <= 0 {
		return nil
	}
	entry := int(n.Doc.Nodes[n.Value].Parent)
	if at := n.Doc.Member(entry, "fullUrl"); at != tree.None {
		return n.Doc.Text(at)
	}
	return nil
}

func (m *machine) fnMemberOf(o *callOp, base int) error {
	v, ok1, err := o.in(m, base)
	if err != nil {
		return err
	}
	var it Value
	if ok1 {
		it = *v
	}
	m.stack = m.stack[:base]
	url, ok2, err := o.textArg(m, 0)
	if err != nil || !ok1 || !ok2 || m.c.MemberOf == nil {
		return err
	}
	member, known := m.c.MemberOf(it, url)
	if !known {
		return m.step(1)
	}
	return m.pushValue(Boolean(member))
}

// fnConformsTo asks Context.ConformsTo, or knows the types of the specification by itself.
//
// SPEC(FHIR R4 fhirpath.html#functions): a structure that cannot be found is an error.
func (m *machine) fnConformsTo(o *callOp, base int) error {
	v, ok1, err := o.in(m, base)
	if err != nil {
		return err
	}
	var it Value
	if ok1 {
		it = *v
	}
	m.stack = m.stack[:base]
	url, ok2, err := o.textArg(m, 0)
	if err != nil || !ok1 || !ok2 {
		return err
	}
	n, ok := it.Node()
	if ok && m.c.ConformsTo != nil {
		if conforms, known := m.c.ConformsTo(n, url); known {
			return m.pushValue(Boolean(conforms))
		}
	}
	if ok && m.set != nil {
		if t := m.set.Type(url); t != nil && t.URL == url {
			return m.pushValue(Boolean(n.Type.Is(t)))
		}
	}
	return failf(o.at, "the structure that conformsTo() names is not known")
}

// coding is system and code of a Coding, or of the only coding of a CodeableConcept; a code alone has no system.
func (m *machine) coding(v *Value) (system, code string, ok bool) {
	if v.kind != KindNode || v.sub != 0 {
		b := v.bytes()
		return "", string(b), b != nil
	}
	n, _ := v.Node()
	if n.Type != nil && n.Type.Name == "CodeableConcept" {
		all := n.Children(nil, m.set, "coding")
		if len(all) != 1 {
			return "", "", false
		}
		n = all[0]
	}
	if n.Type == nil || n.Type.Name != "Coding" || n.Value < 0 {
		return "", "", false
	}
	s, c := n.Doc.Member(n.Value, "system"), n.Doc.Member(n.Value, "code")
	if c == tree.None {
		return "", "", false
	}
	if s != tree.None {
		system = string(n.Doc.Text(s))
	}
	return system, string(n.Doc.Text(c)), true
}

// subsumer makes subsumes(), and subsumedBy() with its sides exchanged.
func subsumer(by bool) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		v, ok, err := o.in(m, base)
		if err != nil || !ok {
			return err
		}
		a := *v
		mid, err := o.arg(m, 0)
		if err != nil {
			return err
		}
		w, ok, err := one(m.stack[mid:], o.at)
		if err != nil || !ok {
			m.stack = m.stack[:base]
			return err
		}
		b := *w
		m.stack = m.stack[:base]
		if by {
			a, b = b, a
		}
		if err := m.step(nodesOf(&a)>>3 + nodesOf(&b)>>3); err != nil {
			return err
		}
		s1, c1, ok1 := m.coding(&a)
		s2, c2, ok2 := m.coding(&b)
		switch {
		case !ok1 || !ok2:
			return nil
		case s1 == "" && s2 != "":
			s1 = s2
		case s2 == "":
			s2 = s1
		}
		if s1 != s2 {
			return m.pushValue(Boolean(false))
		}
		if c1 == c2 {
			return m.pushValue(Boolean(true))
		}
		if m.c.Subsumes == nil || s1 == "" {
			return nil
		}
		yes, known := m.c.Subsumes(s1, c1, c2)
		if !known {
			return nil
		}
		return m.pushValue(Boolean(yes))
	}
}

// fnCheckModifiers is an error if an element has a modifier extension that is not named.
func (m *machine) fnCheckModifiers(o *callOp, base int) error {
	n := len(m.stack)
	var allowed []string
	for i := range o.args {
		s, ok, err := o.textArg(m, i)
		if err != nil {
			return err
		}
		if ok {
			allowed = append(allowed, s)
		}
	}
	for i := base; i < n; i++ {
		e, ok := m.stack[i].Node()
		if !ok {
			continue
		}
		if err := m.each(e, "modifierExtension", func(x Node) (bool, error) {
			at := x.Doc.Member(x.Value, "url")
			if at == tree.None || !slices.Contains(allowed, string(x.Doc.Text(at))) {
				return true, failf(o.at, "an element has a modifier extension that is not allowed here")
			}
			return false, m.step(len(allowed) >> 2)
		}); err != nil {
			return err
		}
	}
	return m.step(n - base)
}

// fnResourceKey is the id of a resource.
//
// SPEC(SQL on FHIR v2 getResourceKey): a value that getReferenceKey() of a reference to it is equal to.
func (m *machine) fnResourceKey(o *callOp, base int) error {
	v, ok, err := o.in(m, base)
	if err != nil || !ok {
		return err
	}
	n, _ := v.Node()
	m.stack = m.stack[:base]
	for _, id := range n.Children(nil, m.set, "id") {
		return m.pushNode(id)
	}
	return nil
}

// fnReferenceKey is the id in a Reference of the form Type/id or .../Type/id, perhaps with /_history/version; with a type only if it points at that type.
func (m *machine) fnReferenceKey(o *callOp, base int) error {
	n := len(m.stack)
	for i := base; i < n; i++ {
		v := m.stack[i]
		ref := string(v.reference())
		if err := m.read(16 * len(ref)); err != nil {
			return err
		}
		ref, _, _ = strings.Cut(ref, "/_history/")
		parts := strings.Split(ref, "/")
		if len(parts) < 2 || strings.HasPrefix(ref, "#") {
			continue
		}
		t, id := parts[len(parts)-2], parts[len(parts)-1]
		if o.typ.name != "" && o.typ.name != t {
			continue
		}
		if err := m.pushText(id); err != nil {
			return err
		}
	}
	m.drop(base, n)
	return nil
}

// fnHTMLChecks says whether the text is a div that a narrative may have.
func (m *machine) fnHTMLChecks(o *callOp, base int) error {
	v, ok, err := o.in(m, base)
	if err != nil || !ok {
		return err
	}
	b := v.bytes()
	if err := m.charge(len(b)); err != nil {
		return err
	}
	if err := m.read(16 * len(b)); err != nil {
		return err
	}
	return m.answer(base, Boolean(b != nil && structure.Narrative(b) == ""))
}
