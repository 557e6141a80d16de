package units

// Sizes, times, rates, pressures, temperatures.
var measures = []spelling{
	{"mm[Hg]", "mmhg mm[hg] mm(hg) mm-hg mmofhg mmhg. torr millimetersofmercury millimeterofmercury millimetresofmercury mm_hg mm/hg"},
	{"kPa", "kpa kilopascal kilopascals k.pa"},
	{"Cel", "cel c degc deg.c °c degreesc degreec celsius degreecelsius degreescelsius degcelsius °celsius centigrade celcius deg_c ℃ oc"},
	{"[degF]", "f degf [degf] deg.f °f degreesf degreef fahrenheit degreefahrenheit degreesfahrenheit degfahrenheit °fahrenheit deg_f ℉ of farenheit"},
	{"/min", "/min bpm beats/min beat/min beats/minute beatsperminute beats/min. bts/min bt/min {beats}/min {beat}/min hb/min b/min bp/min pulse/min 1/min /minute permin perminute breaths/min breath/min breaths/minute breathsperminute br/min resp/min resps/min respirations/min rpm {breaths}/min cpm brpm"},
	{"kg", "kg kgs kilogram kilograms kilo kilos kilogramme kilogrammes"},
	{"g", "g gm gms gram grams gramme grammes"},
	{"[lb_av]", "lb lbs pound pounds [lb_av] lb_av lb-av #"},
	{"[oz_av]", "oz ounce ounces [oz_av] oz_av"},
	{"cm", "cm cms centimeter centimeters centimetre centimetres"},
	{"m", "m meter meters metre metres mtr mtrs"},
	{"mm", "mm millimeter millimeters millimetre millimetres"},
	{"[in_i]", "in inch inches [in_i] in_i [in_us] ins \""},
	{"[ft_i]", "ft foot feet [ft_i] ft_i"},
	{"kg/m2", "kg/m2 kg/m^2 kg/m*2 kg/m**2 kg/(m2) kg/(m^2) kg/sqm kg/sq.m kg/sqmeter kg/m(2) kg.m-2 kilogram/m2 kgperm2 kg/squaremeter kilogrampersquaremeter kilograms/squaremeter kilogramspersquaremeter"},
	{"mm/h", "mm/h mm/hr mm/hour mm/1hr mm/1h mm/hrs mmperhr mmperhour millimeter/hour millimeters/hour millimetersperhour millimeterperhour mm/st mm/std mmhr mm/sthour mm/1sthour"},
	{"s", "s sec secs second seconds sek"},
	{"fL", "fl femtoliter femtoliters femtolitre femtolitres um3 um^3 cuum cumicron cumicrons cubicmicron cubicmicrons u^3 u3 fl/cell"},
	{"pg", "pg pgm pgs picogram picograms pg/cell pg/{cell} picogramspercell picogrampercell uug pg/rbc pgms"},
	{"[pH]", "ph [ph] phunits phunit {ph} phscale"},
	{"mL/min/{1.73_m2}", "ml/min/1.73m2 ml/min/1.73m^2 ml/min/1.73m*2 ml/min/1.73m(2) ml/min/1.73sqm ml/min/1.73sq.m ml/min/1.73 ml/min/1.73.m2 ml/min/1.73_m2 ml/min/{1.73_m2} ml/min/{1.73m2} ml/min/1,73m2 ml/min/1,73m^2 ml/min/bsa " +
		"ml/min/m2(1.73) ml/minper1.73m2 mlpermin/1.73m2 ml/minute/1.73m2 ml/min/1.73msq ml/min/173m2 ml/min/1.73m2bsa ml/min/1.73squaremeters ml/min/{1.73_m^2} mls/min/1.73m2 ml/min/(1.73m2) (ml/min/1.73m2) ml/min/1.73m2. ml/min/1.73m\\s\\2"},
	{"mL/min", "ml/min ml/minute mls/min cc/min mlpermin milliliter/min milliliters/minute"},
}
