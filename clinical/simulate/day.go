package simulate

import (
	"strconv"
	"time"

	"github.com/ward-health/ward/clinical/hl7v2"
)

// Authority is the assigning authority of the patient numbers in made-up messages (PID-3.4).
const Authority = "GOODHEALTH"

// Twist says what is special about a message.
type Twist string

// The twists.
const (
	Plain         Twist = ""
	MolarResult   Twist = "molar"            // creatinine in umol/L and magnesium in mg/dL: to be converted, nothing to be held
	WrongSodium   Twist = "wrong-unit"       // sodium in mg/dL under the code of moles per volume: one fact to be held
	AliasUnits    Twist = "alias-units"      // units as laboratories write them: K/uL, mm/hr, gm/dL
	Duplicate     Twist = "duplicate"        // the same bytes as the message before
	Correction    Twist = "correction"       // a corrected result, sent before the one that it corrects
	LateOriginal  Twist = "late-original"    // the result that was corrected already
	Temporary     Twist = "temporary-number" // results under a number that is merged later
	Merging       Twist = "merge"            // A40: the temporary number's record goes on under the patient's
	TestTraffic   Twist = "test"             // MSH-11 is T
	WithoutNumber Twist = "no-patient-id"    // PID-3 is empty
)

// Message is one made-up HL7 v2 message with the truth about it.
type Message struct {
	Bytes     []byte
	Kind      string // "ORU^R01"
	ControlID string
	Number    string // the patient's number, "" if it names none
	Twist     Twist
	Results   int // results that it carries
	Doubtful  int // of them, those that must be held
}

// Day makes the messages of one day for the given number of patients (at least 8): an admission and a panel of results for
// each, and every twist once, in an order in which a laboratory could send them.
func (s *Simulator) Day(patients int) []Message {
	d := &day{sim: s, r: s.seed.split(1 << 40)}
	for i := range max(patients, 8) {
		p := d.person(i)
		d.admit(p)
		d.results(i, p)
	}
	return d.out
}

// Load calls fn with messages of results, ten a message, for the given number of patients in turn, until fn returns false.
// No two have the same control id or the same result ids, those of another minute of now neither.
func (s *Simulator) Load(patients int, fn func(Message) bool) {
	d := &day{sim: s, r: s.seed.split(1 << 41), prefix: "L" + strconv.FormatInt(s.now.Unix()/60, 36) + "-"}
	who := make([]subject, max(patients, 1))
	for i := range who {
		who[i] = d.person(i)
		// The same persons whenever it is sent, and others than those of another seed.
		who[i].number = "L" + strconv.FormatUint(s.seed.state, 36) + "-" + strconv.Itoa(i)
		who[i].birth = time.Date(1955, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, d.r.below(12_000)).Format("20060102")
		who[i].visit = who[i].number + "V"
	}
	for i := 0; ; i++ {
		d.out = d.out[:0]
		d.panel(who[i%len(who)], panel[:10], Plain, d.sim.now.Add(time.Duration(i-1_000_000)*100*time.Millisecond))
		if !fn(d.out[0]) {
			return
		}
	}
}

// day is a day in the making.
type day struct {
	sim    *Simulator
	r      *stream
	prefix string // of control ids and order numbers of a load
	serial int
	out    []Message
}

// subject is a patient as messages name them.
type subject struct {
	number, family, given, sex, birth, visit string
}

func (d *day) person(i int) subject {
	p := subject{number: strconv.Itoa(700100 + i), family: pick(d.r, familyNames), given: pick(d.r, femaleNames), sex: "F",
		visit: "V" + strconv.Itoa(40000+i)}
	if i%2 == 1 {
		p.given, p.sex = pick(d.r, maleNames), "M"
	}
	p.birth = d.sim.now.AddDate(-d.r.between(32, 71), 0, -d.r.between(1, 360)).Format("20060102")
	return p
}

func (d *day) results(i int, p subject) {
	at := d.sim.now.Add(-time.Duration(600-10*min(i, 50)) * time.Minute)
	switch i {
	case 1:
		d.panel(p, panel, MolarResult, at)
	case 2:
		d.panel(p, panel, WrongSodium, at)
	case 3:
		d.panel(p, panel, AliasUnits, at)
	case 4:
		d.panel(p, panel, Plain, at)
		again := d.out[len(d.out)-1]
		again.Twist = Duplicate
		d.out = append(d.out, again)
	case 5:
		d.corrected(p, at)
	case 6:
		temporary := p
		temporary.number, temporary.visit = "T"+p.number, "T"+p.visit
		d.panel(temporary, panel, Temporary, at)
		d.panel(p, panel[:4], Plain, at.Add(time.Minute))
		d.merge(p, temporary.number)
	case 7:
		d.panel(p, panel[:3], TestTraffic, at)
		nobody := p
		nobody.number = ""
		d.panel(nobody, panel[:3], WithoutNumber, at)
		d.panel(p, panel, Plain, at.Add(time.Minute))
	default:
		d.panel(p, panel, Plain, at)
	}
}

// head writes MSH and returns the builder with the message's control id.
func (d *day) head(kind, event, structure, processing string, at time.Time) (*hl7v2.Builder, string) {
	d.serial++
	id := "W" + strconv.Itoa(10_000_000+d.serial)
	if d.prefix != "" {
		id = d.prefix + strconv.Itoa(d.serial)
	}
	b := hl7v2.NewBuilder(hl7v2.Delimiters{})
	none := hl7v2.Node{}
	return b.Segment("MSH", hl7v2.Text("LAB"), hl7v2.Text(Authority), hl7v2.Text("WARD"), hl7v2.Text("HOSPITAL"), moment(at), none,
		hl7v2.Texts(kind, event, structure), hl7v2.Text(id), hl7v2.Text(processing), hl7v2.Text("2.5.1")), id
}

func (d *day) keep(b *hl7v2.Builder, m Message) {
	text, err := b.Bytes()
	if err != nil {
		panic("simulate: " + err.Error()) // constant segment names, short texts
	}
	m.Bytes = text
	d.out = append(d.out, m)
}

func moment(at time.Time) hl7v2.Node { return hl7v2.Text(at.UTC().Format("20060102150405") + "+0000") }

func (p subject) segments(b *hl7v2.Builder) {
	none := hl7v2.Node{}
	number := none
	if p.number != "" {
		number = hl7v2.Texts(p.number, "", "", Authority, "MR")
	}
	b.Segment("PID", hl7v2.Text("1"), none, number, none, hl7v2.Texts(p.family, p.given), none, hl7v2.Text(p.birth), hl7v2.Text(p.sex))
	b.Segment("PV1", hl7v2.Text("1"), hl7v2.Text("I"), hl7v2.Texts("NEPH", "12", "1"), none, none, none, none, none, none, none, none, none,
		none, none, none, none, none, none, hl7v2.Texts(p.visit, "", "", Authority, "VN"))
}

func (d *day) admit(p subject) {
	at := d.sim.now.Add(-20 * time.Hour).Add(time.Duration(d.serial) * time.Second)
	b, id := d.head("ADT", "A01", "ADT_A01", "P", at)
	b.Segment("EVN", hl7v2.Text("A01"), moment(at))
	p.segments(b)
	d.keep(b, Message{Kind: "ADT^A01", ControlID: id, Number: p.number})
}

// merge says that the record under another number goes on under the patient's.
//
// SPEC(HL7 2.5.1 3.3.40 A40): PID names the record that stays, MRG-1 the one that goes.
func (d *day) merge(p subject, from string) {
	at := d.sim.now.Add(-30 * time.Minute)
	b, id := d.head("ADT", "A40", "ADT_A39", "P", at)
	b.Segment("EVN", hl7v2.Text("A40"), moment(at))
	none := hl7v2.Node{}
	b.Segment("PID", hl7v2.Text("1"), none, hl7v2.Texts(p.number, "", "", Authority, "MR"), none, hl7v2.Texts(p.family, p.given), none,
		hl7v2.Text(p.birth), hl7v2.Text(p.sex))
	b.Segment("MRG", hl7v2.Texts(from, "", "", Authority, "MR"))
	d.keep(b, Message{Kind: "ADT^A40", ControlID: id, Number: p.number, Twist: Merging})
}

// corrected sends a correction first and what it corrects after it, as a queue that was rerouted does.
func (d *day) corrected(p subject, at time.Time) {
	filler := "C" + p.number
	first := order{filler: filler, status: "F", at: at, issued: at.Add(20 * time.Minute)}
	second := order{filler: filler, status: "C", at: at, issued: at.Add(95 * time.Minute)}
	d.order(p, second, panel[:6], Correction)
	d.order(p, first, panel[:6], LateOriginal)
	d.panel(p, panel[6:], Plain, at)
}

func (d *day) panel(p subject, tests []analyte, twist Twist, at time.Time) {
	filler := "F" + d.prefix + strconv.Itoa(5_000_000+d.serial)
	d.order(p, order{filler: filler, status: "F", at: at, issued: at.Add(25 * time.Minute)}, tests, twist)
}

// order is what a filler reports at once.
type order struct {
	filler, status string
	at, issued     time.Time // taken, reported
}

func (d *day) order(p subject, o order, tests []analyte, twist Twist) {
	processing := "P"
	if twist == TestTraffic {
		processing = "T"
	}
	b, id := d.head("ORU", "R01", "ORU_R01", processing, o.issued)
	p.segments(b)
	none := hl7v2.Node{}
	b.Segment("ORC", hl7v2.Text("RE"), none, hl7v2.Texts(o.filler, Authority))
	obr := make([]hl7v2.Node, 25)
	obr[0], obr[2], obr[3], obr[6] = hl7v2.Text("1"), hl7v2.Texts(o.filler, Authority), hl7v2.Texts("PANEL", "Routine panel", "99LAB"), moment(o.at)
	obr[21], obr[23], obr[24] = moment(o.issued), hl7v2.Text("LAB"), hl7v2.Text(o.status)
	b.Segment("OBR", obr...)
	m := Message{Kind: "ORU^R01", ControlID: id, Number: p.number, Twist: twist, Results: len(tests)}
	for i, t := range tests {
		if d.result(b, i+1, t, o, twist) {
			m.Doubtful++
		}
	}
	d.keep(b, m)
}

// result writes one OBX and reports whether it must be held.
func (d *day) result(b *hl7v2.Builder, n int, t analyte, o order, twist Twist) (doubtful bool) {
	value := d.r.around(t.lo, t.hi)
	if o.status == "C" {
		value = t.hi
	}
	switch {
	case twist == MolarResult && t.molar != nil:
		t = *t.molar
		value = d.r.around(t.lo, t.hi)
	case twist == AliasUnits && t.alias != "":
		t.unit = t.alias
	case twist == WrongSodium && t.code == "2951-2":
		t.unit, doubtful = "mg/dL", true
	}
	none := hl7v2.Node{}
	b.Segment("OBX", hl7v2.Text(strconv.Itoa(n)), hl7v2.Text("NM"), hl7v2.Texts(t.code, t.name, "LN"), none,
		hl7v2.Text(decimal(value, t.places)), hl7v2.Texts(t.unit, "", "UCUM"), hl7v2.Text(t.normal), none, none, none,
		hl7v2.Text(o.status), none, none, moment(o.at))
	return doubtful
}
