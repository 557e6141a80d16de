package fhir

// Param numbers a search parameter; the number is stored in index rows and never reused. Numbers below 64 are parameters
// of every type. Each type owns the 64 numbers from its base on; inside, the number is the row's position in the
// table below, written out. Parameters with one expression (patient and subject) share a number.
type Param int16

// The parameters of every type. ParamID and ParamLastUpdated have no Value in Facts: the pointer row serves them.
const (
	ParamID          Param = 1 // _id
	ParamLastUpdated Param = 2 // _lastUpdated
	ParamSecurity    Param = 3 // _security: meta.security; what a Labelled filter looks at
	ParamTag         Param = 4 // _tag: meta.tag
)

// Kind of search value.
type Kind uint8

// The kinds.
const (
	Token Kind = 1
	Ref   Kind = 2
	Date  Kind = 3
)

// String returns the kind's name in a CapabilityStatement (http://hl7.org/fhir/search-param-type).
func (k Kind) String() string {
	return [...]string{"", "token", "reference", "date"}[k&3]
}

// typeRow is what the table says of one resource type.
type typeRow struct {
	name    string
	base    Param  // first number of its parameters
	subject string // element that names whose data it is, "" = none: strict, see reference
	must    bool   // the element has to be there (minimum cardinality 1)
	patient string // elements that put it into a Patient compartment, in order, subject first
	params  []paramRow
}

// paramRow is one search parameter of one type.
type paramRow struct {
	n     Param // added to the type's base
	code  string
	kind  Kind
	expr  string // the R4 expression
	paths string // elements as JSON names, "name:datatype", what expr means: a test compares them; "" = another name of the parameter before
	extra string // Ref: target types. Token of datatype code: its code system. ContactPoint: "system=..."
}

const anyAgent = "Practitioner PractitionerRole Organization Patient RelatedPerson"

// SPEC(FHIR R4 compartmentdefinition-patient.html): column patient. SPEC(FHIR R4 searchparameter-registry.html): codes, expressions and targets.
var table = []typeRow{
	{"AllergyIntolerance", 768, "patient", true, "patient recorder asserter", []paramRow{
		{1, "identifier", Token, "AllergyIntolerance.identifier", "identifier*:Identifier", ""},
		{2, "code", Token, "AllergyIntolerance.code | AllergyIntolerance.reaction.substance", "code:CodeableConcept reaction*.substance:CodeableConcept", ""},
		{3, "category", Token, "AllergyIntolerance.category", "category*:code", "http://hl7.org/fhir/allergy-intolerance-category"},
		{4, "clinical-status", Token, "AllergyIntolerance.clinicalStatus", "clinicalStatus:CodeableConcept", ""},
		{5, "verification-status", Token, "AllergyIntolerance.verificationStatus", "verificationStatus:CodeableConcept", ""},
		{6, "criticality", Token, "AllergyIntolerance.criticality", "criticality:code", "http://hl7.org/fhir/allergy-intolerance-criticality"},
		{7, "type", Token, "AllergyIntolerance.type", "type:code", "http://hl7.org/fhir/allergy-intolerance-type"},
		{8, "patient", Ref, "AllergyIntolerance.patient", "patient:Reference", "Patient"},
		{9, "date", Date, "AllergyIntolerance.recordedDate", "recordedDate:dateTime", ""},
		{10, "recorder", Ref, "AllergyIntolerance.recorder", "recorder:Reference", "Practitioner PractitionerRole Patient RelatedPerson"},
		{11, "asserter", Ref, "AllergyIntolerance.asserter", "asserter:Reference", "Practitioner PractitionerRole Patient RelatedPerson"},
	}},
	{"Condition", 448, "subject", true, "subject asserter", []paramRow{
		{1, "identifier", Token, "Condition.identifier", "identifier*:Identifier", ""},
		{2, "code", Token, "Condition.code", "code:CodeableConcept", ""},
		{3, "category", Token, "Condition.category", "category*:CodeableConcept", ""},
		{4, "clinical-status", Token, "Condition.clinicalStatus", "clinicalStatus:CodeableConcept", ""},
		{5, "verification-status", Token, "Condition.verificationStatus", "verificationStatus:CodeableConcept", ""},
		{6, "severity", Token, "Condition.severity", "severity:CodeableConcept", ""},
		{7, "subject", Ref, "Condition.subject", "subject:Reference", "Patient Group"},
		{7, "patient", Ref, "Condition.subject.where(resolve() is Patient)", "", "Patient"},
		{8, "encounter", Ref, "Condition.encounter", "encounter:Reference", "Encounter"},
		{9, "onset-date", Date, "Condition.onset.as(dateTime) | Condition.onset.as(Period)", "onsetDateTime:dateTime onsetPeriod:Period", ""},
		{10, "abatement-date", Date, "Condition.abatement.as(dateTime) | Condition.abatement.as(Period)", "abatementDateTime:dateTime abatementPeriod:Period", ""},
		{11, "recorded-date", Date, "Condition.recordedDate", "recordedDate:dateTime", ""},
		{12, "asserter", Ref, "Condition.asserter", "asserter:Reference", "Practitioner PractitionerRole Patient RelatedPerson"},
	}},
	{"Consent", 832, "patient", false, "patient", []paramRow{
		{1, "identifier", Token, "Consent.identifier", "identifier*:Identifier", ""},
		{2, "status", Token, "Consent.status", "status:code", "http://hl7.org/fhir/consent-state-codes"},
		{3, "category", Token, "Consent.category", "category*:CodeableConcept", ""},
		{4, "scope", Token, "Consent.scope", "scope:CodeableConcept", ""},
		{5, "patient", Ref, "Consent.patient", "patient:Reference", "Patient"},
		{6, "date", Date, "Consent.dateTime", "dateTime:dateTime", ""},
		{7, "consentor", Ref, "Consent.performer", "performer*:Reference", anyAgent},
		{8, "organization", Ref, "Consent.organization", "organization*:Reference", "Organization"},
		{9, "period", Date, "Consent.provision.period", "provision.period:Period", ""},
	}},
	{"DiagnosticReport", 576, "subject", false, "subject", []paramRow{
		{1, "identifier", Token, "DiagnosticReport.identifier", "identifier*:Identifier", ""},
		{2, "code", Token, "DiagnosticReport.code", "code:CodeableConcept", ""},
		{3, "category", Token, "DiagnosticReport.category", "category*:CodeableConcept", ""},
		{4, "status", Token, "DiagnosticReport.status", "status:code", "http://hl7.org/fhir/diagnostic-report-status"},
		{5, "subject", Ref, "DiagnosticReport.subject", "subject:Reference", "Patient Group Device Location"},
		{5, "patient", Ref, "DiagnosticReport.subject.where(resolve() is Patient)", "", "Patient"},
		{6, "encounter", Ref, "DiagnosticReport.encounter", "encounter:Reference", "Encounter EpisodeOfCare"},
		{7, "date", Date, "DiagnosticReport.effective", "effectiveDateTime:dateTime effectivePeriod:Period", ""},
		{8, "issued", Date, "DiagnosticReport.issued", "issued:instant", ""},
		{9, "performer", Ref, "DiagnosticReport.performer", "performer*:Reference", "Practitioner PractitionerRole Organization CareTeam"},
		{10, "result", Ref, "DiagnosticReport.result", "result*:Reference", "Observation"},
	}},
	{"Encounter", 384, "subject", false, "subject", []paramRow{
		{1, "identifier", Token, "Encounter.identifier", "identifier*:Identifier", ""},
		{2, "status", Token, "Encounter.status", "status:code", "http://hl7.org/fhir/encounter-status"},
		{3, "class", Token, "Encounter.class", "class:Coding", ""},
		{4, "type", Token, "Encounter.type", "type*:CodeableConcept", ""},
		{5, "subject", Ref, "Encounter.subject", "subject:Reference", "Patient Group"},
		{5, "patient", Ref, "Encounter.subject.where(resolve() is Patient)", "", "Patient"},
		{6, "date", Date, "Encounter.period", "period:Period", ""},
		{7, "participant", Ref, "Encounter.participant.individual", "participant*.individual:Reference", "Practitioner PractitionerRole RelatedPerson"},
		{7, "practitioner", Ref, "Encounter.participant.individual.where(resolve() is Practitioner)", "", "Practitioner"},
		{8, "location", Ref, "Encounter.location.location", "location*.location:Reference", "Location"},
		{9, "service-provider", Ref, "Encounter.serviceProvider", "serviceProvider:Reference", "Organization"},
		{10, "part-of", Ref, "Encounter.partOf", "partOf:Reference", "Encounter"},
	}},
	{"Location", 320, "", false, "", []paramRow{
		{1, "identifier", Token, "Location.identifier", "identifier*:Identifier", ""},
		{2, "status", Token, "Location.status", "status:code", "http://hl7.org/fhir/location-status"},
		{3, "type", Token, "Location.type", "type*:CodeableConcept", ""},
		{4, "organization", Ref, "Location.managingOrganization", "managingOrganization:Reference", "Organization"},
		{5, "partof", Ref, "Location.partOf", "partOf:Reference", "Location"},
	}},
	{"MedicationRequest", 704, "subject", true, "subject", []paramRow{
		{1, "identifier", Token, "MedicationRequest.identifier", "identifier*:Identifier", ""},
		{2, "code", Token, "(MedicationRequest.medication as CodeableConcept)", "medicationCodeableConcept:CodeableConcept", ""},
		{3, "medication", Ref, "(MedicationRequest.medication as Reference)", "medicationReference:Reference", "Medication"},
		{4, "category", Token, "MedicationRequest.category", "category*:CodeableConcept", ""},
		{5, "status", Token, "MedicationRequest.status", "status:code", "http://hl7.org/fhir/CodeSystem/medicationrequest-status"},
		{6, "intent", Token, "MedicationRequest.intent", "intent:code", "http://hl7.org/fhir/CodeSystem/medicationrequest-intent"},
		{7, "subject", Ref, "MedicationRequest.subject", "subject:Reference", "Patient Group"},
		{7, "patient", Ref, "MedicationRequest.subject.where(resolve() is Patient)", "", "Patient"},
		{8, "encounter", Ref, "MedicationRequest.encounter", "encounter:Reference", "Encounter"},
		{9, "authoredon", Date, "MedicationRequest.authoredOn", "authoredOn:dateTime", ""},
		{10, "requester", Ref, "MedicationRequest.requester", "requester:Reference", anyAgent + " Device"},
		{11, "intended-performer", Ref, "MedicationRequest.performer", "performer:Reference", anyAgent + " Device CareTeam"},
	}},
	{"Observation", 512, "subject", false, "subject performer", []paramRow{
		{1, "identifier", Token, "Observation.identifier", "identifier*:Identifier", ""},
		{2, "code", Token, "Observation.code", "code:CodeableConcept", ""},
		{3, "category", Token, "Observation.category", "category*:CodeableConcept", ""},
		{4, "status", Token, "Observation.status", "status:code", "http://hl7.org/fhir/observation-status"},
		{5, "subject", Ref, "Observation.subject", "subject:Reference", "Patient Group Device Location"},
		{5, "patient", Ref, "Observation.subject.where(resolve() is Patient)", "", "Patient"},
		{6, "encounter", Ref, "Observation.encounter", "encounter:Reference", "Encounter EpisodeOfCare"},
		{7, "date", Date, "Observation.effective", "effectiveDateTime:dateTime effectivePeriod:Period effectiveInstant:instant effectiveTiming:Timing", ""},
		{8, "performer", Ref, "Observation.performer", "performer*:Reference", anyAgent + " CareTeam"},
		{9, "component-code", Token, "Observation.component.code", "component*.code:CodeableConcept", ""},
		{10, "value-concept", Token, "(Observation.value as CodeableConcept)", "valueCodeableConcept:CodeableConcept", ""},
		{11, "has-member", Ref, "Observation.hasMember", "hasMember*:Reference", "Observation MolecularSequence QuestionnaireResponse"},
	}},
	{"Organization", 256, "", false, "", []paramRow{
		{1, "identifier", Token, "Organization.identifier", "identifier*:Identifier", ""},
		{2, "active", Token, "Organization.active", "active:boolean", ""},
		{3, "type", Token, "Organization.type", "type*:CodeableConcept", ""},
		{4, "partof", Ref, "Organization.partOf", "partOf:Reference", "Organization"},
	}},
	{"Patient", 64, "", false, "", []paramRow{
		{1, "identifier", Token, "Patient.identifier", "identifier*:Identifier", ""},
		{2, "active", Token, "Patient.active", "active:boolean", ""},
		{3, "gender", Token, "Patient.gender", "gender:code", "http://hl7.org/fhir/administrative-gender"},
		{4, "birthdate", Date, "Patient.birthDate", "birthDate:date", ""},
		{5, "death-date", Date, "(Patient.deceased as dateTime)", "deceasedDateTime:dateTime", ""},
		{6, "telecom", Token, "Patient.telecom", "telecom*:ContactPoint", ""},
		{7, "email", Token, "Patient.telecom.where(system='email')", "telecom*:ContactPoint", "system=email"},
		{8, "phone", Token, "Patient.telecom.where(system='phone')", "telecom*:ContactPoint", "system=phone"},
		{9, "general-practitioner", Ref, "Patient.generalPractitioner", "generalPractitioner*:Reference", "Practitioner PractitionerRole Organization"},
		{10, "organization", Ref, "Patient.managingOrganization", "managingOrganization:Reference", "Organization"},
		{11, "link", Ref, "Patient.link.other", "link*.other:Reference", "Patient RelatedPerson"},
	}},
	{"Practitioner", 128, "", false, "", []paramRow{
		{1, "identifier", Token, "Practitioner.identifier", "identifier*:Identifier", ""},
		{2, "active", Token, "Practitioner.active", "active:boolean", ""},
		{3, "gender", Token, "Practitioner.gender", "gender:code", "http://hl7.org/fhir/administrative-gender"},
		{4, "telecom", Token, "Practitioner.telecom", "telecom*:ContactPoint", ""},
		{5, "email", Token, "Practitioner.telecom.where(system='email')", "telecom*:ContactPoint", "system=email"},
		{6, "phone", Token, "Practitioner.telecom.where(system='phone')", "telecom*:ContactPoint", "system=phone"},
	}},
	{"PractitionerRole", 192, "", false, "", []paramRow{
		{1, "identifier", Token, "PractitionerRole.identifier", "identifier*:Identifier", ""},
		{2, "active", Token, "PractitionerRole.active", "active:boolean", ""},
		{3, "date", Date, "PractitionerRole.period", "period:Period", ""},
		{4, "practitioner", Ref, "PractitionerRole.practitioner", "practitioner:Reference", "Practitioner"},
		{5, "organization", Ref, "PractitionerRole.organization", "organization:Reference", "Organization"},
		{6, "location", Ref, "PractitionerRole.location", "location*:Reference", "Location"},
		{7, "role", Token, "PractitionerRole.code", "code*:CodeableConcept", ""},
		{8, "specialty", Token, "PractitionerRole.specialty", "specialty*:CodeableConcept", ""},
	}},
	{"Procedure", 640, "subject", true, "subject performer*.actor", []paramRow{
		{1, "identifier", Token, "Procedure.identifier", "identifier*:Identifier", ""},
		{2, "code", Token, "Procedure.code", "code:CodeableConcept", ""},
		{3, "category", Token, "Procedure.category", "category:CodeableConcept", ""},
		{4, "status", Token, "Procedure.status", "status:code", "http://hl7.org/fhir/event-status"},
		{5, "subject", Ref, "Procedure.subject", "subject:Reference", "Patient Group"},
		{5, "patient", Ref, "Procedure.subject.where(resolve() is Patient)", "", "Patient"},
		{6, "encounter", Ref, "Procedure.encounter", "encounter:Reference", "Encounter EpisodeOfCare"},
		{7, "date", Date, "Procedure.performed", "performedDateTime:dateTime performedPeriod:Period", ""},
		{8, "performer", Ref, "Procedure.performer.actor", "performer*.actor:Reference", anyAgent + " Device"},
		{9, "location", Ref, "Procedure.location", "location:Reference", "Location"},
	}},
	{"RiskAssessment", 896, "subject", true, "subject", []paramRow{
		{1, "identifier", Token, "RiskAssessment.identifier", "identifier*:Identifier", ""},
		{2, "condition", Ref, "RiskAssessment.condition", "condition:Reference", "Condition"},
		{3, "subject", Ref, "RiskAssessment.subject", "subject:Reference", "Patient Group"},
		{3, "patient", Ref, "RiskAssessment.subject.where(resolve() is Patient)", "", "Patient"},
		{4, "encounter", Ref, "RiskAssessment.encounter", "encounter:Reference", "Encounter EpisodeOfCare"},
		{5, "date", Date, "(RiskAssessment.occurrence as dateTime)", "occurrenceDateTime:dateTime", ""},
		{6, "performer", Ref, "RiskAssessment.performer", "performer:Reference", "Practitioner PractitionerRole Device"},
		{7, "method", Token, "RiskAssessment.method", "method:CodeableConcept", ""},
	}},
}

// commonParams are offered on every type.
var commonParams = []ParamInfo{
	{ParamID, "_id", Token, "logical id of the resource"},
	{ParamLastUpdated, "_lastUpdated", Date, "when the version was written"},
	{ParamSecurity, "_security", Token, "Resource.meta.security"},
	{ParamTag, "_tag", Token, "Resource.meta.tag"},
}

// Types returns the resource types of this build in alphabetical order.
func Types() []string {
	names := make([]string, len(table))
	for i := range table {
		names[i] = table[i].name
	}
	return names
}

// Known reports whether rt is a resource type of this build.
func Known(rt string) bool { return compiled[rt] != nil }

// InCompartment reports whether the table has a Patient compartment rule for the type. A type without one is denied to
// patients (invariant I11).
func InCompartment(rt string) bool {
	d := compiled[rt]
	return d != nil && (d.row.patient != "" || rt == "Patient")
}

// ParamInfo describes a search parameter.
type ParamInfo struct {
	Param Param
	Code  string
	Kind  Kind
	Doc   string // the R4 expression
}

// SearchParams lists the parameters of a type in the order of the CapabilityStatement, nil for an unknown type.
func SearchParams(rt string) []ParamInfo {
	d := compiled[rt]
	if d == nil {
		return nil
	}
	list := append([]ParamInfo(nil), commonParams...)
	for _, p := range d.row.params {
		list = append(list, ParamInfo{d.row.base + p.n, p.code, p.kind, p.expr})
	}
	return list
}
