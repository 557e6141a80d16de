package terminology

// bedside: vital signs and body measures, which come without a reference range, and the estimated filtration rate.
var bedside = []Analyte{
	{"8480-6", "Systolic blood pressure", "systolic pressure", "Arterial system", "Pres", "mm[Hg]", u("mm[Hg] kPa"), "30", "330", "95", "165", "", 0, named},
	{"8462-4", "Diastolic blood pressure", "diastolic pressure", "Arterial system", "Pres", "mm[Hg]", u("mm[Hg] kPa"), "15", "220", "55", "100", "", 0, named},
	{"8478-0", "Mean blood pressure", "mean pressure", "Arterial system", "Pres", "mm[Hg]", u("mm[Hg] kPa"), "20", "260", "68", "122", "", 0, core},
	{"8867-4", "Heart rate", "heart rate", "XXX", "NRat", "/min", u("/min"), "15", "330", "48", "115", "", 0, named},
	{"9279-1", "Respiratory rate", "respiratory rate", "Respiratory system", "NRat", "/min", u("/min"), "2", "90", "10", "26", "", 0, named},
	{"8310-5", "Body temperature", "body temperature", "^Patient", "Temp", "Cel", u("Cel [degF] K"), "23", "45", "35.5", "38.6", "", 0, named},
	{"8331-1", "Oral temperature", "oral temperature", "Mouth", "Temp", "Cel", u("Cel [degF] K"), "23", "45", "35.5", "38.6", "", 0, core},
	{"29463-7", "Body weight", "body weight", "^Patient", "Mass", "kg", u("kg g [lb_av]"), "0.2", "650", "45", "125", "", 0, named},
	{"3141-9", "Body weight Measured", "body weight", "^Patient", "Mass", "kg", u("kg g [lb_av]"), "0.2", "650", "45", "125", "", 0, shown},
	{"8302-2", "Body height", "body height", "^Patient", "Len", "cm", u("cm m [in_i]"), "20", "272", "145", "202", "", 0, named},
	{"8306-3", "Body height --lying", "body height lying", "^Patient", "Len", "cm", u("cm m [in_i]"), "20", "272", "45", "202", "", 0, shown},
	{"39156-5", "Body mass index (BMI) [Ratio]", "body mass index", "^Patient", "Ratio", "kg/m2", u("kg/m2"), "6", "130", "16.5", "45", "", 0, named},
	{"9843-4", "Head Occipital-frontal circumference", "head circumference", "Head", "Len", "cm", u("cm [in_i]"), "15", "80", "32", "62", "", 0, named},
	{"98979-8", "Glomerular filtration rate [Volume Rate/Area] in Serum, Plasma or Blood by Creatinine-based formula (CKD-EPI 2021)/1.73 sq M", "egfr", "Ser/Plas/Bld", "ArVRat", "mL/min/{1.73_m2}", u("mL/min/{1.73_m2} mL/min"), "1", "250", "55", "125", "", 0, later},
	{"62238-1", "", "egfr", "Ser/Plas/Bld", "ArVRat", "mL/min/{1.73_m2}", u("mL/min/{1.73_m2} mL/min"), "1", "250", "55", "125", "", 0, core},
	{"33914-3", "", "egfr", "Ser/Plas/Bld", "ArVRat", "mL/min/{1.73_m2}", u("mL/min/{1.73_m2} mL/min"), "1", "250", "55", "125", "", 0, core},
}
