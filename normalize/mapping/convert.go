package mapping

import (
	"net/url"
	"strings"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/clinical/terminology"
	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/identity"
)

// converter turns one value of a datatype, or a whole field, into a FHIR value; nil: nothing.
type converter struct {
	value func(s *scope, v hl7v2.Value, f *field) *body.Value
	field func(s *scope, src hl7v2.Field, f *field) *body.Value
}

// converters by the name that rules give.
var converters map[string]converter

func init() {
	value := func(f func(*scope, hl7v2.Value, *field) *body.Value) converter { return converter{value: f} }
	converters = map[string]converter{
		"string": value(asString), "code": value(asCode), "boolean": value(asBoolean), "integer": value(asInteger),
		"date": value(asDate), "dateTime": value(asDateTime), "instant": value(asInstant), "time": value(asTime),
		"concept": value(asConcept), "language": value(asLanguage), "result-category": value(asResultCategory), "coding": value(asCoding), "concept-text": value(asConceptText), "table-concept": value(asTableConcept),
		"identifier": value(asIdentifier), "entity": value(asEntity), "name": value(asName), "address": value(asAddress), "contact": value(asContact),
		"practitioner": value(asPractitioner), "organization": value(asOrganization), "organization-code": value(asOrganizationCode), "location": value(asLocation),
		"quantity": value(asQuantity), "sn-quantity": value(asStructuredQuantity), "sn-range": value(asStructuredRange),
		"sn-ratio": value(asStructuredRatio), "sn-string": value(asStructuredString), "range": value(asRange), "period": value(asPeriod),
		"text": {field: asText}, "components": {field: asComponents}, "reference-range": value(asReferenceRange),
		"unread": value(asUnread), "untyped": {field: asUntyped}, "note": {field: asNote}, "type-read": value(asRead), "finished": value(asFinished), "named-practitioner": value(asNamedPractitioner),
	}
}

// clean returns the text of a value without blanks and control characters around it.
func clean(v hl7v2.Value) string {
	if v.Null() {
		return ""
	}
	return strings.TrimFunc(v.Text(), body.Blank)
}

func asString(_ *scope, v hl7v2.Value, _ *field) *body.Value { return body.Text(clean(v)) }

// lookup translates a code by the field's table; a code that the table does not have gives "".
func (s *scope) lookup(table, code string) string {
	t := s.run.rules.tables[table]
	if out, ok := t[code]; ok {
		return out
	}
	if out, ok := t[strings.ToUpper(code)]; ok {
		return out
	}
	return t["*"]
}

func asCode(s *scope, v hl7v2.Value, f *field) *body.Value {
	if f.rule.Table == "" {
		return body.Text(codeText(clean(v)))
	}
	return body.Text(s.lookup(f.rule.Table, clean(v)))
}

// codeText makes a text fit for a code.
//
// SPEC(FHIR R4 datatypes.html#code): no white space at the ends, single spaces inside.
func codeText(s string) string { return strings.Join(strings.Fields(s), " ") }

// asBoolean reads HL7 table 0136.
func asBoolean(_ *scope, v hl7v2.Value, _ *field) *body.Value {
	switch clean(v) {
	case "Y":
		return body.Bool(true)
	case "N":
		return body.Bool(false)
	}
	return nil
}

func asInteger(_ *scope, v hl7v2.Value, _ *field) *body.Value {
	n, ok := v.Number()
	if !ok || len(n) > 9 || strings.Contains(n, ".") || n == "0" || n[0] == '-' {
		return nil
	}
	return body.Number(n)
}

// systemOf returns the URI of a coding system as CWE.3 names it; "" if none is named.
func systemOf(name string) string {
	name = strings.TrimSpace(name)
	if name == "" {
		return ""
	}
	for _, n := range []string{name, strings.ToUpper(name)} {
		if uri, ok := terminology.CodingSystem(n); ok {
			return uri
		}
	}
	if oid, ok := identity.OID(strings.TrimPrefix(name, "urn:oid:")); ok && strings.Count(oid, ".") > 3 {
		return oid
	}
	if up := strings.ToUpper(name); len(up) == 7 && strings.HasPrefix(up, "HL7") && strings.Trim(up[3:], "0123456789") == "" {
		return v2Table + up[3:]
	}
	return localCoding + url.PathEscape(name)
}

// codings returns the codings of a CWE or CE: the identifier and its alternates.
//
// SPEC(HL7 2.8 2A.2.13): CWE.1 to 3, 4 to 6 and 10 to 12 are code, text and system of the same meaning.
func (s *scope) codings(v hl7v2.Value) []*body.Value {
	var out []*body.Value
	for _, at := range [][2]int{{1, 7}, {4, 8}, {10, 13}} {
		code, text := s.brief(codeText(clean(v.Component(at[0])))), s.brief(clean(v.Component(at[0]+1)))
		if code == "" {
			continue
		}
		c := body.NewObject().Set("system", body.Text(systemWith(systemOf(s.brief(clean(v.Component(at[0]+2)))), code))).
			Set("version", body.Text(s.brief(clean(v.Component(at[1]))))).
			Set("code", body.Text(code)).Set("display", body.Text(text))
		out = append(out, c)
	}
	return out
}

// translated is the coding that a table gives for a code.
func (s *scope) translated(table, code string) *body.Value {
	if table == "" || code == "" {
		return nil
	}
	part := strings.SplitN(s.lookup(table, code), "|", 3)
	if len(part) < 2 {
		return nil
	}
	c := body.NewObject().Set("system", body.Text(part[0])).Set("code", body.Text(part[1]))
	if len(part) == 3 {
		c.Set("display", body.Text(part[2]))
	}
	return c
}

// asConcept makes a CodeableConcept; a table's coding comes first, what was sent is kept beside it. arg is the system of a
// code that names none.
func asConcept(s *scope, v hl7v2.Value, f *field) *body.Value {
	return s.concept(v, f.rule.Table, f.rule.Arg)
}

// concept makes a CodeableConcept by a table ("" = none); system is that of a code that names none ("" = it stays without).
func (s *scope) concept(v hl7v2.Value, table, system string) *body.Value {
	list := body.NewArray()
	first := s.translated(table, clean(v.Component(1)))
	list.Append(first)
	for _, c := range s.codings(v) {
		if c.Get("system") == nil && system != "" {
			c.Set("system", body.Text(systemWith(system, c.Get("code").Str())))
		}
		if first != nil && c.Get("system") == nil {
			continue // the table has said what it means
		}
		if first == nil || c.Get("system").Str() != first.Get("system").Str() || c.Get("code").Str() != first.Get("code").Str() {
			list.Append(c)
		}
	}
	text := s.brief(clean(v.Component(9)))
	if text == "" && len(list.Items()) == 0 {
		text = s.brief(clean(v.Component(2)))
	}
	return body.NewObject().Set("coding", list).Set("text", body.Text(text))
}

// asTableConcept makes a CodeableConcept whose code has to be one that the table leads to.
func asTableConcept(s *scope, v hl7v2.Value, f *field) *body.Value {
	return body.NewObject().Set("coding", body.NewArray(s.translated(f.rule.Table, clean(v.Component(1)))))
}

func asConceptText(_ *scope, v hl7v2.Value, _ *field) *body.Value {
	return body.NewObject().Set("text", body.Text(clean(v)))
}

func asCoding(s *scope, v hl7v2.Value, f *field) *body.Value {
	if c := s.translated(f.rule.Table, clean(v.Component(1))); c != nil {
		return c
	}
	all := s.codings(v)
	if len(all) == 0 {
		return nil
	}
	if all[0].Get("system") == nil && f.rule.Arg != "" {
		all[0].Set("system", body.Text(systemWith(f.rule.Arg, all[0].Get("code").Str())))
	}
	return all[0]
}

// asRead says that a field is read by the rules of others.
func asRead(*scope, hl7v2.Value, *field) *body.Value { return nil }

// asNamedPractitioner reads an NDL: its first component is a CNN, with subcomponents.
func asNamedPractitioner(s *scope, v hl7v2.Value, _ *field) *body.Value {
	n := v.Component(1)
	var id *body.Value
	if value := clean(n.Sub(1)); value != "" {
		id = body.NewObject().Set("value", body.Text(value))
	}
	var parts []string
	for _, i := range []int{6, 3, 4, 2, 5} {
		if t := clean(n.Sub(i)); t != "" {
			parts = append(parts, t)
		}
	}
	return logical("Practitioner", id, strings.Join(parts, " "))
}
