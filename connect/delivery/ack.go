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

// SPEC(HL7 2.5.1 2.9.2 and table 0008): AA or CA says that responsibility was taken; AE or CE that the message could not be
// used now; AR or CR that it is of a kind that is never taken here.
func (v verdict) enhanced() string { return "C" + v.code[1:] }

// wanted reports whether the sender asks for an acknowledgement of this outcome.
//
// SPEC(HL7 2.5.1 2.9.3 and table 0155): AL always, NE never, ER on error or reject only, SU on success only; empty in both
// MSH-15 and MSH-16 is the original mode, in which every message is answered.
func wanted(h hl7v2.Header, v verdict) bool {
	switch h.AcceptAck {
	case "NE":
		return false
	case "ER":
		return v.code != "AA"
	case "SU":
		return v.code == "AA"
	}
	return true
}

// enhanced reports whether the sender speaks in enhanced mode.
func enhanced(h hl7v2.Header) bool { return h.AcceptAck != "" || h.AppAck != "" }

// reply writes the acknowledgement of a message in its own delimiters and character set. Sender and receiver are turned round.
//
// SPEC(HL7 2.5.1 2.13.1): an acknowledgement holds MSH, MSA and, where something was wrong, ERR. MSA-2 repeats MSH-10.
func reply(m *hl7v2.Message, v verdict, id ward.ID, at time.Time) ([]byte, error) {
	h, msh := m.Header(), m.First("MSH")
	code := v.code
	if enhanced(h) {
		code = v.enhanced()
	}
	field := func(n int) hl7v2.Node { return hl7v2.Copy(msh.Field(n).First()) }
	b := hl7v2.Reply(m)
	b.Segment("MSH", field(5), field(6), field(3), field(4), hl7v2.Text(stamp(at)), hl7v2.Node{}, kindOf(h), hl7v2.Text(control(id)),
		field(11), field(12), hl7v2.Node{}, hl7v2.Node{}, hl7v2.Node{}, hl7v2.Node{}, hl7v2.Node{}, field(18))
	b.Segment("MSA", hl7v2.Text(code), field(10), hl7v2.Text(v.text))
	v.segment(b)
	return b.Bytes()
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

// unparsed is the answer to bytes that are no message: nothing in them can be repeated.
func unparsed(v verdict, id ward.ID, at time.Time) ([]byte, error) {
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
	"0": "Message accepted", "100": "Segment sequence error", "101": "Required field missing", "102": "Data type error",
	"103": "Table value not found", "200": "Unsupported message type", "202": "Unsupported processing id",
	"203": "Unsupported version id", "207": "Application internal error",
}
