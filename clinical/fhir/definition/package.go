package definition

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/fhir/tree"
)

// Package is a FHIR package: what it defines, read and not yet joined with anything.
type Package struct {
	Name, Version string
	Dependencies  map[string]string // name -> version
	structures    []*Structure
	params        []*SearchParameter
	systems       []*CodeSystem
	composes      []*compose
	forms         [][]byte        // Questionnaires
	seen          map[string]bool // names of the archive, while it is read
}

// PackageLimits bound what ReadPackage accepts. A field that is 0 takes that of DefaultPackageLimits.
type PackageLimits struct {
	Bytes int64 // unpacked, in all
	File  int64 // unpacked, of one file
	Files int
}

// DefaultPackageLimits suit the packages that national guides publish.
var DefaultPackageLimits = PackageLimits{Bytes: 512 << 20, File: 32 << 20, Files: 20_000}

func (l PackageLimits) orDefault() PackageLimits {
	if l.Bytes == 0 {
		l.Bytes = DefaultPackageLimits.Bytes
	}
	if l.File == 0 {
		l.File = DefaultPackageLimits.File
	}
	if l.Files == 0 {
		l.Files = DefaultPackageLimits.Files
	}
	return l
}

func tooLarge(public string) error {
	return ward.E(ward.TooLarge, "definition.package", public, nil)
}

func badPackage(public string, cause error) error {
	return ward.E(ward.Invalid, "definition.package", public, cause)
}

// ReadPackage reads a FHIR npm package (.tgz): package/package.json and the StructureDefinitions, ValueSets, CodeSystems, SearchParameters and
// Questionnaires beside it; examples and everything else are passed over. Nothing is written anywhere. ward.Invalid: it is no such package, or one of its
// definitions cannot be read; ward.TooLarge: a limit was passed.
//
// SPEC(FHIR NPM Package Specification): a gzipped tar whose folder package holds package.json and the resources.
func ReadPackage(r io.Reader, l PackageLimits) (*Package, error) {
	l = l.orDefault()
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, badPackage("a FHIR package is a gzipped tar archive (.tgz)", err)
	}
	in := &io.LimitedReader{R: z, N: l.Bytes}
	p := &Package{}
	files := tar.NewReader(in)
	for n := 0; ; n++ {
		h, err := files.Next()
		switch {
		case errors.Is(err, io.EOF) && in.N > 0:
			return p, p.whole()
		case in.N <= 0:
			return nil, tooLarge("the package is larger unpacked than is accepted")
		case err != nil:
			return nil, badPackage("the archive of the package is damaged", err)
		case n >= l.Files:
			return nil, tooLarge("the package has more files than are accepted")
		}
		if err := p.entry(h); err != nil {
			return nil, err
		}
		folder, name := path.Split(path.Clean(h.Name))
		if h.Typeflag != tar.TypeReg || folder != "package/" || !strings.HasSuffix(name, ".json") || strings.HasPrefix(name, ".") {
			continue
		}
		if h.Size > l.File {
			return nil, tooLarge("a file of the package is larger than is accepted")
		}
		body, err := io.ReadAll(files)
		if err != nil {
			return nil, badPackage("the archive of the package is damaged", err)
		}
		if err := p.file(name, body); err != nil {
			return nil, err
		}
	}
}

// entry refuses what no package has: names that lead elsewhere, links and devices, two files of one name.
func (p *Package) entry(h *tar.Header) error {
	name := strings.ReplaceAll(h.Name, "\\", "/")
	switch {
	case path.IsAbs(name) || slices.Contains(strings.Split(name, "/"), "..") || strings.ContainsRune(name, 0):
		return badPackage("the archive of the package has a name that leads out of it", nil)
	case h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader:
		return nil
	case h.Typeflag != tar.TypeReg:
		return badPackage("the archive of the package has an entry that is neither a file nor a folder", nil)
	case p.seen[path.Clean(name)]:
		return badPackage("the archive of the package has two files of one name", nil)
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[path.Clean(name)] = true
	return nil
}

func (p *Package) whole() error {
	p.seen = nil
	if p.Name == "" || p.Version == "" {
		return badPackage("the package has no package/package.json with a name and a version", nil)
	}
	for _, s := range p.structures {
		s.Package = p.Name + "#" + p.Version
	}
	return nil
}

func (p *Package) file(name string, body []byte) error {
	body = bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF")) // some publishers write one
	if name == "package.json" {
		var j struct {
			Name         string            `json:"name"`
			Version      string            `json:"version"`
			FHIRVersions []string          `json:"fhirVersions"`
			Dependencies map[string]string `json:"dependencies"`
		}
		if err := json.Unmarshal(body, &j); err != nil {
			return badPackage("package/package.json is not JSON of the form that npm gives", nil)
		}
		if len(j.Name) > 214 || len(j.Version) > 100 {
			return badPackage("the name or version of the package is too long", nil)
		}
		if strings.ContainsFunc(j.Name+j.Version, unicode.IsControl) { // no database and no log takes them
			return badPackage("the name or version of the package has control characters", nil)
		}
		for _, v := range j.FHIRVersions {
			if !strings.HasPrefix(v, "4.0") {
				return badPackage("the package is for another version of FHIR than 4.0", nil)
			}
		}
		p.Name, p.Version = j.Name, j.Version
		guide := p.Dependencies
		p.Dependencies = j.Dependencies
		for name, version := range guide {
			if _, have := j.Dependencies[name]; !have && name != j.Name {
				if p.Dependencies == nil {
					p.Dependencies = map[string]string{}
				}
				p.Dependencies[name] = version
			}
		}
		return nil
	}
	err := p.Add(body)
	if err != nil {
		return badPackage("a definition of the package cannot be read: "+name+": "+ward.PublicText(err), nil)
	}
	return nil
}

// Questionnaires are those of the package, in JSON as they came. They define nothing: With does not take them.
func (p *Package) Questionnaires() [][]byte { return p.forms }

// Add adds a definition (StructureDefinition, ValueSet, CodeSystem, SearchParameter) or a Questionnaire in JSON to the package, or takes over the
// dependencies of an ImplementationGuide; any other resource is passed over. An empty Package takes definitions that come without one. ward.Invalid: it cannot be read.
func (p *Package) Add(body []byte) error {
	var doc tree.Doc
	if err := doc.Parse(body, tree.Limits{}); err != nil {
		return invalid("a resource in JSON was expected: " + err.Error())
	}
	var head struct {
		ResourceType string `json:"resourceType"`
		URL          string `json:"url"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return invalid("a resource in JSON was expected")
	}
	switch head.ResourceType {
	case "StructureDefinition":
		s, err := ReadStructure(body)
		if err != nil {
			return err
		}
		p.structures = append(p.structures, s)
	case "ValueSet":
		if head.URL == "" {
			return nil
		}
		c, err := readValueSet(body)
		if err != nil {
			return err
		}
		p.composes = append(p.composes, c)
	case "CodeSystem":
		if head.URL == "" {
			return nil
		}
		c, err := ReadCodeSystem(body)
		if err != nil {
			return err
		}
		p.systems = append(p.systems, c)
	case "Questionnaire":
		p.forms = append(p.forms, bytes.Clone(body))
	case "ImplementationGuide":
		return p.guide(body)
	case "SearchParameter":
		s, err := ReadSearchParameter(body)
		if err != nil {
			return err
		}
		p.params = append(p.params, s)
	}
	return nil
}

// guide takes over the packages that an ImplementationGuide depends on, as far as package.json does not name them.
func (p *Package) guide(body []byte) error {
	var j struct {
		DependsOn []struct {
			PackageID string `json:"packageId"`
			Version   string `json:"version"`
		} `json:"dependsOn"`
	}
	if err := json.Unmarshal(body, &j); err != nil {
		return invalid("an ImplementationGuide was expected")
	}
	for _, d := range j.DependsOn {
		if _, have := p.Dependencies[d.PackageID]; have || d.PackageID == "" || d.PackageID == p.Name {
			continue
		}
		if p.Dependencies == nil {
			p.Dependencies = map[string]string{}
		}
		p.Dependencies[d.PackageID] = d.Version
	}
	return nil
}
