package fhir

import (
	"bytes"
	"strconv"
	"time"

	"github.com/ward-health/ward"
)

// Link is one link of a Bundle.
type Link struct{ Relation, URL string }

// Entry is one entry of a Bundle that a server writes; empty fields are left out.
type Entry struct {
	FullURL  string
	Resource ward.Protected // written as it is
	Search   string         // search.mode: match, outcome
	Method   string         // request.method, with URL
	URL      string         // request.url
	Status   string         // response.status
	Location string
	ETag     string
	Modified time.Time
	Outcome  []byte // response.outcome
}

// WriteBundle returns a Bundle of the type (searchset, history, transaction-response, batch-response). total below 0
// is left out.
func WriteBundle(bundleType string, total int64, at time.Time, links []Link, entries []Entry) []byte {
	size := 512
	for i := range entries {
		size += len(entries[i].Resource) + len(entries[i].Outcome) + 512
	}
	b := bundleWriter{}
	b.Grow(size)
	b.WriteString(`{"resourceType":"Bundle","type":`)
	b.text(bundleType)
	b.WriteString(`,"timestamp":`)
	b.text(Instant(at))
	if total >= 0 {
		b.WriteString(`,"total":`)
		b.WriteString(strconv.FormatInt(total, 10))
	}
	if len(links) > 0 {
		b.WriteString(`,"link":[`)
		for i, l := range links {
			b.comma(i)
			b.WriteString(`{"relation":`)
			b.text(l.Relation)
			b.WriteString(`,"url":`)
			b.text(l.URL)
			b.WriteByte('}')
		}
		b.WriteByte(']')
	}
	if len(entries) > 0 { // SPEC(FHIR R4 json.html#primitive): an array is never empty, it is left out
		b.WriteString(`,"entry":[`)
		for i := range entries {
			b.comma(i)
			b.entry(&entries[i])
		}
		b.WriteByte(']')
	}
	b.WriteByte('}')
	return b.Bytes()
}

type bundleWriter struct{ bytes.Buffer }

func (b *bundleWriter) comma(i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

func (b *bundleWriter) text(s string) { b.Write(marshal(s)) }

// fields writes name-value pairs whose value is not empty as the members of an object and returns how many they were.
func (b *bundleWriter) fields(pairs ...string) (n int) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		b.comma(n)
		b.text(pairs[i])
		b.WriteByte(':')
		b.text(pairs[i+1])
		n++
	}
	return n
}

func (b *bundleWriter) entry(e *Entry) {
	b.WriteByte('{')
	n := b.fields("fullUrl", e.FullURL)
	if len(e.Resource) > 0 {
		b.comma(n)
		b.WriteString(`"resource":`)
		b.Write([]byte(e.Resource))
		n++
	}
	if e.Search != "" {
		b.comma(n)
		b.WriteString(`"search":{`)
		b.fields("mode", e.Search)
		b.WriteByte('}')
		n++
	}
	if e.Method != "" {
		b.comma(n)
		b.WriteString(`"request":{`)
		b.fields("method", e.Method, "url", e.URL)
		b.WriteByte('}')
		n++
	}
	if e.Status != "" {
		b.comma(n)
		b.WriteString(`"response":{`)
		modified := ""
		if !e.Modified.IsZero() {
			modified = Instant(e.Modified)
		}
		b.fields("status", e.Status, "location", e.Location, "etag", e.ETag, "lastModified", modified)
		if len(e.Outcome) > 0 {
			b.WriteString(`,"outcome":`)
			b.Write(e.Outcome)
		}
		b.WriteByte('}')
	}
	b.WriteByte('}')
}
