package fhir

import (
	"strconv"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/index"
)

// span says where the texts of a value stand in the scanner's texts.
type span struct{ system, code, end int }

// take collects the search values of the table's parameters, each once. Their texts are one string.
func (s *scanner) take(e *engine) error {
	t := e.table(s.def)
	s.values.Collect(t.Table, &s.doc, 0, s.check.Hits)
	label := len(s.facts.Values) // of labels, which are there already
	for i := range s.values.Values {
		v := &s.values.Values[i]
		n := t.numbers[v.Param]
		if n == 0 || v.Form != index.Plain {
			continue
		}
		have := Value{Param: n}
		switch v.Kind {
		case index.Token:
			have.Kind = Token
		case index.Date:
			have.Kind, have.Lo, have.Hi = Date, v.Lo, v.Hi
			v.System, v.Code = nil, nil
		case index.Reference:
			if v.System == nil || v.Base != nil {
				continue // not a resource of this server
			}
			have.Kind = Ref
		default:
			continue
		}
		s.facts.Values = append(s.facts.Values, have)
		at := len(s.texts)
		s.texts = append(append(s.texts, v.System...), v.Code...)
		s.spans = append(s.spans, span{at, at + len(v.System), len(s.texts)})
	}
	texts := string(s.texts)
	for i, p := range s.spans {
		v := &s.facts.Values[label+i]
		v.System, v.Code = texts[p.system:p.code], texts[p.code:p.end]
	}
	s.facts.Values = s.unique(s.facts.Values)
	if len(s.facts.Values) > MaxValues || s.values.More {
		return s.fail(ward.TooLarge, 0, "a resource may have at most "+strconv.Itoa(MaxValues)+" search values")
	}
	return nil
}

// unique drops what is there already, in place.
func (s *scanner) unique(all []Value) []Value {
	const few = 32
	kept := all[:0]
	for _, v := range all {
		if v.Kind == Ref && !ward.ValidID(v.Code) {
			continue
		}
		if len(all) > few {
			if s.kept == nil {
				s.kept = make(map[Value]struct{}, len(all))
			}
			if _, have := s.kept[v]; have {
				continue
			}
			s.kept[v] = struct{}{}
		} else if has(kept, v) {
			continue
		}
		kept = append(kept, v)
	}
	return kept
}

func has(list []Value, v Value) bool {
	for i := range list {
		if list[i] == v {
			return true
		}
	}
	return false
}
