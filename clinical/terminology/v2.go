package terminology

// Code systems that the tables lead to.
const (
	gender         = "http://hl7.org/fhir/administrative-gender"
	actCode        = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	patientClass   = "http://terminology.hl7.org/CodeSystem/v2-0004"
	interpretation = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
	obsStatus      = "http://hl7.org/fhir/observation-status"
	reportStatus   = "http://hl7.org/fhir/diagnostic-report-status"
	identifierType = "http://terminology.hl7.org/CodeSystem/v2-0203"
)

type concept struct{ system, code, display string }

// V2 translates a code of an HL7 v2 table (its four digits) into FHIR: 0001 administrative sex, 0004 patient class, 0078
// interpretation, 0085 observation status, 0123 report status, 0203 identifier type. Codes are case-sensitive as the tables
// are. A table or code that is not here is not ok: the caller keeps the text and says so.
func V2(table, code string) (system, target, display string, ok bool) {
	c, ok := v2[table][code]
	return c.system, c.code, c.display, ok
}

// SPEC(HL7 v2-to-FHIR, concept maps AdministrativeSex, PatientClass, InterpretationCodes, ObservationResultStatusCodes,
// ResultStatus, IdentifierType): the pairs below. Where the guide leaves a status open, only a weaker one than final is
// filled in (0085 I, R, S; 0123 A, M, N), besides 0085 V, verified, which is final by its own text.
var v2 = map[string]map[string]concept{
	"0001": {
		"F": {gender, "female", "Female"}, "M": {gender, "male", "Male"}, "O": {gender, "other", "Other"},
		"U": {gender, "unknown", "Unknown"}, "A": {gender, "other", "Other"}, "N": {gender, "other", "Other"},
	},
	"0004": {
		"E": {actCode, "EMER", "emergency"}, "I": {actCode, "IMP", "inpatient encounter"}, "O": {actCode, "AMB", "ambulatory"},
		"P": {actCode, "PRENC", "pre-admission"}, "R": {patientClass, "R", "Recurring patient"}, "B": {patientClass, "B", "Obstetrics"},
		"C": {patientClass, "C", "Commercial Account"}, "N": {patientClass, "N", "Not Applicable"}, "U": {patientClass, "U", "Unknown"},
	},
	"0078": same(interpretation, map[string]string{
		"<": "Off scale low", ">": "Off scale high", "A": "Abnormal", "AA": "Critical abnormal", "B": "Better", "CAR": "Carrier",
		"D": "Significant change down", "DET": "Detected", "E": "Equivocal", "EX": "outside threshold", "EXP": "Expected", "H": "High",
		"HH": "Critical high", "HU": "Significantly high", "I": "Intermediate", "IE": "Insufficient evidence", "IND": "Indeterminate",
		"L": "Low", "LL": "Critical low", "LU": "Significantly low", "N": "Normal", "NCL": "No CLSI defined breakpoint", "ND": "Not detected",
		"NEG": "Negative", "NR": "Non-reactive", "NS": "Non-susceptible", "POS": "Positive", "R": "Resistant", "RR": "Reactive",
		"S": "Susceptible", "SDD": "Susceptible-dose dependent", "SYN-R": "Synergy - resistant", "SYN-S": "Synergy - susceptible",
		"U": "Significant change up", "UNE": "Unexpected", "W": "Worse", "WR": "Weakly reactive",
	}),
	"0085": {
		"A": {obsStatus, "amended", "Amended"}, "C": {obsStatus, "corrected", "Corrected"}, "D": {obsStatus, "entered-in-error", "Entered in Error"},
		"F": {obsStatus, "final", "Final"}, "I": {obsStatus, "registered", "Registered"}, "P": {obsStatus, "preliminary", "Preliminary"},
		"R": {obsStatus, "preliminary", "Preliminary"}, "S": {obsStatus, "preliminary", "Preliminary"}, "V": {obsStatus, "final", "Final"},
		"W": {obsStatus, "entered-in-error", "Entered in Error"}, "X": {obsStatus, "cancelled", "Cancelled"},
	},
	"0123": {
		"A": {reportStatus, "partial", "Partial"}, "C": {reportStatus, "corrected", "Corrected"}, "F": {reportStatus, "final", "Final"},
		"I": {reportStatus, "registered", "Registered"}, "M": {reportStatus, "preliminary", "Preliminary"},
		"N": {reportStatus, "registered", "Registered"}, "O": {reportStatus, "registered", "Registered"},
		"P": {reportStatus, "preliminary", "Preliminary"}, "R": {reportStatus, "partial", "Partial"},
		"S": {reportStatus, "registered", "Registered"}, "X": {reportStatus, "cancelled", "Cancelled"},
	},
	"0203": same(identifierType, map[string]string{
		"ACSN": "Accession ID", "AN": "Account number", "BC": "Bank Card Number", "BR": "Birth registry number", "DEA": "Drug Enforcement Administration registration number",
		"DL": "Driver's license number", "DN": "Doctor number", "EI": "Employee number", "EN": "Employer number", "FI": "Facility ID",
		"FILL": "Filler Identifier", "JHN": "Jurisdictional health number (Canada)", "LN": "License number", "MA": "Patient Medicaid number",
		"MB": "Member Number", "MC": "Patient's Medicare number", "MD": "Medical License number", "MR": "Medical record number",
		"MRT": "Temporary Medical Record Number", "NI": "National unique individual identifier", "NPI": "National provider identifier",
		"PEN": "Pension Number", "PI": "Patient internal identifier", "PLAC": "Placer Identifier", "PN": "Person number",
		"PPN": "Passport number", "PRN": "Provider number", "PT": "Patient external identifier", "RI": "Resource identifier",
		"SL": "State license", "SS": "Social Security number", "TAX": "Tax ID number", "U": "Unspecified identifier", "UPIN": "Medicare/CMS (formerly HCFA)'s Universal Physician Identification numbers",
		"VN": "Visit number", "WC": "WIC identifier", "XX": "Organization identifier",
	}),
}

// same makes rows whose code stays what it is.
func same(system string, displays map[string]string) map[string]concept {
	m := make(map[string]concept, len(displays))
	for code, display := range displays {
		m[code] = concept{system, code, display}
	}
	return m
}
