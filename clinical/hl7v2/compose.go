package hl7v2

import "fmt"

// Node is a value to be written: a text, a null, a copy, or parts joined by a delimiter. The zero Node is empty.
type Node struct {
	kind  nodeKind
	text  string
	parts []Node
	from  Value
}

type nodeKind uint8

const (
	textNode nodeKind = iota
	nullNode
	copyNode
	subNode
	compNode
	repNode
)

// Text is a text; delimiters, line breaks and control characters in it are escaped. "" is an empty value.
func Text(s string) Node { return Node{text: s} }

// Null is `""`: the receiver deletes what it has.
func Null() Node { return Node{kind: nullNode} }

// Copy is a value of a parsed message. Written with the delimiters and the character set of that message it is the same
// bytes; else its texts are escaped and encoded anew.
func Copy(v Value) Node { return Node{kind: copyNode, from: v} }

// Sub joins subcomponents.
func Sub(parts ...Node) Node { return Node{kind: subNode, parts: parts} }

// Comp joins components.
func Comp(parts ...Node) Node { return Node{kind: compNode, parts: parts} }

// Rep joins repetitions.
func Rep(parts ...Node) Node { return Node{kind: repNode, parts: parts} }

// Texts is Comp of texts, the most frequent value.
func Texts(components ...string) Node {
	parts := make([]Node, len(components))
	for i, s := range components {
		parts[i] = Text(s)
	}
	return Comp(parts...)
}

// Format implements fmt.Formatter for every verb: never content.
func (n Node) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "[hl7v2 node, %d parts]", len(n.parts)) }

// recompose takes a parsed value apart, so that it can be written with other delimiters.
func recompose(v Value) Node {
	if v.Null() {
		return Null()
	}
	join := Comp
	if v.level == component {
		join = Sub
	}
	if v.level >= subcomponent || v.level == repetition && v.Components() < 2 && v.Subs() < 2 || v.level == component && v.Subs() < 2 {
		return Text(v.All())
	}
	var parts []Node
	for _, p := range v.Parts() {
		parts = append(parts, recompose(p))
	}
	return join(parts...)
}
