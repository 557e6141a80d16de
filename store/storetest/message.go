package storetest

import (
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
)

// Channel is the channel by which the messages of tests come.
const Channel = "lab"

// ORU makes an arrival: a small result message with one glucose value, under a control id, in the lane of its patient's number.
func ORU(control, mrn string) store.Inbound {
	body := fmt.Sprintf("MSH|^~\\&|LAB|NORTH|WARD|HIS|20260102030405||ORU^R01^ORU_R01|%s|P|2.5.1\rPID|1||%s^^^MRN||DOE^JANE\r"+
		"OBR|1||%s|2345-7^Glucose^LN\rOBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|3.9-5.6|N|||F\r", control, mrn, control)
	return store.Inbound{
		Message: ward.Message{Source: Channel, ContentType: "x-application/hl7-v2+er7", Body: ward.Protected(body)},
		Key:     []byte("LAB|NORTH|" + control), Lanes: [][]byte{[]byte("MRN|" + mrn)}, Kind: "ORU^R01",
		Reply: ward.Protected("MSH|^~\\&|WARD|HIS|LAB|NORTH|20260102030406||ACK^R01^ACK|1|P|2.5.1\rMSA|AA|" + control + "\r"),
	}
}

// Receive keeps an arrival as the integration service.
func (n *Running) Receive(in store.Inbound) store.Received {
	n.t.Helper()
	got, err := n.Store.Receive(n.ctx(), n.Permit(ward.Integration, access.Receive, ""), in)
	n.must(err)
	return got
}

// Effects makes what a message does: one update per body, all under one request of the integration service, and applied. The permit is the one
// for ApplyMessage.
func (n *Running) Effects(message ward.ID, refs []ward.Reference, bodies []string, patients ...string) (access.Permit, store.Effects) {
	n.t.Helper()
	g := n.Grant(ward.Integration, access.Receive, "")
	e := store.Effects{Message: message, State: store.MessageApplied, Patients: patients, Hops: []store.Hop{{Step: "normalized"}, {Step: "applied"}}}
	for i, body := range bodies {
		p, err := g.Decide(n.ctx(), access.Update, refs[i].Type)
		n.must(err)
		e.Changes = append(e.Changes, store.Change{Permit: p, Op: store.OpUpdate, Resource: ward.Resource{Ref: refs[i], Body: ward.Protected(body)}})
		e.Rules = append(e.Rules, "rule/1")
	}
	return g.Permit, e
}

// Person is a human who holds a role beside the one whom Principal gives.
func (n *Running) Person(id ward.PrincipalID, role ward.Role) ward.Principal {
	p := n.Principal(role)
	p.ID = id
	return p
}
