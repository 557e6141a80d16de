package validate

import (
	"strings"

	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// questionnaire checks that the questions that enableWhen names are there.
//
// SPEC(FHIR R4 questionnaire.html#Questionnaire.item.enableWhen.question): the linkId of a question of this questionnaire.
func (r *runner) questionnaire(v value) {
	ids := map[string]bool{}
	r.eachItem(v.node, 0, func(n int) {
		if id := r.text(n, "linkId"); id != nil {
			ids[string(id)] = true
		}
	})
	r.eachItem(v.node, 0, func(n int) {
		each(r.doc, n, "enableWhen", func(w int) {
			if q := r.text(w, "question"); q != nil && !ids[string(q)] {
				r.fail(w, "business-rule", IDItem, "", "enableWhen names a question that this questionnaire does not have")
			}
		})
	})
}

// eachItem calls fn for all items below n.
func (r *runner) eachItem(n, depth int, fn func(int)) {
	if depth > maxDepth*4 {
		return
	}
	each(r.doc, n, "item", func(c int) {
		if r.doc.Nodes[c].Kind == tree.Object {
			fn(c)
			r.eachItem(c, depth+1, fn)
		}
	})
}

// question is an item of a Questionnaire with what its extensions ask for.
type question struct {
	doc         *tree.Doc
	node        int
	id, kind    string
	required    bool
	repeats     bool
	children    []*question
	parent      *question
	options     []int // answerOption
	set         string
	maxLength   int
	minLength   int
	least, most int // of answers; -1 = not given
	places      int // decimal places at most, -1 = not given
	size        int // of an attachment in bytes at most, -1 = not given
	pattern     string
	matches     *fhirpath.Expression // of pattern, compiled when it is first asked for
	strange     bool                 // pattern is none that can be run
	low, high   int                  // nodes of minValue and maxValue, -1 = not given
	types       []string
	mimes       []string
	units       []int
	unitSet     string
	enableAny   bool
	conditions  []int
}

const extensionURL = "http://hl7.org/fhir/StructureDefinition/"

// form reads the items of a Questionnaire.
func form(d *tree.Doc, n int, parent *question, depth int, byID map[string]*question) (out []*question) {
	if depth > maxDepth*4 {
		return nil
	}
	each(d, n, "item", func(c int) {
		if d.Nodes[c].Kind != tree.Object {
			return
		}
		q := newQuestion(d, c)
		q.parent = parent
		if byID[q.id] == nil {
			byID[q.id] = q
		}
		q.children = form(d, c, q, depth+1, byID)
		out = append(out, q)
	})
	return out
}

func textOf(d *tree.Doc, n int, name string) string {
	if c := d.Member(n, name); c != tree.None && d.Nodes[c].Kind != tree.Object && d.Nodes[c].Kind != tree.Array {
		return string(d.Text(c))
	}
	return ""
}

func newQuestion(d *tree.Doc, n int) *question {
	q := &question{doc: d, node: n, id: textOf(d, n, "linkId"), kind: textOf(d, n, "type"), required: textOf(d, n, "required") == "true",
		repeats: textOf(d, n, "repeats") == "true", set: textOf(d, n, "answerValueSet"), maxLength: number(textOf(d, n, "maxLength"), 0),
		least: -1, most: -1, places: -1, size: -1, low: -1, high: -1, enableAny: textOf(d, n, "enableBehavior") == "any"}
	each(d, n, "answerOption", func(c int) { q.options = append(q.options, c) })
	each(d, n, "enableWhen", func(c int) { q.conditions = append(q.conditions, c) })
	each(d, n, "extension", func(x int) {
		value := valueOf(d, x)
		if value < 0 {
			return
		}
		q.extend(strings.TrimPrefix(strings.TrimPrefix(textOf(d, x, "url"), extensionURL), "http://hl7.org/fhir/uv/sdc/StructureDefinition/"), value)
	})
	return q
}

// extend takes one extension of an item.
func (q *question) extend(name string, value int) {
	text := string(q.doc.Text(value))
	switch name {
	case "minLength":
		q.minLength = number(text, 0)
	case "questionnaire-minOccurs":
		q.least = number(text, -1)
	case "questionnaire-maxOccurs":
		q.most = number(text, -1)
	case "maxDecimalPlaces":
		q.places = number(text, -1)
	case "maxSize":
		q.size = number(text, -1)
	case "regex":
		q.pattern = text
	case "mimeType":
		q.mimes = append(q.mimes, text)
	case "minValue", "sdc-questionnaire-minQuantity":
		q.low = value
	case "maxValue", "sdc-questionnaire-maxQuantity":
		q.high = value
	case "questionnaire-referenceResource":
		q.types = append(q.types, text)
	case "questionnaire-unitOption":
		q.units = append(q.units, value)
	case "questionnaire-unitValueSet":
		q.unitSet = text
	}
}

// valueOf is the node of the value[x] of an object, -1 if it has none.
func valueOf(d *tree.Doc, n int) int {
	if d.Nodes[n].Kind != tree.Object {
		return -1
	}
	for c := d.First(n); c != tree.None; c = d.Sibling(c) {
		if strings.HasPrefix(d.MemberName(c), "value") {
			return c
		}
	}
	return -1
}

// number reads a small decimal number.
func number(s string, none int) int {
	if len(s) == 0 || len(s) > 9 {
		return none
	}
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return none
		}
		n = n*10 + int(c-'0')
	}
	return n
}
