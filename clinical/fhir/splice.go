package fhir

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// instantForm is the form of the instants that Ward writes: UTC with microseconds, the precision of the store.
const instantForm = "2006-01-02T15:04:05.000000Z"

// Instant returns t as Ward writes it in bodies and envelopes.
func Instant(t time.Time) string { return t.UTC().Format(instantForm) }

// Strip returns the body with id set and meta.versionId and meta.lastUpdated removed (and meta, if nothing else is in
// it): what is sealed. All other bytes are kept. Strip of a stamped body gives the stripped body back.
func Strip(body []byte, id string) ([]byte, error) { return restamp(body, id, "") }

// Stamp returns the body with id, meta.versionId and meta.lastUpdated set, all other bytes kept.
//
// SPEC(FHIR R4 http.html#versions): the server sets id, versionId and lastUpdated, whatever the client sent.
func Stamp(body []byte, id string, version int64, updated time.Time) ([]byte, error) {
	return restamp(body, id, `"versionId":"`+strconv.FormatInt(version, 10)+`","lastUpdated":"`+Instant(updated)+`"`)
}

// restamp strips and, unless stamp is empty, puts the members of stamp first into meta.
func restamp(body []byte, id, stamp string) ([]byte, error) {
	if !ward.ValidID(id) {
		return nil, ward.E(ward.Invalid, "fhir.stamp", "an id has 1 to 64 characters out of A-Z a-z 0-9 - and .", nil).At("id")
	}
	l, err := layoutOf(body)
	if err != nil {
		return nil, err
	}
	defer l.free()
	var room [8]splice // in the order in which they apply at one place
	cuts, after := room[:0], 0
	if at := l.root.find("id"); at != nil {
		cuts, after = append(cuts, splice{at.value, at.end, `"` + id + `"`}), at.end
	} else {
		after = l.root.find("resourceType").end
		cuts = append(cuts, splice{after, after, `,"id":"` + id + `"`})
	}
	stays := false
	var within []splice
	if l.root.find("meta") != nil {
		var all bool
		if within, all = l.meta.without(serverOwned); all {
			within, _ = l.root.without(func(m *member) bool { return m.name == "meta" })
		}
		stays = !all
	}
	switch {
	case stamp == "":
	case stays:
		cuts = append(cuts, splice{l.meta.open, l.meta.open, stamp + ","})
	default:
		cuts = append(cuts, splice{after, after, `,"meta":{` + stamp + `}`})
	}
	return apply(body, append(cuts, within...)), nil
}

func serverOwned(m *member) bool {
	switch m.name {
	case "versionId", "lastUpdated", "_versionId", "_lastUpdated":
		return true
	}
	return false
}

// Replace returns the body with reference strings replaced: with[i] goes to refs[i] ("" keeps it). refs are those that Scan
// or Refs found in this very body.
func Replace(body []byte, refs []RefAt, with []string) ([]byte, error) {
	if len(refs) != len(with) {
		return nil, ward.E(ward.Internal, "fhir.replace", "", nil)
	}
	cuts := make([]splice, 0, len(refs))
	for i, r := range refs {
		if with[i] == "" {
			continue
		}
		if r.Start < 0 || r.End > len(body) || r.Start >= r.End || body[r.Start] != '"' || body[r.End-1] != '"' {
			return nil, ward.E(ward.Internal, "fhir.replace", "", nil)
		}
		text, err := jsontext.AppendQuote(nil, with[i])
		if err != nil {
			return nil, ward.E(ward.Invalid, "fhir.replace", "a reference must be UTF-8", err).At(r.Path)
		}
		cuts = append(cuts, splice{r.Start, r.End, string(text)})
	}
	return apply(body, cuts), nil
}

// splice replaces body[start:end] by text.
type splice struct {
	start, end int
	text       string
}

func apply(body []byte, cuts []splice) []byte {
	slices.SortStableFunc(cuts, func(a, b splice) int { return a.start - b.start })
	size := len(body)
	for _, c := range cuts {
		size += len(c.text) - (c.end - c.start)
	}
	out, from := make([]byte, 0, size), 0
	for _, c := range cuts {
		out = append(out, body[from:c.start]...)
		out = append(out, c.text...)
		from = c.end
	}
	return append(out, body[from:]...)
}

// member is where one member of an object stands: body[start:value] is name and colon, body[value:end] its value.
type member struct {
	name              string // of the members that matter here, else ""
	start, value, end int
	comma             int // offset of the comma after it, -1: it is the last
}

// object is the members of one object; open is the offset after its '{'.
type object struct {
	open    int
	members []member
}

func (o *object) find(name string) *member {
	for i := range o.members {
		if o.members[i].name == name {
			return &o.members[i]
		}
	}
	return nil
}

// without returns the cuts that take the members away for which gone holds, each with one comma: the one after it as long
// as no member stays before it, else the one before it, so that what Stamp puts in is exactly what goes. all reports that
// no member would be left (then there are no cuts).
func (o *object) without(gone func(*member) bool) (cuts []splice, all bool) {
	first := slices.IndexFunc(o.members, func(m member) bool { return !gone(&m) })
	if first < 0 {
		return nil, true
	}
	for i := range o.members {
		m := &o.members[i]
		switch {
		case !gone(m):
		case i < first:
			cuts = append(cuts, splice{m.start, m.comma + 1, ""})
		default:
			cuts = append(cuts, splice{o.members[i-1].comma, m.end, ""})
		}
	}
	return cuts, false
}

// layout is where the members of the root and of meta stand.
type layout struct {
	root, meta object
	doc        tree.Doc
}

var layouts = sync.Pool{New: func() any { return new(layout) }}

// layoutOf reads the layout of a resource. The caller gives it back with free.
func layoutOf(body []byte) (*layout, error) {
	if len(body) > MaxBytes {
		return nil, ward.E(ward.TooLarge, "fhir.splice", "a resource may have at most "+strconv.Itoa(MaxBytes)+" bytes", nil)
	}
	l := layouts.Get().(*layout)
	l.root.members, l.meta.members = l.root.members[:0], l.meta.members[:0]
	if err := l.read(body); err != nil {
		l.free()
		return nil, err
	}
	return l, nil
}

func (l *layout) free() {
	l.doc.Src = nil
	if cap(l.doc.Nodes) > 1<<16 {
		l.doc = tree.Doc{}
	}
	layouts.Put(l)
}

func (l *layout) read(body []byte) error {
	if err := l.doc.Parse(body, limits); err != nil {
		return syntax(err)
	}
	if l.doc.Nodes[0].Kind != tree.Object {
		return ward.E(ward.Invalid, "fhir.splice", "a resource is a JSON object", nil)
	}
	l.members(&l.root, 0)
	if l.root.find("resourceType") == nil {
		return ward.E(ward.Invalid, "fhir.splice", "a resource needs a resourceType", nil)
	}
	if meta := l.doc.Member(0, "meta"); meta != tree.None && l.doc.Nodes[meta].Kind == tree.Object {
		l.members(&l.meta, meta)
	}
	return nil
}

// members notes the members of the object at node n.
func (l *layout) members(o *object, n int) {
	d := &l.doc
	o.open = int(d.Nodes[n].Start) + 1
	for at := d.First(n); at != tree.None; at = d.Sibling(at) {
		v := &d.Nodes[at]
		m := member{name: known(d, at), start: int(v.Name) - 1, value: int(v.Start), end: int(v.End), comma: -1}
		if n := len(o.members); n > 0 {
			o.members[n-1].comma = skipTo(d.Src, o.members[n-1].end, ',')
		}
		o.members = append(o.members, m)
	}
}

// known returns the name of a member if it matters here, else "": without allocation.
func known(d *tree.Doc, at int) string {
	for _, name := range [...]string{"resourceType", "id", "meta", "versionId", "_versionId", "lastUpdated", "_lastUpdated"} {
		if d.NameIs(at, name) {
			return name
		}
	}
	return ""
}

// skipTo returns the offset of c, with only white space before it: the parser has seen to that.
func skipTo(body []byte, i int, c byte) int {
	for i < len(body) && body[i] != c {
		i++
	}
	return i
}
