package tree

import (
	"unicode/utf8"
)

// Kind is the form of a JSON value.
type Kind uint8

// The kinds.
const (
	Null Kind = iota + 1
	False
	True
	Number
	String
	Object
	Array
)

// Flag tells what is special about the text of a node.
type Flag uint8

// The flags.
const (
	Escaped     Flag = 1 << iota // the string has escapes: Src[Start+1:End-1] is not its text
	NameEscaped                  // the member name has escapes
)

// None is the index that no node but the root has: as a parent of the root, or as an answer, it means that there is nothing.
const None = 0

// Node is one value of the tape. Its children, if it has any, follow it at once; its next sibling, if it has one, is the node at Next, whose
// Parent is the same.
type Node struct {
	Kind    Kind
	Flag    Flag
	NameLen uint16 // of the member name as written, without quotes; 0 for items and the root
	Hash    uint32 // Hash of the member name, unescaped
	Name    uint32 // where the member name begins, behind its quote
	Start   uint32 // where the value begins; a string with its quote
	End     uint32 // where it ends: Src[Start:End] is the value as written
	Next    uint32 // index of the node behind this one and all that is in it
	Parent  uint32 // index of the object or array that it is in
	Len     uint32 // members of an object, items of an array
}

// Doc is one parsed text.
type Doc struct {
	Src   []byte // not copied: it must not change while the Doc is used
	Nodes []Node // the root is Nodes[0]
	stack []frame
}

// Limits bound what Parse accepts. A field that is 0 takes that of DefaultLimits.
type Limits struct {
	Bytes int // of the text
	Depth int // objects and arrays within one another
	Nodes int // values in all
}

// DefaultLimits suit one resource or bundle.
var DefaultLimits = Limits{Bytes: 64 << 20, Depth: 100, Nodes: 4 << 20}

// First returns the index of the first child of node n, None if it has no children.
func (d *Doc) First(n int) int {
	if d.Nodes[n].Len == 0 {
		return None
	}
	return n + 1
}

// Sibling returns the index of the node that follows n in the same object or array, None if n is the last.
func (d *Doc) Sibling(n int) int {
	next := d.Nodes[n].Next
	if int(next) >= len(d.Nodes) || d.Nodes[next].Parent != d.Nodes[n].Parent {
		return None
	}
	return int(next)
}

// Member returns the index of the member of object n with this name, None if there is none or n is no object.
func (d *Doc) Member(n int, name string) int {
	if d.Nodes[n].Kind != Object {
		return None
	}
	h := Hash(name)
	for c := d.First(n); c != None; c = d.Sibling(c) {
		if d.Nodes[c].Hash == h && d.NameIs(c, name) {
			return c
		}
	}
	return None
}

// NameIs reports whether the member name of node n is name.
func (d *Doc) NameIs(n int, name string) bool {
	v := &d.Nodes[n]
	raw := d.Src[v.Name : v.Name+uint32(v.NameLen)]
	if v.Flag&NameEscaped == 0 {
		return string(raw) == name
	}
	return string(AppendUnescaped(nil, raw)) == name
}

// named reports whether the member name of node n is name.
func (d *Doc) named(n int, name []byte) bool {
	v := &d.Nodes[n]
	raw := d.Src[v.Name : v.Name+uint32(v.NameLen)]
	if v.Flag&NameEscaped == 0 {
		return string(raw) == string(name)
	}
	return string(AppendUnescaped(nil, raw)) == string(name)
}

// MemberName returns the unescaped member name of node n, "" for items and the root.
func (d *Doc) MemberName(n int) string {
	v := &d.Nodes[n]
	raw := d.Src[v.Name : v.Name+uint32(v.NameLen)]
	if v.Flag&NameEscaped == 0 {
		return string(raw)
	}
	return string(AppendUnescaped(nil, raw))
}

// Raw returns the value of node n as written.
func (d *Doc) Raw(n int) []byte { return d.Src[d.Nodes[n].Start:d.Nodes[n].End] }

// Text returns the text of a string (unescaped), or a number, true, false or null as written. It points into Src where nothing is
// escaped: it must not be changed.
func (d *Doc) Text(n int) []byte {
	v := &d.Nodes[n]
	if v.Kind != String {
		return d.Src[v.Start:v.End]
	}
	raw := d.Src[v.Start+1 : v.End-1]
	if v.Flag&Escaped == 0 {
		return raw
	}
	return AppendUnescaped(make([]byte, 0, len(raw)), raw)
}

// AppendUnescaped appends the text of the inside of a JSON string that Parse has accepted.
func AppendUnescaped(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(raw[i+1:])
			i += 4
			if isHigh(r) {
				r = (r-0xD800)<<10 | (hex4(raw[i+3:]) - 0xDC00) + 0x10000
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, raw[i])
		}
	}
	return dst
}

func isHigh(r rune) bool { return r >= 0xD800 && r < 0xDC00 }
func isLow(r rune) bool  { return r >= 0xDC00 && r < 0xE000 }

// hex4 reads four hexadecimal digits, -1 if they are not there.
func hex4(b []byte) (r rune) {
	if len(b) < 4 {
		return -1
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// Hash is the hash of a member name that nodes carry and tables look up.
func Hash[T string | []byte](name T) uint32 {
	const k1, k2 = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
	n := len(name)
	var a, b uint64
	switch {
	case n >= 8:
		a, b = load8(name, 0), load8(name, n-8)
	case n >= 4:
		a, b = load4(name, 0), load4(name, n-4)
	case n > 0:
		a, b = uint64(name[0])|uint64(name[n>>1])<<8, uint64(name[n-1])
	}
	h := (a ^ uint64(n)) * k1
	h = (h>>29 ^ h ^ b) * k2
	return uint32(h >> 32)
}

func load8[T string | []byte](s T, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func load4[T string | []byte](s T, i int) uint64 {
	s = s[i : i+4]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}
