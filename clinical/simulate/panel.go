package simulate

// analyte is one test of the day's panel. Values are drawn between lo and hi, which stand in units of the last decimal place.
type analyte struct {
	code, name string // LOINC
	unit       string // UCUM
	alias      string // the unit as some laboratories write it
	lo, hi     int
	places     int
	normal     string   // reference range as the laboratory prints it
	molar      *analyte // the same by amount of substance, or the other way round
}

// panel holds what the models of the demonstration ask for, and some of what a panel brings beside it. Codes and names are
// LOINC's; the ranges are what a laboratory may print, not clinical truth.
var panel = []analyte{
	{"2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", "mEq/L", 134, 146, 0, "135-145", nil},
	{"2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", "mEq/L", 34, 52, 1, "3.5-5.1", nil},
	{"2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", "MG/DL", 60, 190, 2, "0.60-1.20",
		&analyte{"14682-9", "Creatinine [Moles/volume] in Serum or Plasma", "umol/L", "", 55, 170, 0, "53-106", nil}},
	{"1751-7", "Albumin [Mass/volume] in Serum or Plasma", "g/dL", "gm/dL", 34, 50, 1, "3.5-5.0", nil},
	{"2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dl", 140, 280, 0, "<200", nil},
	{"2498-4", "Iron [Mass/volume] in Serum or Plasma", "ug/dL", "mcg/dL", 45, 160, 0, "50-170", nil},
	{"2500-7", "Iron binding capacity [Mass/volume] in Serum or Plasma", "ug/dL", "mcg/dL", 250, 430, 0, "250-450", nil},
	{"2502-3", "Iron saturation [Mass Fraction] in Serum or Plasma", "%", "", 15, 50, 0, "15-50", nil},
	{"2885-2", "Protein [Mass/volume] in Serum or Plasma", "g/dL", "gm/dL", 62, 82, 1, "6.0-8.3", nil},
	{"2601-3", "Magnesium [Moles/volume] in Serum or Plasma", "mmol/L", "", 70, 105, 2, "0.70-1.05",
		&analyte{"19123-9", "Magnesium [Mass/volume] in Serum or Plasma", "mg/dL", "", 17, 25, 1, "1.7-2.5", nil}},
	{"6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", "K/uL", 42, 110, 1, "4.0-11.0", nil},
	{"4537-7", "Erythrocyte sedimentation rate by Westergren method", "mm/h", "mm/hr", 3, 40, 0, "0-20", nil},
	{"8480-6", "Systolic blood pressure", "mm[Hg]", "mmHg", 105, 165, 0, "", nil},
	{"8462-4", "Diastolic blood pressure", "mm[Hg]", "mmHg", 62, 98, 0, "", nil},
	{"39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", "", 195, 345, 1, "", nil},
}
