package ward

import (
	"fmt"
	"strings"
	"time"
)

// TenantID names a tenant: a lower-case slug of 1 to 40 characters, [a-z0-9-], beginning with a letter.
// It comes from the principal only, never from a URL or a header.
type TenantID string

// Valid reports whether the slug has the form that TenantID documents.
func (t TenantID) Valid() bool {
	if len(t) == 0 || len(t) > 40 || t[0] < 'a' || t[0] > 'z' {
		return false
	}
	for _, c := range []byte(t) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Tenant is one organisation whose data is separated from every other by construction and by key.
type Tenant struct {
	ID       TenantID
	Number   int64 // leading key of every table; positive
	Name     string
	Disabled bool
}

// PrincipalID names one human, service or operator inside a tenant. It is chosen by an administrator and is not
// patient data.
type PrincipalID string

// Kind tells what sort of principal acts.
type Kind string

// The kinds of principal.
const (
	Human    Kind = "human"
	Service  Kind = "service"
	Operator Kind = "operator" // the local operating-system user at the node's own socket
)

// Role is a set of duties that policies speak of.
type Role string

// The roles that the default policies know.
const (
	Clinician   Role = "clinician"   // reads and writes care data, asks models
	Registrar   Role = "registrar"   // demographics, encounters and places only
	Integration Role = "integration" // feeds: creates and updates, does not browse
	Privacy     Role = "privacy"     // erasure, accounting; no clinical reading
	Auditor     Role = "auditor"     // the log and its proofs; no clinical reading
	Admin       Role = "admin"       // tenants, principals, clients; no clinical reading
	PatientRole Role = "patient"     // the own compartment only
	Steward     Role = "steward"     // messages and held facts: sees what was sent, releases or rejects with a second person
	Engine      Role = "engine"      // the node's own work on a tenant's events; cannot be given to anybody
)

// Roles lists every role that can be given, in the order in which help texts show them.
func Roles() []Role {
	return []Role{Clinician, Registrar, Integration, Privacy, Auditor, Admin, PatientRole, Steward}
}

// Principal is who acts.
type Principal struct {
	ID      PrincipalID
	Tenant  Tenant
	Kind    Kind
	Name    string
	Roles   []Role
	Patient string // FHIR id of the own Patient resource when the role is PatientRole, else empty

	// Borrowed: the access token was obtained by the local operator on the principal's behalf. What takes the person itself,
	// such as being the second of two, is refused then.
	Borrowed bool
}

// Has reports whether the principal holds the role.
func (p Principal) Has(r Role) bool {
	for _, have := range p.Roles {
		if have == r {
			return true
		}
	}
	return false
}

// Purpose is a purpose of use (HL7 v3 ActReason codes).
type Purpose string

// The purposes of use that Ward knows (http://terminology.hl7.org/CodeSystem/v3-ActReason).
const (
	Treatment       Purpose = "TREAT"
	Emergency       Purpose = "ETREAT"
	Payment         Purpose = "HPAYMT"
	Operations      Purpose = "HOPERAT"
	Research        Purpose = "HRESCH"
	Marketing       Purpose = "HMARKT"
	PatientRequest  Purpose = "PATRQT"
	PublicHealth    Purpose = "PUBHLTH"
	SystemAdmin     Purpose = "HSYSADMIN"
	PurposeUnstated Purpose = ""
)

// Purposes lists the purposes in a fixed order; the position is the number that log leaves carry (from 1).
func Purposes() []Purpose {
	return []Purpose{Treatment, Emergency, Payment, Operations, Research, Marketing, PatientRequest, PublicHealth, SystemAdmin}
}

// Valid reports whether p is one of Purposes.
func (p Purpose) Valid() bool {
	for _, q := range Purposes() {
		if p == q {
			return true
		}
	}
	return false
}

// Reference names a FHIR resource: a literal, relative reference (FHIR R4 2.3.0.1).
type Reference struct {
	Type string // FHIR resource type
	ID   string // FHIR id: [A-Za-z0-9.-]{1,64}
}

// String returns "Type/ID".
func (r Reference) String() string { return r.Type + "/" + r.ID }

// ParseReference reads "Type/ID". It checks the form only, not that the type exists.
func ParseReference(s string) (Reference, error) {
	rt, id, ok := strings.Cut(s, "/")
	if !ok || rt == "" || !ValidID(id) {
		return Reference{}, E(Invalid, "reference", "a reference must have the form Type/id", nil)
	}
	return Reference{Type: rt, ID: id}, nil
}

// ValidID reports whether s is a FHIR id.
//
// SPEC(FHIR R4 2.24.0.1 id): 1 to 64 characters out of letters, digits, '-' and '.'.
func ValidID(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// Message is what arrived: bytes that nobody has believed yet.
type Message struct {
	ID          ID
	Source      string // channel or client that delivered it
	ContentType string
	Received    time.Time
	Body        Protected
}

// Resource is a message part that has been understood: one FHIR resource, JSON in UTF-8. ID may be empty for a create.
type Resource struct {
	Ref  Reference
	Body Protected
}

// Version is a resource as it stands durably in the store.
type Version struct {
	Ref     Reference
	Number  int64 // 1, 2, 3 ... per resource
	Updated time.Time
	Deleted bool      // true: this version is the deletion, Body is empty
	Body    Protected // JSON with id, meta.versionId and meta.lastUpdated in place
	Digest  [32]byte  // SHA-256 of the stored ciphertext; stands in the log leaf of the write
	Entry   ID        // audit entry of the write
	Seen    ID        // audit entry under which this copy was opened; zero for a copy that no read gave out
}

// ETag returns the weak entity tag of the version.
//
// SPEC(FHIR R4 3.1.0.1.3): the version id is served as a weak ETag.
func (v Version) ETag() string { return fmt.Sprintf(`W/"%d"`, v.Number) }

// Input is one value that a model was given, with where it came from.
type Input struct {
	Name    string    `json:"name"`
	Code    string    `json:"code,omitempty"`   // LOINC, or the FHIR element for demographics
	Value   float64   `json:"value"`            // in Unit
	Unit    string    `json:"unit"`             // UCUM
	Given   string    `json:"given,omitempty"`  // as it stood in the source, "88 umol/L"
	Source  string    `json:"source,omitempty"` // "Observation/id"
	Version int64     `json:"version,omitempty"`
	Digest  string    `json:"digest,omitempty"`  // hex SHA-256 of the source version's ciphertext
	At      time.Time `json:"at,omitzero"`       // clinical time of the source
	Missing string    `json:"missing,omitempty"` // why the model was given no value for this input; Value is then 0 and means nothing
}

// Decision is one answer of a model, or its honest refusal to answer. The canonical part (Model to Reasons) is
// recomputed equal on any build; ids and times are not part of it.
type Decision struct {
	ID      ID        `json:"id"`
	At      time.Time `json:"at"`
	Patient string    `json:"patient"` // FHIR id
	Asked   string    `json:"asked"`   // hook or event that asked

	Model   string       `json:"model"`  // name@version
	Digest  string       `json:"digest"` // hex SHA-256 of the artefact's manifest
	Inputs  []Input      `json:"inputs"`
	Output  *Output      `json:"output,omitempty"` // nil: no number, see Reasons
	Reasons []string     `json:"reasons"`
	Explain *Explanation `json:"explain,omitempty"` // nil: the method itself is the reason (a formula), or there is no number
	Lineage DecisionLine `json:"lineage"`
}

// Output is the number a model gave.
type Output struct {
	Name  string   `json:"name"`
	Code  string   `json:"code,omitempty"` // LOINC
	Value float64  `json:"value"`
	Unit  string   `json:"unit"`
	Low   *float64 `json:"low,omitempty"`  // interval, nil: none is claimed
	High  *float64 `json:"high,omitempty"` //
	Band  string   `json:"band,omitempty"`

	// Coverage is the share of cases that intervals made this way are meant to hold, 0 < Coverage < 1; nil: no interval is claimed.
	Coverage *float64 `json:"coverage,omitempty"`
	// Interval says how Low and High were made ("venn-abers/1"), or in one sentence why there are none.
	Interval string `json:"interval,omitempty"`
}

// Explanation says how the inputs led to an output: Base plus the sum of the contributions is the model's raw score.
type Explanation struct {
	Method string         `json:"method"` // engine of the explanation and its version, "treeshap/1"
	Scale  string         `json:"scale"`  // what the numbers are measured in, "log-odds"
	Base   float64        `json:"base"`   // raw score of the model before it knows any input
	Parts  []Contribution `json:"parts"`  // one per input, in the order of Decision.Inputs' names in the manifest
}

// Contribution is what one input added to the raw score.
type Contribution struct {
	Input string  `json:"input"` // name of the input in the manifest
	Value float64 `json:"value"` // in the scale of the Explanation
}

// DecisionLine says under which authority a decision was made.
type DecisionLine struct {
	Principal PrincipalID `json:"principal"`
	Purpose   Purpose     `json:"purpose"`
	Policy    string      `json:"policy"` // hex SHA-256 of the policy set
	Reads     []ID        `json:"reads"`  // audit entries of the reads
	Engine    string      `json:"engine"` // engine and version of its semantics
}

// Outcome is what happened after a decision.
type Outcome struct {
	Decision ID
	At       time.Time
	Value    string
}

// Alarm is what a watcher raises.
type Alarm struct {
	ID      ID
	At      time.Time
	Subject string // what it is about: model name@version, interface, principal; never a patient
	Kind    string
	Text    string
}
