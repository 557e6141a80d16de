package validate

import (
	"bytes"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// bundle is an index of the entries of the outermost Bundle.
type bundle struct {
	byURL map[string][]int // fullUrl -> entries
	byID  map[string][]int // "Type/id" -> entries
}

// index makes the index of the bundle that the text is, once.
func (r *runner) index() *bundle {
	if r.bundle != nil {
		return r.bundle
	}
	b := &bundle{map[string][]int{}, map[string][]int{}}
	each(r.doc, 0, "entry", func(e int) {
		if r.doc.Nodes[e].Kind != tree.Object {
			return
		}
		if url := r.text(e, "fullUrl"); url != nil {
			b.byURL[string(url)] = append(b.byURL[string(url)], e)
		}
		if key := r.entryKey(e); key != "" {
			b.byID[key] = append(b.byID[key], e)
		}
	})
	r.bundle = b
	return b
}

// entryKey is "Type/id" of the resource of an entry, "" if it has none.
func (r *runner) entryKey(e int) string {
	res := r.doc.Member(e, "resource")
	if res == tree.None {
		return ""
	}
	t, id := r.v.resourceType(r.doc, res), r.text(res, "id")
	if t == nil || id == nil {
		return ""
	}
	return t.Name + "/" + string(id)
}

// bundled finds what a reference from an entry of the bundle points at in the bundle.
//
// SPEC(FHIR R4 bundle.html#references): an absolute reference is looked for among the fullUrls; a relative one is made absolute with the base of
// the entry's fullUrl if that is a RESTful URL; a reference with a version matches meta.versionId.
func (r *runner) bundled(entry int, ref string) found {
	b := r.index()
	ref, _, _ = strings.Cut(ref, "#")
	ref, version, versioned := strings.Cut(ref, "/_history/")
	var list []int
	if strings.Contains(ref, ":") {
		list = b.byURL[ref]
	} else {
		base, rest := "", false
		if entry >= 0 {
			base, rest = restBase(r.v, string(r.text(entry, "fullUrl")))
			r.steps += len(base) >> 6
		}
		if rest {
			list = b.byURL[base+ref]
		} else {
			list = b.byID[ref]
		}
	}
	var out found
	n := 0
	for _, e := range list {
		if n > 1 || !r.step() {
			break
		}
		res := r.doc.Member(e, "resource")
		if res == tree.None {
			continue
		}
		if versioned && !bytes.Equal(r.text(r.member(res, "meta"), "versionId"), []byte(version)) {
			continue
		}
		if t := r.v.resourceType(r.doc, res); t != nil {
			out = found{value: value{res, -1, t, nil}, doc: r.doc, local: true}
			n++
		}
	}
	if n > 1 {
		return found{many: true}
	}
	return out
}

// member is the index of a member of object n, -1 if there is none.
func (r *runner) member(n int, name string) int {
	if n < 0 {
		return -1
	}
	if c := r.doc.Member(n, name); c != tree.None {
		return c
	}
	return -1
}

// restBase cuts type and id off a RESTful URL.
func restBase(v *Validator, url string) (string, bool) {
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return "", false
	}
	i := strings.LastIndexByte(url, '/')
	k := strings.LastIndexByte(url[:i], '/')
	if k <= len("https:/") {
		return "", false
	}
	if t := v.set.Type(url[k+1 : i]); t == nil || t.Kind != definition.Resource || t.Name != url[k+1:i] {
		return "", false
	}
	return url[:k+1], true
}

// bundleRules are those of a Bundle that are no invariants.
func (r *runner) bundleRules(v value) {
	kind := string(r.text(v.node, "type"))
	r.links(v, kind)
	each(r.doc, v.node, "entry", func(e int) {
		if r.doc.Nodes[e].Kind == tree.Object {
			r.entry(e, kind)
		}
	})
	if v.node != 0 {
		return // references of a nested bundle are not looked up
	}
	switch kind {
	case "document":
		r.document(v)
	case "message":
		r.message(v)
	case "searchset":
		r.searchset(v)
	}
}

// links checks the relations of a bundle's links.
//
// SPEC(FHIR R4 http.html#paging): self, first, previous, next and last occur once each at most.
func (r *runner) links(v value, kind string) {
	seen := map[string]bool{}
	each(r.doc, v.node, "link", func(n int) {
		rel := string(r.text(n, "relation"))
		switch rel {
		case "self", "first", "previous", "prev", "next", "last":
		default:
			return
		}
		if seen[rel] {
			r.fail(n, "business-rule", IDBundle, "", "a link with this relation occurs once at most")
		}
		seen[rel] = true
		if rel != "self" && (kind == "document" || kind == "message") {
			r.fail(n, "business-rule", IDBundle, "", "links between pages are for search sets and histories")
		}
	})
}

// entry checks the fullUrl of an entry.
//
// SPEC(FHIR R4 bundle.html#bundle-unique, Bundle.entry.fullUrl): an absolute URL, version-independent; if it is a RESTful URL it ends in the type and id of the resource.
// It shall have a value, but for requests, responses to them, and results of operations that are not identified.
func (r *runner) entry(e int, kind string) {
	res := r.member(e, "resource")
	at := r.member(e, "fullUrl")
	if at < 0 {
		identified := kind == "document" || kind == "message" || kind == "collection" || (kind == "searchset" || kind == "history") && r.member(res, "id") >= 0
		if res >= 0 && identified {
			r.fail(e, "required", IDFullURL, "", "an entry of this kind of bundle needs a fullUrl")
		}
		return
	}
	url := string(r.text(e, "fullUrl"))
	if !absoluteURI([]byte(url)) {
		r.fail(at, "value", IDFullURL, "", "a fullUrl is an absolute URL")
		return
	}
	if _, rest := restBase(r.v, url); !rest || res < 0 {
		return
	}
	if key := r.entryKey(e); key != "" && !strings.HasSuffix(url, "/"+key) && (kind != "transaction" && kind != "batch") {
		r.fail(at, "value", IDFullURL, "", "a fullUrl that is a RESTful URL ends in the type and id of the resource")
	}
}

// first is the first resource of a bundle if it is of the type.
func (r *runner) first(v value, typ string) int {
	list := r.member(v.node, "entry")
	if list < 0 || r.doc.Nodes[list].Kind != tree.Array || r.doc.Nodes[list].Len == 0 {
		return -1
	}
	res := r.member(list+1, "resource")
	if res < 0 {
		return -1
	}
	if t := r.v.resourceType(r.doc, res); t == nil || t.Name != typ {
		r.fail(res, "invalid", IDBundle, "", "the first resource of this kind of bundle is a "+typ)
		return -1
	}
	return res
}

// document checks what a Composition refers to.
//
// SPEC(FHIR R4 documents.html#content): a document has the resources that its Composition refers to by subject, encounter, author, attester.party, custodian,
// event.detail, and section.author, focus and entry.
func (r *runner) document(v value) {
	res := r.first(v, "Composition")
	if res < 0 {
		return
	}
	for _, name := range []string{"subject", "encounter", "custodian"} {
		r.inBundle(r.member(res, name))
	}
	each(r.doc, res, "author", r.inBundle)
	each(r.doc, res, "attester", func(n int) { r.inBundle(r.member(n, "party")) })
	each(r.doc, res, "event", func(n int) { each(r.doc, n, "detail", r.inBundle) })
	r.sections(res, 0)
}

func (r *runner) sections(n, depth int) {
	if depth > maxDepth {
		return
	}
	each(r.doc, n, "section", func(s int) {
		each(r.doc, s, "author", r.inBundle)
		r.inBundle(r.member(s, "focus"))
		each(r.doc, s, "entry", r.inBundle)
		r.sections(s, depth+1)
	})
}

// message checks that the focus of a message is in it.
//
// SPEC(FHIR R4 messaging.html#bundle): the bundle has the resources that MessageHeader.focus names.
func (r *runner) message(v value) {
	if res := r.first(v, "MessageHeader"); res >= 0 {
		each(r.doc, res, "focus", r.inBundle)
	}
}

// inBundle checks that a Reference resolves within the bundle.
func (r *runner) inBundle(n int) {
	if n < 0 || r.doc.Nodes[n].Kind != tree.Object {
		return
	}
	ref := r.text(n, "reference")
	if len(ref) == 0 || ref[0] == '#' {
		return
	}
	switch f := r.bundled(r.entryOf(n), string(ref)); {
	case f.many:
		r.fail(n, "invalid", IDTargetMany, "", "more than one entry of the bundle is what this reference points at")
	case f.doc == nil:
		r.fail(n, "not-found", IDTargetMissing, "", "what this reference points at has to be in the bundle, found by its fullUrl")
	}
}

// searchset checks the resources of a search's answer.
//
// SPEC(FHIR R4 http.html#search, bundle.html): resources of an answer have ids; those with mode match are of the type that was searched, those with mode
// outcome are an OperationOutcome.
func (r *runner) searchset(v value) {
	types := r.searched(v)
	each(r.doc, v.node, "entry", func(e int) {
		res := r.member(e, "resource")
		if res < 0 {
			return
		}
		t := r.v.resourceType(r.doc, res)
		if t == nil {
			return
		}
		mode := string(r.text(r.member(e, "search"), "mode"))
		if r.text(res, "id") == nil && mode != "outcome" && t.Name != "OperationOutcome" {
			r.fail(res, "required", IDBundle, "", "a resource that a search found has an id")
		}
		switch {
		case mode == "outcome" && t.Name != "OperationOutcome":
			r.fail(res, "invalid", IDBundle, "", "an entry with mode outcome is an OperationOutcome")
		case mode == "match" && len(types) > 0 && !types[t.Name]:
			r.fail(res, "invalid", IDBundle, "", "an entry with mode match is of a type that was searched for")
		case mode == "" && len(types) > 0 && !types[t.Name] && t.Name != "OperationOutcome":
			r.report(issue.Warning, res, "invalid", IDBundle, "", "the entry has no search mode, and is not of a type that was searched for")
		}
	})
}

// searched lists the types that the self link of a search names, nil if it does not tell.
func (r *runner) searched(v value) (types map[string]bool) {
	each(r.doc, v.node, "link", func(n int) {
		if string(r.text(n, "relation")) != "self" {
			return
		}
		path, query, _ := strings.Cut(string(r.text(n, "url")), "?")
		types = map[string]bool{}
		if t := r.v.set.Type(path[strings.LastIndexByte(path, '/')+1:]); t != nil && t.Kind == definition.Resource {
			types[t.Name] = true
		}
		for _, p := range strings.Split(query, "&") {
			if list, ok := strings.CutPrefix(p, "_type="); ok {
				for _, name := range strings.Split(strings.ReplaceAll(list, "%2C", ","), ",") {
					types[name] = true
				}
			}
		}
	})
	return types
}
