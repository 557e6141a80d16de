package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ward-health/ward"
)

// Size is a number of bytes, written as a whole number with B, KiB, MiB, GiB or TiB ("64MiB"); never negative.
type Size int64

var sizeUnits = []struct {
	name string
	size int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// String returns the size in the largest unit that holds it exactly.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.size == 0 {
			return fmt.Sprintf("%d%s", int64(s)/u.size, u.name)
		}
	}
	return "0B"
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(b []byte) error {
	bad := ward.E(ward.Invalid, "config.size", "a size must be a whole number with one of the units B, KiB, MiB, GiB, TiB", nil)
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(string(b), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || int64(n) > math.MaxInt64/u.size {
			return bad
		}
		*s = Size(int64(n) * u.size)
		return nil
	}
	return bad
}

var durationType = reflect.TypeFor[time.Duration]()

func (f *field) isList() bool { return f.value.Kind() == reflect.Slice && !isText(f.value.Type()) }

// element is the type of one value.
func (f *field) element() reflect.Type {
	if f.isList() {
		return f.value.Type().Elem()
	}
	return f.value.Type()
}

// jsonKind is the kind of JSON token that the value is written as; 0 if the type is no setting.
func (f *field) jsonKind() jsontext.Kind {
	t := f.element()
	switch {
	case t == durationType || isText(t):
		return '"'
	case t.Kind() == reflect.String:
		return '"'
	case t.Kind() == reflect.Bool:
		return 't'
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 || t.Kind() == reflect.Float64:
		return '0'
	}
	return 0
}

// expects tells in words what the value must be.
func (f *field) expects() string {
	t := f.element()
	word := ""
	switch {
	case t == durationType:
		word = `a duration such as "200ms" or "24h", not negative`
	case t == reflect.TypeFor[Size]():
		word = `a size such as "64MiB"`
	case t == reflect.TypeFor[Secret]():
		word = `a reference to a secret: "file:/path", "env:NAME" or "cred:NAME"`
	case isText(t):
		word = "a text of the documented form"
	case t.Kind() == reflect.String:
		word = "a text"
	case t.Kind() == reflect.Bool:
		word = "true or false"
	case t.Kind() == reflect.Float64:
		word = "a number"
	default:
		word = "a whole number that fits " + t.Kind().String()
	}
	if f.isList() {
		return "a list; each item " + word
	}
	return word
}

func (f *field) set(text string) error { return f.put(f.value, text) }

func (f *field) setList(texts []string) error {
	list := reflect.MakeSlice(f.value.Type(), len(texts), len(texts))
	for i, text := range texts {
		if err := f.put(list.Index(i), text); err != nil {
			return err
		}
	}
	f.value.Set(list)
	return nil
}

// put parses one value. The text is in no error.
func (f *field) put(v reflect.Value, text string) error {
	ok := true
	switch {
	case v.Type() == durationType:
		d, err := time.ParseDuration(text)
		ok = err == nil && d >= 0
		v.SetInt(int64(d))
	case isText(v.Type()):
		u, is := v.Addr().Interface().(encoding.TextUnmarshaler)
		ok = is && u.UnmarshalText([]byte(text)) == nil
	case v.Kind() == reflect.String:
		ok = len(text) <= 4096 && !strings.ContainsRune(text, 0)
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		ok = text == "true" || text == "false"
		v.SetBool(text == "true")
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		ok = err == nil
		v.SetInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		ok = err == nil
		v.SetUint(n)
	case v.CanFloat():
		n, err := strconv.ParseFloat(text, 64)
		ok = err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
		v.SetFloat(n)
	}
	if !ok {
		return invalid(f.key, "the key must be "+f.expects())
	}
	return nil
}
