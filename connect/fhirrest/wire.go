package fhirrest

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/format"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// wire is the format of a body. Inside, everything is JSON: XML is made into it as it comes in, and made of it as it goes out.
type wire uint8

const (
	wireJSON wire = iota
	wireXML
	wires
)

// contentTypes is what answers are.
var contentTypes = [wires]string{wireJSON: "application/fhir+json; charset=utf-8", wireXML: "application/fhir+xml; charset=utf-8"}

// formats are the values of _format beside media types.
var formats = [wires]string{wireJSON: "json", wireXML: "xml"}

// mediaTypes are the names of the formats.
//
// SPEC(FHIR R4 http.html#mime-type): generic types are taken for FHIR's own.
var mediaTypes = map[string]wire{
	"application/fhir+json": wireJSON, "application/json": wireJSON, "text/json": wireJSON,
	"application/fhir+xml": wireXML, "application/xml": wireXML, "text/xml": wireXML,
}

// answerXML bounds the JSON of an answer that is made into XML.
var answerXML = tree.Limits{Bytes: maxBatchAnswer}

// media reads a media type or range that is for FHIR of version 4.0 in UTF-8: its name, and how much it is wanted.
func media(s string) (name string, weight float64, ok bool) {
	name, params, err := mime.ParseMediaType(s)
	if err != nil {
		return "", 0, false
	}
	weight = 1
	if q, given := params["q"]; given {
		if weight, err = strconv.ParseFloat(q, 64); err != nil || !(weight >= 0 && weight <= 1) {
			return "", 0, false
		}
	}
	if v, given := params["fhirversion"]; given && v != "4.0" && v != "4.0.1" {
		return "", 0, false
	}
	cs, given := params["charset"]
	return name, weight, !given || strings.EqualFold(cs, "utf-8")
}

// wireOf is the format that a Content-Type names.
func wireOf(contentType string) (wire, bool) {
	name, weight, ok := media(contentType)
	w, known := mediaTypes[name]
	return w, ok && known && weight > 0
}

// answerWire is the format that a request wants its answer in.
//
// SPEC(FHIR R4 http.html#mime-type): _format overrides Accept; 406 when neither names a format that the server has.
func answerWire(r *http.Request, query url.Values) (wire, error) {
	refused := withStatus(http.StatusNotAcceptable, "answers are application/fhir+json or application/fhir+xml in FHIR version 4.0; ask for one by Accept, or by _format=json or _format=xml")
	if asked, ok := query["_format"]; ok {
		first, ok := wireJSON, true
		for i, one := range asked {
			w, known := formatOf(one)
			if i == 0 {
				first = w
			}
			ok = ok && known && w == first
		}
		if !ok {
			return wireJSON, refused
		}
		return first, nil
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return wireJSON, nil
	}
	switch weights := acceptWeights(accept); {
	case weights[wireJSON] <= 0 && weights[wireXML] <= 0:
		return wireJSON, refused
	case weights[wireXML] > weights[wireJSON]:
		return wireXML, nil
	}
	return wireJSON, nil
}

// formatOf reads a value of _format.
func formatOf(s string) (wire, bool) {
	for w, name := range formats {
		if s == name {
			return wire(w), true
		}
	}
	return wireOf(strings.ReplaceAll(s, " ", "+")) // a + in a query reads as a space
}

// acceptWeights is how much each format is wanted, 0 = not at all.
//
// SPEC(RFC 9110 12.5.1): the most specific range that matches gives the weight.
func acceptWeights(accept string) (weights [wires]float64) {
	var rank [wires]int
	take := func(w wire, r int, q float64) {
		if r > rank[w] || r == rank[w] && q > weights[w] {
			rank[w], weights[w] = r, q
		}
	}
	for _, one := range strings.Split(accept, ",") {
		name, q, ok := media(one)
		if !ok {
			continue
		}
		if w, known := mediaTypes[name]; known {
			take(w, 3, q)
			continue
		}
		if r := map[string]int{"*/*": 1, "application/*": 2}[name]; r > 0 {
			take(wireJSON, r, q)
			take(wireXML, r, q)
		}
	}
	return weights
}

// json is a body as JSON. The places in JSON that is made of XML are no places that the client knows: see placed.
func (c *call) json(body ward.Protected, limit int64) (ward.Protected, error) {
	if c.sent != wireXML {
		return body, nil
	}
	text, places, err := format.XMLToJSONPlaced(definition.R4(), []byte(body), tree.Limits{Bytes: int(limit), Depth: fhir.MaxDepth})
	c.places = places
	return text, err
}

// placed is an error as the client may read it: of a body in XML with lines and columns of the XML.
func (c *call) placed(err error) error {
	var e *ward.Error
	var found *fhir.Findings
	if c.places == nil || !errors.As(err, &e) || !errors.As(err, &found) {
		return err
	}
	moved := *e
	there := &fhir.Findings{Issues: slices.Clone(found.Issues), More: found.More}
	c.places.Move(there.Issues)
	moved.Err = there
	return &moved
}

// rendered is an answer in the format that was asked for. A resource that XML cannot carry is 406 where it is only read. What was done stays done: its answer is
// JSON then, and says so.
//
// SPEC(RFC 9110 12.4.1, 15.5.7): a server may disregard Accept rather than refuse.
func (c *call) rendered(out reply) (reply, error) {
	if c.wanted != wireXML || len(out.body) == 0 {
		return out, nil
	}
	text, err := format.JSONToXML(definition.R4(), []byte(out.body), false, answerXML)
	switch {
	case err == nil:
		out.body, out.wire = text, wireXML
	case c.action == access.Read || c.action == access.Search:
		return reply{}, withStatus(http.StatusNotAcceptable, "this answer has no form in XML (it is too large, or a text has a character that XML cannot carry); ask for application/fhir+json")
	}
	return out, nil
}

// paged is the parameter that keeps the format of a page in the link to the next one.
func (c *call) paged(query url.Values) string {
	if query.Has("_format") {
		return "&_format=" + formats[c.wanted]
	}
	return ""
}
