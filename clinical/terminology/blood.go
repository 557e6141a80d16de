package terminology

const bld = "Bld"

var (
	perThousand = u("10*3/uL 10*9/L /uL")
	perMillion  = u("10*6/uL 10*12/L /uL")
	percent     = u("% 1")
)

// gases: blood gases and acid-base.
var gases = []Analyte{
	{"2744-1", "pH of Arterial blood", "ph", "BldA", "LsCnc", "[pH]", u("[pH]"), "6.3", "8", "7.35", "7.45", "", 0, core},
	{"2746-6", "pH of Venous blood", "ph", "BldV", "LsCnc", "[pH]", u("[pH]"), "6.3", "8", "7.31", "7.42", "", 0, core},
	{"11558-4", "pH of Blood", "ph", bld, "LsCnc", "[pH]", u("[pH]"), "6.3", "8", "7.33", "7.45", "", 0, core},
	{"2703-7", "Oxygen [Partial pressure] in Arterial blood", "oxygen", "BldA", "PPres", "mm[Hg]", u("mm[Hg] kPa"), "15", "760", "75", "105", "", 0, core},
	{"2705-2", "Oxygen [Partial pressure] in Venous blood", "oxygen", "BldV", "PPres", "mm[Hg]", u("mm[Hg] kPa"), "5", "400", "25", "50", "", 0, core},
	{"11556-8", "Oxygen [Partial pressure] in Blood", "oxygen", bld, "PPres", "mm[Hg]", u("mm[Hg] kPa"), "5", "760", "70", "105", "", 0, core},
	{"2019-8", "Carbon dioxide [Partial pressure] in Arterial blood", "carbon dioxide", "BldA", "PPres", "mm[Hg]", u("mm[Hg] kPa"), "8", "250", "35", "45", "", 0, core},
	{"2021-4", "Carbon dioxide [Partial pressure] in Venous blood", "carbon dioxide", "BldV", "PPres", "mm[Hg]", u("mm[Hg] kPa"), "8", "250", "40", "52", "", 0, core},
	{"11557-6", "Carbon dioxide [Partial pressure] in Blood", "carbon dioxide", bld, "PPres", "mm[Hg]", u("mm[Hg] kPa"), "8", "250", "35", "48", "", 0, core},
	{"1925-7", "Base excess in Arterial blood by calculation", "base excess", "BldA", "SCnc", "mmol/L", perIon, "-45", "45", "-3", "3", "", 1, core},
	{"11555-0", "Base excess in Blood by calculation", "base excess", bld, "SCnc", "mmol/L", perIon, "-45", "45", "-3", "3", "", 1, core},
	{"2708-6", "Oxygen saturation in Arterial blood", "oxygen saturation", "BldA", "MFr", "%", percent, "20", "100", "92", "100", "", 0, named},
	{"59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "oxygen saturation", "BldA", "MFr", "%", percent, "20", "100", "92", "100", "", 0, named},
	{"20564-1", "Oxygen saturation in Blood", "oxygen saturation", bld, "MFr", "%", percent, "10", "100", "90", "100", "", 0, core},
}

// blood: counts, indices, differential, sedimentation, coagulation.
var blood = []Analyte{
	{"6690-2", "Leukocytes [#/volume] in Blood by Automated count", "leukocytes", bld, "NCnc", "10*3/uL", perThousand, "0.05", "600", "4", "11", "", 0, shown},
	{"26464-8", "Leukocytes [#/volume] in Blood", "leukocytes", bld, "NCnc", "10*3/uL", perThousand, "0.05", "600", "4", "11", "", 0, shown},
	{"804-5", "Leukocytes [#/volume] in Blood by Manual count", "leukocytes", bld, "NCnc", "10*3/uL", perThousand, "0.05", "600", "4", "11", "", 0, core},
	{"789-8", "Erythrocytes [#/volume] in Blood by Automated count", "erythrocytes", bld, "NCnc", "10*6/uL", perMillion, "0.5", "11", "3.9", "5.8", "", 0, shown},
	{"26453-1", "Erythrocytes [#/volume] in Blood", "erythrocytes", bld, "NCnc", "10*6/uL", perMillion, "0.5", "11", "3.9", "5.8", "", 0, shown},
	{"718-7", "Hemoglobin [Mass/volume] in Blood", "hemoglobin", bld, "MCnc", "g/dL", perProt, "1.5", "27", "12", "17.2", "", 0, shown},
	{"59260-0", "Hemoglobin [Moles/volume] in Blood", "hemoglobin", bld, "SCnc", "mmol/L", perMol, "0.9", "17", "7.4", "10.7", "", 0, core},
	{"30313-1", "Hemoglobin [Mass/volume] in Arterial blood", "hemoglobin", "BldA", "MCnc", "g/dL", perProt, "1.5", "27", "12", "17.2", "", 0, core},
	{"4544-3", "Hematocrit [Volume Fraction] of Blood by Automated count", "hematocrit", bld, "VFr", "%", u("% L/L 1"), "5", "80", "36", "51", "", 0, shown},
	{"20570-8", "Hematocrit [Volume Fraction] of Blood", "hematocrit", bld, "VFr", "%", u("% L/L 1"), "5", "80", "36", "51", "", 0, shown},
	{"777-3", "Platelets [#/volume] in Blood by Automated count", "platelets", bld, "NCnc", "10*3/uL", perThousand, "0.5", "5000", "150", "420", "", 0, shown},
	{"26515-7", "Platelets [#/volume] in Blood", "platelets", bld, "NCnc", "10*3/uL", perThousand, "0.5", "5000", "150", "420", "", 0, shown},
	{"787-2", "MCV [Entitic volume] by Automated count", "mcv", "RBC", "EntVol", "fL", u("fL um3"), "35", "180", "79", "99", "", 0, shown},
	{"30428-7", "MCV [Entitic volume]", "mcv", "RBC", "EntVol", "fL", u("fL um3"), "35", "180", "79", "99", "", 0, core},
	{"785-6", "MCH [Entitic mass] by Automated count", "mch", "RBC", "EntMass", "pg", u("pg"), "10", "60", "26", "34", "", 0, shown},
	{"28539-5", "MCH [Entitic mass]", "mch", "RBC", "EntMass", "pg", u("pg"), "10", "60", "26", "34", "", 0, core},
	{"786-4", "MCHC [Mass/volume] by Automated count", "mchc", "RBC", "MCnc", "g/dL", perProt, "15", "50", "31", "36.5", "", 0, shown},
	{"28540-3", "MCHC [Mass/volume]", "mchc", "RBC", "MCnc", "g/dL", perProt, "15", "50", "31", "36.5", "", 0, core},
	{"788-0", "Erythrocyte distribution width [Ratio] by Automated count", "rdw", "RBC", "Ratio", "%", u("%"), "7", "45", "11.5", "15", "", 0, core},
	{"30385-9", "Erythrocyte distribution width [Ratio]", "rdw", "RBC", "Ratio", "%", u("%"), "7", "45", "11.5", "15", "", 0, shown},
	{"21000-5", "Erythrocyte distribution width [Entitic volume] by Automated count", "rdw", "RBC", "EntVol", "fL", u("fL"), "20", "150", "36", "50", "", 0, core},
	{"32623-1", "Platelet mean volume [Entitic volume] in Blood by Automated count", "mpv", bld, "EntVol", "fL", u("fL"), "3", "25", "7.2", "12", "", 0, core},
	{"751-8", "Neutrophils [#/volume] in Blood by Automated count", "neutrophils", bld, "NCnc", "10*3/uL", perThousand, "0", "300", "1.8", "7.5", "", 0, core},
	{"26499-4", "Neutrophils [#/volume] in Blood", "neutrophils", bld, "NCnc", "10*3/uL", perThousand, "0", "300", "1.8", "7.5", "", 0, shown},
	{"770-8", "Neutrophils/100 leukocytes in Blood by Automated count", "neutrophils fraction", bld, "NFr", "%", percent, "0", "100", "40", "75", "", 0, core},
	{"26511-6", "Neutrophils/100 leukocytes in Blood", "neutrophils fraction", bld, "NFr", "%", percent, "0", "100", "40", "75", "", 0, shown},
	{"731-0", "Lymphocytes [#/volume] in Blood by Automated count", "lymphocytes", bld, "NCnc", "10*3/uL", perThousand, "0", "500", "1", "4", "", 0, core},
	{"26474-7", "Lymphocytes [#/volume] in Blood", "lymphocytes", bld, "NCnc", "10*3/uL", perThousand, "0", "500", "1", "4", "", 0, shown},
	{"736-9", "Lymphocytes/100 leukocytes in Blood by Automated count", "lymphocytes fraction", bld, "NFr", "%", percent, "0", "100", "18", "45", "", 0, core},
	{"26478-8", "Lymphocytes/100 leukocytes in Blood", "lymphocytes fraction", bld, "NFr", "%", percent, "0", "100", "18", "45", "", 0, shown},
	{"742-7", "Monocytes [#/volume] in Blood by Automated count", "monocytes", bld, "NCnc", "10*3/uL", perThousand, "0", "200", "0.2", "0.95", "", 0, core},
	{"26484-6", "Monocytes [#/volume] in Blood", "monocytes", bld, "NCnc", "10*3/uL", perThousand, "0", "200", "0.2", "0.95", "", 0, shown},
	{"5905-5", "Monocytes/100 leukocytes in Blood by Automated count", "monocytes fraction", bld, "NFr", "%", percent, "0", "100", "3", "12", "", 0, core},
	{"26485-3", "Monocytes/100 leukocytes in Blood", "monocytes fraction", bld, "NFr", "%", percent, "0", "100", "3", "12", "", 0, shown},
	{"711-2", "Eosinophils [#/volume] in Blood by Automated count", "eosinophils", bld, "NCnc", "10*3/uL", perThousand, "0", "100", "0.03", "0.5", "", 0, core},
	{"26449-9", "Eosinophils [#/volume] in Blood", "eosinophils", bld, "NCnc", "10*3/uL", perThousand, "0", "100", "0.03", "0.5", "", 0, shown},
	{"713-8", "Eosinophils/100 leukocytes in Blood by Automated count", "eosinophils fraction", bld, "NFr", "%", percent, "0", "100", "0.5", "6", "", 0, core},
	{"26450-7", "Eosinophils/100 leukocytes in Blood", "eosinophils fraction", bld, "NFr", "%", percent, "0", "100", "0.5", "6", "", 0, shown},
	{"704-7", "Basophils [#/volume] in Blood by Automated count", "basophils", bld, "NCnc", "10*3/uL", perThousand, "0", "50", "0.01", "0.1", "", 0, core},
	{"26444-0", "Basophils [#/volume] in Blood", "basophils", bld, "NCnc", "10*3/uL", perThousand, "0", "50", "0.01", "0.1", "", 0, shown},
	{"706-2", "Basophils/100 leukocytes in Blood by Automated count", "basophils fraction", bld, "NFr", "%", percent, "0", "100", "0.2", "1.5", "", 0, core},
	{"30180-4", "Basophils/100 leukocytes in Blood", "basophils fraction", bld, "NFr", "%", percent, "0", "100", "0.2", "1.5", "", 0, shown},
	{"17849-1", "Reticulocytes/100 erythrocytes in Blood by Automated count", "reticulocytes fraction", bld, "NFr", "%", percent, "0", "60", "0.5", "2.5", "", 0, core},
	{"60474-4", "Reticulocytes [#/volume] in Blood by Automated count", "reticulocytes", bld, "NCnc", "10*3/uL", perThousand, "0", "2000", "25", "110", "", 0, core},
	{"4537-7", "Erythrocyte sedimentation rate by Westergren method", "sedimentation", bld, "Vel", "mm/h", u("mm/h"), "0", "200", "2", "25", "", 0, core},
	{"30341-2", "Erythrocyte sedimentation rate", "sedimentation", bld, "Vel", "mm/h", u("mm/h"), "0", "200", "2", "25", "", 0, core},
	{"82477-1", "Erythrocyte sedimentation rate by Photometric method", "sedimentation", bld, "Vel", "mm/h", u("mm/h"), "0", "200", "2", "25", "", 0, core},
	{"6301-6", "INR in Platelet poor plasma by Coagulation assay", "inr", "PPP", "RelTime", "{INR}", u("{INR} 1"), "0.5", "30", "0.85", "1.2", "", 0, core},
	{"34714-6", "INR in Blood by Coagulation assay", "inr", bld, "RelTime", "{INR}", u("{INR} 1"), "0.5", "30", "0.85", "1.2", "", 0, core},
	{"5902-2", "Prothrombin time (PT)", "prothrombin time", "PPP", "Time", "s", u("s"), "5", "300", "10", "14.5", "", 0, core},
	{"14979-9", "aPTT in Platelet poor plasma by Coagulation assay", "aptt", "PPP", "Time", "s", u("s"), "10", "400", "23", "37", "", 0, core},
	{"3255-7", "Fibrinogen [Mass/volume] in Platelet poor plasma by Coagulation assay", "fibrinogen", "PPP", "MCnc", "mg/dL", u("mg/dL g/L"), "10", "2000", "190", "420", "", 0, core},
	{"48065-7", "Fibrin D-dimer FEU [Mass/volume] in Platelet poor plasma", "d-dimer feu", "PPP", "MCnc", "ug/mL", u("ug/mL ng/mL mg/L ug/L"), "0", "500", "0.1", "0.5", "", 0, core},
}
