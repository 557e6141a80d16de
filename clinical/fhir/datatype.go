package fhir

import (
	"math"
	"strconv"
	"strings"

	"github.com/ward-health/ward"
)

// element reads a member that the table names, by its cardinality.
func (s *scanner) element(n *node) error {
	k := s.dec.PeekKind()
	switch {
	case n.many && k != '[':
		return s.unexpected(k, "an array (this element repeats)")
	case n.many:
		return s.items(func() error { return s.item(n) })
	}
	return s.item(n)
}

// item reads one value of the element's datatype.
func (s *scanner) item(n *node) error {
	k := s.dec.PeekKind()
	switch n.data {
	case dtCode, dtBoolean, dtDate, dtDateTime, dtInstant:
		if n.many && k == 'n' { // SPEC(FHIR R4 json.html#primitive): null keeps the place of a primitive that has extensions only
			_, err := s.dec.ReadToken()
			return err
		}
		return s.primitive(n)
	}
	if k != '{' {
		return s.unexpected(k, "an object")
	}
	switch n.data {
	case dtCoding:
		sys, code, err := s.coding()
		if err != nil || code == "" {
			return err
		}
		return s.token(n, sys, code)
	case dtConcept:
		return s.concept(n)
	case dtIdentifier:
		return s.systemValue(n, false)
	case dtContact:
		return s.systemValue(n, true)
	case dtReference:
		return s.reference(n)
	case dtPeriod:
		lo, hi, ok, err := s.period()
		if err != nil || !ok {
			return err
		}
		return s.date(n, lo, hi)
	case dtTiming:
		return s.timing(n)
	}
	return s.members(func(name []byte) error {
		if c := n.child(name); c != nil {
			return s.element(c)
		}
		return s.other(name)
	})
}

func (s *scanner) primitive(n *node) error {
	switch n.data {
	case dtBoolean:
		k := s.dec.PeekKind()
		if k != 't' && k != 'f' {
			return s.unexpected(k, "true or false")
		}
		if _, err := s.dec.ReadToken(); err != nil {
			return s.syntax(err)
		}
		return s.token(n, "", strconv.FormatBool(k == 't'))
	case dtCode:
		code, err := s.code()
		if err != nil {
			return err
		}
		return s.token(n, n.emits[0].extra, code)
	}
	lo, hi, err := s.moment(n.data)
	if err != nil {
		return err
	}
	return s.date(n, lo, hi)
}

// code reads a code.
//
// SPEC(FHIR R4 datatypes.html#code): no white space at either end, single spaces inside.
func (s *scanner) code() (string, error) {
	b, err := s.str()
	if err != nil {
		return "", err
	}
	code := string(b)
	if strings.TrimSpace(code) != code || strings.Contains(code, "  ") || strings.ContainsAny(code, "\t\r\n") {
		return "", s.fail(ward.Invalid, "a code has no white space at its ends and single spaces inside")
	}
	return code, nil
}

// coding reads a Coding object.
func (s *scanner) coding() (sys, code string, err error) {
	err = s.members(func(name []byte) error {
		switch string(name) {
		case "system":
			b, err := s.str()
			sys = string(b)
			return err
		case "code":
			code, err = s.code()
			return err
		case "version", "display":
			_, err := s.str()
			return err
		}
		return s.other(name)
	})
	return sys, code, err
}

func (s *scanner) concept(n *node) error {
	return s.members(func(name []byte) error {
		if string(name) != "coding" {
			return s.other(name)
		}
		return s.codings(func(sys, code string) error {
			if code == "" {
				return nil
			}
			return s.token(n, sys, code)
		})
	})
}

// codings reads an array of Coding.
func (s *scanner) codings(fn func(sys, code string) error) error {
	if k := s.dec.PeekKind(); k != '[' {
		return s.unexpected(k, "an array of Coding")
	}
	return s.items(func() error {
		if k := s.dec.PeekKind(); k != '{' {
			return s.unexpected(k, "a Coding object")
		}
		sys, code, err := s.coding()
		if err != nil {
			return err
		}
		return fn(sys, code)
	})
}

// systemValue reads an Identifier or a ContactPoint.
//
// SPEC(FHIR R4 search.html#token): an Identifier matches by system and value, a ContactPoint by value alone.
func (s *scanner) systemValue(n *node, contact bool) error {
	var sys, value string
	err := s.members(func(name []byte) error {
		switch string(name) {
		case "system":
			b, err := s.str()
			sys = string(b)
			return err
		case "value":
			b, err := s.str()
			value = string(b)
			return err
		}
		return s.other(name)
	})
	if err != nil || value == "" {
		return err
	}
	if !contact {
		return s.token(n, sys, value)
	}
	for _, e := range n.emits {
		if want, ok := strings.CutPrefix(e.extra, "system="); ok && want != sys {
			continue
		}
		if err := s.add(Value{Param: e.param, Kind: Token, Code: value}); err != nil {
			return err
		}
	}
	return nil
}

// reference reads a Reference that the table names. On the element that says whose data the resource is, only a literal
// reference that Ward can follow is taken: anything else would make patient data look as if it belonged to nobody.
func (s *scanner) reference(n *node) error {
	target := ""
	err := s.members(func(name []byte) error {
		if string(name) != "reference" {
			return s.other(name)
		}
		var err error
		target, err = s.refString()
		return err
	})
	if err != nil {
		return err
	}
	rt, id, ok := SplitReference(target)
	if n == s.def.subject {
		targets := s.def.targets[n.emits[0].param]
		if !ok || !contains(targets, rt) {
			return s.fail(ward.Unprocessable, "this element says whose data this is; it needs a literal reference, Type/id, with Type one of "+strings.Join(targets, ", "))
		}
	}
	if !ok {
		return nil
	}
	if i := n.comp - 1; i >= 0 && (s.comp[i] == "" || rt == "Patient" && !strings.HasPrefix(s.comp[i], "Patient/")) {
		s.comp[i] = target
	}
	for _, e := range n.emits {
		if err := s.add(Value{Param: e.param, Kind: Ref, System: rt, Code: id}); err != nil {
			return err
		}
	}
	return nil
}

// SplitReference reads a relative literal reference, Type/id or Type/id/_history/version. It checks the form only.
//
// SPEC(FHIR R4 references.html#literal): a relative reference has the form [type]/[id](/_history/[vid]).
func SplitReference(target string) (rt, id string, ok bool) {
	rt, id, ok = strings.Cut(target, "/")
	if !ok || len(rt) == 0 || len(rt) > 64 || rt[0] < 'A' || rt[0] > 'Z' {
		return "", "", false
	}
	for _, c := range []byte(rt) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return "", "", false
		}
	}
	if i := strings.IndexByte(id, '/'); i >= 0 {
		vid, versioned := strings.CutPrefix(id[i:], "/_history/")
		if !versioned || !ward.ValidID(vid) {
			return "", "", false
		}
		id = id[:i]
	}
	return rt, id, ward.ValidID(id)
}

// period reads a Period; ok is false when it has neither end.
//
// SPEC(FHIR R4 datatypes.html#Period): a missing end is open; the end is inclusive with its precision; start may not be after end (per-1).
func (s *scanner) period() (lo, hi int64, ok bool, err error) {
	lo, hi = math.MinInt64, math.MaxInt64
	err = s.members(func(name []byte) error {
		switch string(name) {
		case "start":
			from, _, err := s.moment(dtDateTime)
			lo, ok = from, true
			return err
		case "end":
			_, to, err := s.moment(dtDateTime)
			hi, ok = to, true
			return err
		}
		return s.other(name)
	})
	if err == nil && ok && lo >= hi {
		err = s.fail(ward.Invalid, "a period may not end before it starts")
	}
	return lo, hi, ok, err
}

// timing reads a Timing.
//
// SPEC(FHIR R4 search.html#date): of a Timing, only the outer limits matter.
func (s *scanner) timing(n *node) error {
	lo, hi, found := int64(math.MaxInt64), int64(math.MinInt64), false
	outer := func(l, h int64) { lo, hi, found = min(lo, l), max(hi, h), true }
	err := s.members(func(name []byte) error {
		switch string(name) {
		case "event":
			if k := s.dec.PeekKind(); k != '[' {
				return s.unexpected(k, "an array of dateTime")
			}
			return s.items(func() error {
				if s.dec.PeekKind() == 'n' {
					_, err := s.dec.ReadToken()
					return err
				}
				l, h, err := s.moment(dtDateTime)
				outer(l, h)
				return err
			})
		case "repeat":
			if k := s.dec.PeekKind(); k != '{' {
				return s.unexpected(k, "an object")
			}
			return s.members(func(name []byte) error {
				if string(name) != "boundsPeriod" {
					return s.other(name)
				}
				if k := s.dec.PeekKind(); k != '{' {
					return s.unexpected(k, "an object")
				}
				l, h, ok, err := s.period()
				if ok {
					outer(l, h)
				}
				return err
			})
		}
		return s.other(name)
	})
	if err != nil || !found {
		return err
	}
	return s.date(n, lo, hi)
}

// moment reads a date, dateTime or instant.
func (s *scanner) moment(dt datatype) (lo, hi int64, err error) {
	b, err := s.str()
	if err != nil {
		return 0, 0, err
	}
	lo, hi, ok := parseMoment(b, dt)
	if !ok {
		return 0, 0, s.fail(ward.Invalid, momentForms[dt])
	}
	return lo, hi, nil
}

func (s *scanner) token(n *node, sys, code string) error {
	for _, e := range n.emits {
		if err := s.add(Value{Param: e.param, Kind: Token, System: sys, Code: code}); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) date(n *node, lo, hi int64) error {
	for _, e := range n.emits {
		if err := s.add(Value{Param: e.param, Kind: Date, Lo: lo, Hi: hi}); err != nil {
			return err
		}
	}
	return nil
}

// add keeps a value once.
func (s *scanner) add(v Value) error {
	const few = 32
	if len(s.values) < few {
		for i := range s.values {
			if s.values[i] == v {
				return nil
			}
		}
	} else {
		if s.seen == nil {
			s.seen = make(map[Value]struct{}, 2*few)
			for _, have := range s.values {
				s.seen[have] = struct{}{}
			}
		}
		if _, have := s.seen[v]; have {
			return nil
		}
		s.seen[v] = struct{}{}
	}
	if len(s.values) == MaxValues {
		return s.fail(ward.TooLarge, "a resource may have at most "+strconv.Itoa(MaxValues)+" search values")
	}
	s.values = append(s.values, v)
	return nil
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}
