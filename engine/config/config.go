// Package config loads a node's settings from a file and the environment into the structs that their stages declare.
//
// The file is JSON. An unknown key is an error that names the nearest known one; a key given twice is an error; secrets
// stand in it by reference only (type Secret). The environment overrides the file: the key http.addr is WARD_HTTP_ADDR.
// Texts of errors name keys, never values: a value may be a secret in the wrong place.
//
// It must never log, keep what it read, or know what a setting means.
//
// Read in this order: config.go, field.go, value.go, secret.go, print.go.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ward-health/ward"
)

// Bounds of what is read.
const (
	fileMax  = 1 << 20
	listMax  = 1000
	depthMax = 8
)

// prefix is that of every setting in the environment.
const prefix = "WARD_"

// foreign are names with the prefix that belong to the test suites and may stand in a developer's environment.
var foreign = map[string]bool{"WARD_GOLD": true, "WARD_REQUIRE_ALL": true}

// Load fills the struct that into points to; what it holds before are the defaults. path may be empty: no file. env is
// os.Environ() or alike; names without the prefix WARD_ are ignored, and so is an empty value. A field's key is its json
// tag, or its name in lower case. Fields may be strings, booleans, integers, floats, time.Duration ("200ms"), Size
// ("64MiB"), Secret ("file:/path", "env:NAME", "cred:NAME"), types with UnmarshalText, lists of these (in the environment
// separated by commas) and structs of all these.
//
// Errors are ward.Invalid and carry the key in Path; a missing file is ward.NotFound. After an error into is not to be
// used.
func Load(path string, env []string, into any) error {
	fields, err := fieldsOf(into)
	if err != nil {
		return err
	}
	if path != "" {
		text, err := read(path)
		if err != nil {
			return err
		}
		if err := fields.loadJSON(text); err != nil {
			return err
		}
	}
	return fields.loadEnv(env)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ward.E(ward.NotFound, "config.load", "there is no configuration file at the given path", err)
	} else if err != nil {
		return nil, ward.E(ward.Invalid, "config.load", "the configuration file cannot be opened", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileMax+1))
	if err != nil || len(text) > fileMax {
		return nil, ward.E(ward.Invalid, "config.load", fmt.Sprintf("the configuration file cannot be read or is larger than %d bytes", fileMax), err)
	}
	return text, nil
}

// loadJSON walks the file. jsontext refuses duplicate keys and broken UTF-8.
func (fs *fields) loadJSON(text []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	if dec.PeekKind() != '{' {
		return broken("the configuration file must be one JSON object", dec)
	}
	if err := fs.object(dec, "", 0); err != nil {
		return err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return broken("the configuration file must end after one JSON object", dec)
	}
	return nil
}

func (fs *fields) object(dec *jsontext.Decoder, at string, depth int) error {
	if _, err := dec.ReadToken(); err != nil || depth > depthMax {
		return broken("the configuration file is not well-formed JSON", dec)
	}
	for {
		name, err := dec.ReadToken()
		if err != nil {
			return broken("the configuration file is not well-formed JSON, or a key stands in it twice", dec)
		}
		if name.Kind() == '}' {
			return nil
		}
		key := join(at, name.String())
		if strings.Contains(name.String(), ".") {
			return fs.unknown(key)
		}
		if err := fs.member(dec, key, depth); err != nil {
			return err
		}
	}
}

func (fs *fields) member(dec *jsontext.Decoder, key string, depth int) error {
	if fs.groups[key] {
		if dec.PeekKind() != '{' {
			return invalid(key, "the key holds further keys and must be an object")
		}
		return fs.object(dec, key, depth+1)
	}
	f, ok := fs.byKey[key]
	if !ok {
		return fs.unknown(key)
	}
	if dec.PeekKind() != '[' {
		return f.token(dec)
	}
	return f.list(dec)
}

// token reads one scalar and puts it in.
func (f *field) token(dec *jsontext.Decoder) error {
	t, err := dec.ReadToken()
	if err != nil {
		return broken("the configuration file is not well-formed JSON", dec)
	}
	want := f.jsonKind()
	if t.Kind() != want && !(want == 't' && t.Kind() == 'f') || f.isList() {
		return invalid(f.key, "the key must be "+f.expects())
	}
	return f.set(t.String())
}

func (f *field) list(dec *jsontext.Decoder) error {
	if !f.isList() {
		return invalid(f.key, "the key must be "+f.expects())
	}
	if _, err := dec.ReadToken(); err != nil {
		return broken("the configuration file is not well-formed JSON", dec)
	}
	var texts []string
	for dec.PeekKind() != ']' {
		t, err := dec.ReadToken()
		if err != nil {
			return broken("the configuration file is not well-formed JSON", dec)
		}
		want := f.jsonKind()
		if t.Kind() != want && !(want == 't' && t.Kind() == 'f') || len(texts) >= listMax {
			return invalid(f.key, fmt.Sprintf("the key must be %s, at most %d", f.expects(), listMax))
		}
		texts = append(texts, t.String())
	}
	if _, err := dec.ReadToken(); err != nil {
		return broken("the configuration file is not well-formed JSON", dec)
	}
	return f.setList(texts)
}

// loadEnv puts in what the environment sets. A name that a secret refers to by env: is no setting.
func (fs *fields) loadEnv(env []string) error {
	var strange []string
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, prefix) || foreign[name] {
			continue
		}
		f, ok := fs.byEnv[name]
		if !ok {
			strange = append(strange, name)
			continue
		}
		if value == "" {
			continue
		}
		var err error
		if f.isList() {
			err = f.setList(strings.Split(value, ","))
		} else {
			err = f.set(value)
		}
		if err != nil {
			return err
		}
	}
	referred := fs.secretNames()
	for _, name := range strange {
		if !referred[name] {
			return fs.unknownEnv(name)
		}
	}
	return nil
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// broken names the place in the file by line: the text of a parser may quote values.
func broken(public string, dec *jsontext.Decoder) error {
	e := ward.E(ward.Invalid, "config.load", public, nil)
	if p := dec.StackPointer(); p != "" && len(p) < 200 {
		return e.At(string(p))
	}
	return e
}

func invalid(key, public string) error {
	return ward.E(ward.Invalid, "config.load", public, nil).At(key)
}
