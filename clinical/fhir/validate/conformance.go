package validate

import (
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// definitionRules are those of resources that define something.
var definitionRules = map[string]func(r *runner, v value){
	"CapabilityStatement": (*runner).capabilities,
	"SearchParameter":     (*runner).searchParameter,
	"StructureDefinition": (*runner).structureDefinition,
	"ValueSet":            (*runner).valueSet,
	"Observation":         (*runner).vitalSign,
}

// capabilities checks that the search parameters have the types that their definitions say.
//
// SPEC(FHIR R4 capabilitystatement.html#CapabilityStatement.rest.resource.searchParam.type).
func (r *runner) capabilities(v value) {
	each(r.doc, v.node, "rest", func(rest int) {
		each(r.doc, rest, "resource", func(res int) {
			each(r.doc, res, "searchParam", func(n int) {
				p := r.v.set.SearchParameter(bare(string(r.text(n, "definition"))))
				if typ := r.text(n, "type"); p != nil && typ != nil && p.Kind != string(typ) {
					r.fail(n, "invalid", IDDefinition, "", "the type is that of the search parameter's definition: "+p.Kind)
				}
			})
		})
	})
}

// searchParameter checks what a SearchParameter says of the one that it derives from, and the components of a composite.
//
// SPEC(FHIR R4 searchparameter.html#derivedFrom): the same type, on bases that the other has. SPEC(search.html#composite): a composite has two or more components.
func (r *runner) searchParameter(v value) {
	if string(r.text(v.node, "type")) == "composite" {
		n := 0
		each(r.doc, v.node, "component", func(int) { n++ })
		if n < 2 {
			r.fail(v.node, "required", IDDefinition, "", "a composite search parameter has two components or more")
		}
	}
	p := r.v.set.SearchParameter(bare(string(r.text(v.node, "derivedFrom"))))
	if p == nil {
		return
	}
	if typ := r.text(v.node, "type"); typ != nil && string(typ) != p.Kind {
		r.fail(v.node, "invalid", IDDefinition, "", "the type is that of the search parameter that this one derives from: "+p.Kind)
	}
	each(r.doc, v.node, "base", func(n int) {
		if r.doc.Nodes[n].Kind != tree.String {
			return
		}
		base := string(r.doc.Text(n))
		for _, b := range p.Base {
			if b == base || b == "Resource" || b == "DomainResource" {
				return
			}
		}
		r.fail(n, "invalid", IDDefinition, "", "the search parameter that this one derives from is not on this type")
	})
}

// valueSet checks what a ValueSet is made of.
//
// SPEC(FHIR R4 valueset.html#ValueSet.compose.include.system): an absolute URI, which a reference to something contained is not.
func (r *runner) valueSet(v value) {
	for _, name := range []string{"include", "exclude"} {
		each(r.doc, r.member(v.node, "compose"), name, func(n int) {
			if system := r.text(n, "system"); system != nil && !absoluteURI(system) {
				r.fail(r.doc.Member(n, "system"), "value", IDDefinition, "", "the system that codes of a value set are of is an absolute URI")
			}
		})
	}
}
