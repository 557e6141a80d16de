package identity

import (
	"net/url"
	"strings"

	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/hl7v2"
)

// Identifier is a business key: a value in a system.
type Identifier struct {
	System string // a URI
	Value  string
	Type   string // HL7 table 0203: MR, PI, SS ...; "" if not sent
	Strong bool   // an assigning authority was sent
	At     int    // repetition that it stands in, from 0
}

// The bounds of what is taken for an identifier.
const (
	maxIdentifiers = 64
	maxValue       = 1024 // bytes; a longer one is no identifier that anybody wrote
)

// Names is what a channel says of the authorities that assign identifiers.
type Names struct {
	Systems map[string]string // identifier system by assigning authority
	Channel string            // by which a message came; numbers without authority count within it; "": within their sender alone
}

// System returns the system of identifiers of an assigning authority: the channel's by the authority as it stands in the
// message, by its namespace or its universal id; else what the universal id says by itself; else a URN of the namespace.
// Without any of them it is a URN of the channel and the sending facility: two senders who name no authority may give one
// number to two persons.
//
// SPEC(HL7 2.5.1 2.A.14 CX.4): identifiers are unique within their assigning authority.
func System(m *hl7v2.Message, authority hl7v2.Value, n Names) (uri string, strong bool) {
	hd := authority.HD()
	for _, key := range []string{strings.TrimSpace(string(authority.Raw())), strings.TrimSpace(hd.NamespaceID), strings.TrimSpace(hd.UniversalID)} {
		if uri, ok := n.Systems[key]; ok && key != "" {
			return uri, true
		}
	}
	return ofDesignator(m, hd, n.Channel)
}

// OID returns the URI of an object identifier; ok is false if the text is none.
//
// SPEC(FHIR R4 datatypes.html#oid).
func OID(id string) (uri string, ok bool) {
	uri = "urn:oid:" + id
	return uri, structure.IsOID([]byte(uri))
}

func ofDesignator(m *hl7v2.Message, hd hl7v2.HD, channel string) (uri string, strong bool) {
	id, name := strings.TrimSpace(hd.UniversalID), strings.TrimSpace(hd.NamespaceID)
	if id != "" && len(id) <= maxValue {
		oid, isOID := OID(id)
		uuid := "urn:uuid:" + strings.ToLower(id)
		switch kind := strings.ToUpper(hd.UniversalIDType); {
		case kind == "ISO" && isOID:
			return oid, true
		case (kind == "UUID" || kind == "GUID") && structure.IsUUID([]byte(uuid)):
			return uuid, true
		case kind == "URI" && strings.Contains(id, ":") && !strings.ContainsAny(id, " \t\r\n\"<>\\^`{|}"):
			return id, true
		default:
			return "urn:ward:authority:" + url.PathEscape(strings.ToLower(kind)) + ":" + url.PathEscape(id), true
		}
	}
	if name != "" && len(name) <= maxValue {
		return "urn:ward:authority:" + url.PathEscape(name), true
	}
	return Sender(m, channel), false
}

// Assigned is System for a designator that was taken apart already, without the channel's systems.
func Assigned(m *hl7v2.Message, hd hl7v2.HD, channel string) string {
	uri, _ := ofDesignator(m, hd, channel)
	return uri
}

// Sender returns a URN of the sending facility, or of the application where none is named, within a channel.
func Sender(m *hl7v2.Message, channel string) string {
	h, within := m.Header(), "urn:ward:sender:"
	if channel != "" {
		within = "urn:ward:channel:" + url.PathEscape(channel) + ":sender:"
	}
	for _, hd := range []hl7v2.HD{h.SendingFacility, h.SendingApp} {
		for _, s := range []string{hd.UniversalID, hd.NamespaceID} {
			if s = strings.TrimSpace(s); s != "" && len(s) <= maxValue {
				return within + url.PathEscape(s)
			}
		}
	}
	return within + "unnamed"
}

// List returns the identifiers of a field of CX (PID-3, MRG-1), empty ones left out.
func List(m *hl7v2.Message, f hl7v2.Field, n Names) []Identifier {
	var out []Identifier
	for i, v := range f.All() {
		value := strings.TrimSpace(v.Component(1).Text())
		if value == "" || len(value) > maxValue || len(out) == maxIdentifiers {
			continue
		}
		id := Identifier{Value: value, Type: strings.TrimSpace(v.Component(5).Text()), At: i}
		id.System, id.Strong = System(m, v.Component(4), n)
		out = append(out, id)
	}
	return out
}

// Choose returns the one that names the patient: a medical record number of a named authority, else the first of a named
// authority, else the first.
func Choose(ids []Identifier) (Identifier, bool) {
	for _, fits := range []func(Identifier) bool{
		func(id Identifier) bool { return id.Strong && id.Type == "MR" },
		func(id Identifier) bool { return id.Strong },
		func(Identifier) bool { return true },
	} {
		for _, id := range ids {
			if fits(id) {
				return id, true
			}
		}
	}
	return Identifier{}, false
}

// Patient returns the business key in a PID or MRG segment; field is 3 or 1. False: it names nobody.
func Patient(m *hl7v2.Message, s hl7v2.Segment, field int, n Names) (Identifier, bool) {
	return Choose(List(m, s.Field(field), n))
}
