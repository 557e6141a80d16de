package validate

import (
	"strconv"

	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// answered is the check of one QuestionnaireResponse.
type answered struct {
	r    *runner
	byID map[string]*question
	root int
	open bool // in progress: what is required may be missing yet
}

// response holds a QuestionnaireResponse against its Questionnaire.
//
// SPEC(FHIR R4 questionnaireresponse.html#link): items have the linkIds, the nesting, the order and the answer types of the questionnaire's items; required
// items are answered unless the response is in progress; only items that repeat do; items that are not enabled have no answers.
func (r *runner) response(v value) {
	at := r.member(v.node, "questionnaire")
	if at < 0 || r.doc.Nodes[at].Kind != tree.String {
		return
	}
	doc, node := r.findForm(string(r.doc.Text(at)))
	if doc == nil {
		r.warnOnce(issue.Warning, at, "not-found", IDQuestionnaire, "", "this Questionnaire is not known here: the answers were not checked against it")
		return
	}
	a := &answered{r: r, byID: map[string]*question{}, root: v.node}
	questions := form(doc, node, nil, 0, a.byID)
	status := string(r.text(v.node, "status"))
	a.open = status == "in-progress" || status == "stopped" || status == "entered-in-error"
	a.items(v.node, questions, 0)
}

// findForm finds the Questionnaire of a response.
func (r *runner) findForm(canonical string) (*tree.Doc, int) {
	if canonical != "" && canonical[0] == '#' {
		if f := r.local(r.here().root, canonical[1:]); f.doc != nil && f.typ.Name == "Questionnaire" {
			return f.doc, f.node
		}
		return nil, 0
	}
	if r.v.o.Resource != nil {
		if d := r.v.o.Resource(canonical); d != nil && len(d.Nodes) > 0 {
			if t := r.v.resourceType(d, 0); t != nil && t.Name == "Questionnaire" {
				return d, 0
			}
		}
	}
	return nil, 0
}

// items checks the items below node n of the response against the questions that may stand there.
func (a *answered) items(n int, questions []*question, depth int) {
	r := a.r
	if depth > maxDepth*4 || !r.step() {
		return
	}
	place := map[string]int{}
	r.steps += len(questions)
	for i, q := range questions {
		place[q.id] = i
	}
	byID := map[string][]int{}
	last := -1
	each(r.doc, n, "item", func(c int) {
		id := string(r.text(c, "linkId"))
		i, ok := place[id]
		switch {
		case !ok && a.byID[id] != nil:
			r.fail(c, "structure", IDItem, "", "the questionnaire has this linkId, but not at this place")
		case !ok && id != "":
			r.fail(c, "not-found", IDItem, "", "the questionnaire has no such linkId")
		case ok && i < last:
			r.fail(c, "structure", IDItem, "", "items stand in the order of the questionnaire")
		}
		if ok {
			last = max(last, i)
			byID[id] = append(byID[id], c)
		}
	})
	for _, q := range questions {
		a.question(n, q, byID[q.id], depth)
	}
}

// question checks all items of one question at one place.
func (a *answered) question(parent int, q *question, items []int, depth int) {
	r := a.r
	if !a.enabled(q, parent) {
		for _, c := range items {
			if a.hasAnswers(c, 0) {
				r.fail(c, "business-rule", IDItem, "", "this item is not enabled and may have no answers")
			}
		}
		return
	}
	if len(items) == 0 {
		a.missing(parent, q)
		return
	}
	if len(items) > 1 && !(q.repeats && q.kind == "group") {
		r.fail(items[1], "structure", IDItem, "", "only one item with this linkId may stand here")
	}
	for _, c := range items {
		switch q.kind {
		case "group":
			a.group(c, q, depth)
		case "display":
			if r.member(c, "answer") >= 0 || r.member(c, "item") >= 0 {
				r.fail(c, "structure", IDItem, "", "an item of type display has no answers and no items")
			}
		case "question":
			if r.member(c, "answer") >= 0 {
				r.fail(c, "structure", IDItem, "", "an item of the abstract type question has no answers")
			}
		default:
			a.answers(c, q, depth)
		}
	}
}

// missing says that a question is not answered at all.
func (a *answered) missing(parent int, q *question) {
	if a.open {
		return
	}
	switch {
	case q.least > 0:
		a.r.fail(parent, "required", IDItem, "", "an item needs at least "+strconv.Itoa(q.least)+" answers")
	case q.required:
		a.r.fail(parent, "required", IDItem, "", "a required item of the questionnaire is not answered")
	}
}

func (a *answered) group(c int, q *question, depth int) {
	r := a.r
	if r.member(c, "answer") >= 0 {
		r.fail(c, "structure", IDItem, "", "an item of type group has no answers")
	}
	if q.required && !a.open && r.member(c, "item") < 0 {
		r.fail(c, "required", IDItem, "", "a required group needs items")
	}
	a.items(c, q.children, depth+1)
}

// answers checks the answers of one item.
func (a *answered) answers(c int, q *question, depth int) {
	r := a.r
	var all []int
	each(r.doc, c, "answer", func(n int) { all = append(all, n) })
	if r.member(c, "item") >= 0 {
		r.fail(c, "structure", IDItem, "", "the items of a question stand within its answers")
	}
	a.counts(c, q, all)
	exclusive := false
	for _, n := range all {
		if r.doc.Nodes[n].Kind != tree.Object {
			continue
		}
		at := valueOf(r.doc, n)
		if at < 0 {
			if r.member(n, "extension") < 0 && !a.open && q.required {
				r.fail(n, "required", IDAnswer, "", "an answer needs a value")
			}
		} else {
			exclusive = a.answer(n, at, q) || exclusive
		}
		a.items(n, q.children, depth+1)
	}
	if exclusive && len(all) > 1 {
		r.fail(c, "business-rule", IDAnswer, "", "an exclusive option was answered: no other answer may stand beside it")
	}
}

// counts checks how many answers there are.
func (a *answered) counts(c int, q *question, all []int) {
	r := a.r
	switch {
	case len(all) == 0 && q.required && !a.open:
		r.fail(c, "required", IDAnswer, "", "a required item of the questionnaire is not answered")
	case q.least > len(all) && !a.open:
		r.fail(c, "required", IDAnswer, "", "at least "+strconv.Itoa(q.least)+" answers are required")
	}
	if q.most >= 0 && len(all) > q.most {
		r.fail(c, "structure", IDAnswer, "", "at most "+strconv.Itoa(q.most)+" answers are allowed")
	}
	if len(all) > 1 && !q.repeats {
		r.fail(c, "structure", IDAnswer, "", "only one answer is allowed: the item does not repeat")
	}
}

// hasAnswers reports whether there is an answer in or below an item.
func (a *answered) hasAnswers(n, depth int) bool {
	if depth > maxDepth*4 {
		return false
	}
	if a.r.member(n, "answer") >= 0 {
		return true
	}
	found := false
	each(a.r.doc, n, "item", func(c int) { found = found || a.hasAnswers(c, depth+1) })
	return found
}
