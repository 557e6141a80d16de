package fhir

import "strings"

// datatype says how the scanner reads an element. The zero value is a backbone element.
type datatype uint8

const (
	dtBackbone datatype = iota
	dtCode
	dtBoolean
	dtCoding
	dtConcept
	dtIdentifier
	dtContact
	dtReference
	dtDate
	dtDateTime
	dtInstant
	dtPeriod
	dtTiming
)

var datatypes = map[string]datatype{
	"code": dtCode, "boolean": dtBoolean, "Coding": dtCoding, "CodeableConcept": dtConcept, "Identifier": dtIdentifier,
	"ContactPoint": dtContact, "Reference": dtReference, "date": dtDate, "dateTime": dtDateTime, "instant": dtInstant,
	"Period": dtPeriod, "Timing": dtTiming,
}

// node is one element of a type that the scanner must look at; an element without a node is only walked.
type node struct {
	name  string
	many  bool // JSON array
	data  datatype
	kids  []*node
	emits []emit
	comp  int // 1, 2, ...: place in the order of compartment rules; 0: none
}

// emit is what to do with the element's value.
type emit struct {
	param Param
	extra string // as paramRow.extra
}

// child finds the node of a member; nil: none.
func (n *node) child(name []byte) *node {
	for _, k := range n.kids {
		if len(k.name) == len(name) && k.name == string(name) {
			return k
		}
	}
	return nil
}

// typeDef is a compiled row of the table.
type typeDef struct {
	row     *typeRow
	root    *node
	targets map[Param][]string // of Ref parameters, widest set
	subject *node              // nil: the type has no subject
	byCode  map[string]*paramRow
}

var compiled = compile(table)

func compile(rows []typeRow) map[string]*typeDef {
	all := make(map[string]*typeDef, len(rows))
	for i := range rows {
		all[rows[i].name] = compileType(&rows[i])
	}
	return all
}

func compileType(row *typeRow) *typeDef {
	d := &typeDef{row: row, root: &node{}, targets: map[Param][]string{}, byCode: map[string]*paramRow{}}
	for i := range row.params {
		p := &row.params[i]
		d.byCode[p.code] = p
		n := row.base + p.n
		if p.kind == Ref && d.targets[n] == nil {
			d.targets[n] = strings.Fields(p.extra)
		}
		for _, path := range strings.Fields(p.paths) {
			el, dt, _ := strings.Cut(path, ":")
			leaf := d.root.grow(el)
			leaf.data = datatypes[dt]
			leaf.emits = append(leaf.emits, emit{n, p.extra})
		}
	}
	for i, path := range strings.Fields(row.patient) {
		leaf := d.root.grow(path)
		if leaf.data != dtReference {
			panic("fhir: compartment rule of " + row.name + " names an element without a Reference parameter: " + path)
		}
		leaf.comp = i + 1
	}
	if row.subject != "" {
		d.subject = d.root.grow(row.subject)
	}
	return d
}

// grow returns the node at a path of the table ("component*.code"), making what is missing.
func (n *node) grow(path string) *node {
	for _, step := range strings.Split(path, ".") {
		name, many := strings.CutSuffix(step, "*")
		k := n.child([]byte(name))
		if k == nil {
			k = &node{name: name, many: many}
			n.kids = append(n.kids, k)
		}
		n = k
	}
	return n
}
