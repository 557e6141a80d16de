package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/ward-health/ward"
)

// fields is the set of settings of a struct, by key and by name in the environment.
type fields struct {
	byKey  map[string]*field
	byEnv  map[string]*field
	groups map[string]bool
	order  []*field
}

// field is one setting.
type field struct {
	key   string
	value reflect.Value
}

// fieldsOf lists the settings of a struct; a struct that cannot be loaded is a defect of the program.
func fieldsOf(into any) (*fields, error) {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, ward.E(ward.Internal, "config.fields", "settings are loaded into a pointer to a struct", nil)
	}
	fs := &fields{byKey: map[string]*field{}, byEnv: map[string]*field{}, groups: map[string]bool{}}
	return fs, fs.add(v.Elem(), "", 0)
}

func (fs *fields) add(v reflect.Value, at string, depth int) error {
	if depth > depthMax {
		return ward.E(ward.Internal, "config.fields", "settings are nested too deep", nil)
	}
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if !sf.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = strings.ToLower(sf.Name)
		}
		if err := fs.addOne(v.Field(i), join(at, name), depth); err != nil {
			return err
		}
	}
	return nil
}

func (fs *fields) addOne(v reflect.Value, key string, depth int) error {
	if v.Kind() == reflect.Struct && !isText(v.Type()) {
		fs.groups[key] = true
		return fs.add(v, key, depth+1)
	}
	f := &field{key: key, value: v}
	if f.jsonKind() == 0 {
		return ward.E(ward.Internal, "config.fields", fmt.Sprintf("a setting cannot have the type %s", v.Type()), nil).At(key)
	}
	env := envName(key)
	if fs.byKey[key] != nil || fs.byEnv[env] != nil {
		return ward.E(ward.Internal, "config.fields", "two settings have one key or one name in the environment", nil).At(key)
	}
	fs.byKey[key], fs.byEnv[env] = f, f
	fs.order = append(fs.order, f)
	return nil
}

func envName(key string) string {
	return prefix + strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToUpper(key))
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textType) }

// secretNames are the names in the environment that secrets refer to.
func (fs *fields) secretNames() map[string]bool {
	names := map[string]bool{}
	for _, f := range fs.order {
		if s, ok := f.value.Interface().(Secret); ok {
			if scheme, name, _ := strings.Cut(s.ref, ":"); scheme == "env" {
				names[name] = true
			}
		}
	}
	return names
}

func (fs *fields) unknown(key string) error {
	var known []string
	for k := range fs.byKey {
		known = append(known, k)
	}
	return ward.E(ward.Invalid, "config.load", "there is no such key"+nearest(key, known), nil).At(cut(key))
}

func (fs *fields) unknownEnv(name string) error {
	var known []string
	for k := range fs.byEnv {
		known = append(known, k)
	}
	return ward.E(ward.Invalid, "config.load", "the environment sets what is no setting"+nearest(name, known), nil).At(cut(name))
}

// cut bounds a name from outside.
func cut(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}

// nearest names the known key with the fewest edits, in byte order among equals.
func nearest(s string, known []string) string {
	slices.Sort(known)
	best, at := "", len(s)+1
	s = cut(s)
	for _, k := range known {
		if d := edits(s, k); d < at {
			best, at = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; the nearest known one is " + best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left, corner := i+1, i
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			d := min(corner+cost, row[j+1]+1, left+1)
			corner, row[j], left = row[j+1], left, d
		}
		row[len(b)] = left
	}
	return row[len(b)]
}
