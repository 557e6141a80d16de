package fhirrest

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
)

// statementDate is when this description last changed.
const statementDate = "2026-11-28"

type capability struct {
	ResourceType   string         `json:"resourceType"`
	URL            string         `json:"url"`
	Name           string         `json:"name"`
	Status         string         `json:"status"`
	Date           string         `json:"date"`
	Kind           string         `json:"kind"`
	Software       named          `json:"software"`
	Implementation implementation `json:"implementation"`
	FHIRVersion    string         `json:"fhirVersion"`
	Format         []string       `json:"format"`
	PatchFormat    []string       `json:"patchFormat"`
	Rest           []rest         `json:"rest"`
}

type named struct {
	Name string `json:"name"`
}

type implementation struct {
	Description string `json:"description"`
	URL         string `json:"url"`
}

type rest struct {
	Mode        string        `json:"mode"`
	Security    security      `json:"security"`
	Resource    []resource    `json:"resource"`
	Interaction []interaction `json:"interaction"`
	SearchParam []searchParam `json:"searchParam"`
}

type security struct {
	Description string `json:"description"`
}

type interaction struct {
	Code          string `json:"code"`
	Documentation string `json:"documentation,omitempty"`
}

type resource struct {
	Type              string        `json:"type"`
	Interaction       []interaction `json:"interaction"`
	Versioning        string        `json:"versioning"`
	ReadHistory       bool          `json:"readHistory"`
	UpdateCreate      bool          `json:"updateCreate"`
	ConditionalCreate bool          `json:"conditionalCreate"`
	ConditionalRead   string        `json:"conditionalRead"`
	ConditionalUpdate bool          `json:"conditionalUpdate"`
	ConditionalDelete string        `json:"conditionalDelete"`
	ReferencePolicy   []string      `json:"referencePolicy"`
	SearchParam       []searchParam `json:"searchParam"`
	Operation         []operation   `json:"operation,omitempty"`
}

type operation struct {
	Name       string `json:"name"`
	Definition string `json:"definition"`
}

type searchParam struct {
	Name          string `json:"name"`
	Type          string `json:"type"`
	Documentation string `json:"documentation"`
}

// capabilityStatement describes what this build serves. It is the same for every tenant and caller.
//
// SPEC(FHIR R4 http.html#capabilities, CapabilityStatement cpb-*): kind instance needs implementation; type names and parameters are unique.
func capabilityStatement(base string, validates bool) []byte {
	interactions := func(codes ...string) (list []interaction) {
		for _, c := range codes {
			list = append(list, interaction{Code: c})
		}
		return list
	}
	r := rest{Mode: "server",
		Security: security{"OAuth 2.0 bearer tokens; every access is decided by policy for a stated purpose of use and recorded in a verifiable log before data is opened"},
		Interaction: []interaction{{"transaction", "conditional references, conditional create by identifier and _id, If-Match; no GET, PATCH, conditional update or delete inside"},
			{"batch", "GET (read, vread, search), POST, PUT, DELETE"}},
	}
	creates := "If-None-Exist (in a bundle ifNoneExist) takes identifier and _id only. When it finds a resource, the answer is 200 with Location and ETag; " +
		"the resource itself comes only with Prefer: return=representation, and to those who may read it"
	common := map[fhir.Param]bool{fhir.ParamID: true, fhir.ParamLastUpdated: true, fhir.ParamSecurity: true, fhir.ParamTag: true}
	for i, rt := range fhir.Types() {
		row := resource{Type: rt, Interaction: append(interactions("read", "vread", "update", "patch", "delete", "history-instance", "search-type"), interaction{"create", creates}),
			Versioning: "versioned", ReadHistory: true, UpdateCreate: true, ConditionalCreate: true, ConditionalRead: "not-match",
			ConditionalDelete: "not-supported", ReferencePolicy: []string{"literal", "logical"}}
		for _, p := range fhir.SearchParams(rt) {
			sp := searchParam{p.Code, p.Kind.String(), p.Doc}
			switch {
			case !common[p.Param]:
				row.SearchParam = append(row.SearchParam, sp)
			case i == 0:
				r.SearchParam = append(r.SearchParam, sp)
			}
		}
		if validates {
			row.Operation = []operation{{"validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate"}}
		}
		r.Resource = append(r.Resource, row)
	}
	body, err := json.MarshalIndent(capability{
		ResourceType: "CapabilityStatement", URL: base + "/metadata", Name: "Ward", Status: "active", Date: statementDate, Kind: "instance",
		Software: named{"Ward"}, Implementation: implementation{"Ward, the trust layer between clinical systems and AI", base},
		FHIRVersion: "4.0.1", Format: []string{"json", "application/fhir+json", "xml", "application/fhir+xml"}, PatchFormat: []string{jsonPatch, xmlPatch, "application/fhir+json", "application/fhir+xml"}, Rest: []rest{r},
	}, "", "  ")
	if err != nil {
		panic("fhirrest: " + err.Error())
	}
	return body
}

// metadata serves GET metadata, without a principal: it is equal for all.
func (a *API) metadata(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		err = ward.E(ward.Invalid, "fhirrest.metadata", "the query of the URL is not well encoded", nil)
		a.observe(r.Context(), err)
		Errors(w, r, err)
		return
	}
	c := &call{r: r, action: access.Read}
	out := reply{status: http.StatusOK, body: a.capability}
	if c.wanted, err = answerWire(r, query); err == nil {
		out, err = c.rendered(out)
	}
	if err != nil {
		a.observe(r.Context(), err)
		writeOutcome(w, c.wanted, err)
		return
	}
	write(w, out)
}
