package input

import (
	"errors"
	"strings"
	"sync"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Known finds resources by what references and canonicals call them. Add is for one goroutine and comes first; then it is safe for many. The zero Known is
// empty.
type Known struct {
	targets    map[string]*resource // "Patient/p1", and the fullUrl of an entry of a Bundle
	canonicals map[string]*resource // url, and url|version
}

// resource is parsed when it is first asked for.
type resource struct {
	text    []byte
	version string // meta.versionId
	once    sync.Once
	doc     *tree.Doc
}

// ErrNoResource is that a text is JSON and no FHIR resource: it has no resourceType.
var ErrNoResource = errors.New("a FHIR resource was expected: there is no resourceType")

// Add takes a resource in JSON, and the resources of its entries if it is a Bundle, and calls also with each of them, nil for nobody. What comes later takes
// the place of what is called the same. The text is kept.
func (k *Known) Add(text []byte, also func([]byte) error) error {
	var d tree.Doc
	if err := d.Parse(text, tree.Limits{Bytes: MaxResource}); err != nil {
		return err
	}
	return k.add(&d, 0, "", also)
}

func (k *Known) add(d *tree.Doc, n int, fullURL string, also func([]byte) error) error {
	kind := member(d, n, "resourceType")
	if kind == "" {
		return ErrNoResource
	}
	r := &resource{text: d.Raw(n)}
	if meta := d.Member(n, "meta"); meta != tree.None {
		r.version = member(d, meta, "versionId")
	}
	if k.targets == nil {
		k.targets, k.canonicals = map[string]*resource{}, map[string]*resource{}
	}
	if id := member(d, n, "id"); id != "" {
		k.targets[kind+"/"+id] = r
	}
	if fullURL != "" {
		k.targets[fullURL] = r
	}
	if url := member(d, n, "url"); url != "" {
		k.canonicals[url] = r
		k.canonicals[url+"|"+member(d, n, "version")] = r
	}
	if also != nil {
		if err := also(r.text); err != nil {
			return err
		}
	}
	if kind == "Bundle" {
		return k.entries(d, n, also)
	}
	return nil
}

func (k *Known) entries(d *tree.Doc, n int, also func([]byte) error) error {
	list := d.Member(n, "entry")
	if list == tree.None || d.Nodes[list].Kind != tree.Array {
		return nil
	}
	for e := d.First(list); e != tree.None; e = d.Sibling(e) {
		if r := d.Member(e, "resource"); r != tree.None {
			if err := k.add(d, r, member(d, e, "fullUrl"), also); err != nil {
				return err
			}
		}
	}
	return nil
}

// member is the text of a string of object n, "" if there is none.
func member(d *tree.Doc, n int, name string) string {
	if m := d.Member(n, name); m != tree.None && d.Nodes[m].Kind == tree.String {
		return string(d.Text(m))
	}
	return ""
}

// Target returns what a reference points at: Type/id whatever server it came from, another URL or URN by the fullUrl of its entry. It is nil if it is not
// known, and if the reference asks for another version than what is known says it is.
func (k *Known) Target(reference string) *tree.Doc {
	name, version, versioned := strings.Cut(reference, "/_history/")
	r := k.targets[name]
	if r == nil || versioned && r.version != "" && r.version != version {
		return nil
	}
	return r.parsed()
}

// Resource returns what has a canonical URL; with "|version" it is of that version. nil if it is not known.
func (k *Known) Resource(canonical string) *tree.Doc {
	if r := k.canonicals[canonical]; r != nil {
		return r.parsed()
	}
	return nil
}

func (r *resource) parsed() *tree.Doc {
	r.once.Do(func() {
		var d tree.Doc
		if d.Parse(r.text, tree.Limits{Bytes: MaxResource}) == nil { // it was parsed when it was added
			r.doc = &d
		}
	})
	return r.doc
}
