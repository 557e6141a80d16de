package policy

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func randomTree(r *rand.Rand, depth int) Node {
	if depth > 0 && r.IntN(2) == 0 {
		kids := make([]Node, r.IntN(4))
		for i := range kids {
			kids[i] = randomTree(r, depth-1)
		}
		switch r.IntN(3) {
		case 0:
			return And(kids)
		case 1:
			return Or(kids)
		}
		return Not{randomTree(r, depth-1)}
	}
	switch r.IntN(7) {
	case 0:
		return All{}
	case 1:
		return None{}
	case 2:
		return TypeIn(some(r, allTypes, 3))
	case 3:
		return PatientIs(pick(r, allPatients))
	case 4:
		return Shared{}
	case 5:
		return ConfAtMost(r.IntN(7) - 1)
	}
	return Labelled{pick(r, allLabels)}
}

func TestSimplifyKeepsMeaning(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		f := Filter{randomTree(r, 5)}
		before := f.Clone()
		g := f.Simplify()
		if diff := cmp.Diff(before, f); diff != "" {
			t.Fatal("Simplify changed its receiver: ", diff)
		}
		for range 5 {
			a := randomRecord(r, "")
			if f.Match(a) != g.Match(a) {
				t.Fatalf("%#v and %#v differ on %+v", f, g, a)
			}
		}
	}
}

// foreign cannot be a Node of another package; a nil stands for what is none of the ten.
func TestBrokenTreesMatchNothing(t *testing.T) {
	a := Attributes{Type: "Patient", Patient: "p1"}
	for _, n := range []Node{nil, Not{nil}, Not{}, Or{All{}, nil}, And{None{}, Not{nil}}, Or{All{}, Not{Or{nil}}}} {
		if (Filter{n}).Match(a) || (Filter{n}).Simplify().Match(a) {
			t.Fatalf("%#v matches", n)
		}
	}
	if (Filter{}).Match(Attributes{}) {
		t.Fatal("the zero filter matches")
	}
}

func TestNoPatientIsNotAPatient(t *testing.T) {
	if (Filter{PatientIs("")}).Match(Attributes{}) {
		t.Fatal("PatientIs of nothing matches a shared record")
	}
}

func TestCloneSharesNothing(t *testing.T) {
	f := Filter{And{Or{TypeIn{"Patient"}, Not{And{Shared{}}}}}}
	c := f.Clone()
	c.Node.(And)[0].(Or)[0].(TypeIn)[0] = "Observation"
	c.Node.(And)[0].(Or)[1].(Not).Node.(And)[0] = All{}
	if diff := cmp.Diff(Filter{And{Or{TypeIn{"Patient"}, Not{And{Shared{}}}}}}, f); diff != "" {
		t.Fatal(diff)
	}
}
