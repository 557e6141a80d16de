package normalize

import (
	"slices"

	"github.com/ward-health/ward/normalize/body"
	"github.com/ward-health/ward/normalize/mapping"
)

// patch joins what a message says with what is stored: elements that it does not name stay, those that it deletes go.
//
// SPEC(HL7 2.5.1 2.5.3.7): an empty field leaves the receiver's value, "" deletes it.
func patch(f *fact) *body.Value {
	said, out := f.Body, f.now.Clone()
	for _, n := range f.Nulls {
		drop(out, n)
	}
	for _, name := range said.Names() {
		if name == "resourceType" || name == "id" || name == "meta" {
			continue
		}
		if slices.Contains(f.Filled, name) && out.Get(name) != nil {
			continue
		}
		out.Set(name, join(mapping.How(f.Type, name), out.Get(name), said.Get(name)))
	}
	exclusive(out, said)
	if f.Type == "Encounter" && f.now.Get("status").Str() == "finished" && said.At("period.end") == nil && out.At("period.end") != nil {
		out.Set("status", body.Text("finished")) // a stay that has ended goes on only when its end is taken back
	}
	return out
}

// exclusive keeps one of the types of a choice: the one that was said last.
func exclusive(out, said *body.Value) {
	for _, pair := range [][2]string{{"deceasedBoolean", "deceasedDateTime"}, {"multipleBirthBoolean", "multipleBirthInteger"}} {
		for i := range pair {
			if said.Get(pair[i]) != nil {
				out.Set(pair[1-i], nil)
			}
		}
	}
}

// join puts one element together.
func join(how string, now, said *body.Value) *body.Value {
	switch how {
	case "members":
		out := now.Clone()
		if out.Kind() != body.Object {
			return said
		}
		for _, m := range said.Names() {
			out.Set(m, said.Get(m))
		}
		return out
	case "union":
		return keyed(now, said, func(v *body.Value) string { return v.Get("reference").Str() })
	case "by system":
		return keyed(now, said, func(v *body.Value) string {
			if v.Get("use").Str() == "old" {
				return "old " + v.Get("system").Str() + "|" + v.Get("value").Str()
			}
			return v.Get("system").Str() + "|" + v.At("type.coding[0].code").Str()
		})
	case "by use":
		return keyed(now, said, func(v *body.Value) string { return v.Get("use").Str() })
	case "by url":
		return keyed(now, said, func(v *body.Value) string { return v.Get("url").Str() })
	case "by type":
		return keyed(now, said, func(v *body.Value) string { return v.At("type[0].coding[0].code").Str() })
	}
	return said
}

// keyed keeps the stored items whose key the message does not name, and adds the message's.
func keyed(now, said *body.Value, key func(*body.Value) string) *body.Value {
	named := map[string]bool{}
	for _, v := range said.Items() {
		named[key(v)] = true
	}
	out := body.NewArray()
	for _, v := range now.Items() {
		if !named[key(v)] {
			out.Append(v)
		}
	}
	for _, v := range said.Items() {
		out.Append(v)
	}
	return out
}

// drop deletes what a null names: the element, or of a list that is kept by use or url the items that the field fills.
func drop(o *body.Value, n mapping.Null) {
	if len(n.With) == 0 {
		o.Delete(n.Path)
		return
	}
	list := body.NewArray()
	for _, v := range o.Get(n.Path.Root()).Items() {
		if !holds(v, n.With) {
			list.Append(v)
		}
	}
	o.Set(n.Path.Root(), list)
}

func holds(v *body.Value, with map[string]string) bool {
	for path, want := range with {
		if v.At(path).Str() != want {
			return false
		}
	}
	return true
}
