package mapping

import (
	"strings"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/body"
)

const v2Table = "http://terminology.hl7.org/CodeSystem/v2-"

// localCoding begins the system of a code whose system was named, but is none of FHIR's.
const localCoding = "urn:ward:coding:"

// systemWith is the system that a code can have: the one given, or, for a code that a table of HL7 does not have, the table's name as
// the sender's own. Senders add codes to tables; under the table's URI they would be no codes at all.
//
// SPEC(FHIR R4 datatypes.html#Coding): the code is one that the system defines.
func systemWith(system, code string) string {
	table, ok := strings.CutPrefix(system, v2Table)
	if !ok {
		return system
	}
	cs := definition.R4().CodeSystem(system)
	if cs == nil || !cs.Complete {
		return system
	}
	if _, has := cs.Codes[code]; has {
		return system
	}
	return localCoding + "HL7" + table
}

// asLanguage reads a language: what was sent, after the code of BCP 47 where it is one of ISO 639-1. A language without such a code is
// a text, as no other code may stand there.
//
// SPEC(FHIR R4 valueset-languages.html): codes beyond the common languages are of BCP 47.
func asLanguage(s *scope, v hl7v2.Value, f *field) *body.Value {
	out := asConcept(s, v, f)
	for _, c := range out.At("coding").Items() {
		tag := strings.ToLower(c.Get("code").Str())
		if !languageSystems[c.Get("system").Str()] || len(tag) != 2 || !strings.Contains(languages, " "+tag+" ") {
			continue
		}
		list := body.NewArray(body.NewObject().Set("system", body.Text("urn:ietf:bcp:47")).Set("code", body.Text(tag)))
		for _, sent := range out.At("coding").Items() {
			list.Append(sent)
		}
		return out.Set("coding", list)
	}
	if text := out.Get("text").Str(); text != "" {
		return body.NewObject().Set("text", body.Text(text))
	}
	for _, at := range []int{2, 1} {
		if text := s.brief(clean(v.Component(at))); text != "" {
			return body.NewObject().Set("text", body.Text(text))
		}
	}
	return nil
}

// languageSystems are those in which two letters are those of ISO 639-1: table 0296 recommends it, "" is PID-15 without a table.
var languageSystems = map[string]bool{"": true, v2Table + "0296": true, localCoding + "ISO639": true, localCoding + "ISO639-1": true, localCoding + "ISO6391": true}

// languages are the two-letter codes of ISO 639-1.
const languages = " aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy" +
	" ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh" +
	" mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw" +
	" ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu "

// asResultCategory says what kind of result a LOINC code is by the rule's table: a vital sign is one whatever order it came with. arg is the
// category of all other results, "" = not said.
//
// SPEC(FHIR R4 observation-vitalsigns.html): a vital sign has the category vital-signs.
func asResultCategory(s *scope, _ hl7v2.Value, f *field) *body.Value {
	category := f.rule.Arg
	for _, c := range s.cand.Body.At("code.coding").Items() {
		if c.Get("system").Str() == loinc {
			if known := s.lookup(f.rule.Table, c.Get("code").Str()); known != "" {
				category = known
			}
		}
	}
	if category == "" {
		return nil
	}
	return body.NewObject().Set("coding", body.NewArray(body.NewObject().
		Set("system", body.Text("http://terminology.hl7.org/CodeSystem/observation-category")).Set("code", body.Text(category))))
}

// unsaid gives a result without value the reason that it was not said, if no rule gave one: OBX-5 may hold blanks, or a null.
//
// SPEC(FHIR R4 observation-vitalsigns.html, vs-2): without component there is a value or the reason why there is none.
func unsaid(o *body.Value) {
	for _, name := range o.Names() {
		if name == "component" || name == "dataAbsentReason" || strings.HasPrefix(name, "value") {
			return
		}
	}
	why := "unknown"
	if o.Get("status").Str() == "registered" {
		why = "temp-unknown" // it is still to come
	}
	o.Set("dataAbsentReason", body.NewObject().Set("coding", body.NewArray(body.NewObject().
		Set("system", body.Text("http://terminology.hl7.org/CodeSystem/data-absent-reason")).Set("code", body.Text(why)))))
}
