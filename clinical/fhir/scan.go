package fhir

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ward-health/ward"
)

// Scan reads one resource strictly: UTF-8, no duplicate keys, bounded depth and size, known resourceType, id form. Errors
// are ward.Error of kind Invalid (the form is wrong), Unprocessable (a type or a subject that cannot be kept) or TooLarge,
// with a FHIRPath (of JSON element names) in Path.
func Scan(body []byte) (Facts, error) { return scan(body, true) }

// Refs is Scan without search values, labels, and the rule on subjects: for a body whose references are still to be
// replaced (entries of a transaction). Facts.Patient is not set.
func Refs(body []byte) (Facts, error) { return scan(body, false) }

var scanners = sync.Pool{New: func() any { return &scanner{dec: jsontext.NewDecoder(new(bytes.Buffer))} }}

func scan(body []byte, full bool) (Facts, error) {
	if len(body) > MaxBytes {
		return Facts{}, ward.E(ward.TooLarge, "fhir.scan", "a resource may have at most "+strconv.Itoa(MaxBytes)+" bytes", nil)
	}
	s := scanners.Get().(*scanner)
	s.start(body, full)
	f, err := s.resource()
	s.release()
	scanners.Put(s)
	return f, err
}

// scanner is one strict pass over one body.
type scanner struct {
	dec  *jsontext.Decoder
	buf  bytes.Buffer
	body []byte
	full bool // collect values, labels, compartments
	def  *typeDef

	path   []byte // FHIRPath of the element that is being read
	depth  int
	text   []byte // scratch of unescaped strings
	rawLen int    // length of the string token that was read last, quotes included
	comp   [4]string

	typ, id string
	conf    int
	labels  []string
	values  []Value
	refs    []RefAt
	seen    map[Value]struct{} // of values, from the 32nd on
}

func (s *scanner) start(body []byte, full bool) {
	s.buf = *bytes.NewBuffer(body)
	s.dec.Reset(&s.buf)
	s.body, s.full, s.def = body, full, nil
	s.path, s.depth, s.comp = s.path[:0], 0, [4]string{}
	s.typ, s.id, s.conf = "", "", -1
}

// release forgets everything of the body.
func (s *scanner) release() {
	s.buf = bytes.Buffer{}
	s.dec.Reset(&s.buf)
	clear(s.values)
	clear(s.refs)
	clear(s.labels)
	clear(s.text[:cap(s.text)])
	clear(s.path[:cap(s.path)])
	s.values, s.refs, s.labels, s.seen, s.body, s.comp = s.values[:0], s.refs[:0], s.labels[:0], nil, nil, [4]string{}
	if cap(s.text) > 64<<10 || cap(s.values) > 512 || cap(s.refs) > 512 {
		s.text, s.values, s.refs = nil, nil, nil
	}
}

// resource reads the root.
func (s *scanner) resource() (Facts, error) {
	if err := s.findType(); err != nil {
		return Facts{}, err
	}
	s.path = append(s.path, s.typ...)
	if k := s.dec.PeekKind(); k != '{' {
		return Facts{}, s.unexpected(k, "a JSON object")
	}
	if err := s.members(s.rootMember); err != nil {
		return Facts{}, err
	}
	if _, err := s.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Facts{}, s.fail(ward.Invalid, "nothing may follow the resource")
	}
	return s.facts()
}

// findType reads the type ahead (in nearly every body it is the first member) and rewinds.
func (s *scanner) findType() error {
	if k := s.dec.PeekKind(); k != '{' {
		return s.unexpected(k, "a JSON object")
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return s.syntax(err)
	}
	for s.dec.PeekKind() == '"' {
		name, err := s.str()
		if err != nil {
			return err
		}
		if string(name) != "resourceType" {
			if err := s.dec.SkipValue(); err != nil {
				return s.syntax(err)
			}
			continue
		}
		s.path = append(s.path, "resourceType"...)
		rt, err := s.str()
		if err != nil {
			return err
		}
		if s.def = compiled[string(rt)]; s.def == nil {
			return s.fail(ward.Unprocessable, "this server does not keep this resourceType; it keeps "+strings.Join(Types(), ", "))
		}
		s.typ, s.path = s.def.row.name, s.path[:0]
		s.buf = *bytes.NewBuffer(s.body)
		s.dec.Reset(&s.buf)
		return nil
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return s.syntax(err)
	}
	s.path = append(s.path, "resourceType"...)
	return s.fail(ward.Invalid, "a resource needs a resourceType")
}

// rootMember reads one member of the root; its name is on the path.
func (s *scanner) rootMember(name []byte) error {
	switch string(name) {
	case "resourceType":
		_, err := s.str()
		return err
	case "id":
		b, err := s.str()
		if err != nil {
			return err
		}
		// SPEC(FHIR R4 datatypes.html#id): letters, digits, '-' and '.', at most 64.
		if !ward.ValidID(string(b)) {
			return s.fail(ward.Invalid, "an id has 1 to 64 characters out of A-Z a-z 0-9 - and .")
		}
		s.id = string(b)
		return nil
	case "meta":
		return s.meta()
	case "contained":
		return s.contained()
	}
	if s.full {
		if n := s.def.root.child(name); n != nil {
			return s.element(n)
		}
	}
	return s.other(name)
}

func (s *scanner) facts() (Facts, error) {
	f := Facts{Type: s.typ, ID: s.id, Conf: s.conf, References: slices.Clone(s.refs)}
	if !s.full {
		return f, nil
	}
	f.Labels, f.Values = slices.Clone(s.labels), slices.Clone(s.values)
	if f.Conf < 0 {
		f.Conf = confNormal
	}
	if s.typ == "Patient" {
		f.Patient = s.id
		return f, nil
	}
	row := s.def.row
	if row.must && s.comp[0] == "" {
		s.path = append(s.path[:0], s.typ+"."+row.subject...)
		return Facts{}, s.fail(ward.Unprocessable, "this element is required (FHIR R4 1..1): it says whose data this is")
	}
	// SPEC(FHIR R4 compartmentdefinition-patient.html): a resource is in the compartment of the patient that one of these elements names.
	for _, target := range s.comp {
		if rt, id, ok := SplitReference(target); ok && rt == "Patient" {
			f.Patient = id
			break
		}
	}
	return f, nil
}

// members reads the object that comes next and calls fn for each member with the member's name on the path.
func (s *scanner) members(fn func(name []byte) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if s.dec.PeekKind() == '}' {
			if n == 0 {
				return s.fail(ward.Invalid, "an object may not be empty")
			}
			s.depth--
			_, err := s.dec.ReadToken()
			return err
		}
		raw, err := s.dec.ReadValue()
		if err != nil {
			return s.syntax(err)
		}
		name := raw[1 : len(raw)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			if name, err = jsontext.AppendUnquote(nil, raw); err != nil {
				return s.syntax(err)
			}
		}
		mark := len(s.path)
		s.push(name)
		if err := fn(name); err != nil {
			return err
		}
		s.path = s.path[:mark]
	}
}

// items reads the array that comes next and calls fn for each item with its position on the path.
func (s *scanner) items(fn func() error) error {
	if err := s.enter(); err != nil {
		return err
	}
	mark := len(s.path)
	for i := 0; ; i++ {
		if s.dec.PeekKind() == ']' {
			if i == 0 {
				return s.fail(ward.Invalid, "an array may not be empty")
			}
			s.depth--
			_, err := s.dec.ReadToken()
			return err
		}
		s.path = append(s.path, '[')
		s.path = strconv.AppendInt(s.path, int64(i), 10)
		s.path = append(s.path, ']')
		if err := fn(); err != nil {
			return err
		}
		s.path = s.path[:mark]
	}
}

// enter reads '{' or '['.
func (s *scanner) enter() error {
	if s.depth++; s.depth > MaxDepth {
		return s.fail(ward.TooLarge, "a resource may nest at most "+strconv.Itoa(MaxDepth)+" deep")
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return s.syntax(err)
	}
	return nil
}

// other walks a member that the table does not name. References and extensions are looked at in any depth.
func (s *scanner) other(name []byte) error {
	switch string(name) {
	case "reference":
		if s.dec.PeekKind() == '"' {
			_, err := s.refString()
			return err
		}
	case "extension", "modifierExtension":
		return s.extensions()
	}
	if s.dec.PeekKind() == 'n' {
		return s.fail(ward.Invalid, "null is allowed in arrays of primitives only; leave the element out")
	}
	return s.any()
}

// any walks one value.
func (s *scanner) any() error {
	switch s.dec.PeekKind() {
	case '{':
		return s.members(s.other)
	case '[':
		return s.items(s.any)
	case '"':
		_, err := s.str()
		return err
	}
	if _, err := s.dec.ReadValue(); err != nil {
		return s.syntax(err)
	}
	return nil
}

// extensions reads a list of extensions.
//
// SPEC(FHIR R4 extensibility.html#extension): an extension is an object with a url; the url is required.
func (s *scanner) extensions() error {
	if k := s.dec.PeekKind(); k != '[' {
		return s.unexpected(k, "a list of extensions")
	}
	return s.items(func() error {
		if k := s.dec.PeekKind(); k != '{' {
			return s.unexpected(k, "an extension object")
		}
		url := false
		err := s.members(func(name []byte) error {
			if string(name) == "url" {
				url = true
				_, err := s.str()
				return err
			}
			return s.other(name)
		})
		if err == nil && !url {
			err = s.fail(ward.Invalid, "an extension needs a url")
		}
		return err
	})
}

// contained walks the contained resources.
//
// SPEC(FHIR R4 references.html#contained): contained resources have a type and an id, and do not contain resources themselves.
func (s *scanner) contained() error {
	if k := s.dec.PeekKind(); k != '[' {
		return s.unexpected(k, "a list of resources")
	}
	return s.items(func() error {
		if k := s.dec.PeekKind(); k != '{' {
			return s.unexpected(k, "a resource")
		}
		var rt, id bool
		err := s.members(func(name []byte) error {
			switch string(name) {
			case "resourceType":
				rt = true
				_, err := s.str()
				return err
			case "id":
				id = true
				_, err := s.str()
				return err
			case "contained":
				return s.fail(ward.Invalid, "a contained resource may not contain resources")
			}
			return s.other(name)
		})
		if err == nil && (!rt || !id) {
			err = s.fail(ward.Invalid, "a contained resource needs resourceType and id")
		}
		return err
	})
}

// str reads a string and returns it unescaped; the bytes are valid until the next string is read.
//
// SPEC(FHIR R4 datatypes.html#string): not empty, no control characters but tab, line feed and carriage return.
func (s *scanner) str() ([]byte, error) {
	raw, err := s.rawString()
	if err != nil {
		return nil, err
	}
	b := raw[1 : len(raw)-1]
	if bytes.IndexByte(b, '\\') >= 0 {
		if s.text, err = jsontext.AppendUnquote(s.text[:0], raw); err != nil {
			return nil, s.syntax(err)
		}
		b = s.text
		for _, c := range b {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
				return nil, s.fail(ward.Invalid, "a string may not hold control characters")
			}
		}
	}
	if len(b) == 0 {
		return nil, s.fail(ward.Invalid, "a string may not be empty; leave the element out")
	}
	return b, nil
}

func (s *scanner) rawString() ([]byte, error) {
	if k := s.dec.PeekKind(); k != '"' {
		return nil, s.unexpected(k, "a string")
	}
	raw, err := s.dec.ReadValue()
	if err != nil {
		return nil, s.syntax(err)
	}
	s.rawLen = len(raw)
	return raw, nil
}

// refString reads a reference string and notes where it stands.
func (s *scanner) refString() (string, error) {
	b, err := s.str()
	if err != nil {
		return "", err
	}
	if len(s.refs) == MaxReferences {
		return "", s.fail(ward.TooLarge, "a resource may hold at most "+strconv.Itoa(MaxReferences)+" references")
	}
	end := int(s.dec.InputOffset())
	target := string(b)
	s.refs = append(s.refs, RefAt{Start: end - s.rawLen, End: end, Target: target, Path: string(bytes.TrimSuffix(s.path, []byte(".reference")))})
	return target, nil
}

// push adds a member name to the path. A name that is not a FHIR element name may be anything and is not echoed.
func (s *scanner) push(name []byte) {
	s.path = append(s.path, '.')
	ok := len(name) > 0 && len(name) <= 64
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
	}
	if !ok {
		name = []byte("?")
	}
	s.path = append(s.path, name...)
}

func (s *scanner) fail(kind ward.ErrorKind, public string) error {
	return ward.E(kind, "fhir.scan", public, nil).At(string(s.path))
}

// unexpected says that the value that comes next is of the wrong JSON kind.
func (s *scanner) unexpected(k jsontext.Kind, want string) error {
	if k == 0 {
		_, err := s.dec.ReadToken()
		return s.syntax(err)
	}
	return s.fail(ward.Invalid, want+" was expected here, not "+jsonKind(k))
}

func (s *scanner) syntax(err error) error { return syntaxError(err, string(s.path)) }

// syntaxError tells what is wrong with the JSON, without any of it.
func syntaxError(err error, path string) error {
	text := "the body is not complete JSON"
	var at *jsontext.SyntacticError
	if errors.As(err, &at) {
		text = "not valid JSON in UTF-8 at byte " + strconv.FormatInt(at.ByteOffset, 10)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			text = "a member name occurs twice in one object, at byte " + strconv.FormatInt(at.ByteOffset, 10)
		}
	}
	return ward.E(ward.Invalid, "fhir.scan", text, nil).At(path)
}

func jsonKind(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 'n':
		return "null"
	}
	return "a boolean"
}
