package units

// Mass, substance, equivalents, activity.
var concentrations = []spelling{
	{"g/dL", "g/dl gm/dl gms/dl gram/dl grams/dl g/100ml gm/100ml g% gm% g/deciliter g/decilitre gramsperdeciliter gramperdeciliter grams/deciliter g/dlofserum"},
	{"g/L", "g/l gm/l gms/l gram/l grams/l g/liter g/litre gramsperliter gramperliter"},
	{"g/mL", "g/ml gm/ml grams/ml gramspermilliliter"},
	{"mg/dL", "mg/dl mgs/dl mgm/dl mg/100ml mgs/100ml mg% mgm% mg/100cc mg/deciliter mg/decilitre milligram/dl milligrams/dl milligramperdeciliter milligramsperdeciliter milligram/deciliter milligrams/deciliter mgperdl mg/dlcalc"},
	{"mg/L", "mg/l mgs/l mgm/l mg/liter mg/litre milligram/l milligrams/l milligramsperliter"},
	{"mg/mL", "mg/ml mgs/ml milligrams/ml milligramspermilliliter"},
	{"ug/dL", "ug/dl mcg/dl mcgm/dl ugm/dl ug% mcg% ug/100ml mcg/100ml microgram/dl micrograms/dl microgramsperdeciliter gamma/dl mcgs/dl"},
	{"ug/L", "ug/l mcg/l mcgm/l mcg/liter microgram/l micrograms/l microgramsperliter"},
	{"ug/mL", "ug/ml mcg/ml mcgm/ml microgram/ml micrograms/ml microgramspermilliliter"},
	{"ug/mL{FEU}", "ug/mlfeu mcg/mlfeu ug{feu}/ml ugfeu/ml mcgfeu/ml ug/ml(feu) mcg/ml(feu)"},
	{"ng/mL{FEU}", "ng/mlfeu ng{feu}/ml ngfeu/ml ng/ml(feu)"},
	{"mg/L{FEU}", "mg/lfeu mg{feu}/l mgfeu/l mg/l(feu)"},
	{"ng/dL", "ng/dl ng/100ml ng% nanogram/dl nanograms/dl nanogramsperdeciliter"},
	{"ng/mL", "ng/ml nanogram/ml nanograms/ml ngs/ml ng/milliliter nanogramspermilliliter"},
	{"ng/L", "ng/l nanogram/l nanograms/l nanogramsperliter"},
	{"pg/mL", "pg/ml picogram/ml picograms/ml pgm/ml picogramspermilliliter"},
	{"pg/dL", "pg/dl picograms/dl"},
	{"mmol/L", "mmol/l mmole/l mmoles/l mmols/l mmol/liter mmol/litre millimol/l millimole/l millimoles/l millimoleperliter millimolesperliter millimoles/liter mmolperl"},
	{"umol/L", "umol/l mcmol/l umole/l umoles/l umols/l mcmole/l mcmoles/l umol/liter umol/litre micromol/l micromole/l micromoles/l micromolesperliter mumol/l"},
	{"nmol/L", "nmol/l nmole/l nmoles/l nmol/liter nanomol/l nanomole/l nanomoles/l nanomolesperliter"},
	{"pmol/L", "pmol/l pmole/l pmoles/l pmol/liter picomol/l picomole/l picomoles/l picomolesperliter"},
	{"meq/L", "meq/l meqs/l meq/liter meq/litre mequiv/l mequ/l mval/l milliequivalent/l milliequivalents/l milliequivalentsperliter milliequivalents/liter meqv/l"},
	{"mmol/mol", "mmol/mol mmol/molhb mmol/mol{hb} mmol/molhgb mmolhba1c/molhb millimolepermole millimolespermole"},
	{"mosm/kg", "mosm/kg mosmol/kg mosm/kgh2o mosmol/kgh2o mosm/kg(h2o) mosmol/kgwater mosmo/kg mosmole/kg milliosmole/kg mos/kg milliosmolesperkilogram"},
	{"mg/g{creat}", "mg/g mg/gcreat mg/gcr mg/gcre mg/gcrea mg/gcreatinine mg/g{creat} mgalb/gcreat mg/gmcreat"},
	{"ug/mg{creat}", "ug/mg mcg/mg ug/mgcreat mcg/mgcreat ug/mgcr mcg/mgcr ug/mg{creat} mcgalb/mgcreat mcg/mgcreatinine"},

	// Enzyme activity: the international unit of enzymes is 1 umol/min, which UCUM writes U; [IU] is another thing there.
	{"U/L", "u/l iu/l units/l unit/l u/liter iu/liter units/liter intlunits/l [iu]/l unitsperliter internationalunitsperliter u/litre"},
	{"mU/mL", "miu/ml mu/ml mu/milliliter"},
	{"U/mL", "iu/ml u/ml units/ml"},
	{"ukat/L", "ukat/l mckat/l microkat/l mkat/m3 ukatal/l microkatal/l microkatals/l"},
	{"nkat/L", "nkat/l nanokat/l"},

	// Arbitrary concentration, where 1 [IU] is defined by a reference preparation.
	{"m[IU]/L", "miu/l mu/l miu/liter mu/liter munits/l milliiu/l mintunit/l milliinternationalunitsperliter m[iu]/l mlu/l"},
	{"u[IU]/mL", "uiu/ml uu/ml mciu/ml mcu/ml microiu/ml uintunit/ml microunits/ml uunits/ml u[iu]/ml microinternationalunitspermilliliter mcunits/ml"},
	{"m[IU]/mL", "miu/ml mu/ml"},
	{"[IU]/L", "iu/l u/l units/l [iu]/l"},
	{"[IU]/mL", "iu/ml u/ml units/ml"},
}
