package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/ward-health/ward"
)

// Print writes the settings of the struct (or pointer to one) as a file that Load reads back to the same. Of secrets it
// writes the reference.
func Print(w io.Writer, from any) error {
	v := reflect.ValueOf(from)
	if v.Kind() == reflect.Struct {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		from = p.Interface()
	}
	fs, err := fieldsOf(from)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("{")
	open := []string{}
	comma := ""
	for _, f := range fs.order {
		text, err := f.json()
		if err != nil {
			return err
		}
		if text == "" {
			continue
		}
		path := strings.Split(f.key, ".")
		groups := path[:len(path)-1]
		same := 0
		for same < len(open) && same < len(groups) && open[same] == groups[same] {
			same++
		}
		for len(open) > same {
			open = open[:len(open)-1]
			fmt.Fprintf(&b, "\n%s}", indent(len(open)+1))
			comma = ","
		}
		for _, g := range groups[same:] {
			fmt.Fprintf(&b, "%s\n%s%q: {", comma, indent(len(open)+1), g)
			open, comma = append(open, g), ""
		}
		fmt.Fprintf(&b, "%s\n%s%q: %s", comma, indent(len(open)+1), path[len(path)-1], text)
		comma = ","
	}
	for n := len(open); n > 0; n-- {
		fmt.Fprintf(&b, "\n%s}", indent(n))
	}
	b.WriteString("\n}\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return ward.E(ward.Unavailable, "config.print", "the settings cannot be written", err)
	}
	return nil
}

func indent(n int) string { return strings.Repeat("  ", n) }

// json is the value as Load reads it; empty for what is not set and has no written form.
func (f *field) json() (string, error) {
	if !f.isList() {
		return scalar(f.key, f.value)
	}
	items := []string{}
	for i := range f.value.Len() {
		text, err := scalar(f.key, f.value.Index(i))
		if err != nil {
			return "", err
		}
		items = append(items, text)
	}
	return "[" + strings.Join(items, ", ") + "]", nil
}

func scalar(key string, v reflect.Value) (string, error) {
	var plain any
	switch x := v.Interface().(type) {
	case Secret:
		if x.IsZero() {
			return "", nil
		}
		plain = x.ref
	case time.Duration:
		plain = x.String()
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err != nil {
			return "", ward.E(ward.Internal, "config.print", "a setting cannot be written as text", nil).At(key)
		}
		plain = string(b)
	default:
		if isText(v.Type()) {
			return `"[not shown]"`, nil
		}
		plain = x
	}
	b, err := json.Marshal(plain)
	if err != nil {
		return "", ward.E(ward.Internal, "config.print", "a setting cannot be written", nil).At(key)
	}
	return string(b), nil
}
