package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/index"
	"github.com/ward-health/ward/clinical/fhir/structure"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/cmd/ward/input"
)

type fhirValuesCmd struct {
	Param []string `help:"Only this search parameter, such as birthdate; may be given several times." placeholder:"CODE" sep:"none"`
	fhirInput
	fhirPackages
}

// Help is shown by ward fhir values --help.
func (fhirValuesCmd) Help() string {
	return `What each search parameter finds in a resource, normalised as searches compare it: a line of the parameter, its type and the value; with several resources each
line begins with the name of its resource. Dates and numbers
are intervals by their precision, quantities stand as written and in base units of UCUM, strings are folded. With --json a line for each resource.

  ward fhir values patient.json
  ward fhir values --param value-quantity --param code results.ndjson
  ward fhir values --package us-core.tgz --param race patients/   the parameters of a guide too`
}

// Run implements the verb.
func (c fhirValuesCmd) Run(s *session) error {
	files, err := c.files()
	if err != nil {
		return err
	}
	set, err := c.set(s)
	if err != nil {
		return err
	}
	schema := structure.New(set)
	values := index.New(schema, nil)
	count := newTally(s, "values")
	seen := &paramsSeen{want: c.Param, told: map[string]bool{}, there: map[string]bool{}}
	err = input.Run(s.ctx, files, s.in, func() func(input.Item) valued {
		v := &valuing{set: set, schema: schema, index: values, want: c.Param, json: s.json, many: len(files) > 1}
		return v.lines
	}, func(item input.Item, v valued) error {
		if v.err != nil {
			count.failed(item, v.err)
			return nil //nolint:nilerr // it is counted, and the others go on
		}
		count.one(true)
		seen.in(s, v.table)
		_, err := s.out.Write(v.text)
		return err
	})
	if err := errors.Join(err, count.end("could not be read")); err != nil {
		return err
	}
	return seen.missing()
}

// paramsSeen follows the parameters that were asked for by name.
type paramsSeen struct {
	want        []string
	told, there map[string]bool
}

// in looks at the parameters of a type, and says once which of the wanted ones give no values.
func (p *paramsSeen) in(s *session, t *index.Table) {
	if len(p.want) == 0 || p.told[t.Type] {
		return
	}
	p.told[t.Type] = true
	for _, param := range t.Params {
		p.there[param.Code] = true
	}
	for _, skipped := range t.Skipped {
		if slices.Contains(p.want, skipped.Param.Code) && !skipped.Part {
			fmt.Fprintf(s.err, "ward: %s.%s gives no values: %s\n", t.Type, skipped.Param.Code, skipped.Reason)
		}
	}
}

// missing is an error for a wanted parameter that no resource of the input could have.
func (p *paramsSeen) missing() error {
	for _, code := range p.want {
		if !p.there[code] {
			return misused(fmt.Sprintf("no resource of the input is of a type with a search parameter %q", code))
		}
	}
	return nil
}

// valued are the search values of a resource as they are printed, or why there are none.
type valued struct {
	text  []byte
	table *index.Table
	err   error
}

// valuing takes the values of one resource after another; each worker has its own.
type valuing struct {
	set     *definition.Set
	schema  *structure.Schema
	index   *index.Index
	want    []string
	json    bool
	many    bool // there are several files
	doc     tree.Doc
	checker structure.Checker
	found   index.Collector
}

func (v *valuing) lines(item input.Item) valued {
	text, err := asJSON(v.set, item)
	if err == nil {
		err = v.doc.Parse(text, tree.Limits{Bytes: input.MaxResource})
	}
	if err != nil {
		return valued{err: err}
	}
	table := v.index.Table(v.schema.Type(&v.doc, 0))
	if table == nil {
		return valued{err: errors.New("a resource needs a resourceType that the definitions have")}
	}
	v.checker.Check(v.schema, &v.doc, structure.Options{Watch: table.Watch})
	v.found.Collect(table, &v.doc, 0, v.checker.Hits)
	if v.found.More {
		return valued{err: fmt.Errorf("there are more than %d search values", index.MaxValues)}
	}
	slices.SortStableFunc(v.found.Values, func(a, b index.Value) int {
		return strings.Compare(table.Params[a.Param].Code, table.Params[b.Param].Code)
	})
	if v.json {
		text, err := v.object(item, table)
		return valued{text, table, err}
	}
	var b bytes.Buffer
	for i := range v.found.Values {
		one := &v.found.Values[i]
		param := table.Params[one.Param]
		if len(v.want) == 0 || slices.Contains(v.want, param.Code) {
			if v.many || item.Line > 0 {
				b.WriteString(item.Source() + ": ")
			}
			b.WriteString(line(param, one) + "\n")
		}
	}
	return valued{text: b.Bytes(), table: table}
}

// line is a value for a human: parameter, type, value and what kind of value it is.
func line(p *definition.SearchParameter, v *index.Value) string {
	name := p.Code
	if v.Group > 0 {
		name = fmt.Sprintf("%s#%d.%d", p.Code, v.Group, v.Component+1)
	}
	out := fmt.Sprintf("%s %s %s", name, v.Kind, plain(searched(v)))
	if note := forms[v.Form]; note != "" {
		out += " (" + note + ")"
	}
	return out
}

// forms says what a value is that stands beside the plain one.
var forms = map[index.Form]string{index.InBaseUnits: "base units", index.Text: "text", index.Identifier: "identifier"}

// searched is a value as it would be searched for, with its interval.
func searched(v *index.Value) string {
	switch v.Kind {
	case index.Token:
		return coded(v)
	case index.Reference:
		return reference(v)
	case index.Date:
		return instant(v.Lo) + ".." + instant(v.Hi)
	case index.Quantity:
		return interval(v) + " " + coded(v)
	case index.Number:
		return interval(v)
	}
	return strconv.Quote(string(v.Code))
}

func coded(v *index.Value) string {
	switch {
	case v.Form == index.Text:
		return strconv.Quote(string(v.Code))
	case len(v.System) == 0:
		return string(v.Code)
	}
	return string(v.System) + "|" + string(v.Code)
}

func reference(v *index.Value) string {
	if v.Form == index.Identifier {
		return coded(v)
	}
	out := string(v.Base)
	if out != "" && !strings.HasSuffix(out, "/") {
		out += "/"
	}
	if len(v.System) > 0 {
		out += string(v.System) + "/"
	}
	out += string(v.Code)
	if len(v.Version) > 0 {
		out += "|" + string(v.Version)
	}
	return out
}

func interval(v *index.Value) string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	if math.IsNaN(v.Num) {
		return number(v.Low) + ".." + number(v.High)
	}
	return fmt.Sprintf("%s (%s..%s)", number(v.Num), number(v.Low), number(v.High))
}

// instant is the end of an interval of time; nothing where it is open.
func instant(micros int64) string {
	if micros == math.MinInt64 || micros == math.MaxInt64 {
		return ""
	}
	return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
}

// valueJSON is a value for a program. Numbers that are open or not there are left out.
type valueJSON struct {
	Param     string   `json:"param"`
	Kind      string   `json:"type"`
	Form      string   `json:"form,omitempty"`
	System    string   `json:"system,omitempty"`
	Code      string   `json:"code,omitempty"`
	Version   string   `json:"version,omitempty"`
	Base      string   `json:"base,omitempty"`
	From      string   `json:"from,omitempty"`
	Before    string   `json:"before,omitempty"`
	Number    *float64 `json:"number,omitempty"`
	Low       *float64 `json:"low,omitempty"`
	High      *float64 `json:"high,omitempty"`
	Group     int32    `json:"group,omitempty"`
	Component int      `json:"component,omitempty"`
}

func (v *valuing) object(item input.Item, t *index.Table) ([]byte, error) {
	all := []valueJSON{}
	for i := range v.found.Values {
		one := &v.found.Values[i]
		if code := t.Params[one.Param].Code; len(v.want) == 0 || slices.Contains(v.want, code) {
			all = append(all, asValue(code, one))
		}
	}
	line, err := json.Marshal(struct {
		Source string      `json:"source"`
		Type   string      `json:"resourceType"`
		Values []valueJSON `json:"values"`
	}{item.Source(), t.Type, all})
	return append(line, '\n'), err
}

func asValue(param string, v *index.Value) valueJSON {
	out := valueJSON{Param: param, Kind: v.Kind.String(), Form: forms[v.Form], System: string(v.System), Code: string(v.Code), Version: string(v.Version), Base: string(v.Base), Group: v.Group}
	if v.Group > 0 {
		out.Component = int(v.Component) + 1
	}
	switch v.Kind {
	case index.Date:
		out.From, out.Before = instant(v.Lo), instant(v.Hi)
	case index.Quantity, index.Number:
		out.Number, out.Low, out.High = finite(v.Num), finite(v.Low), finite(v.High)
	}
	return out
}

func finite(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}
