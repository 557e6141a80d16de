package body

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ward-health/ward"
)

// Path is a compiled place in a body: names with an optional position. "[+]" makes a new item, "[0]" the first one.
type Path []step

type step struct {
	name string
	at   int // noItem, newItem or a position
}

const (
	noItem  = -1
	newItem = -2
)

// MaxItem bounds positions in a path.
const MaxItem = 15

var errPath = ward.E(ward.Invalid, "body.path", "a path is element names with [+] or [0] to [15], separated by points", nil)

// ParsePath reads "name[+].family", "coding[0].code". The error is Invalid.
func ParsePath(s string) (Path, error) {
	var p Path
	for part := range strings.SplitSeq(s, ".") {
		st := step{name: part, at: noItem}
		if i := strings.IndexByte(part, '['); i >= 0 {
			if !strings.HasSuffix(part, "]") {
				return nil, errPath
			}
			st.name = part[:i]
			switch in := part[i+1 : len(part)-1]; in {
			case "+":
				st.at = newItem
			default:
				n, err := strconv.Atoi(in)
				if err != nil || n < 0 || n > MaxItem {
					return nil, errPath
				}
				st.at = n
			}
		}
		if st.name == "" || strings.Trim(st.name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			return nil, errPath
		}
		p = append(p, st)
	}
	return p, nil
}

// Root returns the name of the element that the path begins with.
func (p Path) Root() string { return p[0].name }

// Repeats reports whether the path makes a new item each time.
func (p Path) Repeats() bool {
	for _, s := range p {
		if s.at == newItem {
			return true
		}
	}
	return false
}

// Put sets the value at the path below an object and returns the item that a "[+]" made, else the object in which the
// value was set. Nothing is done for an Empty value.
func (v *Value) Put(p Path, to *Value) (in *Value) {
	if to.Empty() {
		return nil
	}
	at := v
	for i, s := range p {
		last := i == len(p)-1
		if s.at == noItem {
			if last {
				at.Set(s.name, to)
				break
			}
			at = at.child(s.name)
			continue
		}
		list := at.array(s.name)
		if s.at == newItem {
			in = NewObject()
			if last {
				in = to
			}
			list.items = append(list.items, in)
			at = in
			continue
		}
		for len(list.items) <= s.at {
			list.items = append(list.items, NewObject())
		}
		if last {
			list.items[s.at] = to
			break
		}
		at = list.items[s.at]
	}
	if in == nil {
		in = at
	}
	return in
}

// child returns the object that is a member, and makes it if it is not there.
func (v *Value) child(name string) *Value {
	if x := v.Get(name); x.Kind() == Object {
		return x
	}
	x := NewObject()
	v.force(name, x)
	return x
}

func (v *Value) array(name string) *Value {
	if x := v.Get(name); x.Kind() == Array {
		return x
	}
	x := NewArray()
	v.force(name, x)
	return x
}

// force is Set for a value that is going to be filled.
func (v *Value) force(name string, to *Value) {
	for i := range v.members {
		if v.members[i].name == name {
			v.members[i].value = to
			return
		}
	}
	v.members = append(v.members, member{name, to})
}

// Find returns the value at a path of names and positions, nil if there is none.
func (v *Value) Find(p Path) *Value {
	for _, s := range p {
		v = v.Get(s.name)
		if s.at >= 0 {
			items := v.Items()
			if s.at >= len(items) {
				return nil
			}
			v = items[s.at]
		}
	}
	return v
}

// At is Find with the path's text; a text that is no path finds nothing.
func (v *Value) At(path string) *Value {
	if p, ok := paths.Load(path); ok {
		return v.Find(p.(Path))
	}
	p, err := ParsePath(path)
	if err != nil {
		return nil
	}
	if pathCount.Add(1) <= maxPaths {
		paths.Store(path, p)
	}
	return v.Find(p)
}

// paths remembers the paths that At was asked for, which are constants of the program, up to a bound.
var (
	paths     sync.Map
	pathCount atomic.Int64
)

const maxPaths = 1024

// Delete removes the element at a path; of a path with a position, the whole list.
func (v *Value) Delete(p Path) {
	for i, s := range p {
		if i == len(p)-1 || s.at != noItem {
			if v.Kind() == Object {
				v.Set(s.name, nil)
			}
			return
		}
		v = v.Get(s.name)
	}
}
