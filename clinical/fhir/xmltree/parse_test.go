package xmltree_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/xmltree"
)

// events is what a reader of XML sees of a document, as lines.
func events(d *xmltree.Doc) (list []string) {
	var walk func(n int)
	walk = func(n int) {
		v := &d.Nodes[n]
		switch v.Kind {
		case xmltree.Text:
			if text := d.Text(n); len(text) > 0 { // empty: of an empty CDATA section
				list = append(list, "text "+string(text))
			}
		case xmltree.Element:
			list = append(list, "start "+v.Space+" "+v.Local)
			for _, a := range d.AttrsOf(n) {
				if a.Space != xmltree.SpaceXMLNS {
					list = append(list, "attr "+a.Space+" "+a.Local+" "+string(d.Value(&a)))
				}
			}
			for c := d.First(n); c != xmltree.None; c = d.Sibling(c) {
				walk(c)
			}
			list = append(list, "end")
		}
	}
	walk(d.Root)
	return list
}

// outside gives the same lines by the reader of the standard library.
func outside(src []byte) (list []string, err error) {
	dec := xml.NewDecoder(bytes.NewReader(src))
	text, depth := "", 0
	flush := func() {
		if text != "" && depth > 0 {
			list = append(list, "text "+text)
		}
		text = ""
	}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.CharData:
			text += string(tok)
		case xml.Comment:
			flush()
		case xml.StartElement:
			flush()
			depth++
			list = append(list, "start "+tok.Name.Space+" "+tok.Name.Local)
			for _, a := range tok.Attr {
				if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
					continue
				}
				list = append(list, "attr "+a.Name.Space+" "+a.Name.Local+" "+a.Value)
			}
		case xml.EndElement:
			flush()
			depth--
			list = append(list, "end")
		}
	}
}

var good = []string{
	`<a/>`, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<a>x\r\ny</a>\n", "\xEF\xBB\xBF<a/>", `<a b='"' c="&lt;&#x41;&#10;"/>`,
	`<a xmlns="u:1" xmlns:p="u:2"><p:b p:c="1" c="2">t&amp;<![CDATA[<x>&]]>u</p:b><!-- - --><c xmlns=""/></a>`,
	`<Patient xmlns="http://hl7.org/fhir"><name><given value="Ünï"/><given value="&#x1F600;"/></name></Patient><!-- end -->`, "<a\n b = '1'\tc='2' ></a >", `<é ü="1"/>`,
}

// TestSameAsOutside: an outside reader sees the same elements, namespaces, attributes and texts.
func TestSameAsOutside(t *testing.T) {
	for _, src := range good {
		var d xmltree.Doc
		if err := d.Parse([]byte(src), tree.Limits{}); err != nil {
			t.Errorf("%q: %v", src, err)
			continue
		}
		want, err := outside([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, events(&d)); diff != "" {
			t.Errorf("%q: %s", src, diff)
		}
	}
}

// TestRefused: what is not well formed, and what the reader does not take, with the reason and the place.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{``, "line 1, column 1 (the root): expected an element"},
		{"<a>\n <b>\n</a>", "line 3, column 1 (a.b): expected the end tag of the element that is open"},
		{`<a/><b/>`, "line 1, column 5 (the root): expected one root element"},
		{`<a/>x`, "expected no text outside the root element"},
		{`<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>`, "expected no document type and no entity declaration"},
		{`<a><?php x?></a>`, "expected no processing instruction"},
		{`<a>&nbsp;</a>`, "expected a character reference, or one of"},
		{`<a>&#0;</a>`, "expected no reference to a character that XML does not allow"},
		{`<a>&#xD800;</a>`, "expected no reference to a character that XML does not allow"},
		{`<a>&#x110000;</a>`, "expected a character reference"},
		{"<a>\x01</a>", "expected no character that XML does not allow"},
		{"<a>\xff</a>", "expected UTF-8"},
		{`<a b="1" b="2"/>`, "column 10 (the root): expected each attribute once"},
		{`<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>`, "expected each attribute once"},
		{`<p:a/>`, "expected a prefix that is declared"},
		{`<a p:b="1"/>`, "expected a prefix that is declared"},
		{`<a xmlns:p=""/>`, "expected a namespace declaration that XML allows"},
		{`<a b="<"/>`, "expected &lt; instead of <"},
		{`<a b=1/>`, "expected a value in quotes"},
		{`<a b="1"c="2"/>`, "expected white space"},
		{`<a>]]></a>`, "expected no ]]> in text"},
		{`<a><!-- -- --></a>`, "expected a comment that ends"},
		{`<a><![CDATA[x</a>`, "expected the end of the CDATA section"},
		{`<?xml version="1.1"?><a/>`, "expected version 1.0"},
		{`<?xml version="1.0" encoding="UTF-16"?><a/>`, "expected encoding utf-8"},
		{`<a`, "expected white space, an attribute or the end"},
		{`</a>`, "expected no end tag without a start tag"},
		{`<a><b/><b><c x=1/></b></a>`, "(a.b[1]): expected a value in quotes"},
		{`<1a/>`, "expected a name"},
	} {
		var d xmltree.Doc
		err := d.Parse([]byte(c.src), tree.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.src, err, c.want)
		}
	}
}

// TestLimits: each limit holds, and the error says that it was one.
func TestLimits(t *testing.T) {
	var attrs, spaces strings.Builder
	for i := range 70 {
		name := string(rune('a'+i%26)) + string(rune('a'+i/26))
		attrs.WriteString(" " + name + `="1"`)
		spaces.WriteString(`<a xmlns:` + name + `="u">`)
	}
	for name, src := range map[string]string{
		"depth": strings.Repeat("<a>", 1_000_000), "attributes": "<a" + attrs.String() + "/>", "declarations": spaces.String(),
		"name": "<" + strings.Repeat("a", 1000) + "/>", "nodes": "<a>" + strings.Repeat("<b/>", 60) + "</a>", "bytes": "<a>" + strings.Repeat(" ", 2_000_000) + "</a>",
	} {
		l := tree.Limits{Nodes: 50}
		if name == "bytes" {
			l.Bytes = 1 << 20
		}
		if name == "declarations" {
			l = tree.Limits{}
		}
		var d xmltree.Doc
		var e *tree.Error
		if err := d.Parse([]byte(src), l); !errors.As(err, &e) || !e.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDense: a text that is nothing but tags, or attributes, is refused before it takes many times its bytes; what is as dense as people write is not.
func TestDense(t *testing.T) {
	const mb = 1 << 20
	for one, size := range map[string]int{`<a/>`: 6 * mb, `x<!---->`: 6 * mb, `<a b="" c="" d="" e="" f="" g="" h="" i=""/>`: 7 * mb} {
		src := []byte("<r>" + strings.Repeat(one, size/len(one)) + "</r>")
		var d xmltree.Doc
		var e *tree.Error
		if err := d.Parse(src, tree.Limits{}); !errors.As(err, &e) || !e.TooLarge {
			t.Errorf("%s: %v", one, err)
		}
	}
	for one, size := range map[string]int{`<b>x</b>`: 4*mb - 100, "\n    <system value=\"urn:x\"/>": 16 * mb} {
		var d xmltree.Doc
		if err := d.Parse([]byte("<r>"+strings.Repeat(one, size/len(one))+"</r>"), tree.Limits{}); err != nil {
			t.Errorf("%s: %v", one, err)
		}
	}
}

// FuzzParse: what is accepted reads the same by the reader of the standard library, and the offsets cover the text.
func FuzzParse(f *testing.F) {
	for _, src := range good {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var d xmltree.Doc
		if d.Parse(src, tree.Limits{Bytes: 1 << 16}) != nil {
			return
		}
		for n, v := range d.Nodes {
			if v.Start >= v.End || v.End > len(src) || v.Next <= n || v.Next > len(d.Nodes) {
				t.Fatalf("node %d: %+v", n, v)
			}
		}
		want, err := outside(src)
		if err != nil {
			if strings.Contains(err.Error(), "invalid XML name") {
				return // it knows the names of the fourth edition of XML, here it is the fifth
			}
			t.Fatalf("accepted, but: %v", err)
		}
		got := events(&d)
		for i := range got { // the outside reader keeps white space in values as written
			got[i] = strings.NewReplacer("\n", " ", "\t", " ").Replace(got[i])
		}
		for i := range want {
			want[i] = strings.NewReplacer("\n", " ", "\t", " ").Replace(want[i])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}
