package validate

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhirpath"
)

// answerTypes are the types that the answers to each type of item have.
//
// SPEC(FHIR R4 valueset-item-type.html).
var answerTypes = map[string][]string{"boolean": {"Boolean"}, "decimal": {"Decimal"}, "integer": {"Integer"}, "date": {"Date"}, "dateTime": {"DateTime"},
	"time": {"Time"}, "string": {"String"}, "text": {"String"}, "url": {"Uri"}, "choice": {"Coding", "Date", "Time", "Integer", "String", "Reference"},
	"open-choice": {"Coding", "String", "Date", "Time", "Integer", "Reference"}, "attachment": {"Attachment"}, "reference": {"Reference"}, "quantity": {"Quantity"}}

// answer checks one answer, whose value is at node at, and reports whether it is an exclusive option.
func (a *answered) answer(n, at int, q *question) (exclusive bool) {
	r := a.r
	typ := strings.TrimPrefix(r.doc.MemberName(at), "value")
	allowed, known := answerTypes[q.kind]
	if known && !slices.Contains(allowed, typ) {
		r.fail(at, "value", IDAnswer, "", "the answer to an item of type "+q.kind+" has the type "+strings.Join(allowed, " or "))
		return false
	}
	switch typ {
	case "String":
		a.str(at, q)
	case "Decimal", "Integer", "Date", "DateTime", "Time", "Quantity":
		a.ordered(at, typ, q)
	case "Attachment":
		a.attached(n, at, q)
	case "Reference":
		a.referred(at, q)
	}
	if typ == "Quantity" {
		a.units(at, q)
	}
	return a.option(at, typ, q)
}

// str checks the length and form of a string.
func (a *answered) str(at int, q *question) {
	r := a.r
	text := r.doc.Text(at)
	count := utf8.RuneCount(text)
	if q.maxLength > 0 && count > q.maxLength {
		r.fail(at, "too-long", IDAnswer, "", "the answer has at most "+strconv.Itoa(q.maxLength)+" characters")
	}
	if count < q.minLength {
		r.fail(at, "value", IDAnswer, "", "the answer has at least "+strconv.Itoa(q.minLength)+" characters")
	}
	if q.pattern != "" {
		a.form(at, q)
	}
}

// form checks a string against a regular expression, as FHIRPath has them: their time is linear, and counted.
func (a *answered) form(at int, q *question) {
	r := a.r
	if q.matches == nil && !q.strange {
		e, err := fhirpath.Compile("$this.matches("+quoted("^(?-s:"+q.pattern+")$")+")", fhirpath.Options{})
		q.matches, q.strange = e, err != nil
	}
	n := fhirpath.Node{Doc: r.doc, Value: at, Extra: -1, Type: r.v.set.Type("string")}
	ok, err := false, error(nil)
	if !q.strange {
		ok, err = q.matches.True(&fhirpath.Context{Set: r.v.set, Limits: limits, Spent: &r.evals}, n)
	}
	switch {
	case q.strange || err != nil:
		r.warnOnce(issue.Warning, at, "not-supported", IDInvariantSkipped, "", "a regular expression of the questionnaire cannot be run here, or not on this answer: it was not checked")
	case !ok && r.step():
		r.fail(at, "value", IDAnswer, "", "the answer does not have the form that the questionnaire asks for")
	}
}

// ordered checks minValue, maxValue and the decimal places.
func (a *answered) ordered(at int, typ string, q *question) {
	r := a.r
	for _, b := range []struct {
		node, sign int
		text       string
	}{{q.low, -1, "less than the least"}, {q.high, 1, "more than the most"}} {
		if b.node < 0 {
			continue
		}
		switch order, ok := r.order(at, q.doc, b.node, typ); {
		case !ok && typ == "Quantity":
			r.fail(at, "value", IDAnswer, "", "the quantity cannot be compared with the one that the questionnaire gives as a bound")
		case ok && order == b.sign:
			r.fail(at, "value", IDAnswer, "", "the answer is "+b.text+" that the questionnaire allows")
		}
	}
	if q.places < 0 {
		return
	}
	text := ""
	switch typ {
	case "Decimal":
		text = string(r.doc.Text(at))
	case "Quantity":
		text = string(r.text(at, "value"))
	}
	if _, behind, ok := strings.Cut(text, "."); ok && len(behind) > q.places {
		r.fail(at, "value", IDAnswer, "", "the answer has at most "+strconv.Itoa(q.places)+" decimal places")
	}
}

// attached checks type and size of an attachment.
func (a *answered) attached(n, at int, q *question) {
	r := a.r
	r.steps += len(q.mimes)
	if kind := r.text(at, "contentType"); len(q.mimes) > 0 && !slices.Contains(q.mimes, string(kind)) {
		r.fail(n, "value", IDAnswer, "", "the attachment has one of the types that the questionnaire names")
	}
	if q.size < 0 {
		return
	}
	size := number(string(r.text(at, "size")), -1)
	if data := r.member(at, "data"); data >= 0 && r.doc.Nodes[data].Kind == tree.String {
		size = max(size, decodedSize(r.doc.Text(data)))
	}
	if size > q.size {
		r.fail(n, "too-long", IDAnswer, "", "the attachment has at most "+strconv.Itoa(q.size)+" bytes")
	}
}

// referred checks what an answer refers to.
func (a *answered) referred(at int, q *question) {
	r := a.r
	ref := r.text(at, "reference")
	if ref == nil {
		return
	}
	t := r.typeNamed(ref)
	if f := r.resolve(at, string(ref)); f.doc != nil {
		t = f.typ
	}
	s := string(ref)
	if t == nil && (strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")) {
		parts := strings.Split(s, "/")
		if name := parts[len(parts)-2]; len(parts) > 4 && name != "" && name[0] >= 'A' && name[0] <= 'Z' {
			r.fail(at, "value", IDAnswer, "", "the reference names a resource type that does not exist")
		}
		return
	}
	if t != nil && len(q.types) > 0 && !slices.ContainsFunc(q.types, func(n string) bool { return is(t, n) }) {
		r.fail(at, "value", IDAnswer, "", "the answer refers to one of: "+strings.Join(q.types, ", "))
	}
}

// units checks the unit of a quantity.
func (a *answered) units(at int, q *question) {
	r := a.r
	system, code := string(r.text(at, "system")), string(r.text(at, "code"))
	r.steps += len(q.units)
	if len(q.units) > 0 {
		ok := slices.ContainsFunc(q.units, func(u int) bool { return textOf(q.doc, u, "system") == system && textOf(q.doc, u, "code") == code })
		if !ok {
			r.fail(at, "code-invalid", IDAnswer, "", "the unit is one of those that the questionnaire lists")
		}
	}
	if q.unitSet != "" && r.codingIn(at, q.unitSet) == definition.No {
		r.fail(at, "code-invalid", IDAnswer, "", "the unit is one of the questionnaire's value set of units")
	}
}

// option checks an answer against the options, and reports whether it is an exclusive one.
func (a *answered) option(at int, typ string, q *question) (exclusive bool) {
	r := a.r
	if q.set != "" {
		a.inOptions(at, typ, q)
	}
	if len(q.options) == 0 {
		return false
	}
	for _, o := range q.options {
		if !r.step() {
			return false
		}
		v := valueOf(q.doc, o)
		if v < 0 || strings.TrimPrefix(q.doc.MemberName(v), "value") != typ || !r.same(at, q.doc, v, typ) {
			continue
		}
		each(q.doc, o, "extension", func(x int) {
			if w := valueOf(q.doc, x); w >= 0 && textOf(q.doc, x, "url") == extensionURL+"questionnaire-optionExclusive" {
				exclusive = string(q.doc.Text(w)) == "true"
			}
		})
		return exclusive
	}
	if q.kind == "open-choice" && typ == "String" {
		return false
	}
	r.fail(at, "code-invalid", IDAnswer, "", "the answer is one of the options of the questionnaire")
	return false
}

// inOptions checks an answer against the value set of the options.
func (a *answered) inOptions(at int, typ string, q *question) {
	r := a.r
	set := q.set
	if strings.HasPrefix(set, "#") {
		a.inContained(at, typ, q)
		return
	}
	answer := definition.NotKnown
	switch typ {
	case "Coding":
		answer = r.codingIn(at, set)
	case "String":
		if q.kind == "open-choice" {
			return
		}
		answer = definition.No // a text is no code of a value set
	}
	if answer == definition.No {
		r.fail(at, "code-invalid", IDAnswer, "", "the answer is one of the value set that the questionnaire names")
	}
}

// inContained checks a Coding against a value set that the questionnaire contains, if that lists its codes.
func (a *answered) inContained(at int, typ string, q *question) {
	if typ != "Coding" {
		return
	}
	r := a.r
	code, system := string(r.text(at, "code")), string(r.text(at, "system"))
	root := q.node
	for q.doc.Nodes[root].Kind != tree.Object || textOf(q.doc, root, "resourceType") != "Questionnaire" {
		if root == 0 {
			return
		}
		root = int(q.doc.Nodes[root].Parent)
	}
	listed, found := false, false
	each(q.doc, root, "contained", func(n int) {
		if textOf(q.doc, n, "id") != q.set[1:] {
			return
		}
		compose := q.doc.Member(n, "compose")
		if compose == tree.None {
			return
		}
		listed = true
		each(q.doc, compose, "include", func(i int) {
			concepts := false
			each(q.doc, i, "concept", func(c int) {
				concepts = true
				r.steps++
				found = found || textOf(q.doc, i, "system") == system && textOf(q.doc, c, "code") == code
			})
			listed = listed && concepts
		})
	})
	if listed && !found {
		r.fail(at, "code-invalid", IDAnswer, "", "the answer is one of the value set that the questionnaire contains")
	}
}
