package definition

// DecodeCore decodes the core table anew.
func DecodeCore() *Set {
	var t tables
	if err := unpack(coreTable, t.core); err != nil {
		panic(err)
	}
	return t.set()
}

// DecodeTable decodes any bytes as each of the tables; what it says of them does not matter, but it must say it.
func DecodeTable(table []byte) {
	var t tables
	for _, fn := range []func(*coder){t.core, t.extra, t.terms} {
		if unpack(table, fn) != nil {
			continue
		}
	}
}

// SmallTables are tables with one structure, one search parameter and compartment, one code system and value set.
func SmallTables() [][]byte {
	s := &Structure{URL: "u", Type: "T", Elements: []*ElementDefinition{{ID: "T", Path: "T", Types: []TypeRefText{{Code: "x"}}, Binding: &Binding{ValueSet: "v"},
		Constraints: []*Constraint{{Key: "k"}}, Slicing: &Slicing{Rules: "open"}}}}
	t := tables{structures: []*Structure{s}, profiles: []*Structure{s}, params: []*SearchParameter{{Code: "c", Base: []string{"T"}}},
		compartments: []*Compartment{{Code: "c", Params: map[string][]string{"T": {"c"}}}}, systems: []*CodeSystem{{URL: "s", Codes: map[string]Concept{"a": {Display: "A"}}}},
		composes: []*compose{{url: "v", include: []part{{system: "s", concepts: []member{{"a", "A"}}}}}}}
	return [][]byte{pack(t.core), pack(t.extra), pack(t.terms)}
}
