package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/connect/mllp"
)

// Whose numbers the laboratory's messages carry.
const numbers = "http://goodhealth.example/mrn"

// understoodBound is how long the demo waits until every message was understood.
const understoodBound = 60 * time.Second

// message is what the node tells of a message (GET /v1/messages).
type message struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
	Repeats int64  `json:"repeats"`
	Facts   int64  `json:"facts"`
	Held    int64  `json:"held"`
	Entry   string `json:"entry"`
	Hops    []struct {
		At    time.Time `json:"at"`
		Step  string    `json:"step"`
		Note  string    `json:"note"`
		Refs  []string  `json:"refs"`
		Entry string    `json:"entry"`
	} `json:"hops"`
}

// channel opens a port for the laboratory's messages.
func (t *tour) channel(ctx context.Context) error {
	return t.do("open a channel for the laboratory", func() (string, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		t.mllp = l.Addr().String()
		l.Close()
		if err := t.port.json(ctx, t.admin, http.MethodPost, "/v1/principals",
			map[string]any{"id": "lab", "kind": "service", "name": "Laboratory", "roles": []string{"integration"}}, nil); err != nil {
			return "", err
		}
		err = t.port.json(ctx, t.admin, http.MethodPost, "/v1/channels",
			map[string]any{"id": "lab", "principal": "lab", "listen": t.mllp, "systems": map[string]string{simulate.Authority: numbers}}, nil)
		return "MLLP on " + t.mllp, err
	})
}

// units lets two stewards say what the laboratory means by a unit in which a number could be meant otherwise: magnesium of 2.0 is usual in
// mg/dL and in meq/L. Without that no model reads it.
func (t *tour) units(ctx context.Context) error {
	return t.do("two stewards confirm a unit", func() (string, error) {
		const at = "/v1/channels/lab/units"
		said := map[string]any{"code": "19123-9", "source": "mg/dL", "unit": "mg/dL", "ranges": []string{"1.7-2.5"}, "reason": "the laboratory's list of units"}
		var proposal struct {
			Digest string `json:"digest"`
		}
		if err := t.port.json(ctx, t.anna, http.MethodPost, at+"/propose", said, &proposal); err != nil {
			return "", err
		}
		confirmed := map[string]string{"code": "19123-9", "source": "mg/dL", "digest": proposal.Digest}
		return "magnesium of 2.0 could be meant in meq/L", t.port.json(ctx, t.bert, http.MethodPost, at+"/confirm", confirmed, nil)
	})
}

// send sends a day of messages, one after the other, each acknowledged after it is durable.
func (t *tour) send(ctx context.Context) error {
	var day []simulate.Message
	what := map[string]int{}
	err := t.do("the laboratory sends a day's messages", func() (string, error) {
		day = simulate.New(t.seed, time.Now()).Day(8)
		client, err := t.connect(ctx)
		if err != nil {
			return "", err
		}
		defer client.Close()
		for _, m := range day {
			answer, err := client.Send(ctx, m.Bytes)
			if err != nil {
				return "", err
			}
			a, err := hl7v2.Parse(answer, hl7v2.Options{})
			if err != nil {
				return "", fmt.Errorf("the acknowledgement is no HL7 v2 message: %w", err)
			}
			code := a.Get("MSA-1").Text()
			if code != "AA" || a.Get("MSA-2").Text() != m.ControlID {
				return "", fmt.Errorf("message %s was answered %s for %s", m.ControlID, code, a.Get("MSA-2").Text())
			}
			what[code]++
			t.sent++
		}
		return fmt.Sprintf("%d messages, %d acknowledged AA after they were durable", t.sent, what["AA"]), nil
	})
	for _, m := range day {
		if text := twists[m.Twist]; text != "" {
			t.note("%s %s: %s", m.Kind, m.ControlID, text)
		}
		if m.Twist == simulate.Plain && t.number == "" {
			t.number = m.Number
		}
	}
	return err
}

// twists says what is special about a message.
var twists = map[simulate.Twist]string{
	simulate.MolarResult:   "creatinine in umol/L, magnesium in mg/dL: models must convert them through the formula",
	simulate.WrongSodium:   "sodium in mg/dL under a code for moles: must be held",
	simulate.AliasUnits:    "units as laboratories write them, K/uL and mm/hr",
	simulate.Duplicate:     "the message before once more",
	simulate.Correction:    "a corrected panel",
	simulate.LateOriginal:  "the panel that was corrected already, late",
	simulate.Temporary:     "results under a temporary number",
	simulate.Merging:       "the temporary number's record goes on under the patient's",
	simulate.TestTraffic:   "test traffic",
	simulate.WithoutNumber: "names no patient",
}

// connect dials the channel as soon as it listens.
func (t *tour) connect(ctx context.Context) (*mllp.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := mllp.Dial(ctx, t.mllp, mllp.ClientOptions{})
		if err == nil {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

// understood waits until every message came to its end and tells what became of them.
func (t *tour) understood(ctx context.Context) error {
	var all []message
	err := t.do("the node understands them", func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, understoodBound)
		defer cancel()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			var page struct {
				Messages []message `json:"messages"`
			}
			if err := t.port.json(ctx, t.anna, http.MethodGet, "/v1/messages?count=1000", nil, &page); err != nil {
				return "", err
			}
			all = page.Messages
			if !slices.ContainsFunc(all, func(m message) bool { return m.State == "received" }) {
				return t.counted(all)
			}
			select {
			case <-ctx.Done():
				return "", errors.New("some messages are still waiting")
			case <-tick.C:
			}
		}
	})
	if err != nil {
		return err
	}
	return t.trace(ctx, all)
}

// counted sums up what became of the messages.
func (t *tour) counted(all []message) (string, error) {
	states, repeats := map[string]int{}, int64(0)
	for _, m := range all {
		states[m.State]++
		repeats += m.Repeats
		t.facts += m.Facts
		t.held += m.Held
	}
	if got := int64(len(all)) + repeats; got != int64(t.sent) {
		return "", fmt.Errorf("%d messages are kept and %d repeated, of %d sent", len(all), repeats, t.sent)
	}
	if repeats != 1 || states["apart"] != 1 || states["held"] != 1 || t.held != 1 || states["dead"] > 0 {
		return "", fmt.Errorf("not what was sent: %v, %d repeated, %d facts held", states, repeats, t.held)
	}
	return fmt.Sprintf("%d applied, %d repeated, %d held whole, %d kept apart: %d facts, %d held", states["applied"], repeats, states["held"],
		states["apart"], t.facts, t.held), nil
}

// trace follows the message with a held fact, hop by hop.
func (t *tour) trace(ctx context.Context, all []message) error {
	at := slices.IndexFunc(all, func(m message) bool { return m.Held > 0 })
	return t.do("follow the message with the wrong unit", func() (string, error) {
		var m message
		if err := t.port.json(ctx, t.anna, http.MethodGet, "/v1/messages/"+all[at].ID, nil, &m); err != nil {
			return "", err
		}
		var hops []string
		for _, h := range m.Hops {
			hop := h.Step
			if h.Note != "" {
				hop += " (" + h.Note + ")"
			}
			hops = append(hops, hop)
		}
		t.told(hops)
		return fmt.Sprintf("%d hops", len(hops)), nil
	})
}

// told keeps lines that are shown under the step.
func (t *tour) told(lines []string) { t.after = append(t.after, lines...) }

// release lets one steward say what the unit was, and another store it.
func (t *tour) release(ctx context.Context) error {
	for _, line := range t.after {
		t.note("%s", line)
	}
	t.after = nil
	var id string
	err := t.do("anna (steward) looks at what is held", func() (string, error) {
		var page struct {
			Facts []struct {
				ID     string `json:"id"`
				Class  string `json:"class"`
				Reason string `json:"reason"`
			} `json:"facts"`
		}
		if err := t.port.json(ctx, t.anna, http.MethodPost, "/v1/quarantine/search", map[string]string{"state": "held"}, &page); err != nil {
			return "", err
		}
		if len(page.Facts) != 1 {
			return "", fmt.Errorf("%d facts are held, one was expected", len(page.Facts))
		}
		id = page.Facts[0].ID
		var h struct {
			Evidence struct {
				Sent struct{ Display, Value, Unit string }
				Why  []string
			}
		}
		if err := t.port.json(ctx, t.anna, http.MethodGet, "/v1/quarantine/"+id, nil, &h); err != nil {
			return "", err
		}
		t.told(h.Evidence.Why)
		return fmt.Sprintf("%s %s %s: %s", h.Evidence.Sent.Display, h.Evidence.Sent.Value, h.Evidence.Sent.Unit, page.Facts[0].Reason), nil
	})
	for _, line := range t.after {
		t.note("%s", line)
	}
	t.after = nil
	if err != nil {
		return err
	}
	return t.do("anna corrects it, bert releases it", func() (string, error) { return t.twoPersons(ctx, id) })
}

func (t *tour) twoPersons(ctx context.Context, id string) (string, error) {
	at := "/v1/quarantine/" + id
	fix := map[string]string{"unit": "mmol/L", "reason": "the laboratory confirms mmol/L"}
	if err := t.port.json(ctx, t.anna, http.MethodPost, at+"/propose", fix, nil); err != nil {
		return "", err
	}
	var shown struct {
		Digest string `json:"digest"`
	}
	if err := t.port.json(ctx, t.bert, http.MethodGet, at, nil, &shown); err != nil {
		return "", err
	}
	digest := map[string]string{"digest": shown.Digest}
	var no *refusal
	if err := t.port.json(ctx, t.anna, http.MethodPost, at+"/release", digest, nil); !errors.As(err, &no) || no.status != http.StatusForbidden {
		return "", fmt.Errorf("anna could release her own correction: %w", err)
	}
	t.denials++
	var done []struct {
		Fact    string `json:"fact"`
		Version int64  `json:"version"`
	}
	if err := t.port.json(ctx, t.bert, http.MethodPost, at+"/release", digest, &done); err != nil {
		return "", err
	}
	if len(done) != 1 {
		return "", errors.New("nothing was stored")
	}
	t.facts++
	return fmt.Sprintf("stored as version %d; anna alone could not", done[0].Version), nil
}

// merged shows that a search on the patient finds what was sent under the temporary number.
func (t *tour) merged(ctx context.Context) error {
	return t.do("results of a merged number are found", func() (string, error) {
		id, err := t.byNumber(ctx, "700106")
		if err != nil {
			return "", err
		}
		var found searchset
		q := url.Values{"patient": {id}, "_count": {"200"}}
		if err := t.port.call(ctx, t.clinician, http.MethodGet, "/fhir/R4/Observation?"+q.Encode(), "", nil, &found); err != nil {
			return "", err
		}
		t.reads++
		if len(found.Entry) < 19 {
			return "", fmt.Errorf("%d results of the patient and the temporary number are found, 19 were expected", len(found.Entry))
		}
		return fmt.Sprintf("%d results of both under one patient", len(found.Entry)), nil
	})
}

// byNumber finds a patient of the laboratory.
func (t *tour) byNumber(ctx context.Context, number string) (string, error) {
	var found struct {
		Entry []struct {
			Resource struct {
				ID string `json:"id"`
			} `json:"resource"`
		} `json:"entry"`
	}
	q := url.Values{"identifier": {numbers + "|" + number}}
	if err := t.port.call(ctx, t.clinician, http.MethodGet, "/fhir/R4/Patient?"+q.Encode(), "", nil, &found); err != nil {
		return "", err
	}
	t.reads++
	if len(found.Entry) == 0 {
		return "", errors.New("the patient is not found by the number")
	}
	return found.Entry[0].Resource.ID, nil
}

// risk opens the chart of a patient of the laboratory: models answer on what came by message.
func (t *tour) risk(ctx context.Context) error {
	var cards []card
	err := t.do("open a chart that messages filled", func() (string, error) {
		id, err := t.byNumber(ctx, t.number)
		if err != nil {
			return "", err
		}
		if cards, err = t.patientView(ctx, id); err != nil {
			return "", err
		}
		t.patient = id
		return fmt.Sprintf("%d cards", len(cards)), nil
	})
	t.cards += len(cards)
	for _, c := range cards {
		t.note("[%s] %s", c.Indicator, c.Summary)
		t.note("%s", basis(c.Detail))
		t.note("source: %s", c.Source.Label)
	}
	return err
}

// count counts the decisions that are kept.
func (t *tour) count(ctx context.Context) error {
	return t.do("count the decisions that are kept", func() (string, error) {
		models := map[string]int{}
		for cursor := ""; ; {
			var page struct {
				Decisions []struct {
					Model string `json:"model"`
				} `json:"decisions"`
				Next string `json:"next"`
			}
			if err := t.port.json(ctx, t.clinician, http.MethodPost, "/v1/decisions/search", map[string]any{"count": 200, "cursor": cursor}, &page); err != nil {
				return "", err
			}
			for _, d := range page.Decisions {
				models[d.Model]++
				t.decisions++
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		var parts []string
		for _, m := range slices.Sorted(maps.Keys(models)) {
			parts = append(parts, fmt.Sprintf("%s %d", m, models[m]))
		}
		return strings.Join(parts, ", "), nil
	})
}
