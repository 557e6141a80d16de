package identity

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/ward-health/ward/clinical/hl7v2"
)

// The bounds of keys, as the store takes them.
const (
	maxKey   = 4 << 10
	maxKind  = 20
	maxLanes = 2
)

// Frame joins parts so that different parts never give equal bytes.
func Frame(parts ...string) []byte {
	var out []byte
	for _, p := range parts {
		out = binary.AppendUvarint(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out
}

// Key returns what makes a message one message: MSH-3, MSH-4 and MSH-10, framed; nil if there is no control id.
func Key(m *hl7v2.Message) []byte {
	h := m.Header()
	if strings.TrimSpace(h.ControlID) == "" {
		return nil
	}
	hd := func(d hl7v2.HD) []string { return []string{d.NamespaceID, d.UniversalID, d.UniversalIDType} }
	k := Frame(append(append(hd(h.SendingApp), hd(h.SendingFacility)...), h.ControlID)...)
	if len(k) > maxKey {
		return nil
	}
	return k
}

// Kind returns the message code and event, "ORU^R01"; "" if MSH-9 has none that could be one.
func Kind(m *hl7v2.Message) string {
	h := m.Header()
	kind := strings.ToUpper(strings.TrimSpace(h.Type))
	if e := strings.ToUpper(strings.TrimSpace(h.Event)); e != "" {
		kind += "^" + e
	}
	if kind == "" || len(kind) > maxKind || strings.HasPrefix(kind, "^") ||
		strings.Trim(kind, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_^") != "" {
		return ""
	}
	return kind
}

// Merges reports whether messages of the kind say that one patient's record lives on in another.
func Merges(kind string) bool { return kind == "ADT^A40" }

// Apart reports whether a message with this MSH-11 is test or debug traffic; standard is what an empty one means.
//
// SPEC(HL7 2.5.1 table 0103): D debugging, P production, T training.
func Apart(processing, standard string) bool {
	if processing == "" {
		processing = standard
	}
	return processing == "T" || processing == "D"
}

// Lanes returns the patients a message is about, as their business keys: one, or two for a merge. ok is false if a PID is
// missing or one of them names nobody. A message about more patients has no lane of its own: nil and true. The channel is left
// out: that two channels who share a number share a lane keeps their order and confuses nobody.
func Lanes(m *hl7v2.Message, systems map[string]string) (lanes [][]byte, ok bool) {
	found, n := false, Names{Systems: systems}
	add := func(id Identifier, named bool) bool {
		k := Frame(id.System, id.Value)
		if !named || len(k) > maxKey {
			return false
		}
		if len(lanes) > maxLanes {
			return true // it has no lane of its own, whoever else is in it
		}
		for _, l := range lanes {
			if bytes.Equal(l, k) {
				return true
			}
		}
		lanes = append(lanes, k)
		return true
	}
	for s := range m.All("PID") {
		found = true
		if !add(Patient(m, s, 3, n)) {
			return nil, false
		}
	}
	if Merges(Kind(m)) {
		any := false
		for s := range m.All("MRG") {
			any = true
			if !add(Patient(m, s, 1, n)) {
				return nil, false
			}
		}
		found = found && any
	}
	if !found {
		return nil, false
	}
	if len(lanes) > maxLanes {
		return nil, true
	}
	return lanes, true
}
