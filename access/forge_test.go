package access

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestForgingDoesNotCompile builds programs that try to make a Permit, a filter node, a code or a session outside this package. The
// first line of each says what the compiler must object to; the control program must build.
func TestForgingDoesNotCompile(t *testing.T) {
	programs, err := filepath.Glob("testdata/forge/*.go")
	if err != nil || len(programs) < 10 {
		t.Fatalf("found %d programs, %v", len(programs), err)
	}
	for _, program := range programs {
		t.Run(filepath.Base(program), func(t *testing.T) {
			text, err := os.ReadFile(program)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(text), "\n")
			want, ok := strings.CutPrefix(first, "// want:")
			if !ok {
				t.Fatal("the first line does not say what is wanted")
			}
			want = strings.TrimSpace(want)
			cmd := exec.Command("go", "build", "-o", os.DevNull, program)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			out, err := cmd.CombinedOutput()
			switch {
			case want == "" && err != nil:
				t.Fatalf("the control program does not build: %v\n%s", err, out)
			case want != "" && err == nil:
				t.Fatal("the forgery builds")
			case !strings.Contains(string(out), want):
				t.Fatalf("the compiler objects to something else than %q:\n%s", want, out)
			}
		})
	}
}
