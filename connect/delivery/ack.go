package delivery

import (
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/hl7v2"
)

// verdict is what an acknowledgement says.
type verdict struct {
	code     string // MSA-1 in original mode: AA, AE or AR
	severity string // ERR-4: I, W or E; empty: no ERR segment
	status   string // ERR-3 (HL7 table 0357)
	where    string // ERR-2: segment name and position
	text     string // ERR-8 and MSA-3: constant text
}

var accepted = verdict{code: "AA"}

// answer returns MSA-1, and whether the sender asks for an acknowledgement of this outcome.
//
// SPEC(HL7 2.5.1 2.9.2 and table 0008): AA or CA says that responsibility was taken; AE or CE that the message could not be
// used now; AR or CR that it is of a kind that is never taken here.
//
// SPEC(HL7 2.5.1 2.9.2): MSH-15 and MSH-16 both empty is the original mode, in which every message is answered; it is the same
// as an accept acknowledgement never (MSH-15 NE) and an application acknowledgement always (MSH-16 AL). Without an accept
// acknowledgement the one answer of the channel is therefore the application's, when MSH-16 asks for it.
func (v verdict) answer(h hl7v2.Header) (code string, wanted bool) {
	accept, app := strings.TrimSpace(h.AcceptAck), strings.TrimSpace(h.AppAck)
	switch {
	case accept == "" && app == "":
		return v.code, true
	case accept == "" || accept == "NE":
		return v.code, v.asked(app)
	}
	return "C" + v.code[1:], v.asked(accept)
}

// asked reads a condition. A value that the table does not have is answered: a sender that waits would stand still.
//
// SPEC(HL7 2.5.1 table 0155): AL always, NE never, ER on error or reject only, SU on success only.
func (v verdict) asked(condition string) bool {
	switch condition {
	case "", "NE":
		return false
	case "ER":
		return v.code != "AA"
	case "SU":
		return v.code == "AA"
	}
	return true
}

// maxReply bounds an acknowledgement, as the store does.
const maxReply = 64 << 10

// reply writes the acknowledgement of a message in its own delimiters and character set. Sender and receiver are turned round.
// processing is what an empty MSH-11 means, and stands for one that is refused.
//
// SPEC(HL7 2.5.1 2.13.1): an acknowledgement holds MSH, MSA and, where something was wrong, ERR. MSA-2 repeats MSH-10.
func reply(m *hl7v2.Message, v verdict, processing string, id ward.ID, at time.Time) ([]byte, error) {
	h, msh := m.Header(), m.First("MSH")
	field := func(n int, empty string) hl7v2.Node {
		if f := msh.Field(n); !f.Empty() {
			return whole(f)
		}
		return hl7v2.Text(empty)
	}
	mode, version := hl7v2.Text(processing), hl7v2.Text("2.5.1")
	if knownProcessing(h.ProcessingID) {
		mode = field(11, processing)
	}
	if knownVersion(h.Version) {
		version = field(12, "2.5.1")
	}
	none := hl7v2.Node{}
	b := hl7v2.Reply(m)
	b.Segment("MSH", field(5, ""), field(6, ""), field(3, ""), field(4, ""), hl7v2.Text(stamp(at)), none, kindOf(h), hl7v2.Text(control(id)),
		mode, version, none, none, none, none, none, field(18, ""))
	code, _ := v.answer(h)
	b.Segment("MSA", hl7v2.Text(code), whole(msh.Field(10)), hl7v2.Text(v.text))
	v.segment(b)
	text, err := b.Bytes()
	if err == nil && len(text) > maxReply {
		err = ward.E(ward.TooLarge, "delivery.reply", "the header is too long to be repeated", nil)
	}
	return text, err
}

// whole copies a field with all its repetitions.
func whole(f hl7v2.Field) hl7v2.Node {
	var all []hl7v2.Node
	for _, v := range f.All() {
		all = append(all, hl7v2.Copy(v))
	}
	switch len(all) {
	case 0:
		return hl7v2.Node{}
	case 1:
		return all[0]
	}
	return hl7v2.Rep(all...)
}

// segment writes ERR where something was wrong.
func (v verdict) segment(b *hl7v2.Builder) {
	if v.severity == "" {
		return
	}
	name, field, _ := strings.Cut(v.where, "-")
	b.Segment("ERR", hl7v2.Node{}, hl7v2.Texts(name, "1", field), hl7v2.Texts(v.status, conditions[v.status], "HL70357"),
		hl7v2.Text(v.severity), hl7v2.Node{}, hl7v2.Node{}, hl7v2.Node{}, hl7v2.Text(v.text))
}

// stamp is a time as DTM, in UTC.
func stamp(at time.Time) string { return at.UTC().Format("20060102150405.000") + "+0000" }

// control is the control id of an acknowledgement; MSH-10 had at most 20 characters until 2.7.
func control(id ward.ID) string { return strings.ReplaceAll(id.String(), "-", "")[12:] }

func kindOf(h hl7v2.Header) hl7v2.Node {
	if h.Event == "" {
		return hl7v2.Text("ACK")
	}
	return hl7v2.Texts("ACK", h.Event, "ACK")
}

// unrepeated is the answer to bytes that are no message, or whose header cannot be repeated: MSA-2 is empty.
func unrepeated(v verdict, id ward.ID, at time.Time) ([]byte, error) {
	b := hl7v2.NewBuilder(hl7v2.Delimiters{})
	none := hl7v2.Node{}
	b.Segment("MSH", hl7v2.Text("WARD"), none, none, none, hl7v2.Text(stamp(at)), none, hl7v2.Text("ACK"), hl7v2.Text(control(id)),
		hl7v2.Text("P"), hl7v2.Text("2.5.1"))
	b.Segment("MSA", hl7v2.Text(v.code), none, hl7v2.Text(v.text))
	v.segment(b)
	return b.Bytes()
}

// conditions are the message error conditions that are used (HL7 table 0357).
var conditions = map[string]string{
	"100": "Segment sequence error", "101": "Required field missing", "102": "Data type error", "200": "Unsupported message type",
	"202": "Unsupported processing id", "203": "Unsupported version id",
}
