package quarantine

import (
	"strconv"

	"github.com/ward-health/ward/normalize/body"
)

// Edit is one place where a correction changes a fact. It holds patient data.
type Edit struct {
	Path string `json:"path"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// diff lists the places where two bodies differ, in the order of the second, what was removed last.
func diff(a, b *body.Value) []Edit {
	var out []Edit
	was := leaves(a)
	now := leaves(b)
	for _, l := range now.list {
		if from := was.text[l]; from != now.text[l] {
			out = append(out, Edit{l, from, now.text[l]})
		}
	}
	for _, l := range was.list {
		if _, still := now.text[l]; !still {
			out = append(out, Edit{l, was.text[l], ""})
		}
	}
	return out
}

type flat struct {
	list []string
	text map[string]string
}

func leaves(v *body.Value) flat {
	f := flat{text: map[string]string{}}
	f.walk("", v)
	return f
}

func (f *flat) walk(path string, v *body.Value) {
	switch v.Kind() {
	case body.Object:
		for _, name := range v.Names() {
			at := name
			if path != "" {
				at = path + "." + name
			}
			f.walk(at, v.Get(name))
		}
	case body.Array:
		for i, x := range v.Items() {
			f.walk(path+"["+strconv.Itoa(i)+"]", x)
		}
	case body.String, body.Literal:
		f.list = append(f.list, path)
		f.text[path] = v.Str()
	}
}
