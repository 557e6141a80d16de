package definition_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

func termsOf(t *testing.T, definitions ...string) *definition.Set {
	t.Helper()
	p := &definition.Package{Name: "ward.test", Version: "1"}
	for _, d := range definitions {
		if err := p.Add([]byte(d)); err != nil {
			t.Fatal(err)
		}
	}
	set, _ := definition.R4().With(p)
	return set
}

func valueSet(url, compose string) string {
	return fmt.Sprintf(`{"resourceType":"ValueSet","url":%q,"compose":{%s}}`, url, compose)
}

// TestCostlyValueSets: value sets and code systems that are small and ask for the same again and again end soon, and what was not looked at is not known.
func TestCostlyValueSets(t *testing.T) {
	diamond := []string{valueSet("http://v/40", `"include":[{"system":"http://s","concept":[{"code":"a"}]}]`)}
	for i := range 40 {
		next := fmt.Sprintf(`{"valueSet":["http://v/%d"]}`, i+1)
		diamond = append(diamond, valueSet(fmt.Sprintf("http://v/%d", i), `"include":[`+next+","+next+`]`))
	}
	var lattice, flat strings.Builder
	for i := range 40 {
		for _, x := range "ab" {
			fmt.Fprintf(&lattice, `,{"code":"%c%d","property":[{"code":"parent","valueCode":"a%d"},{"code":"parent","valueCode":"b%d"}]}`, x, i, i+1, i+1)
		}
	}
	for i := range 20_000 {
		fmt.Fprintf(&flat, `,{"code":"c%d"}`, i)
	}
	system := func(more string) string {
		return `{"resourceType":"CodeSystem","url":"http://s","content":"complete","concept":[{"code":"z"}` + more + `]}`
	}
	filtered := func(op, value string) string {
		return valueSet("http://v/0", fmt.Sprintf(`"include":[{"system":"http://s","filter":[{"property":"concept","op":%q,"value":%q}]}]`, op, value))
	}
	for name, c := range map[string]struct {
		defs []string
		code string
		want definition.Answer
	}{
		"value sets within value sets": {diamond, "q", definition.NotKnown},
		"a lattice of parents":         {[]string{system(lattice.String()), filtered("is-a", "z")}, "a0", definition.No},
		"below in a lattice":           {[]string{system(lattice.String()), filtered("descendent-of", "a40")}, "a0", definition.Yes},
		"not below in a lattice":       {[]string{system(lattice.String()), filtered("is-not-a", "a40")}, "a0", definition.No},
		"a long list in a filter":      {[]string{system(flat.String()), filtered("in", strings.Repeat("q,", 500_000)+"c7")}, "c7", definition.Yes},
		"the same system again":        {[]string{system(flat.String()), valueSet("http://v/0", `"include":[{"system":"http://s"}`+strings.Repeat(`,{"system":"http://s"}`, 20_000)+`]`)}, "q", definition.NotKnown},
	} {
		set := termsOf(t, c.defs...)
		done := make(chan definition.Answer, 1)
		go func() { done <- set.MemberOf("http://v/0", "http://s", c.code) }()
		select {
		case got := <-done:
			if got != c.want {
				t.Errorf("%s: %d, want %d", name, got, c.want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: no end", name)
		}
	}
}

// TestUnknownValueSetsAreNotKept: a set asks for whatever URLs resources hold, and keeps none of those that it does not know.
func TestUnknownValueSetsAreNotKept(t *testing.T) {
	set := termsOf(t)
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	ask := func(from, to int) {
		for i := from; i < to; i++ {
			if set.ValueSet(fmt.Sprintf("http://unknown/%d/%s", i, strings.Repeat("x", 1000))) != nil {
				t.Fatal("known")
			}
		}
	}
	ask(0, 100)
	before := heap()
	ask(100, 20_000)
	if grown := heap() - before; grown > 5<<20 {
		t.Errorf("%d bytes are kept", grown)
	}
	runtime.KeepAlive(set)
}

// TestExcludesNotKnown: what an exclude may take away that is not known whole is neither a member nor none.
func TestExcludesNotKnown(t *testing.T) {
	include := `"include":[{"system":"http://s","concept":[{"code":"a"}]},{"system":"http://r","concept":[{"code":"a"}]}]`
	for exclude, want := range map[string]map[string]definition.Answer{
		`{"valueSet":["http://unknown"]}`:                                        {"http://s": definition.NotKnown, "http://r": definition.NotKnown},
		`{"system":"http://s","filter":[{"property":"x","op":"=","value":"y"}]}`: {"http://s": definition.NotKnown, "http://r": definition.Yes},
		`{"system":"http://s","valueSet":["http://unknown"]}`:                    {"http://s": definition.NotKnown, "http://r": definition.Yes},
		`{"system":"http://s","concept":[{"code":"b"}]}`:                         {"http://s": definition.Yes, "http://r": definition.Yes},
		`{"system":"http://s","concept":[{"code":"a"}]}`:                         {"http://s": definition.No, "http://r": definition.Yes},
		`{"valueSet":["http://v/s"]}`:                                            {"http://s": definition.NotKnown, "http://r": definition.Yes},
	} {
		set := termsOf(t, valueSet("http://v/0", include+`,"exclude":[`+exclude+`]`), valueSet("http://v/s", `"include":[{"system":"http://s"}]`))
		for system, answer := range want {
			if got := set.MemberOf("http://v/0", system, "a"); got != answer {
				t.Errorf("%s: %s: %d, want %d", exclude, system, got, answer)
			}
		}
	}
}
