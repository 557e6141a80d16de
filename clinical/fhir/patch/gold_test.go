package patch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// gold returns a file of the public patch cases. Without WARD_GOLD the test says how many are not run, and fails when everything is required.
func gold(t *testing.T, suite, name string, cases int) []byte {
	t.Helper()
	dir := os.Getenv("WARD_GOLD")
	if dir == "" {
		fmt.Printf("\nsuite %s total %d pass 0 listed 0 notrun %d\n", suite, cases, cases)
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_REQUIRE_ALL=1 and no WARD_GOLD")
		}
		t.Skipf("WARD_GOLD is not set: %d cases were not run", cases)
	}
	b, err := os.ReadFile(filepath.Join(dir, "fhir-patch", "r4", "patch", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// score counts a suite and prints its line; listed are exceptions with reasons, each of which must still fail.
type score struct {
	suite        string
	listed       map[string]string
	pass, failed int
	seen         map[string]bool
}

func (s *score) result(t *testing.T, name, trouble string) {
	t.Helper()
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	reason, listed := s.listed[name]
	switch {
	case trouble == "" && listed:
		t.Errorf("%s: listed (%s), but it passes", name, reason)
	case trouble == "":
		s.pass++
	case listed:
		s.seen[name] = true
	default:
		s.failed++
		t.Errorf("%s: %s", name, trouble)
	}
}

func (s *score) print(t *testing.T, total int) {
	t.Helper()
	fmt.Printf("\nsuite %s total %d pass %d listed %d notrun 0\n", s.suite, s.pass+len(s.seen)+s.failed, s.pass, len(s.seen))
	if got := s.pass + len(s.seen) + s.failed; got != total || len(s.seen) != len(s.listed) {
		t.Errorf("%d cases, want %d; %d listed were seen, want %d", got, total, len(s.seen), len(s.listed))
	}
}
