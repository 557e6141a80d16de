package fhir

import (
	"strings"
	"sync"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/index"
	"github.com/ward-health/ward/clinical/fhir/structure"
)

// engine is the compiled definitions with the search parameters of the table.
type engine struct {
	schema *structure.Schema
	index  *index.Index
	tables sync.Map // *typeDef -> *valueTable
}

var theEngine = sync.OnceValue(func() *engine {
	schema := structure.New(definition.R4())
	return &engine{schema: schema, index: index.New(schema, indexed)}
})

// indexed reports whether a search parameter of R4 is one of the table, and not another name of one.
func indexed(rt, code string) bool {
	if code == "_tag" {
		return true
	}
	d := compiled[rt]
	return d != nil && d.byCode[code] != nil && d.byCode[code].paths != ""
}

// table is what a type's values are taken with.
func (e *engine) table(d *typeDef) *valueTable {
	if t, ok := e.tables.Load(d); ok {
		return t.(*valueTable)
	}
	t, _ := e.tables.LoadOrStore(d, newValueTable(e, d))
	return t.(*valueTable)
}

// valueTable is an index table with the numbers of its parameters.
type valueTable struct {
	*index.Table
	numbers []Param // by place in Params, 0 = not of this build
}

func newValueTable(e *engine, d *typeDef) *valueTable {
	t := &valueTable{Table: e.index.Table(d.row.name)}
	t.numbers = make([]Param, len(t.Params))
	for i, p := range t.Params {
		if p.Code == "_tag" {
			t.numbers[i] = ParamTag
		} else if indexed(d.row.name, p.Code) {
			t.numbers[i] = d.row.base + d.byCode[p.Code].n
		}
	}
	return t
}

// steps splits a path of the table ("component*.code"): the stars are what the definitions know.
func steps(path string) []string {
	return strings.Split(strings.ReplaceAll(path, "*", ""), ".")
}
