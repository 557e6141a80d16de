package simulate

import "encoding/json"

// The FHIR R4 shapes that are made, members in the order in which they are written.

type bundle struct {
	ResourceType string        `json:"resourceType"`
	Type         string        `json:"type"`
	Entry        []bundleEntry `json:"entry"`
}

type bundleEntry struct {
	FullURL  string          `json:"fullUrl"`
	Resource json.RawMessage `json:"resource"`
	Request  bundleRequest   `json:"request"`
}

type bundleRequest struct {
	Method string `json:"method"`
	URL    string `json:"url"`
}

type meta struct {
	Security []coding `json:"security"`
}

type coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Coding []coding `json:"coding,omitempty"`
	Text   string   `json:"text,omitempty"`
}

type reference struct {
	Reference string `json:"reference"`
}

type identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

type humanName struct {
	Family string   `json:"family"`
	Given  []string `json:"given"`
	Prefix []string `json:"prefix,omitempty"`
}

type address struct {
	Line       []string `json:"line"`
	City       string   `json:"city"`
	PostalCode string   `json:"postalCode"`
	Country    string   `json:"country"`
}

type period struct {
	Start string `json:"start"`
	End   string `json:"end,omitempty"`
}

type quantity struct {
	Value  json.Number `json:"value"`
	Unit   string      `json:"unit"`
	System string      `json:"system"`
	Code   string      `json:"code"`
}

type head struct {
	ResourceType string `json:"resourceType"`
	ID           string `json:"id"`
	Meta         *meta  `json:"meta,omitempty"`
}

type organization struct {
	head
	Identifier []identifier `json:"identifier"`
	Active     bool         `json:"active"`
	Name       string       `json:"name"`
}

type location struct {
	head
	Identifier           []identifier `json:"identifier"`
	Status               string       `json:"status"`
	Name                 string       `json:"name"`
	ManagingOrganization reference    `json:"managingOrganization"`
}

type practitioner struct {
	head
	Identifier []identifier `json:"identifier"`
	Active     bool         `json:"active"`
	Name       []humanName  `json:"name"`
}

type practitionerRole struct {
	head
	Active       bool        `json:"active"`
	Practitioner reference   `json:"practitioner"`
	Organization reference   `json:"organization"`
	Location     []reference `json:"location"`
}

type patient struct {
	head
	Identifier           []identifier `json:"identifier"`
	Active               bool         `json:"active"`
	Name                 []humanName  `json:"name"`
	Gender               string       `json:"gender"`
	BirthDate            string       `json:"birthDate"`
	Address              []address    `json:"address"`
	GeneralPractitioner  []reference  `json:"generalPractitioner"`
	ManagingOrganization reference    `json:"managingOrganization"`
}

type encounter struct {
	head
	Identifier      []identifier        `json:"identifier"`
	Status          string              `json:"status"`
	Class           coding              `json:"class"`
	Subject         reference           `json:"subject"`
	Participant     []participant       `json:"participant"`
	Period          period              `json:"period"`
	Location        []encounterLocation `json:"location"`
	ServiceProvider reference           `json:"serviceProvider"`
}

type participant struct {
	Individual reference `json:"individual"`
}

type encounterLocation struct {
	Location reference `json:"location"`
}

type condition struct {
	head
	ClinicalStatus     concept   `json:"clinicalStatus"`
	VerificationStatus concept   `json:"verificationStatus"`
	Code               concept   `json:"code"`
	Subject            reference `json:"subject"`
	Encounter          reference `json:"encounter"`
	RecordedDate       string    `json:"recordedDate"`
}

type observation struct {
	head
	Identifier        []identifier `json:"identifier"`
	Status            string       `json:"status"`
	Category          []concept    `json:"category"`
	Code              concept      `json:"code"`
	Subject           reference    `json:"subject"`
	Encounter         reference    `json:"encounter"`
	EffectiveDateTime string       `json:"effectiveDateTime"`
	Issued            string       `json:"issued"`
	Performer         []reference  `json:"performer"`
	ValueQuantity     quantity     `json:"valueQuantity"`
}

type medicationRequest struct {
	head
	Status                    string    `json:"status"`
	Intent                    string    `json:"intent"`
	MedicationCodeableConcept concept   `json:"medicationCodeableConcept"`
	Subject                   reference `json:"subject"`
	Encounter                 reference `json:"encounter"`
	AuthoredOn                string    `json:"authoredOn"`
	Requester                 reference `json:"requester"`
}
