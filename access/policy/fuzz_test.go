package policy

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// FuzzLoad: any text either is refused or gives a set whose tree agrees with Cedar.
func FuzzLoad(f *testing.F) {
	names, _ := files.ReadDir(".")
	for _, n := range names {
		if strings.HasSuffix(n.Name(), ".cedar") {
			text, _ := files.ReadFile(n.Name())
			f.Add(string(text))
		}
	}
	f.Add(`@id("a") forbid(principal, action, resource) when { resource.rtype like "*" };`)
	f.Add(`@id("a") permit(principal, action, resource is Ward::Resource) unless { 3 >= resource.conf || !resource.shared };`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Load(folder(t, text))
		if err != nil {
			return
		}
		r := rand.New(rand.NewPCG(uint64(len(text)), 7))
		for range 20 {
			q := randomQuery(r)
			tree, err := s.Compile(q)
			if err != nil {
				continue
			}
			a := randomRecord(r, q.Type)
			want, err := s.Authorize(q, a)
			if err != nil {
				want = false
			}
			if got := tree.Match(a); got != want {
				t.Fatalf("query %+v record %+v: tree %v, Cedar %v", q, a, got, want)
			}
		}
	})
}
