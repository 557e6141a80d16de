package body

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"

	"github.com/ward-health/ward"
)

// The bounds of a body.
const (
	MaxBytes = 16 << 20
	MaxDepth = 64
)

// Parse reads one JSON object. Errors are ward.Invalid or ward.TooLarge and hold nothing of the input.
func Parse(b []byte) (*Value, error) {
	const op = "body.parse"
	if len(b) > MaxBytes {
		return nil, ward.E(ward.TooLarge, op, "a resource has at most 16 MiB", nil)
	}
	if !utf8.Valid(b) {
		return nil, ward.E(ward.Invalid, op, "a resource is UTF-8", nil)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := read(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF || v.Kind() != Object {
		return nil, errForm
	}
	return v, nil
}

var errForm = ward.E(ward.Invalid, "body.parse", "a resource is one JSON object", nil)

func read(d *json.Decoder, depth int) (*Value, error) {
	if depth > MaxDepth {
		return nil, ward.E(ward.TooLarge, "body.parse", "a resource is at most 64 levels deep", nil)
	}
	t, err := d.Token()
	if err != nil {
		return nil, errForm
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return readObject(d, depth)
		}
		return readArray(d, depth)
	case string:
		return &Value{kind: String, text: t}, nil
	case json.Number:
		return Number(t.String()), nil
	case bool:
		return Bool(t), nil
	}
	return &Value{kind: Literal, text: "null"}, nil // keeps the place of a primitive that has extensions only
}

func readObject(d *json.Decoder, depth int) (*Value, error) {
	v := NewObject()
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errForm
		}
		x, err := read(d, depth+1)
		if err != nil {
			return nil, err
		}
		v.members = append(v.members, member{name, x})
	}
	if _, err := d.Token(); err != nil {
		return nil, errForm
	}
	return v, nil
}

func readArray(d *json.Decoder, depth int) (*Value, error) {
	v := NewArray()
	for d.More() {
		x, err := read(d, depth+1)
		if err != nil {
			return nil, err
		}
		v.items = append(v.items, x)
	}
	if _, err := d.Token(); err != nil {
		return nil, errForm
	}
	return v, nil
}
