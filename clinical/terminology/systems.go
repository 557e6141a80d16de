package terminology

import "strings"

// CodingSystem returns the URI of a coding system by its name in HL7 v2 (table 0396), such as LN or SCT; upper and lower
// case are the same. Names of local systems (L, 99zzz) and names that are not in the table are not ok.
//
// SPEC(HL7 v2 table 0396): HL7nnnn names the HL7 table nnnn; L and 99zzz are local.
func CodingSystem(name string) (uri string, ok bool) {
	name = strings.ToUpper(name)
	if table, found := strings.CutPrefix(name, "HL7"); found && len(table) == 4 && strings.Trim(table, "0123456789") == "" {
		return "http://terminology.hl7.org/CodeSystem/v2-" + table, true
	}
	uri, ok = systems[name]
	return uri, ok
}

// SPEC(FHIR R4 4.3.0 code systems): the URIs of external code systems.
var systems = map[string]string{
	"LN": "http://loinc.org", "LOINC": "http://loinc.org",
	"SCT": "http://snomed.info/sct", "SNOMED": "http://snomed.info/sct", "SNOMEDCT": "http://snomed.info/sct", "SNOMED-CT": "http://snomed.info/sct",
	"UCUM": "http://unitsofmeasure.org",
	"I10":  "http://hl7.org/fhir/sid/icd-10", "ICD10": "http://hl7.org/fhir/sid/icd-10", "ICD-10": "http://hl7.org/fhir/sid/icd-10",
	"I10C": "http://hl7.org/fhir/sid/icd-10-cm", "I10CM": "http://hl7.org/fhir/sid/icd-10-cm", "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
	"ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
	"I9C":       "http://hl7.org/fhir/sid/icd-9-cm", "I9CDX": "http://hl7.org/fhir/sid/icd-9-cm", "ICD9CM": "http://hl7.org/fhir/sid/icd-9-cm",
	"I10P": "http://www.cms.gov/Medicare/Coding/ICD10", "ICD10PCS": "http://www.cms.gov/Medicare/Coding/ICD10",
	"C4": "http://www.ama-assn.org/go/cpt", "CPT": "http://www.ama-assn.org/go/cpt", "CPT4": "http://www.ama-assn.org/go/cpt",
	"RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm", "NDC": "http://hl7.org/fhir/sid/ndc",
	"CVX": "http://hl7.org/fhir/sid/cvx", "MVX": "http://terminology.hl7.org/CodeSystem/MVX",
	"CDCREC": "urn:oid:2.16.840.1.113883.6.238", "ATC": "http://www.whocc.no/atc",
}
