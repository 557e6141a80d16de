package terminology

import "strings"

// Where codes and names were checked. All limits and expected ranges are Ward's own figures, chosen wide: no reference range.
const (
	core  = "LOINC core table: code and component"
	shown = "LOINC core table: code and component; HL7 US Core, FHIR or v2 examples: code in use, its unit where one is given"
	named = "HL7 FHIR R4 vital signs profile and US Core: code, name and unit"
	later = "HL7 concept maps: code and name; younger than the core table that was checked"
)

// Formulas, in Hill order, and the conventions behind those that are no single molecule.
const (
	creatinine  = "C4H7N3O"
	urea        = "CH4N2O"
	ureaAsN     = "N2" // convention: urea nitrogen counts the two nitrogen atoms of one mole of urea
	glucose     = "C6H12O6"
	bilirubin   = "C33H36N4O6"
	cholesterol = "C27H46O"
	triolein    = "C57H104O6" // convention: triglycerides counted as glyceryl trioleate
	phosphorus  = "P"         // convention: phosphate mass is given as phosphorus
	urate       = "C5H4N4O3"
	thyroxine   = "C15H11I4NO4"
	liothyronin = "C15H12I3NO4"
	cortisol    = "C21H30O5"
	folate      = "C19H19N7O6"
	cobalamin   = "C63H88CoN14O14P"
	calcidiol   = "C27H44O2"
	lactate     = "C3H6O3"
	digoxin     = "C41H64O14"
)

const ser = "Ser/Plas"

func u(units string) []string { return strings.Fields(units) }

var (
	perMass   = u("mg/dL mg/L g/L ug/dL ug/mL")
	perProt   = u("g/dL g/L mg/dL")
	perMol    = u("mmol/L umol/L mol/L")
	perMicro  = u("umol/L mmol/L")
	perIon    = u("mmol/L meq/L")
	perEnzyme = u("U/L ukat/L nkat/L kU/L")
)

// chemistry: code, name, component, system, property, unit, units, hard limits, expected range, formula, charge, source.
var chemistry = []Analyte{
	{"2951-2", "Sodium [Moles/volume] in Serum or Plasma", "sodium", ser, "SCnc", "mmol/L", perIon, "90", "200", "135", "145", "Na", 1, shown},
	{"2947-0", "Sodium [Moles/volume] in Blood", "sodium", "Bld", "SCnc", "mmol/L", perIon, "90", "200", "135", "145", "Na", 1, core},
	{"2823-3", "Potassium [Moles/volume] in Serum or Plasma", "potassium", ser, "SCnc", "mmol/L", perIon, "1", "12", "3.5", "5.1", "K", 1, shown},
	{"6298-4", "Potassium [Moles/volume] in Blood", "potassium", "Bld", "SCnc", "mmol/L", perIon, "1", "12", "3.5", "5.1", "K", 1, core},
	{"2075-0", "Chloride [Moles/volume] in Serum or Plasma", "chloride", ser, "SCnc", "mmol/L", perIon, "50", "170", "97", "108", "Cl", 1, shown},
	{"2069-3", "Chloride [Moles/volume] in Blood", "chloride", "Bld", "SCnc", "mmol/L", perIon, "50", "170", "97", "108", "Cl", 1, core},
	{"1963-8", "Bicarbonate [Moles/volume] in Serum or Plasma", "bicarbonate", ser, "SCnc", "mmol/L", perIon, "2", "65", "22", "29", "CHO3", 1, core},
	{"1959-6", "Bicarbonate [Moles/volume] in Blood", "bicarbonate", "Bld", "SCnc", "mmol/L", perIon, "2", "65", "22", "29", "CHO3", 1, core},
	{"1960-4", "Bicarbonate [Moles/volume] in Arterial blood", "bicarbonate", "BldA", "SCnc", "mmol/L", perIon, "2", "65", "22", "28", "CHO3", 1, core},
	{"2028-9", "Carbon dioxide, total [Moles/volume] in Serum or Plasma", "carbon dioxide total", ser, "SCnc", "mmol/L", perIon, "2", "65", "22", "30", "", 1, shown},
	{"33037-3", "Anion gap in Serum or Plasma", "anion gap", ser, "SCnc", "mmol/L", perIon, "-15", "60", "6", "16", "", 1, core},
	{"17861-6", "Calcium [Mass/volume] in Serum or Plasma", "calcium", ser, "MCnc", "mg/dL", perMass, "3", "22", "8.6", "10.3", "Ca", 2, shown},
	{"2000-8", "Calcium [Moles/volume] in Serum or Plasma", "calcium", ser, "SCnc", "mmol/L", perIon, "0.75", "5.5", "2.15", "2.57", "Ca", 2, core},
	{"1994-3", "Calcium.ionized [Moles/volume] in Blood", "calcium ionized", "Bld", "SCnc", "mmol/L", perIon, "0.3", "3", "1.12", "1.32", "Ca", 2, core},
	{"1995-0", "Calcium.ionized [Moles/volume] in Serum or Plasma", "calcium ionized", ser, "SCnc", "mmol/L", perIon, "0.3", "3", "1.12", "1.32", "Ca", 2, core},
	{"19123-9", "Magnesium [Mass/volume] in Serum or Plasma", "magnesium", ser, "MCnc", "mg/dL", perMass, "0.3", "15", "1.6", "2.4", "Mg", 2, core},
	{"2601-3", "Magnesium [Moles/volume] in Serum or Plasma", "magnesium", ser, "SCnc", "mmol/L", perIon, "0.12", "6.2", "0.66", "0.99", "Mg", 2, core},
	{"2777-1", "Phosphate [Mass/volume] in Serum or Plasma", "phosphate", ser, "MCnc", "mg/dL", perMass, "0.3", "25", "2.5", "4.5", phosphorus, 0, core},
	{"14879-1", "Phosphate [Moles/volume] in Serum or Plasma", "phosphate", ser, "SCnc", "mmol/L", perMol, "0.1", "8", "0.81", "1.45", phosphorus, 0, core},
	{"2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "creatinine", ser, "MCnc", "mg/dL", perMass, "0.1", "35", "0.6", "1.3", creatinine, 0, shown},
	{"14682-9", "Creatinine [Moles/volume] in Serum or Plasma", "creatinine", ser, "SCnc", "umol/L", perMicro, "9", "3100", "53", "115", creatinine, 0, core},
	{"38483-4", "Creatinine [Mass/volume] in Blood", "creatinine", "Bld", "MCnc", "mg/dL", perMass, "0.1", "35", "0.6", "1.3", creatinine, 0, core},
	{"59826-8", "Creatinine [Moles/volume] in Blood", "creatinine", "Bld", "SCnc", "umol/L", perMicro, "9", "3100", "53", "115", creatinine, 0, core},
	{"3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "urea nitrogen", ser, "MCnc", "mg/dL", perMass, "1", "300", "7", "21", ureaAsN, 0, shown},
	{"6299-2", "Urea nitrogen [Mass/volume] in Blood", "urea nitrogen", "Bld", "MCnc", "mg/dL", perMass, "1", "300", "7", "21", ureaAsN, 0, core},
	{"14937-7", "Urea nitrogen [Moles/volume] in Serum or Plasma", "urea nitrogen", ser, "SCnc", "mmol/L", perMol, "0.35", "107", "2.5", "7.5", ureaAsN, 0, core},
	{"3091-6", "Urea [Mass/volume] in Serum or Plasma", "urea", ser, "MCnc", "mg/dL", perMass, "2", "640", "15", "45", urea, 0, core},
	{"22664-7", "Urea [Moles/volume] in Serum or Plasma", "urea", ser, "SCnc", "mmol/L", perMol, "0.35", "107", "2.5", "7.5", urea, 0, core},
	{"2345-7", "Glucose [Mass/volume] in Serum or Plasma", "glucose", ser, "MCnc", "mg/dL", perMass, "10", "1800", "70", "110", glucose, 0, shown},
	{"14749-6", "Glucose [Moles/volume] in Serum or Plasma", "glucose", ser, "SCnc", "mmol/L", perMol, "0.6", "100", "3.9", "6.1", glucose, 0, core},
	{"2339-0", "Glucose [Mass/volume] in Blood", "glucose", "Bld", "MCnc", "mg/dL", perMass, "10", "1800", "70", "110", glucose, 0, core},
	{"15074-8", "Glucose [Moles/volume] in Blood", "glucose", "Bld", "SCnc", "mmol/L", perMol, "0.6", "100", "3.9", "6.1", glucose, 0, core},
	{"1558-6", "Fasting glucose [Mass/volume] in Serum or Plasma", "glucose fasting", ser, "MCnc", "mg/dL", perMass, "10", "1800", "70", "100", glucose, 0, core},
	{"14771-0", "Fasting glucose [Moles/volume] in Serum or Plasma", "glucose fasting", ser, "SCnc", "mmol/L", perMol, "0.6", "100", "3.9", "5.6", glucose, 0, core},
	{"41653-7", "Glucose [Mass/volume] in Capillary blood by Glucometer", "glucose", "BldC", "MCnc", "mg/dL", perMass, "10", "1000", "70", "110", glucose, 0, core},
	{"4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "hemoglobin a1c", "Bld", "MFr", "%", u("%"), "2.5", "22", "4", "6", "", 0, core},
	{"17856-6", "Hemoglobin A1c/Hemoglobin.total in Blood by HPLC", "hemoglobin a1c", "Bld", "MFr", "%", u("%"), "2.5", "22", "4", "6", "", 0, core},
	{"59261-8", "Hemoglobin A1c/Hemoglobin.total in Blood by IFCC protocol", "hemoglobin a1c", "Bld", "SFr", "mmol/mol", u("mmol/mol"), "8", "220", "20", "42", "", 0, core},
	{"2885-2", "Protein [Mass/volume] in Serum or Plasma", "protein", ser, "MCnc", "g/dL", perProt, "1.5", "16", "6", "8.3", "", 0, core},
	{"1751-7", "Albumin [Mass/volume] in Serum or Plasma", "albumin", ser, "MCnc", "g/dL", perProt, "0.5", "8", "3.5", "5.2", "", 0, core},
	{"61151-7", "Albumin [Mass/volume] in Serum or Plasma by Bromocresol green (BCG) dye binding method", "albumin", ser, "MCnc", "g/dL", perProt, "0.5", "8", "3.5", "5.2", "", 0, core},
	{"61152-5", "Albumin [Mass/volume] in Serum or Plasma by Bromocresol purple (BCP) dye binding method", "albumin", ser, "MCnc", "g/dL", perProt, "0.5", "8", "3.5", "5.2", "", 0, core},
	{"54347-0", "Albumin [Moles/volume] in Serum or Plasma", "albumin", ser, "SCnc", "umol/L", perMicro, "75", "1200", "527", "783", "", 0, core},
	{"1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "bilirubin", ser, "MCnc", "mg/dL", perMass, "0.05", "70", "0.2", "1.2", bilirubin, 0, shown},
	{"14631-6", "Bilirubin.total [Moles/volume] in Serum or Plasma", "bilirubin", ser, "SCnc", "umol/L", perMicro, "0.8", "1200", "3.4", "21", bilirubin, 0, core},
	{"1968-7", "Bilirubin.direct [Mass/volume] in Serum or Plasma", "bilirubin direct", ser, "MCnc", "mg/dL", perMass, "0", "50", "0.05", "0.35", bilirubin, 0, core},
	{"14629-0", "Bilirubin.direct [Moles/volume] in Serum or Plasma", "bilirubin direct", ser, "SCnc", "umol/L", perMicro, "0", "860", "0.9", "6", bilirubin, 0, core},
	{"1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "alt", ser, "CCnc", "U/L", perEnzyme, "1", "25000", "7", "50", "", 0, core},
	{"1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "ast", ser, "CCnc", "U/L", perEnzyme, "1", "30000", "8", "42", "", 0, core},
	{"6768-6", "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma", "alkaline phosphatase", ser, "CCnc", "U/L", perEnzyme, "3", "6000", "38", "126", "", 0, core},
	{"2324-2", "Gamma glutamyl transferase [Enzymatic activity/volume] in Serum or Plasma", "ggt", ser, "CCnc", "U/L", perEnzyme, "1", "8000", "7", "58", "", 0, core},
	{"2532-0", "Lactate dehydrogenase [Enzymatic activity/volume] in Serum or Plasma", "ldh", ser, "CCnc", "U/L", perEnzyme, "20", "40000", "125", "243", "", 0, core},
	{"2157-6", "Creatine kinase [Enzymatic activity/volume] in Serum or Plasma", "creatine kinase", ser, "CCnc", "U/L", perEnzyme, "3", "500000", "30", "200", "", 0, core},
	{"1798-8", "Amylase [Enzymatic activity/volume] in Serum or Plasma", "amylase", ser, "CCnc", "U/L", perEnzyme, "2", "20000", "28", "105", "", 0, core},
	{"3040-3", "Lipase [Enzymatic activity/volume] in Serum or Plasma", "lipase", ser, "CCnc", "U/L", perEnzyme, "1", "40000", "10", "70", "", 0, core},
	{"1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", "c reactive protein", ser, "MCnc", "mg/L", u("mg/L mg/dL ug/mL"), "0", "700", "0.3", "8", "", 0, shown},
	{"30522-7", "C reactive protein [Mass/volume] in Serum or Plasma by High sensitivity method", "c reactive protein", ser, "MCnc", "mg/L", u("mg/L mg/dL ug/mL"), "0", "300", "0.3", "5", "", 0, core},
	{"2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "cholesterol", ser, "MCnc", "mg/dL", perMass, "30", "1200", "125", "220", cholesterol, 0, shown},
	{"14647-2", "Cholesterol [Moles/volume] in Serum or Plasma", "cholesterol", ser, "SCnc", "mmol/L", perMol, "0.8", "31", "3.2", "5.7", cholesterol, 0, shown},
	{"2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "cholesterol hdl", ser, "MCnc", "mg/dL", perMass, "3", "200", "38", "75", cholesterol, 0, core},
	{"14646-4", "Cholesterol in HDL [Moles/volume] in Serum or Plasma", "cholesterol hdl", ser, "SCnc", "mmol/L", perMol, "0.08", "5.2", "0.98", "1.94", cholesterol, 0, core},
	{"2089-1", "Cholesterol in LDL [Mass/volume] in Serum or Plasma", "cholesterol ldl", ser, "MCnc", "mg/dL", perMass, "3", "1000", "55", "140", cholesterol, 0, core},
	{"13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "cholesterol ldl", ser, "MCnc", "mg/dL", perMass, "3", "1000", "55", "140", cholesterol, 0, core},
	{"18262-6", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by Direct assay", "cholesterol ldl", ser, "MCnc", "mg/dL", perMass, "3", "1000", "55", "140", cholesterol, 0, core},
	{"22748-8", "Cholesterol in LDL [Moles/volume] in Serum or Plasma", "cholesterol ldl", ser, "SCnc", "mmol/L", perMol, "0.08", "26", "1.4", "3.6", cholesterol, 0, core},
	{"43396-1", "Cholesterol non HDL [Mass/volume] in Serum or Plasma", "cholesterol non hdl", ser, "MCnc", "mg/dL", perMass, "5", "1100", "70", "165", cholesterol, 0, core},
	{"2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "triglyceride", ser, "MCnc", "mg/dL", perMass, "10", "10000", "45", "170", triolein, 0, core},
	{"14927-8", "Triglyceride [Moles/volume] in Serum or Plasma", "triglyceride", ser, "SCnc", "mmol/L", perMol, "0.1", "115", "0.5", "1.9", triolein, 0, core},
	{"3084-1", "Urate [Mass/volume] in Serum or Plasma", "urate", ser, "MCnc", "mg/dL", perMass, "0.2", "30", "2.6", "7.4", urate, 0, core},
	{"14933-6", "Urate [Moles/volume] in Serum or Plasma", "urate", ser, "SCnc", "umol/L", perMicro, "12", "1800", "155", "440", urate, 0, core},
	{"2498-4", "Iron [Mass/volume] in Serum or Plasma", "iron", ser, "MCnc", "ug/dL", u("ug/dL ug/L mg/dL mg/L"), "2", "1500", "50", "170", "Fe", 0, core},
	{"14798-3", "Iron [Moles/volume] in Serum or Plasma", "iron", ser, "SCnc", "umol/L", perMicro, "0.3", "270", "9", "30.5", "Fe", 0, core},
	{"2500-7", "Iron binding capacity [Mass/volume] in Serum or Plasma", "iron binding capacity", ser, "MCnc", "ug/dL", u("ug/dL ug/L mg/dL mg/L"), "60", "1000", "240", "450", "Fe", 0, core},
	{"14800-7", "Iron binding capacity [Moles/volume] in Serum or Plasma", "iron binding capacity", ser, "SCnc", "umol/L", perMicro, "11", "180", "43", "80.6", "Fe", 0, core},
	{"3034-6", "Transferrin [Mass/volume] in Serum or Plasma", "transferrin", ser, "MCnc", "mg/dL", perMass, "30", "800", "200", "360", "", 0, core},
	{"2502-3", "Iron saturation [Mass Fraction] in Serum or Plasma", "iron saturation", ser, "MFr", "%", u("% 1"), "1", "100", "15", "50", "", 0, core},
	{"2276-4", "Ferritin [Mass/volume] in Serum or Plasma", "ferritin", ser, "MCnc", "ng/mL", u("ng/mL ug/L"), "0.5", "100000", "15", "300", "", 0, core},
	{"2132-9", "Cobalamin (Vitamin B12) [Mass/volume] in Serum or Plasma", "cobalamin", ser, "MCnc", "pg/mL", u("pg/mL ng/L"), "20", "20000", "200", "900", cobalamin, 0, core},
	{"2284-8", "Folate [Mass/volume] in Serum or Plasma", "folate", ser, "MCnc", "ng/mL", u("ng/mL ug/L"), "0", "200", "3.5", "20", folate, 0, core},
	{"14732-2", "Folate [Moles/volume] in Serum or Plasma", "folate", ser, "SCnc", "nmol/L", u("nmol/L"), "0.7", "450", "8", "45", folate, 0, core},
	{"1989-3", "25-hydroxyvitamin D3 [Mass/volume] in Serum or Plasma", "calcidiol", ser, "MCnc", "ng/mL", u("ng/mL ug/L"), "1", "300", "20", "70", calcidiol, 0, core},
	{"3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "thyrotropin", ser, "ACnc", "m[IU]/L", u("m[IU]/L u[IU]/mL"), "0", "1000", "0.4", "4.5", "", 0, core},
	{"11579-0", "Thyrotropin [Units/volume] in Serum or Plasma by Detection limit <= 0.05 mIU/L", "thyrotropin", ser, "ACnc", "m[IU]/L", u("m[IU]/L u[IU]/mL"), "0", "1000", "0.4", "4.5", "", 0, core},
	{"3024-7", "Thyroxine (T4) free [Mass/volume] in Serum or Plasma", "thyroxine free", ser, "MCnc", "ng/dL", u("ng/dL pg/mL ng/L"), "0.05", "20", "0.8", "1.8", thyroxine, 0, core},
	{"14920-3", "Thyroxine (T4) free [Moles/volume] in Serum or Plasma", "thyroxine free", ser, "SCnc", "pmol/L", u("pmol/L"), "0.6", "260", "10.3", "23.2", thyroxine, 0, core},
	{"3026-2", "Thyroxine (T4) [Mass/volume] in Serum or Plasma", "thyroxine", ser, "MCnc", "ug/dL", u("ug/dL ng/mL"), "0.2", "50", "4.5", "12", thyroxine, 0, core},
	{"3051-0", "Triiodothyronine (T3) Free [Mass/volume] in Serum or Plasma", "triiodothyronine free", ser, "MCnc", "pg/mL", u("pg/mL pg/dL ng/L"), "0.3", "60", "2", "4.4", liothyronin, 0, core},
	{"14928-6", "Triiodothyronine (T3) Free [Moles/volume] in Serum or Plasma", "triiodothyronine free", ser, "SCnc", "pmol/L", u("pmol/L"), "0.4", "95", "3.1", "6.8", liothyronin, 0, core},
	{"10839-9", "Troponin I.cardiac [Mass/volume] in Serum or Plasma", "troponin i", ser, "MCnc", "ng/mL", u("ng/mL ug/L ng/L pg/mL"), "0", "1000", "0.002", "0.06", "", 0, core},
	{"6598-7", "Troponin T.cardiac [Mass/volume] in Serum or Plasma", "troponin t", ser, "MCnc", "ng/mL", u("ng/mL ug/L ng/L pg/mL"), "0", "200", "0.003", "0.05", "", 0, core},
	{"67151-1", "Troponin T.cardiac [Mass/volume] in Serum or Plasma by High sensitivity method", "troponin t hs", ser, "MCnc", "ng/L", u("ng/L pg/mL"), "0", "200000", "3", "22", "", 0, core},
	{"89579-7", "Troponin I.cardiac [Mass/volume] in Serum or Plasma by High sensitivity method", "troponin i hs", ser, "MCnc", "ng/L", u("ng/L pg/mL"), "0", "1000000", "1.5", "30", "", 0, core},
	{"33762-6", "Natriuretic peptide.B prohormone N-Terminal [Mass/volume] in Serum or Plasma", "nt-probnp", ser, "MCnc", "pg/mL", u("pg/mL ng/L"), "0", "200000", "10", "300", "", 0, core},
	{"2524-7", "Lactate [Moles/volume] in Serum or Plasma", "lactate", ser, "SCnc", "mmol/L", perIon, "0.1", "40", "0.5", "2.2", lactate, 1, core},
	{"14118-4", "Lactate [Mass/volume] in Serum or Plasma", "lactate", ser, "MCnc", "mg/dL", perMass, "0.9", "360", "4.5", "19.8", lactate, 1, core},
	{"2518-9", "Lactate [Moles/volume] in Arterial blood", "lactate", "BldA", "SCnc", "mmol/L", perIon, "0.1", "40", "0.4", "1.8", lactate, 1, core},
	{"32693-4", "Lactate [Moles/volume] in Blood", "lactate", "Bld", "SCnc", "mmol/L", perIon, "0.1", "40", "0.5", "2.2", lactate, 1, core},
	{"2143-6", "Cortisol [Mass/volume] in Serum or Plasma", "cortisol", ser, "MCnc", "ug/dL", u("ug/dL ng/mL ug/L"), "0.2", "300", "4", "22", cortisol, 0, core},
	{"14675-3", "Cortisol [Moles/volume] in Serum or Plasma", "cortisol", ser, "SCnc", "nmol/L", u("nmol/L"), "5", "8300", "110", "607", cortisol, 0, core},
	{"2857-1", "Prostate specific Ag [Mass/volume] in Serum or Plasma", "psa", ser, "MCnc", "ng/mL", u("ng/mL ug/L"), "0", "30000", "0.2", "4", "", 0, core},
	{"33959-8", "Procalcitonin [Mass/volume] in Serum or Plasma", "procalcitonin", ser, "MCnc", "ng/mL", u("ng/mL ug/L"), "0", "1000", "0.02", "0.25", "", 0, core},
	{"14334-7", "Lithium [Moles/volume] in Serum or Plasma", "lithium", ser, "SCnc", "mmol/L", perIon, "0", "10", "0.4", "1.2", "Li", 1, core},
	{"10535-3", "Digoxin [Mass/volume] in Serum or Plasma", "digoxin", ser, "MCnc", "ng/mL", u("ng/mL ug/L"), "0", "50", "0.5", "2", digoxin, 0, core},
	{"2692-2", "Osmolality of Serum or Plasma", "osmolality", ser, "Osmol", "mosm/kg", u("mosm/kg"), "180", "500", "275", "300", "", 0, core},
	{"2161-8", "Creatinine [Mass/volume] in Urine", "creatinine", "Urine", "MCnc", "mg/dL", perMass, "1", "1500", "25", "280", creatinine, 0, core},
	{"14683-7", "Creatinine [Moles/volume] in Urine", "creatinine", "Urine", "SCnc", "mmol/L", perMol, "0.08", "133", "2.2", "24.8", creatinine, 0, core},
	{"9318-7", "Albumin/Creatinine [Mass Ratio] in Urine", "albumin/creatinine", "Urine", "MRto", "mg/g", u("mg/g ug/mg"), "0", "30000", "2", "30", "", 0, core},
}
