package store

import (
	"strconv"
	"strings"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
)

// query is SQL text under construction with its arguments.
type query struct {
	strings.Builder
	args []any
}

// arg adds an argument and returns its placeholder.
func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *query) add(parts ...string) {
	for _, p := range parts {
		q.WriteString(p)
	}
}

// list is the arguments of a list, of which one is repeated: lists come in few lengths, so that statements are prepared once.
func (q *query) list(vs [][]byte) string {
	var b strings.Builder
	for i := range vs {
		b.WriteString(q.arg(vs[i]) + ", ")
	}
	for n := len(vs); n&(n-1) != 0; n++ {
		b.WriteString(q.arg(vs[0]) + ", ")
	}
	return strings.TrimSuffix(b.String(), ", ")
}

// alias gives the SQL expressions by which a filter reads one alias of a query. rid "" means that rows of the alias carry no labels.
type alias struct{ tn, rt, pat, conf, rid string }

// aliasR is a res row; aliasV is a ver row v beside its res row r: a version is of its own patient and confidentiality,
// its other labels are compared on the opened body.
var (
	aliasR = alias{tn: "r.tn", rt: "r.rt", pat: "r.pat", conf: "r.conf", rid: "r.rid"}
	aliasV = alias{tn: "r.tn", rt: "r.rt", pat: "v.pat", conf: "v.conf", rid: "r.rid"}
)

// filter returns the condition that f puts on an alias. It agrees with access.Filter.Match on every tree: one with a broken
// node is false as a whole, because a branch that is false by accident would be true below a Not.
//
// SPEC(DESIGN I1): every alias that names a record takes the permit's filter.
func (n names) filter(q *query, f access.Filter, a alias) string {
	var b strings.Builder
	n.node(&b, q, n.widen(f).Simplify().Node, a)
	return b.String()
}

func (n names) node(b *strings.Builder, q *query, node access.Node, a alias) {
	switch node := node.(type) {
	case access.All:
		b.WriteString("(1 = 1)")
	case access.And:
		n.nodes(b, q, node, a, " AND ", "(1 = 1)")
	case access.Or:
		n.nodes(b, q, node, a, " OR ", "(1 = 0)")
	case access.Not:
		b.WriteString("(NOT ")
		n.node(b, q, node.Node, a)
		b.WriteString(")")
	case access.TypeIn:
		n.typeIn(b, q, node, a)
	case access.PatientIs:
		b.WriteString("(" + a.pat + " = " + q.arg(n.patient(string(node))) + ")")
	case access.Shared:
		b.WriteString("(" + a.pat + " = " + q.arg(zero16) + ")")
	case access.ConfAtMost:
		b.WriteString("(" + a.conf + " <= " + q.arg(int64(node)) + ")")
	case access.Labelled:
		n.labelled(b, q, node.Code, a)
	default: // access.None, and what Simplify turns into it
		b.WriteString("(1 = 0)")
	}
}

func (n names) nodes(b *strings.Builder, q *query, nodes []access.Node, a alias, joint, empty string) {
	if len(nodes) == 0 {
		b.WriteString(empty)
		return
	}
	for i, node := range nodes {
		if i > 0 {
			b.WriteString(joint)
		} else {
			b.WriteString("(")
		}
		n.node(b, q, node, a)
	}
	b.WriteString(")")
}

func (n names) typeIn(b *strings.Builder, q *query, types []string, a alias) {
	b.WriteString("(" + a.rt + " IN (")
	for i, t := range types {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(q.arg(t))
	}
	b.WriteString("))")
}

func (n names) labelled(b *strings.Builder, q *query, code string, a alias) {
	if a.rid == "" {
		b.WriteString("(1 = 0)")
		return
	}
	b.WriteString("(EXISTS (SELECT 1 FROM ix_tok l WHERE l.tn = " + a.tn + " AND l.sp = " + strconv.Itoa(int(fhir.ParamSecurity)) +
		" AND l.v8 = " + q.arg(n.label(code)) + " AND l.rid = " + a.rid + "))")
}

// onlyPatients returns the patients to whom the filter confines every row, if it does so plainly: the planner drives from them.
func onlyPatients(n access.Node) (out []string) {
	switch n := n.(type) {
	case access.PatientIs:
		if n != "" {
			return []string{string(n)}
		}
	case access.Or:
		for _, m := range n {
			p, ok := m.(access.PatientIs)
			if !ok || p == "" {
				return nil
			}
			out = append(out, string(p))
		}
	case access.And:
		for _, m := range n {
			if out := onlyPatients(m); out != nil {
				return out
			}
		}
	}
	return out
}
