package validate

import (
	"slices"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// vitalSigns are the profiles of R4 that an Observation has to conform to by its code.
var vitalSigns = []string{"vitalspanel", "resprate", "heartrate", "oxygensat", "bodytemp", "bodyheight", "headcircum", "bodyweight", "bmi", "bp"}

// vitalSign checks an Observation with the code of a vital sign against the profile of that sign.
//
// SPEC(FHIR R4 observation-vitalsigns.html): whoever records vital signs SHALL conform to the profiles, which are told by their magic LOINC codes.
func (r *runner) vitalSign(v value) {
	codes := r.v.vitalCodes()
	code := r.member(v.node, "code")
	each(r.doc, code, "coding", func(n int) {
		if string(r.text(n, "system")) != "http://loinc.org" {
			return
		}
		if o := codes[string(r.text(n, "code"))]; o != nil && !r.claims(v, o.url) {
			r.profile(v, o)
		}
	})
}

// claims reports whether meta.profile names the profile.
func (r *runner) claims(v value, url string) (found bool) {
	meta := r.member(v.node, "meta")
	each(r.doc, meta, "profile", func(n int) {
		found = found || r.doc.Nodes[n].Kind == tree.String && bare(string(r.doc.Text(n))) == url
	})
	return found
}

// vitalCodes maps the magic codes to their profiles, as those profiles say.
func (v *Validator) vitalCodes() map[string]*overlay {
	v.vitals.Do(func() {
		v.vital = map[string]*overlay{}
		for _, name := range vitalSigns {
			o := v.overlay(coreURL + name)
			if o == nil || o.raw == nil {
				continue
			}
			if code := magicCode(o.raw); code != "" {
				v.vital[code] = o
			}
		}
	})
	return v.vital
}

// magicCode is the fixed code within Observation.code.coding, "" if there is none.
func magicCode(root *profileElement) string {
	path := []string{"code", "coding"}
	at := root
	for _, name := range path {
		i := slices.IndexFunc(at.children, func(k *profileElement) bool { return k.name == name })
		if i < 0 {
			return ""
		}
		at = at.children[i]
	}
	for _, s := range at.slices {
		for _, k := range s.children {
			if k.name == "code" && k.def.Fixed != nil {
				if l := newLiteral(k.def.Fixed); l != nil {
					return string(l.doc.Text(0))
				}
			}
		}
	}
	return ""
}
