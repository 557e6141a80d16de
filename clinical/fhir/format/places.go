package format

import (
	"sort"
	"unicode/utf8"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/xmltree"
)

// Places says where in XML stood what was written as JSON.
type Places struct {
	json  []byte
	doc   *xmltree.Doc
	marks []mark // by their place in the JSON
}

// mark is a value: its offset in the JSON, and that of what it was made of in the XML.
type mark struct{ json, xml int }

// XMLToJSONPlaced is XMLToJSON that remembers places: for findings about the JSON that are to be told of the XML.
func XMLToJSONPlaced(set *definition.Set, src []byte, l tree.Limits) ([]byte, *Places, error) {
	r := xmlReader{places: &Places{}}
	out, err := r.read(set, src, l)
	if err != nil {
		return nil, nil, err
	}
	r.places.json, r.places.doc = out, &r.doc
	return out, r.places, nil
}

// Move gives findings of the JSON the lines and columns of the XML.
func (p *Places) Move(found []issue.Issue) {
	for i := range found {
		if found[i].Line > 0 {
			found[i].Line, found[i].Column = p.at(found[i].Column)
		}
	}
}

// at returns line and column in the XML of what stands at a column of the JSON, which is one line; all count characters from 1.
func (p *Places) at(column int) (int, int) {
	offset := 0
	for ; column > 1 && offset < len(p.json); column-- {
		_, n := utf8.DecodeRune(p.json[offset:])
		offset += n
	}
	k := sort.Search(len(p.marks), func(i int) bool { return p.marks[i].json > offset })
	if k == 0 {
		return p.doc.Position(p.doc.Nodes[p.doc.Root].Start)
	}
	return p.doc.Position(p.marks[k-1].xml)
}

// mark remembers that what is written next was made of what stands at an offset of the XML.
func (r *xmlReader) mark(xml int) {
	if r.places != nil {
		r.places.marks = append(r.places.marks, mark{len(r.out), xml})
	}
}
