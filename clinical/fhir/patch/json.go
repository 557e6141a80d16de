package patch

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// JSON applies a JSON Patch to a JSON text and returns the new text; neither argument is changed. Errors are *ward.Error: Invalid when the
// patch (or the text) is malformed, Unprocessable when an operation does not fit the text or its test fails, TooLarge.
//
// SPEC(RFC 6902 section 5): if one operation fails, none is applied.
func JSON(target, patch []byte, l Limits) ([]byte, error) {
	j := jsonPatch{editor: editor{limits: l.full()}}
	if err := j.list.Parse(patch, tree.Limits{Bytes: j.limits.Bytes}); err != nil {
		return nil, syntax("json", "the patch", err)
	}
	if err := j.load(target); err != nil {
		return nil, syntax("json", "the resource", err)
	}
	j.step.form = "json"
	root := &j.list.Nodes[0]
	switch {
	case root.Kind != tree.Array:
		return nil, j.step.fail(ward.Invalid, "a JSON Patch is an array of operations", "")
	case int(root.Len) > j.limits.Operations:
		return nil, j.step.fail(ward.TooLarge, fmt.Sprintf("at most %d operations", j.limits.Operations), "")
	}
	for n := j.list.First(0); n != tree.None; n = j.list.Sibling(n) {
		j.step.number++
		j.step.op = ""
		if err := j.operation(n); err != nil {
			return nil, err
		}
	}
	return bytes.Clone(j.doc.Src), nil
}

// jsonPatch is one run. list is the patch.
type jsonPatch struct {
	editor
	list tree.Doc
	step step
}

// operation applies the operation at node n of the list.
//
// SPEC(RFC 6902 section 4): exactly one op and path; members that the operation does not define are ignored.
func (j *jsonPatch) operation(n int) error {
	if j.list.Nodes[n].Kind != tree.Object {
		return j.step.fail(ward.Invalid, "an operation is an object", "")
	}
	op, ok := j.text(n, "op")
	if !ok {
		return j.step.fail(ward.Invalid, "an operation needs op, a string", "")
	}
	run, ok := map[string]func(int, pointer) error{"add": j.opAdd, "remove": j.opRemove, "replace": j.opReplace, "move": j.opMove, "copy": j.opCopy, "test": j.opTest}[op]
	if !ok {
		return j.step.fail(ward.Invalid, "op is add, remove, replace, move, copy or test", "")
	}
	j.step.op = op
	path, err := j.pointer(n, "path")
	if err != nil {
		return err
	}
	return run(n, path)
}

func (j *jsonPatch) text(n int, name string) (string, bool) {
	m := j.list.Member(n, name)
	if m == tree.None || j.list.Nodes[m].Kind != tree.String {
		return "", false
	}
	return string(j.list.Text(m)), true
}

// pointer is a JSON Pointer in its parts.
type pointer []string

// pointer reads the pointer at a member of the operation.
//
// SPEC(RFC 6901 section 3): empty, or parts that each begin with "/"; "~" is followed by 0 or 1.
func (j *jsonPatch) pointer(n int, name string) (pointer, error) {
	text, ok := j.text(n, name)
	if !ok {
		return nil, j.step.fail(ward.Invalid, "the operation needs "+name+", a JSON Pointer", "")
	}
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' || strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(text), "~") {
		return nil, j.step.fail(ward.Invalid, name+" is a JSON Pointer such as /name/0/given", "")
	}
	parts := strings.Split(text[1:], "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
	}
	return parts, nil
}

// maxPlace is how many parts of a pointer errors show.
const maxPlace = 100

// place is the pointer as errors show it: names that can be element names, and positions that an array can have.
func (p pointer) place() string {
	var b strings.Builder
	for i, part := range p {
		_, ok := position(part)
		switch {
		case i == maxPlace:
			return b.String() + ".?"
		case part == "-" || ok:
			b.WriteString("[" + part + "]")
			continue
		case !plainName(part) || strings.Trim(part, "0123456789") == "":
			part = "?"
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	return b.String()
}

func (j *jsonPatch) misfit(p pointer, text string) error {
	return j.step.fail(ward.Unprocessable, text, p.place())
}

// find walks to what p points at; the root is 0, true.
func (j *jsonPatch) find(p pointer) (int, error) {
	n := 0
	for i, part := range p {
		d := &j.doc
		next := tree.None
		switch d.Nodes[n].Kind {
		case tree.Object:
			next = d.Member(n, part)
		case tree.Array:
			if at, ok := position(part); ok && at < int(d.Nodes[n].Len) {
				next = j.item(n, at)
			}
		}
		if next == tree.None {
			return 0, j.misfit(p[:i+1], "there is nothing at this place")
		}
		n = next
	}
	return n, nil
}

// position reads a position in an array.
//
// SPEC(RFC 6901 section 4): digits without a leading zero.
func position(part string) (int, bool) {
	if part == "" || len(part) > 9 || part[0] == '0' && len(part) > 1 || strings.Trim(part, "0123456789") != "" {
		return 0, false
	}
	at, err := strconv.Atoi(part)
	return at, err == nil
}

func (j *jsonPatch) value(n int) ([]byte, error) {
	m := j.list.Member(n, "value")
	if m == tree.None {
		return nil, j.step.fail(ward.Invalid, "the operation needs value", "")
	}
	return j.list.Raw(m), nil
}

func (j *jsonPatch) opAdd(n int, path pointer) error {
	value, err := j.value(n)
	if err != nil {
		return err
	}
	return j.addAt(path, value)
}

// addAt adds a value at a place.
//
// SPEC(RFC 6902 section 4.1): a member that is there is replaced; an item goes before the one at its position, "-" is behind the last; what is around
// the place has to be there.
func (j *jsonPatch) addAt(path pointer, value []byte) error {
	if len(path) == 0 {
		return j.step.edited(j.replace(0, value))
	}
	up, err := j.find(path[:len(path)-1])
	if err != nil {
		return err
	}
	part := path[len(path)-1]
	switch v := &j.doc.Nodes[up]; v.Kind {
	case tree.Object:
		if m := j.doc.Member(up, part); m != tree.None {
			return j.step.edited(j.replace(m, value))
		}
		return j.step.edited(j.add(up, quote(part), value))
	case tree.Array:
		at, ok := position(part)
		if part == "-" {
			at, ok = int(v.Len), true
		}
		if !ok || at > int(v.Len) {
			return j.misfit(path, "a position in the array, from 0 to its length, or - was expected")
		}
		return j.step.edited(j.insert(up, at, value))
	}
	return j.misfit(path, "what is around this place is neither an object nor an array")
}

func (j *jsonPatch) opRemove(_ int, path pointer) error {
	at, err := j.find(path)
	switch {
	case err != nil:
		return err
	case at == 0:
		return j.misfit(path, "the whole resource cannot be removed")
	}
	return j.step.edited(j.cut(at))
}

// opReplace puts a value in the place of what is there.
//
// SPEC(RFC 6902 section 4.3): the place has to be there.
func (j *jsonPatch) opReplace(n int, path pointer) error {
	value, err := j.value(n)
	if err != nil {
		return err
	}
	at, err := j.find(path)
	if err != nil {
		return err
	}
	return j.step.edited(j.replace(at, value))
}

// opMove takes a value out and adds it elsewhere.
//
// SPEC(RFC 6902 section 4.4): not into itself.
func (j *jsonPatch) opMove(n int, path pointer) error {
	from, at, err := j.source(n)
	if err != nil {
		return err
	}
	if len(from) < len(path) && isPrefix(from, path) {
		return j.misfit(path, "a value cannot be moved into itself")
	}
	if len(from) == len(path) && isPrefix(from, path) {
		return nil
	}
	value := bytes.Clone(j.doc.Raw(at))
	if at == 0 {
		return j.misfit(path, "the whole resource cannot be moved")
	}
	if err := j.step.edited(j.cut(at)); err != nil {
		return err
	}
	return j.addAt(path, value)
}

func (j *jsonPatch) opCopy(n int, path pointer) error {
	_, at, err := j.source(n)
	if err != nil {
		return err
	}
	return j.addAt(path, bytes.Clone(j.doc.Raw(at)))
}

func (j *jsonPatch) source(n int) (pointer, int, error) {
	from, err := j.pointer(n, "from")
	if err != nil {
		return nil, 0, err
	}
	at, err := j.find(from)
	return from, at, err
}

func isPrefix(p, of pointer) bool {
	for i := range p {
		if p[i] != of[i] {
			return false
		}
	}
	return true
}

func (j *jsonPatch) opTest(n int, path pointer) error {
	if _, err := j.value(n); err != nil {
		return err
	}
	at, err := j.find(path)
	if err != nil {
		return err
	}
	if err := j.charge(int(j.doc.Nodes[at].End)); err != nil {
		return j.step.edited(err)
	}
	if !equal(&j.doc, at, &j.list, j.list.Member(n, "value")) {
		return j.misfit(path, "the test failed: another value is there")
	}
	return nil
}

// quote returns s as a JSON string; s is valid UTF-8.
func quote(s string) []byte {
	b := append(make([]byte, 0, len(s)+2), '"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
