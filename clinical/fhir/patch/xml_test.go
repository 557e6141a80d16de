package patch_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/patch"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/xmltree"
)

// lines is what an XML document says, without white space between elements.
func lines(src []byte) (list []string, err error) {
	var d xmltree.Doc
	if err := d.Parse(src, tree.Limits{}); err != nil {
		return nil, err
	}
	for i, v := range d.Nodes {
		depth := 0
		for up := v.Parent; up != xmltree.None; up = d.Nodes[up].Parent {
			depth++
		}
		switch {
		case v.Kind == xmltree.Text && len(bytes.TrimSpace(d.Text(i))) > 0:
			list = append(list, fmt.Sprintf("%d text %s", depth, bytes.TrimSpace(d.Text(i))))
		case v.Kind == xmltree.Comment:
			list = append(list, fmt.Sprintf("%d %s", depth, d.Raw(i)))
		case v.Kind == xmltree.Element:
			line := fmt.Sprintf("%d {%s}%s", depth, v.Space, v.Local)
			for _, a := range d.AttrsOf(i) {
				if a.Local != "xmlns" {
					line += fmt.Sprintf(" {%s}%s=%s", a.Space, a.Local, d.Value(&a))
				}
			}
			list = append(list, line)
		}
	}
	return list, nil
}

// TestXMLSuite runs the public cases of XML Patch; four more stand in comments of their file, switched off by their authors.
func TestXMLSuite(t *testing.T) {
	const total = 29
	var d xmltree.Doc
	if err := d.Parse(gold(t, "patch.xml", "xml-patch-tests.xml", total), tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	s := score{suite: "patch.xml"}
	for c := d.First(d.Root); c != xmltree.None; c = d.Sibling(c) {
		if d.Nodes[c].Kind != xmltree.Element {
			continue
		}
		parts := map[string][]byte{}
		for p := d.First(c); p != xmltree.None; p = d.Sibling(p) {
			if v := d.Nodes[p]; v.Kind == xmltree.Element && v.Local == "patch" {
				parts["patch"] = d.Raw(p)
			} else if v.Kind == xmltree.Element {
				parts[v.Local] = bytes.TrimSpace(d.Src[v.Open:v.Close])
			}
		}
		_, failing := parts["error"]
		got, err := patch.XML(parts["target"], parts["patch"], patch.Limits{})
		trouble := ""
		switch {
		case failing && err == nil:
			trouble = "no error"
		case !failing && err != nil:
			trouble = err.Error()
		case !failing:
			want, err1 := lines(parts["patched"])
			have, err2 := lines(got)
			if trouble = cmp.Diff(want, have); err1 != nil || err2 != nil {
				trouble = fmt.Sprint(err1, err2)
			}
		}
		s.result(t, string(d.Value(&d.AttrsOf(c)[0])), trouble)
	}
	s.print(t, total)
}

const xmlDoc = `<?xml version="1.0"?>
<Patient xmlns="http://hl7.org/fhir"  id = 'x'>
  <name><!-- c --><given value='A'/>  <given value="B" /></name>
  <text><div xmlns="http://www.w3.org/1999/xhtml">hi <b>you</b></div></text>
</Patient>`

// TestXMLBytes: what a patch does not name keeps its bytes, and what is added keeps its namespaces.
func TestXMLBytes(t *testing.T) {
	for _, c := range []struct{ ops, old, new string }{
		{`<remove sel="f:Patient/f:name/f:given[@value='A']" ws="after"/>`, `<given value='A'/>  `, ``},
		{`<remove sel="/Patient/name/given[2]" ws="before"/>`, `  <given value="B" />`, ``},
		{`<add sel="Patient/name/given[1]"><id xmlns="u:x"/></add>`, `<given value='A'/>`, `<given value='A'><id xmlns="u:x"/></given>`},
		{`<add sel="*/name/given[2]" pos="before"><given value="C"/></add>`, `<given value="B" />`, `<given value="C"/><given value="B" />`},
		{`<add sel="*/name" pos="prepend"><use value="old"/></add>`, `<name>`, `<name><use value="old"/>`},
		{`<add sel="*/name[given/@value='B']"><period/></add>`, `</name>`, `<period/></name>`},
		{`<replace sel="*/name/given[1]/@value">&lt;"&#10;</replace>`, `<given value='A'/>`, `<given value="&lt;&quot;&#10;"/>`},
		{`<replace sel="*/text/h:div/h:b/text()">a&lt;b</replace>`, `<b>you</b>`, `<b>a&lt;b</b>`},
		{`<replace sel="*/text/h:div[h:b='you']"><h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:i/></h:div></replace>`, `<div xmlns="http://www.w3.org/1999/xhtml">hi <b>you</b></div>`, `<h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:i/></h:div>`},
		{`<add sel="*/text/h:div"><given/></add>`, `</b></div>`, `</b><given xmlns="http://hl7.org/fhir"/></div>`},
		{`<add sel="Patient" type="@q:n">1</add>`, ` id = 'x'>`, ` id = 'x' xmlns:q="u:q" q:n="1">`},
		{`<add sel="Patient"><q:x q:y=""/></add>`, "\n</Patient>", "\n" + `<q:x xmlns:q="u:q" q:y=""/></Patient>`},
		{`<add sel="Patient"><x><y xmlns:q="u:other"><q:z/></y><q:w/></x></add>`, "\n</Patient>", "\n" + `<x xmlns:q="u:q"><y xmlns:q="u:other"><q:z/></y><q:w/></x></Patient>`},
		{`<add sel="Patient"><x><y xmlns:q="u:other"><q:z/></y></x></add>`, "\n</Patient>", "\n" + `<x><y xmlns:q="u:other"><q:z/></y></x></Patient>`},
		{`<remove sel="Patient/@id"/>`, `  id = 'x'`, ``},
		{`<remove sel="Patient/name/comment()"/><remove sel="Patient/name/given[1]"/>`, `<!-- c --><given value='A'/>`, ``},
		{`<add sel="Patient/name/given[2]" type="namespace::z">u:z</add><replace sel="Patient/name/given[2]/namespace::z">u:y</replace><remove sel="Patient/name/given[1]"/>`,
			`<given value='A'/>  <given value="B" />`, `  <given value="B" xmlns:z="u:y" />`},
	} {
		got, err := patch.XML([]byte(xmlDoc), []byte(`<diff xmlns="http://hl7.org/fhir" xmlns:q="u:q">`+c.ops+`</diff>`), patch.Limits{})
		if want := strings.Replace(xmlDoc, c.old, c.new, 1); err != nil || string(got) != want {
			t.Errorf("%s: %v %s", c.ops, err, cmp.Diff(want, string(got)))
		}
	}
}

// TestXMLRefused: the error says which operation, where and why, with its kind, and nothing of the values.
func TestXMLRefused(t *testing.T) {
	for _, c := range []struct {
		ops, want string
		kind      ward.ErrorKind
	}{
		{``, "the patch: there is no operation in it", ward.Invalid},
		{`secret`, "text stands between the operations", ward.Invalid},
		{`<swap/>`, "operation 1: an operation is add, replace or remove", ward.Invalid},
		{`<remove/>`, "operation 1 (remove): the operation needs sel", ward.Invalid},
		{`<remove sel="Patient["/>`, "sel, character 9: a name was expected", ward.Invalid},
		{`<remove sel="Patient[0]"/>`, "a position from 1 was expected", ward.Invalid},
		{`<remove sel="Patient/@id/x"/>`, "the end was expected", ward.Invalid},
		{`<remove sel="Patient//x"/>`, "sel, character 9: a name was expected", ward.Invalid},
		{`<remove sel="z:Patient"/>`, "a declared prefix was expected", ward.Invalid},
		{`<remove sel="Patient[@id='secret"/>`, "the closing quote was expected", ward.Invalid},
		{`<remove sel="Patient/name/given"/>`, "sel names several nodes", ward.Unprocessable},
		{`<remove sel="Patient/name[@id='secret']"/>`, "operation 1 (remove): sel names nothing in the resource", ward.Unprocessable},
		{`<remove sel="Patient/name/given[1]/@url"/>`, "there is no such attribute (at Patient.name.given[0])", ward.Unprocessable},
		{`<remove sel="Patient"/>`, "the root element cannot be removed (at Patient)", ward.Unprocessable},
		{`<remove sel="Patient/name/given[1]" ws="before"/>`, "there is no white space before the node", ward.Unprocessable},
		{`<add sel="Patient" pos="after"><x/></add>`, "nothing can be added beside the root element", ward.Unprocessable},
		{`<add sel="Patient" pos="last"><x/></add>`, "pos is before, after or prepend", ward.Invalid},
		{`<add sel="Patient" type="@id">secret</add>`, "the attribute is there already", ward.Unprocessable},
		{`<add sel="Patient" type="@z:id">secret</add>`, "type is @ and the name of an attribute", ward.Invalid},
		{`<add sel="Patient" type="@xmlns">secret</add>`, "type is @ and the name of an attribute", ward.Invalid},
		{`<add sel="Patient" type="id">secret</add>`, "type is @ and the name of an attribute, or", ward.Invalid},
		{`<add sel="Patient" type="@q"><x/></add>`, "the operation takes text only", ward.Invalid},
		{`<add sel="Patient/@id">secret</add>`, "an attribute is added by type", ward.Invalid},
		{`<add sel="Patient/name/comment()">secret</add>`, "nothing can be added into text or a comment", ward.Unprocessable},
		{`<replace sel="Patient/name">secret</replace>`, "an element is replaced by one element", ward.Invalid},
		{`<replace sel="Patient/name"><a/><b/></replace>`, "an element is replaced by one element", ward.Invalid},
	} {
		got, err := patch.XML([]byte(xmlDoc), []byte(`<diff xmlns="http://hl7.org/fhir">`+c.ops+`</diff>`), patch.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) || ward.KindOf(err) != c.kind || strings.Contains(err.Error(), "secret") || got != nil {
			t.Errorf("%s: %v, want %s", c.ops, err, c.want)
		}
	}
}

// TestXMLBounds: operations, sizes and the work of selectors are bounded.
func TestXMLBounds(t *testing.T) {
	big := `<a>` + strings.Repeat("<b/>", 1<<14) + `</a>`
	many := strings.Repeat(`<add sel="a"><b/></add>`, 100)
	for name, c := range map[string]struct {
		doc, ops string
		l        patch.Limits
	}{
		"many":     {`<a/>`, many, patch.Limits{Operations: 99}},
		"work":     {big, many, patch.Limits{Work: 50 << 16}},
		"selector": {big, `<remove sel="a/b` + strings.Repeat("[.='']", 600) + `[1]"/>`, patch.Limits{Work: 50 << 16}},
		"size":     {big, many, patch.Limits{Bytes: 1<<16 + 20}},
		"deep":     {`<a/>`, `<add sel="a">` + strings.Repeat("<a>", 97) + strings.Repeat("</a>", 97) + `</add><add sel="` + strings.Repeat("a/", 90) + `a">` + strings.Repeat("<a>", 50) + strings.Repeat("</a>", 50) + `</add>`, patch.Limits{}},
	} {
		if _, err := patch.XML([]byte(c.doc), []byte(`<diff>`+c.ops+`</diff>`), c.l); ward.KindOf(err) != ward.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzXML: no panic, and what comes out is XML.
func FuzzXML(f *testing.F) {
	f.Add([]byte(xmlDoc), []byte(`<diff xmlns="http://hl7.org/fhir"><add sel="Patient/name[given/@value='B']" pos="before" type=""><x y="1"/>t</add><remove sel="*/name/comment()[1]" ws="both"/><replace sel="Patient/@id">v</replace></diff>`))
	f.Add([]byte(xmlDoc), []byte(`<patch><add sel="f:Patient" type="namespace::p">u:p</add><add sel="f:Patient" type="@a">1</add><replace sel="f:Patient/f:text/h:div/text()[1]">x</replace></patch>`))
	f.Fuzz(func(t *testing.T, doc, p []byte) {
		got, err := patch.XML(doc, p, patch.Limits{Bytes: 1 << 16, Work: 1 << 22})
		if err == nil {
			if _, err := lines(got); err != nil {
				t.Fatalf("%v: %q", err, got)
			}
		} else if ward.KindOf(err) == ward.Internal {
			t.Fatal(err)
		}
	})
}
