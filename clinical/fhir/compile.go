package fhir

import "strings"

// typeDef is a compiled row of the table.
type typeDef struct {
	row     *typeRow
	subject []string           // element that names whose data it is, nil: the type has none
	patient [][]string         // elements that put it into a Patient compartment
	targets map[Param][]string // of Ref parameters, widest set
	byCode  map[string]*paramRow
	whose   []string // types that subject may name
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
	d := &typeDef{row: row, targets: map[Param][]string{}, byCode: map[string]*paramRow{}}
	for i := range row.params {
		p := &row.params[i]
		d.byCode[p.code] = p
		n := row.base + p.n
		if p.kind == Ref && d.targets[n] == nil {
			d.targets[n] = strings.Fields(p.extra)
		}
		if element, _, _ := strings.Cut(p.paths, ":"); row.subject != "" && element == row.subject {
			d.whose = strings.Fields(p.extra)
		}
	}
	for _, path := range strings.Fields(row.patient) {
		d.patient = append(d.patient, steps(path))
	}
	if row.subject != "" {
		d.subject = steps(row.subject)
	}
	return d
}
