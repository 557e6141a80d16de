package units

// Numbers of cells, and fractions.
var counts = []spelling{
	{"10*3/uL", "k/ul k/mcl k/mm3 k/mm^3 k/cumm k/cmm kul k/microl k/ulcells x10e3/ul x10e3/mcl x10e3/mm3 10e3/ul 10e3/mcl 10e3/mm3 10^3/ul 10^3/mcl 10^3/mm3 10^3/mm^3 x10^3/ul x10^3/mcl x10^3/mm3 " +
		"10(3)/ul 10(3)/mcl x10(3)/ul x10(3)/mcl x10(3)/mm3 10*3/ul 10*3/mcl 10*3/mm3 x10*3/ul x10*3/mcl x10(e3)/ul 10x3/ul 10x3/mcl 10x3/mm3 x103/ul x103/mm3 x1000/ul x1000/mcl x1000/mm3 1000/ul 1000/mcl 1000/mm3 " +
		"1000/cumm thou/ul thou/mcl thou/mm3 thou/cumm thous/ul thous/mcl thous/cumm thousand/ul thousand/mcl thousand/mm3 thousands/ul thousands/mcl thousandpermicroliter thousandspermicroliter th/ul th/mm3 th/cumm " +
		"tsd/ul tsd./ul thsn/ul thousand/cumm x10^3cells/ul k/cu.mm k/cumm. 10e3cells/ul 10^3cells/ul x10^3/cumm 10^3/cumm"},
	{"10*9/L", "10e9/l 10^9/l x10e9/l x10^9/l 10(9)/l x10(9)/l 10*9/l x10*9/l 10x9/l x109/l 10e+9/l x10e+9/l g/l gi/l giga/l giga.l-1 gpt/l bil/l billion/l billion/liter billions/l 10^9cells/l x10^9cells/l 10e9cells/l /nl 10-9/l 10**9/l"},
	{"10*6/uL", "m/ul m/mcl m/mm3 m/mm^3 m/cumm m/cmm mil/ul mil/mcl mil/mm3 mil/cumm mill/ul mill/mcl mill/mm3 mill/cumm million/ul million/mcl million/mm3 millions/ul millions/mcl millions/mm3 millions/cumm million/cumm " +
		"millionpermicroliter millionspermicroliter x10e6/ul x10e6/mcl x10e6/mm3 10e6/ul 10e6/mcl 10e6/mm3 10^6/ul 10^6/mcl 10^6/mm3 10^6/mm^3 x10^6/ul x10^6/mcl x10^6/mm3 10(6)/ul 10(6)/mcl x10(6)/ul x10(6)/mcl x10(6)/mm3 10*6/ul 10*6/mcl " +
		"x10*6/ul 10x6/ul 10x6/mcl 10x6/mm3 x106/ul x106/mm3 mio/ul mio./ul mln/ul mln/mm3 10e6cells/ul 10^6cells/ul mm/ul x10^6/cumm 10^6/cumm"},
	{"10*12/L", "10e12/l 10^12/l x10e12/l x10^12/l 10(12)/l x10(12)/l 10*12/l x10*12/l 10x12/l x1012/l 10e+12/l t/l ti/l tera/l tera.l-1 tpt/l trill/l trillion/l 10^12cells/l x10^12cells/l /pl 10**12/l"},
	{"10*5/uL", "lakh/cumm lakhs/cumm lakh/ul lakhs/ul lac/cumm lacs/cumm lakhs/mm3"},
	{"/uL", "/ul /mcl /mm3 /mm^3 /cumm /cmm /cu.mm /cu.mm. cells/ul cell/ul cells/mcl cell/mcl cells/mm3 cells/mm^3 cells/cumm cells/cmm cell/mm3 {cells}/ul {cell}/ul #/ul #/mcl #/mm3 #/cumm perul permm3 percumm cellspermicroliter cells/microliter count/ul cnt/ul c/mm3 no/ul 1/ul 1/mm3"},
	{"/L", "/l cells/l cell/l {cells}/l 1/l perl cellsperliter #/l"},
	{"10*6/L", "10e6/l 10^6/l x10e6/l x10^6/l 10(6)/l x10(6)/l 10*6/l x106/l m/l mill/l 10^6cells/l million/l"},

	{"%", "% percent pct perc per_cent prct percentage vol% %vol v% %(v/v) %v/v %ofwbc %wbc %total %oftotal %totalhgb %oftotalhgb %oftotalhb %hb %hba1c %a1c %{hb} %o2 %sat %so2 %saturation %ngsp %(ngsp) %{ngsp} %dcct per100wbc /100wbc %rbc"},
	{"L/L", "l/l liter/liter"},
	{"1", "fraction ratio {fraction} {ratio} frac proportion decimal"},
	{"{INR}", "inr {inr} inrratio inrunits inr. int.ratio ratio {ratio} i.n.r"},
}
