package patch

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// evalWork is what evaluating one path counts as work, and evalSteps how far it may go.
const (
	evalWork  = 1 << 20
	evalSteps = 1_000_000
)

// FHIRPath applies a FHIRPath Patch, a Parameters resource in JSON, to a resource in JSON and returns the new text; neither argument is changed. Errors are
// *ward.Error: Invalid when the patch (or the resource) is malformed, Unprocessable when an operation does not fit the resource, TooLarge.
//
// Of set the types matter alone: packages of profiles do not change what a patch does.
//
// SPEC(FHIR R4 fhirpatch.html): operations apply in order; each changes the resource itself, never one that it refers to.
func FHIRPath(set *definition.Set, target, parameters []byte, l Limits) ([]byte, error) {
	f := fhirPatch{editor: editor{limits: l.full()}, set: set, step: step{form: "fhirpath"}, parameter: set.Type("Parameters.parameter"), element: set.Type("Element")}
	if err := f.list.Parse(parameters, tree.Limits{Bytes: f.limits.Bytes}); err != nil {
		return nil, syntax("fhirpath", "the patch", err)
	}
	if err := f.load(target); err != nil {
		return nil, syntax("fhirpath", "the resource", err)
	}
	if t := f.list.Member(0, "resourceType"); t == tree.None || string(f.list.Text(t)) != "Parameters" {
		return nil, f.invalid("a FHIRPath Patch is a Parameters resource")
	}
	list := f.list.Member(0, "parameter")
	switch {
	case list == tree.None:
		return bytes.Clone(target), nil
	case f.list.Nodes[list].Kind != tree.Array:
		return nil, f.invalid("parameter is an array")
	case int(f.list.Nodes[list].Len) > f.limits.Operations:
		return nil, f.step.fail(ward.TooLarge, fmt.Sprintf("at most %d operations", f.limits.Operations), "")
	}
	for n := f.list.First(list); n != tree.None; n = f.list.Sibling(n) {
		f.step.number++
		f.step.op = ""
		if err := f.operation(n); err != nil {
			return nil, err
		}
	}
	return bytes.Clone(f.doc.Src), nil
}

// fhirPatch is one run. list is the patch.
type fhirPatch struct {
	editor
	set                *definition.Set
	list               tree.Doc
	step               step
	parts              map[string]int // of the operation, by name
	parameter, element *definition.Type
}

func (f *fhirPatch) invalid(text string) error { return f.step.fail(ward.Invalid, text, "") }

func (f *fhirPatch) misfit(n fhirpath.Node, text string) error {
	return f.step.fail(ward.Unprocessable, text, plainPath(n.Path()))
}

// needs says which parts an operation has; all of them are required.
//
// SPEC(FHIR R4 fhirpatch.html): the table of operations.
var needs = map[string][]string{
	"add": {"path", "name", "value"}, "insert": {"path", "value", "index"}, "delete": {"path"}, "replace": {"path", "value"}, "move": {"path", "source", "destination"},
}

// operation applies the operation at node n of the list.
func (f *fhirPatch) operation(n int) error {
	if name, _ := f.text(n, "name"); name != "operation" {
		return f.invalid("a parameter of a FHIRPath Patch is an object with the name operation")
	}
	if err := f.read(n); err != nil {
		return err
	}
	path, _ := f.text(f.parts["path"], "valueString")
	nodes, err := f.eval(path)
	if err != nil {
		return err
	}
	switch f.step.op {
	case "insert":
		return f.opInsert(path, nodes)
	case "move":
		return f.opMove(nodes)
	}
	switch {
	case len(nodes) == 0 && f.step.op == "delete":
		return nil // SPEC(FHIR R4 fhirpatch.html): the element is deleted if it is found
	case len(nodes) == 0:
		return f.step.fail(ward.Unprocessable, "path names nothing in the resource", "")
	case len(nodes) > 1:
		return f.misfit(nodes[0], "path names several elements; it has to name one")
	}
	switch f.step.op {
	case "add":
		return f.opAdd(nodes[0])
	case "replace":
		return f.opReplace(nodes[0])
	}
	return f.opDelete(nodes[0])
}

// read takes the operation apart.
func (f *fhirPatch) read(n int) error {
	f.parts = map[string]int{}
	list := f.list.Member(n, "part")
	if list == tree.None || f.list.Nodes[list].Kind != tree.Array {
		return f.invalid("an operation has a list of parts")
	}
	for p := f.list.First(list); p != tree.None; p = f.list.Sibling(p) {
		name, ok := f.text(p, "name")
		if _, twice := f.parts[name]; !ok || twice {
			return f.invalid("each part has a name of its own")
		}
		f.parts[name] = p
	}
	op, _ := f.text(f.parts["type"], "valueCode")
	if op == "" {
		op, _ = f.text(f.parts["type"], "valueString")
	}
	wanted, ok := needs[op]
	if !ok || f.parts["type"] == tree.None {
		return f.invalid("the part type is the code add, insert, delete, replace or move")
	}
	f.step.op = op
	for _, name := range wanted {
		if f.parts[name] == tree.None {
			return f.invalid("the operation needs the part " + name)
		}
	}
	if len(f.parts) != len(wanted)+1 {
		return f.invalid("the operation has the parts type, " + strings.Join(wanted, ", ") + " and no others")
	}
	if _, ok := f.text(f.parts["path"], "valueString"); !ok {
		return f.invalid("the part path has a valueString")
	}
	return nil
}

// text returns the text of a member of object n of the list.
func (f *fhirPatch) text(n int, name string) (string, bool) {
	m := f.list.Member(n, name)
	if n == tree.None || m == tree.None || f.list.Nodes[m].Kind != tree.String {
		return "", false
	}
	return string(f.list.Text(m)), true
}

// number returns the integer of a part.
func (f *fhirPatch) number(part string) (int, error) {
	for _, name := range []string{"valueInteger", "valueUnsignedInt", "valuePositiveInt"} {
		if m := f.list.Member(f.parts[part], name); m != tree.None && f.list.Nodes[m].Kind == tree.Number {
			if at, ok := position(string(f.list.Text(m))); ok {
				return at, nil
			}
		}
	}
	return 0, f.invalid("the part " + part + " has a valueInteger of at least 0")
}

// eval returns the elements that a path names.
func (f *fhirPatch) eval(path string) ([]fhirpath.Node, error) {
	if f.work += evalWork; f.work > f.limits.Work {
		return nil, f.step.fail(ward.TooLarge, fmt.Sprintf("expected operations that go over at most %d bytes in all", f.limits.Work), "")
	}
	e, err := fhirpath.Compile(path, fhirpath.Options{})
	if err != nil {
		text := "path is not FHIRPath"
		var s *fhirpath.SyntaxError
		if errors.As(err, &s) {
			text = fmt.Sprintf("path is not FHIRPath at byte %d", s.Offset)
		}
		return nil, f.invalid(text)
	}
	root, err := fhirpath.Root(&f.doc, f.set)
	if err != nil {
		return nil, f.step.fail(ward.Unprocessable, ward.PublicText(err), "")
	}
	asked := false // what a terminology would have to answer, which here is nobody
	all, err := e.Eval(&fhirpath.Context{Set: f.set, Limits: fhirpath.Limits{Steps: evalSteps},
		MemberOf: func(fhirpath.Value, string) (bool, bool) { asked = true; return false, false },
		Subsumes: func(string, string, string) (bool, bool) { asked = true; return false, false }}, root)
	switch {
	case asked: // its empty answer would make a delete do nothing
		return nil, f.step.fail(ward.Unprocessable, "path asks what value sets or code systems say (memberOf, subsumes), which is not offered in a patch; name the codes themselves", "")
	case errors.Is(err, fhirpath.ErrSteps), errors.Is(err, fhirpath.ErrItems), errors.Is(err, fhirpath.ErrText):
		return nil, f.step.fail(ward.TooLarge, "path takes more steps than a patch may take", "")
	case err != nil:
		return nil, f.step.fail(ward.Unprocessable, "path cannot be evaluated on this resource", "")
	}
	nodes := make([]fhirpath.Node, 0, len(all))
	for _, v := range all {
		n, ok := v.Node()
		if !ok || n.Doc != &f.doc {
			return nil, f.step.fail(ward.Unprocessable, "path names a value that is no element of the resource", "")
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}
