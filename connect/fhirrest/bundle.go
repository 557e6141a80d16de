package fhirrest

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir"
)

// Bounds of a bundle.
const (
	maxBundle  = 32 << 20
	maxEntries = 5_000
	maxBatch   = 1_000 // entries of a batch: each is a write or a read of its own
)

// entry is one entry of a bundle as it was sent.
type entry struct {
	at       int // position in the bundle
	fullURL  string
	resource []byte // raw; nil: none
	body     []byte // the whole text, in which resource begins at start
	start    int

	method, url                       string
	ifMatch, ifNoneExist, ifNoneMatch string
	ifModifiedSince                   string
	hasRequest                        bool
}

// where names the entry in errors.
func (e *entry) where(rest string) string {
	path := "Bundle.entry[" + strconv.Itoa(e.at) + "]"
	if rest != "" {
		path += "." + rest
	}
	return path
}

func (e *entry) fail(kind ward.ErrorKind, rest, public string) *ward.Error {
	return ward.E(kind, "fhirrest.bundle", public, nil).At(e.where(rest))
}

// within puts an error about the entry's resource into the bundle's terms.
func (e *entry) within(err error) error {
	var own *ward.Error
	if !errors.As(err, &own) {
		return err
	}
	var found *fhir.Findings
	if errors.As(err, &found) {
		moved := *own
		moved.Err = found.Within(e.where("resource"), e.body, e.start)
		own = &moved
	}
	if _, rest, ok := strings.Cut(own.Path, "."); ok {
		return own.At(e.where("resource." + rest))
	}
	return own.At(e.where("resource"))
}

// bundleIn is a parsed request bundle.
type bundleIn struct {
	kind    string // transaction, batch
	entries []entry
}

// bundleReader reads a Bundle strictly and keeps the resources as raw bytes.
type bundleReader struct {
	dec  *jsontext.Decoder
	body []byte
	path []string
}

func (b *bundleReader) fail(public string) error {
	return ward.E(ward.Invalid, "fhirrest.bundle", public, nil).At(strings.Join(b.path, ""))
}

func (b *bundleReader) syntax(err error) error {
	text := "the body is not complete JSON"
	var at *jsontext.SyntacticError
	if errors.As(err, &at) {
		text = "not valid JSON in UTF-8 at byte " + strconv.FormatInt(at.ByteOffset, 10)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			text = "a member name occurs twice in one object, at byte " + strconv.FormatInt(at.ByteOffset, 10)
		}
	}
	return b.fail(text)
}

// parseBundle reads a request bundle.
//
// SPEC(FHIR R4 http.html#transaction): a Bundle of type batch or transaction; each entry has a request with method and url.
func parseBundle(body []byte) (bundleIn, error) {
	b := &bundleReader{dec: jsontext.NewDecoder(bytes.NewBuffer(body)), body: body, path: []string{"Bundle"}}
	var in bundleIn
	rt := ""
	err := b.object(func(name string) (err error) {
		switch name {
		case "resourceType":
			rt, err = b.text()
		case "type":
			in.kind, err = b.text()
		case "entry":
			in.entries, err = b.entries()
		case "id", "meta", "implicitRules", "language", "identifier", "timestamp", "total", "link", "signature", "_type", "_timestamp", "extension":
			err = b.skip()
		default:
			err = b.fail("a Bundle has no such element")
		}
		return err
	})
	if err != nil {
		return in, err
	}
	if _, err := b.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return in, b.fail("nothing may follow the Bundle")
	}
	if rt != "Bundle" {
		return in, ward.E(ward.Invalid, "fhirrest.bundle", "the base URL takes a Bundle; POST a resource to its type", nil).At("resourceType")
	}
	if in.kind != "transaction" && in.kind != "batch" {
		return in, ward.E(ward.Invalid, "fhirrest.bundle", "the type must be transaction or batch", nil).At("Bundle.type")
	}
	return in, nil
}

func (b *bundleReader) entries() ([]entry, error) {
	if b.dec.PeekKind() != '[' {
		return nil, b.fail("an array was expected here")
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return nil, b.syntax(err)
	}
	var list []entry
	for b.dec.PeekKind() != ']' {
		if len(list) == maxEntries {
			return nil, ward.E(ward.TooLarge, "fhirrest.bundle", "a Bundle may have at most "+strconv.Itoa(maxEntries)+" entries; send several", nil).At("Bundle.entry")
		}
		e := entry{at: len(list)}
		b.path = append(b.path, "["+strconv.Itoa(e.at)+"]")
		if err := b.entry(&e); err != nil {
			return nil, err
		}
		b.path = b.path[:len(b.path)-1]
		list = append(list, e)
	}
	_, err := b.dec.ReadToken()
	return list, err
}

func (b *bundleReader) entry(e *entry) error {
	err := b.object(func(name string) (err error) {
		switch name {
		case "fullUrl":
			e.fullURL, err = b.text()
		case "resource":
			if b.dec.PeekKind() != '{' {
				return b.fail("a resource was expected here")
			}
			raw, err := b.dec.ReadValue()
			if err != nil {
				return b.syntax(err)
			}
			e.resource, e.body, e.start = raw, b.body, int(b.dec.InputOffset())-len(raw)
			return nil
		case "request":
			e.hasRequest = true
			return b.request(e)
		case "id", "extension", "modifierExtension", "link", "search", "response", "_fullUrl":
			err = b.skip()
		default:
			err = b.fail("an entry of a Bundle has no such element")
		}
		return err
	})
	if err == nil && (!e.hasRequest || e.method == "" || e.url == "") {
		err = e.fail(ward.Invalid, "request", "an entry needs a request with method and url")
	}
	return err
}

func (b *bundleReader) request(e *entry) error {
	return b.object(func(name string) (err error) {
		switch name {
		case "method":
			e.method, err = b.text()
		case "url":
			e.url, err = b.text()
		case "ifMatch":
			e.ifMatch, err = b.text()
		case "ifNoneExist":
			e.ifNoneExist, err = b.text()
		case "ifNoneMatch":
			e.ifNoneMatch, err = b.text()
		case "ifModifiedSince":
			e.ifModifiedSince, err = b.text()
		case "id", "extension":
			err = b.skip()
		default:
			err = b.fail("the request of an entry has no such element")
		}
		return err
	})
}

// object reads the object that comes next.
func (b *bundleReader) object(fn func(name string) error) error {
	if b.dec.PeekKind() != '{' {
		if b.dec.PeekKind() == 0 {
			_, err := b.dec.ReadToken()
			return b.syntax(err)
		}
		return b.fail("an object was expected here")
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return b.syntax(err)
	}
	for b.dec.PeekKind() != '}' {
		token, err := b.dec.ReadToken()
		if err != nil {
			return b.syntax(err)
		}
		name := token.String()
		b.path = append(b.path, "."+elementName(name))
		if err := fn(name); err != nil {
			return err
		}
		b.path = b.path[:len(b.path)-1]
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return b.syntax(err)
	}
	return nil
}

// elementName is a member name as errors may show it.
func elementName(name string) string {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' {
			return "?"
		}
	}
	if name == "" || len(name) > 40 {
		return "?"
	}
	return name
}

func (b *bundleReader) text() (string, error) {
	if b.dec.PeekKind() != '"' {
		return "", b.fail("a string was expected here")
	}
	token, err := b.dec.ReadToken()
	if err != nil {
		return "", b.syntax(err)
	}
	s := token.String()
	if s == "" {
		return "", b.fail("a string may not be empty; leave the element out")
	}
	return s, nil
}

func (b *bundleReader) skip() error {
	if err := b.dec.SkipValue(); err != nil {
		return b.syntax(err)
	}
	return nil
}
