package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/validate"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/identity"
	"github.com/ward-health/ward/normalize/mapping"
)

// odd are texts that senders write and no message of the public data has.
var odd = []string{`""`, " ", "\t", "é", `\F\`, `\X00\`, `\X0A\`, `\.br\`, "\x01", "a\x7fb", "20260230", "2026", "99999999", "0", "-1", "1e9", "0.0", "urn:oid:1", "http://x y", strings.Repeat("x", 300)}

// TestChangedMessages: whatever is changed in a message, what is made of it conforms to R4, or is doubted or refused by the strict pass, and so held.
func TestChangedMessages(t *testing.T) {
	n := 6000
	if testing.Short() {
		n = 300
	}
	v, messages, pool := validate.New(definition.R4(), validate.Options{}), []string{}, slices.Clone(odd)
	gold(t, func(_ string, raw []byte) {
		m, err := hl7v2.Parse(raw, hl7v2.Options{})
		if err != nil || !mapping.Understood(identity.Kind(m)) {
			return
		}
		text := strings.NewReplacer("\r\n", "\r", "\n", "\r").Replace(string(raw))
		if !strings.Contains(strings.TrimSpace(text), "\r") {
			return
		}
		messages = append(messages, text)
		_, rest, _ := strings.Cut(text, "\r")
		for _, field := range strings.FieldsFunc(rest, func(r rune) bool { return r == '|' || r == '\r' }) {
			pool = append(append(pool, field), strings.Split(field, "^")...)
		}
	})
	if len(messages) == 0 {
		return // gold has said so
	}
	slices.Sort(messages)
	slices.Sort(pool)
	r, made := rand.New(rand.NewPCG(1, 2026)), 0
	for range n {
		text := changed(r, messages[r.IntN(len(messages))], pool)
		m, err := hl7v2.Parse([]byte(text), hl7v2.Options{})
		if err != nil || !mapping.Understood(identity.Kind(m)) {
			continue
		}
		got, err := mapping.Map(m, identity.Kind(m), mapping.Options{Received: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			continue
		}
		for _, c := range got.Candidates {
			body := string(c.Body.Bytes())
			for i := range got.Candidates {
				body = strings.ReplaceAll(body, `"`+mapping.Reference(i)+`"`, fmt.Sprintf(`"%s/c%d"`, got.Candidates[i].Type, i))
			}
			made++
			if _, err := fhir.Check([]byte(body)); err != nil || len(c.Doubts) > 0 {
				continue
			}
			for _, i := range judged(t, v, body) {
				if !bySender(i) {
					t.Fatalf("%v\n%s\n%q", i, body, text)
				}
			}
		}
	}
	if made < n {
		t.Errorf("%d messages made %d resources", n, made)
	}
}

// bySender: R4 wants the time of a vital sign and a quantity with a code of UCUM. A message may have neither time nor number, and the code is for
// package judge to say.
func bySender(i issue.Issue) bool {
	return i.Rule != "" && (strings.Contains(i.Text, "of effective is required") || strings.HasPrefix(i.Expression, "Observation.value"))
}

// changed puts texts of the pool into fields and components of a message, the header excepted.
func changed(r *rand.Rand, text string, pool []string) string {
	segments := strings.Split(text, "\r")
	for range 1 + r.IntN(4) {
		i := 1 + r.IntN(len(segments)-1)
		fields := strings.Split(segments[i], "|")
		if len(fields) < 2 {
			continue
		}
		j := 1 + r.IntN(len(fields)+2)
		for j >= len(fields) {
			fields = append(fields, "")
		}
		with := pool[r.IntN(len(pool))]
		if parts := append(strings.Split(fields[j], "^"), ""); r.IntN(3) > 0 {
			parts[r.IntN(len(parts))] = with
			with = strings.Join(parts, "^")
		}
		fields[j] = with
		segments[i] = strings.Join(fields, "|")
	}
	return strings.Join(segments, "\r")
}
