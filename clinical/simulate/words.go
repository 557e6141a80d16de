package simulate

var (
	femaleNames = []string{"Aldina", "Brisa", "Calvena", "Dorothee", "Elmira", "Fenja", "Gisela", "Hedda", "Ilvy", "Jorunn", "Katla", "Liesel", "Mirela", "Nuria", "Ottilia", "Perla", "Runa", "Solveig", "Tamsin", "Ulrike", "Vesna", "Wilma", "Yara", "Zelda"}
	maleNames   = []string{"Anselm", "Bertil", "Corvin", "Dagfinn", "Emeric", "Florin", "Gunnar", "Hanno", "Ivo", "Joris", "Kasimir", "Leif", "Mattis", "Nestor", "Orlan", "Piet", "Ruben", "Sverre", "Teodor", "Ulf", "Vitus", "Wendel", "Yorick", "Zeno"}
	familyNames = []string{"Adlerflug", "Birkenfeld", "Cressmoor", "Dunhollow", "Eschenbruch", "Fernwick", "Glimmerholt", "Heidebrink", "Inselmann", "Juniper", "Kaltwasser", "Lindenau", "Moorgate", "Nebelhorn", "Ostergard", "Pfeilstrand", "Quellbach", "Rosmarin", "Silberhain", "Thornquist", "Uferland", "Vogelsang", "Wintermark", "Zedernholz"}
	cities      = []string{"Seetal", "Nordhaven", "Altbruck", "Lindmoor"}
)

// coded is a concept with its code system.
type coded struct{ system, code, display string }

const (
	loinc  = "http://loinc.org"
	icd10  = "http://hl7.org/fhir/sid/icd-10"
	atc    = "http://www.whocc.no/atc"
	ucum   = "http://unitsofmeasure.org"
	system = "http://ward.example/"
)

// test is a kind of result: code, unit and a range of values as integers with decimal places.
type test struct {
	coded
	unit   string
	lo, hi int
	places int
}

// Tests other than creatinine. Codes and units: LOINC, UCUM.
var tests = []test{
	{coded{loinc, "2951-2", "Sodium [Moles/volume] in Serum or Plasma"}, "mmol/L", 132, 147, 0},
	{coded{loinc, "2823-3", "Potassium [Moles/volume] in Serum or Plasma"}, "mmol/L", 33, 54, 1},
	{coded{loinc, "718-7", "Hemoglobin [Mass/volume] in Blood"}, "g/dL", 98, 168, 1},
	{coded{loinc, "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"}, "%", 48, 92, 1},
	{coded{loinc, "1751-7", "Albumin [Mass/volume] in Serum or Plasma"}, "g/dL", 31, 50, 1},
	{coded{loinc, "8867-4", "Heart rate"}, "/min", 54, 104, 0},
	{coded{loinc, "8480-6", "Systolic blood pressure"}, "mm[Hg]", 102, 168, 0},
	{coded{loinc, "29463-7", "Body weight"}, "kg", 480, 1120, 1},
}

// Codes with texts of our own.
var conditions = []coded{
	{icd10, "I10", "High blood pressure"},
	{icd10, "E11.9", "Diabetes type 2"},
	{icd10, "N18.3", "Chronic kidney disease 3"},
	{icd10, "J45.9", "Asthma"},
	{icd10, "I48.9", "Atrial fibrillation"},
	{icd10, "M54.5", "Low back pain"},
}

// sensitive is the condition of a patient whose record is restricted.
var sensitive = coded{icd10, "F10.2", "Alcohol dependence"}

var medications = []coded{
	{atc, "C09AA05", "ramipril"}, {atc, "A10BA02", "metformin"}, {atc, "C07AB02", "metoprolol"},
	{atc, "B01AC06", "acetylsalicylic acid"}, {atc, "R03AC02", "salbutamol"}, {atc, "C10AA05", "atorvastatin"},
}
