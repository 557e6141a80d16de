package fhir

import (
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/moment"
)

// Bounds of a query.
const (
	DefaultCount    = 50
	MaxCount        = 1000
	maxClauses      = 64      // search parameters of one query
	maxAlternatives = 1_000   // values over all parameters
	maxMatches      = 400     // of one parameter: a database takes no more than 500 terms in one union
	maxSearchValue  = 2_048   // bytes of one value
	maxCursor       = 8 << 10 // bytes; a link has to be followed through servers that take no longer URL
)

// Clause is one search parameter of a query; Any is OR, several clauses are AND.
type Clause struct {
	Param Param
	Name  string // as the client sent it
	Kind  Kind
	Any   []Match

	OrMissing bool `json:",omitzero"` // Date: what has no value of the parameter matches as well; no text that a client sends sets it
}

// Match is one alternative of a clause.
type Match struct {
	System    string `json:",omitzero"` // Token: system, "" = the value has none; Ref: target type, never ""
	AnySystem bool   `json:",omitzero"` // Token: no '|' was given
	Code      string `json:",omitzero"` // Token: code or value; Ref: id
	Prefix    string `json:",omitzero"` // Date: eq ne gt lt ge le sa eb ap
	Lo        int64  `json:",omitzero"` // Date: interval of the given value, from Lo to before Hi
	Hi        int64  `json:",omitzero"`
}

// Search is a parsed query. It is plain data: its JSON form (encoding/json), short because page cursors carry it, reads
// back equal.
type Search struct {
	Type    string
	Clauses []Clause
	Count   int      // _count, 1..1000, default 50
	Total   bool     // _total=accurate or _summary=count
	Only    bool     // _summary=count: no entries wanted
	Cursor  string   // Ward's own paging value, opaque here; all else but Type is then zero
	IDs     []string // _id; empty: any
}

// ParseSearch reads the query of a type-level search. A parameter, modifier or value that is not offered is
// ward.Invalid or ward.Unsupported with the list of what is offered; nothing is ignored but _format.
//
// SPEC(FHIR R4 search.html#combining): repeated parameters are AND, comma-separated values are OR.
func ParseSearch(rt string, q url.Values) (Search, error) {
	def := compiled[rt]
	if def == nil {
		return Search{}, ward.E(ward.NotFound, "fhir.search", "this server does not keep this resource type; it keeps "+strings.Join(Types(), ", "), nil)
	}
	p := searchParser{def: def, s: Search{Type: rt, Count: DefaultCount}}
	if _, ok := q["_cursor"]; ok {
		return p.cursor(q)
	}
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for i, value := range q[name] {
			if err := p.param(name, value, i > 0); err != nil {
				return Search{}, err
			}
		}
	}
	return p.s, nil
}

type searchParser struct {
	def          *typeDef
	s            Search
	alternatives int
}

func (p *searchParser) cursor(q url.Values) (Search, error) {
	for name, values := range q {
		if name == "_format" || name == "_cursor" && len(values) == 1 {
			continue
		}
		return Search{}, refuse(ward.Invalid, "_cursor", "_cursor is given once and alone: the page link carries the whole query")
	}
	if c := q.Get("_cursor"); c != "" && len(c) <= maxCursor {
		return Search{Type: p.s.Type, Cursor: c}, nil
	}
	return Search{}, refuse(ward.Invalid, "_cursor", "this is not a page link of this server")
}

// param takes one value of one parameter.
func (p *searchParser) param(name, value string, repeated bool) error {
	if name == "_format" {
		return nil
	}
	if value == "" {
		return refuse(ward.Invalid, shown(name), "a parameter needs a value")
	}
	if !repeated {
		switch name {
		case "_count":
			return p.count(value)
		case "_total":
			return p.total(value)
		case "_summary":
			return p.summary(value)
		case "_sort":
			// The newest version first is the one order of this server.
			if value == "-_lastUpdated" {
				return nil
			}
			return refuse(ward.Unsupported, name, "the order offered is _sort=-_lastUpdated (newest first), which is also the default")
		case "_id":
			return p.ids(value)
		}
	}
	info, ok := p.lookup(name)
	if !ok {
		return p.unknown(name)
	}
	if len(p.s.Clauses) == maxClauses {
		return refuse(ward.TooLarge, name, "a query may have at most "+strconv.Itoa(maxClauses)+" parameters")
	}
	c := Clause{Param: info.Param, Name: name, Kind: info.Kind}
	parts, err := splitValue(value, ',')
	if err != nil {
		return refuse(ward.Invalid, name, err.Error())
	}
	for _, part := range parts {
		if p.alternatives++; p.alternatives > maxAlternatives {
			return refuse(ward.TooLarge, name, "a query may have at most "+strconv.Itoa(maxAlternatives)+" values")
		}
		ms, err := p.match(info, name, part)
		if err != nil {
			return err
		}
		if c.Any = append(c.Any, ms...); len(c.Any) > maxMatches {
			return refuse(ward.TooLarge, name, "a parameter may have at most "+strconv.Itoa(maxMatches)+
				" values; an id without its type counts once for each type that it may be of")
		}
	}
	p.s.Clauses = append(p.s.Clauses, c)
	return nil
}

func (p *searchParser) lookup(name string) (ParamInfo, bool) {
	for _, c := range commonParams {
		if c.Code == name && c.Param != ParamID {
			return c, true
		}
	}
	row := p.def.byCode[name]
	if row == nil {
		return ParamInfo{}, false
	}
	return ParamInfo{p.def.row.base + row.n, row.code, row.kind, row.expr}, true
}

// unknown says what is offered instead.
func (p *searchParser) unknown(name string) error {
	switch base, mod, ok := strings.Cut(name, ":"); {
	case name == "_count" || name == "_total" || name == "_summary" || name == "_sort" || name == "_id":
		return refuse(ward.Invalid, name, name+" is given once")
	case strings.ContainsAny(name, ".") || strings.HasPrefix(name, "_has"):
		return refuse(ward.Unsupported, shown(name), "chained search is not offered; search the target first, then by its reference")
	case ok && (p.def.byCode[base] != nil || strings.HasPrefix(base, "_")):
		return refuse(ward.Unsupported, shown(name), "the modifier "+shown(mod)+" is not offered; no modifiers are")
	}
	var names []string
	for _, i := range SearchParams(p.s.Type) {
		names = append(names, i.Code)
	}
	return refuse(ward.Invalid, shown(name), p.s.Type+" has no search parameter "+shown(name)+" here; offered are "+strings.Join(names, ", ")+" and _count, _sort, _summary, _total")
}

func (p *searchParser) count(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return refuse(ward.Invalid, "_count", "_count is a whole number, 0 to "+strconv.Itoa(MaxCount))
	}
	if n == 0 { // SPEC(FHIR R4 search.html#count): _count=0 is treated the same as _summary=count
		p.s.Only, p.s.Total = true, true
		return nil
	}
	p.s.Count = min(n, MaxCount) // SPEC(FHIR R4 search.html#count): a server may return fewer than asked, never more
	return nil
}

func (p *searchParser) total(value string) error {
	switch value {
	case "none":
	case "accurate", "estimate": // an exact number is the best estimate
		p.s.Total = true
	default:
		return refuse(ward.Invalid, "_total", "_total is none, estimate or accurate")
	}
	return nil
}

func (p *searchParser) summary(value string) error {
	switch value {
	case "count":
		p.s.Only, p.s.Total = true, true
	case "false":
	default:
		return refuse(ward.Unsupported, "_summary", "_summary=count and _summary=false are offered")
	}
	return nil
}

func (p *searchParser) ids(value string) error {
	for _, id := range strings.Split(value, ",") {
		if !ward.ValidID(id) {
			return refuse(ward.Invalid, "_id", "an id has 1 to 64 characters out of A-Z a-z 0-9 - and .")
		}
		if p.alternatives++; p.alternatives > maxAlternatives {
			return refuse(ward.TooLarge, "_id", "a query may have at most "+strconv.Itoa(maxAlternatives)+" values")
		}
		if !slices.Contains(p.s.IDs, id) {
			p.s.IDs = append(p.s.IDs, id)
		}
	}
	return nil
}

// match reads one alternative.
func (p *searchParser) match(info ParamInfo, name, part string) ([]Match, error) {
	if part == "" || len(part) > maxSearchValue {
		return nil, refuse(ward.Invalid, name, "a value has 1 to "+strconv.Itoa(maxSearchValue)+" bytes")
	}
	switch info.Kind {
	case Token:
		return tokenMatch(name, part)
	case Ref:
		return p.refMatch(info, name, part)
	}
	return dateMatch(name, part)
}

// SPEC(FHIR R4 search.html#token): [code], [system]|[code], |[code] (no system), [system]| (any code of the system).
func tokenMatch(name, part string) ([]Match, error) {
	sides, err := splitValue(part, '|')
	if err != nil {
		return nil, refuse(ward.Invalid, name, err.Error())
	}
	m := Match{AnySystem: len(sides) == 1, Code: unescape(sides[len(sides)-1])}
	switch {
	case len(sides) > 2:
		return nil, refuse(ward.Invalid, name, `a token is code, system|code or |code; a | inside of either is written \|`)
	case m.Code == "":
		return nil, refuse(ward.Unsupported, name, "system| (any code of a system) is not offered; give code, system|code or |code")
	case len(sides) == 2:
		m.System = unescape(sides[0])
	}
	return []Match{m}, nil
}

// SPEC(FHIR R4 search.html#reference): [id], [type]/[id] or an absolute URL; the latter names no resource of this server.
func (p *searchParser) refMatch(info ParamInfo, name, part string) ([]Match, error) {
	value := unescape(part)
	targets := strings.Fields(p.def.byCode[name].extra)
	if ward.ValidID(value) {
		ms := make([]Match, 0, len(targets))
		for _, rt := range targets {
			ms = append(ms, Match{System: rt, Code: value})
		}
		return ms, nil
	}
	ref, err := ward.ParseReference(value)
	if err != nil {
		return nil, refuse(ward.Invalid, name, "a reference is id or Type/id; absolute URLs, versions and identifiers are not offered")
	}
	if !contains(targets, ref.Type) {
		return nil, refuse(ward.Invalid, name, info.Code+" refers to "+strings.Join(targets, ", "))
	}
	return []Match{{System: ref.Type, Code: ref.ID}}, nil
}

var prefixes = []string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"}

// SPEC(FHIR R4 search.html#date): an optional prefix and a date of any precision, which stands for its whole interval.
func dateMatch(name, part string) ([]Match, error) {
	m := Match{Prefix: "eq"}
	value := unescape(part)
	if len(value) > 2 && contains(prefixes, value[:2]) {
		m.Prefix, value = value[:2], value[2:]
	}
	var ok bool
	if m.Lo, m.Hi, ok = moment.Parse([]byte(value), moment.Query); !ok {
		return nil, refuse(ward.Invalid, name, "a date is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm(:ss(.s...))(Z or +hh:mm), with one of the prefixes "+
			strings.Join(prefixes, " ")+" or none; in a URL, + is written %2B")
	}
	return []Match{m}, nil
}

// splitValue splits at a delimiter that no backslash escapes; the parts keep their escapes.
//
// SPEC(FHIR R4 search.html#escaping): \, \| \$ and \\ stand for the second character.
func splitValue(value string, delim byte) ([]string, error) {
	var parts []string
	from := 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			if i++; i == len(value) || !strings.ContainsRune(`,|$\`, rune(value[i])) {
				return nil, errEscape
			}
		case delim:
			parts = append(parts, value[from:i])
			from = i + 1
		}
	}
	return append(parts, value[from:]), nil
}

type plainError string

func (e plainError) Error() string { return string(e) }

const errEscape = plainError(`a backslash stands before , | $ or \ only`)

// unescape takes the escapes away; splitValue has checked them.
func unescape(part string) string {
	if strings.IndexByte(part, '\\') < 0 {
		return part
	}
	out := make([]byte, 0, len(part))
	for i := 0; i < len(part); i++ {
		if part[i] == '\\' && i+1 < len(part) {
			i++
		}
		out = append(out, part[i])
	}
	return string(out)
}

func refuse(kind ward.ErrorKind, name, public string) error {
	return ward.E(kind, "fhir.search", public, nil).At(name)
}

// shown is a parameter name or modifier as errors may show it: what does not look like one is not echoed.
func shown(name string) string {
	ok := len(name) <= 48
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-' || c == ':' || c == '.')
	}
	if !ok || name == "" {
		return "(unnamed)"
	}
	return name
}
