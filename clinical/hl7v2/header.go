package hl7v2

// HD is a hierarchic designator: who or what, by a local name, a universal id, or both.
type HD struct {
	NamespaceID     string
	UniversalID     string
	UniversalIDType string // HL7 table 0301: ISO, DNS, GUID ...
}

// Header is the message header in the terms of the standard. A field that is empty or null is "".
type Header struct {
	SendingApp        HD     // MSH-3
	SendingFacility   HD     // MSH-4
	ReceivingApp      HD     // MSH-5
	ReceivingFacility HD     // MSH-6
	Time              Value  // MSH-7; read it with Value.Time and the sender's zone
	Type              string // MSH-9.1, "ORU"
	Event             string // MSH-9.2, "R01"
	Structure         string // MSH-9.3, "ORU_R01"
	ControlID         string // MSH-10
	ProcessingID      string // MSH-11.1: P, T or D; "" if not sent
	ProcessingMode    string // MSH-11.2, HL7 table 0207
	Version           string // MSH-12.1, "2.5.1"
	AcceptAck         string // MSH-15: AL, NE, ER, SU; "" asks for the original mode
	AppAck            string // MSH-16
	Charset           string // MSH-18, first repetition, as sent; Message.Charset is the one in force
}

// HD decodes the value as a hierarchic designator. Of a component its subcomponents are read.
func (v Value) HD() HD {
	part := v.Component
	if v.level != repetition {
		part = v.Sub
	}
	return HD{NamespaceID: part(1).Text(), UniversalID: part(2).Text(), UniversalIDType: part(3).Text()}
}

// Header decodes MSH. It never fails: whether what is there is enough is for the receiver to say.
func (m *Message) Header() Header {
	msh := m.Segment(0)
	at := func(field int) Value { return msh.Field(field).First() }
	return Header{
		SendingApp:        at(3).HD(),
		SendingFacility:   at(4).HD(),
		ReceivingApp:      at(5).HD(),
		ReceivingFacility: at(6).HD(),
		Time:              at(7),
		Type:              at(9).Component(1).Text(),
		Event:             at(9).Component(2).Text(),
		Structure:         at(9).Component(3).Text(),
		ControlID:         at(10).Text(),
		ProcessingID:      at(11).Component(1).Text(),
		ProcessingMode:    at(11).Component(2).Text(),
		Version:           at(12).Component(1).Text(),
		AcceptAck:         at(15).Text(),
		AppAck:            at(16).Text(),
		Charset:           at(18).Text(),
	}
}
