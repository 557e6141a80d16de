package cdshooks

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/ward-health/ward/predict/registry"
)

// Models is the id of the service that speaks for every active model without a service of its own.
const Models = "ward-models"

// service is one entry of the discovery document (CDS Hooks 2.0, Discovery).
type service struct {
	Hook              string            `json:"hook"`
	ID                string            `json:"id"`
	Title             string            `json:"title"`
	Description       string            `json:"description"`
	Prefetch          map[string]string `json:"prefetch"`
	UsageRequirements string            `json:"usageRequirements"`
}

const usage = "The patient and the results must be in Ward's store, from which it answers. Prefetch may be sent; it is neither needed nor believed."

// services lists what is the same for every tenant, because discovery knows no caller.
func services() []service {
	out := []service{}
	for _, artefact := range registry.Builtin() {
		m, err := registry.Read(artefact.Manifest)
		if err != nil {
			panic(err) // a built-in manifest is part of the program
		}
		out = append(out, service{Hook: hook, ID: m.Name, Title: m.Title, Description: m.Description,
			Prefetch: templates("code=" + codes(m)), UsageRequirements: usage})
	}
	return append(out, service{Hook: hook, ID: Models, Title: "Active models",
		Description: "One card for each model that the organisation has made active in Ward and that has no service of its own here.",
		Prefetch:    templates("category=laboratory,vital-signs"), UsageRequirements: usage})
}

// templates are the prefetch templates of a service.
//
// SPEC(CDS Hooks 2.0, Prefetch Tokens): a template is a FHIR read or search in which {{context.patientId}} stands for the patient.
func templates(results string) map[string]string {
	return map[string]string{"patient": "Patient/{{context.patientId}}", "results": "Observation?patient={{context.patientId}}&" + results}
}

func codes(m registry.Manifest) string {
	var out []string
	for _, in := range m.Inputs {
		for _, c := range slices.Concat(in.Codes, in.Panels()) {
			if one := c.System + "|" + c.Code; !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
	}
	return strings.Join(out, ",")
}

func discovery(list []service) []byte {
	b, err := json.Marshal(struct {
		Services []service `json:"services"`
	}{list})
	if err != nil {
		panic(err) // plain texts
	}
	return b
}
