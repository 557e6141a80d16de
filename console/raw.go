package console

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/hl7v2"
)

// Bounds of what is shown of a raw message.
const (
	maxSegments = 500
	maxField    = 4000 // characters of one field
)

// rawPage is a message as it came.
type rawPage struct {
	ID       ward.ID
	Kind     string
	Size     int
	Segments []segmentView
	Cut      bool
	Text     string // when it is no readable message
	Why      string
}

// segmentView is one segment with the fields that were sent.
type segmentView struct {
	Name   string
	Number int
	Fields []fieldView
}

// fieldView is one field, its bytes read as text; nothing is interpreted.
type fieldView struct {
	Number int
	Text   string
}

// raw is GET /console/messages/{id}/raw.
func (c *Console) raw(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	m, err := c.store.Raw(r.Context(), g.Permit, id)
	if err != nil {
		return err
	}
	p := rawPage{ID: id, Kind: m.ContentType, Size: len(m.Body)}
	p.read([]byte(m.Body))
	f := frameOf(r, g.Permit, "Raw message", "messages", p)
	return c.write(w, http.StatusOK, "raw", f)
}

// read splits the message into segments and fields; what is no HL7 v2 message stays one text.
func (p *rawPage) read(b []byte) {
	m, err := hl7v2.Parse(b, hl7v2.Options{})
	if err != nil {
		p.Why, p.Text = ward.PublicText(err), lines(b)
		return
	}
	for s := range m.Segments() {
		if len(p.Segments) == maxSegments {
			p.Cut = true
			return
		}
		v := segmentView{Name: s.Name(), Number: s.Index() + 1}
		for n, f := range s.All() {
			if text := shown(f.Raw()); text != "" {
				v.Fields = append(v.Fields, fieldView{n, text})
			}
		}
		p.Segments = append(p.Segments, v)
	}
}

// shown is the bytes of a field as text: what is not UTF-8 becomes U+FFFD.
func shown(b []byte) string {
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	if utf8.RuneCountInString(s) > maxField {
		return string([]rune(s)[:maxField]) + " …"
	}
	return s
}

// lines is a text whose lines may end with CR.
func lines(b []byte) string {
	s := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(string(b), "\uFFFD"))
	if r := []rune(s); len(r) > 200_000 {
		return string(r[:200_000]) + "\n…"
	}
	return s
}
