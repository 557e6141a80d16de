package fhir

// Limits of the strict pass.
const (
	MaxBytes      = 16 << 20
	MaxDepth      = 64
	MaxValues     = 2_000  // search values of one resource
	MaxReferences = 20_000 // reference strings of one resource
)

// Value is one search value of a resource.
type Value struct {
	Param  Param
	Kind   Kind
	System string // Token: system or ""; Ref: target type
	Code   string // Token: code or value; Ref: target id
	Lo, Hi int64  // Date: inclusive lower and exclusive upper bound in Unix microseconds (math.MinInt64/MaxInt64: open)
}

// RefAt is a reference string in a body: body[Start:End] is the JSON string with its quotes.
type RefAt struct {
	Start, End int
	Target     string // unescaped: "Patient/1", "urn:uuid:...", "Location?identifier=s|v", absolute URL, "#contained"
	Path       string // of the Reference element: "Observation.performer[0]"
}

// Facts is what the strict pass learns.
type Facts struct {
	Type       string
	ID         string
	Patient    string   // id of the patient whose compartment it is in (first rule of the table that holds), "" = none
	Conf       int      // meta.security confidentiality: U=0 .. V=5; absent 3, unknown 4
	Labels     []string // codes of meta.security, each once
	Values     []Value  // each (Param, System, Code) and (Param, Lo, Hi) once
	References []RefAt  // in the order of the body, contained resources included
	Updated    int64    // Unix microseconds of the version; Scan leaves it 0, the caller sets it before Holds
}
