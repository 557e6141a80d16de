package mapping

import (
	"strings"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/identity"
)

// typed is the type of an identifier, of HL7 table 0203.
func typed(code string) *body.Value {
	if code = codeText(code); code == "" {
		return nil
	}
	return body.NewObject().Set("coding", body.NewArray(body.NewObject().Set("system", body.Text(systemWith(v2Table+"0203", code))).Set("code", body.Text(code))))
}

// asIdentifier reads a CX.
func asIdentifier(s *scope, v hl7v2.Value, f *field) *body.Value {
	value := clean(v.Component(1))
	if value == "" {
		return nil
	}
	system, _ := identity.System(s.run.m, v.Component(4), s.run.names())
	out := body.NewObject().Set("type", typed(clean(v.Component(5)))).Set("system", body.Text(system)).Set("value", body.Text(value))
	out.Set("period", body.NewObject().Set("start", asDateTime(s, v.Component(7), f)).Set("end", asDateTime(s, v.Component(8), f)))
	return out.Set("assigner", body.NewObject().Set("display", body.Text(clean(v.Component(6)))))
}

// asEntity reads an EI: EI.2 to 4 are the designator of who assigned it.
func asEntity(s *scope, v hl7v2.Value, _ *field) *body.Value {
	value := clean(v.Component(1))
	if value == "" {
		return nil
	}
	return body.NewObject().Set("system", body.Text(entitySystem(s.run, v))).Set("value", body.Text(value))
}

// asName reads an XPN.
//
// SPEC(HL7 2.8 2A.2.89 XPN): family, given, further names, suffix, prefix, degree, type.
func asName(s *scope, v hl7v2.Value, f *field) *body.Value {
	out := body.NewObject().Set("use", body.Text(s.lookup("name-use", clean(v.Component(7)))))
	out.Set("family", body.Text(clean(v.Component(1).Sub(1))))
	given := body.NewArray(body.Text(clean(v.Component(2))))
	for more := range strings.FieldsSeq(clean(v.Component(3))) {
		given.Append(body.Text(more))
	}
	out.Set("given", given).Set("prefix", body.NewArray(body.Text(clean(v.Component(5)))))
	out.Set("suffix", body.NewArray(body.Text(clean(v.Component(4))), body.Text(clean(v.Component(6)))))
	if out.Get("family") == nil && out.Get("given").Empty() {
		return nil
	}
	return out.Set("period", body.NewObject().Set("start", asDateTime(s, v.Component(12), f)).Set("end", asDateTime(s, v.Component(13), f)))
}

// addressParts are the components of an XAD that stand alone.
var addressParts = []struct {
	name string
	at   int
}{{"city", 3}, {"district", 9}, {"state", 4}, {"postalCode", 5}, {"country", 6}}

func asAddress(s *scope, v hl7v2.Value, f *field) *body.Value {
	kind := clean(v.Component(7))
	out := body.NewObject().Set("use", body.Text(s.lookup("address-use", kind))).Set("type", body.Text(s.lookup("address-type", kind)))
	where := body.NewObject().Set("line", body.NewArray(body.Text(clean(v.Component(1).Sub(1))), body.Text(clean(v.Component(2)))))
	for _, part := range addressParts {
		where.Set(part.name, body.Text(clean(v.Component(part.at))))
	}
	if where.Empty() {
		return nil
	}
	for _, name := range where.Names() {
		out.Set(name, where.Get(name))
	}
	return out.Set("period", body.NewObject().Set("start", asDateTime(s, v.Component(13), f)).Set("end", asDateTime(s, v.Component(14), f)))
}

// asContact reads an XTN. The parts of a number are put together as ITU-T E.123 writes them.
func asContact(s *scope, v hl7v2.Value, _ *field) *body.Value {
	use, equipment := clean(v.Component(2)), clean(v.Component(3))
	system := s.lookup("contact-system", equipment)
	value := clean(v.Component(1))
	if mail := clean(v.Component(4)); mail != "" && (value == "" || use == "NET" || system == "email") {
		system, value = "email", mail
	}
	if value == "" {
		value = number(v)
	}
	if value == "" {
		value = clean(v.Component(12))
	}
	if value == "" {
		return nil
	}
	switch {
	case system == "" && (use == "NET" || strings.Contains(value, "@")):
		system = "email"
	case system == "" && use == "BPN":
		system = "pager"
	case system == "":
		system = "phone"
	}
	how := s.lookup("contact-use", use)
	if equipment == "CP" {
		how = "mobile"
	}
	return body.NewObject().Set("system", body.Text(system)).Set("value", body.Text(value)).Set("use", body.Text(how))
}

func number(v hl7v2.Value) string {
	country, area, local, ext := clean(v.Component(5)), clean(v.Component(6)), clean(v.Component(7)), clean(v.Component(8))
	if local == "" {
		return ""
	}
	out := local
	if area != "" {
		out = area + " " + out
	}
	if country != "" {
		out = "+" + strings.TrimPrefix(country, "+") + " " + out
	}
	if ext != "" {
		out += " ext. " + ext
	}
	return out
}

// logical is a reference to what this message only names.
func logical(rt string, id *body.Value, display string) *body.Value {
	if id.Empty() && display == "" {
		return nil
	}
	return body.NewObject().Set("type", body.Text(rt)).Set("identifier", id).Set("display", body.Text(display))
}

// asPractitioner reads an XCN.
func asPractitioner(s *scope, v hl7v2.Value, _ *field) *body.Value {
	var id *body.Value
	if value := clean(v.Component(1)); value != "" {
		system, _ := identity.System(s.run.m, v.Component(9), s.run.names())
		id = body.NewObject().Set("type", typed(clean(v.Component(13)))).Set("system", body.Text(system)).Set("value", body.Text(value))
	}
	var parts []string
	for _, n := range []hl7v2.Value{v.Component(6), v.Component(3), v.Component(4), v.Component(2).Sub(1), v.Component(5)} {
		if t := clean(n); t != "" {
			parts = append(parts, t)
		}
	}
	return logical("Practitioner", id, strings.Join(parts, " "))
}

// asOrganization reads an XON.
func asOrganization(s *scope, v hl7v2.Value, _ *field) *body.Value {
	value := clean(v.Component(10))
	if value == "" {
		value = clean(v.Component(3))
	}
	var id *body.Value
	if value != "" {
		system, _ := identity.System(s.run.m, v.Component(6), s.run.names())
		id = body.NewObject().Set("type", typed(clean(v.Component(7)))).Set("system", body.Text(system)).Set("value", body.Text(value))
	}
	return logical("Organization", id, clean(v.Component(1)))
}

// asOrganizationCode reads a CWE that names an organisation.
func asOrganizationCode(_ *scope, v hl7v2.Value, _ *field) *body.Value {
	var id *body.Value
	if value := clean(v.Component(1)); value != "" {
		id = body.NewObject().Set("system", body.Text(systemOf(clean(v.Component(3))))).Set("value", body.Text(value))
	}
	return logical("Organization", id, clean(v.Component(2)))
}

// asLocation reads a PL: the most exact part first.
func asLocation(_ *scope, v hl7v2.Value, _ *field) *body.Value {
	var parts []string
	for _, n := range []int{3, 2, 1, 8, 7, 4, 9} {
		if t := clean(v.Component(n).Sub(1)); t != "" {
			parts = append(parts, t)
		}
	}
	return logical("Location", nil, strings.Join(parts, ", "))
}
