package store_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var wantLine = regexp.MustCompile(`(?m)^// want: (.+)$`)

// TestMustNotCompile builds each program of testdata/mustnotcompile as if it were a file of its folder; the compiler must
// refuse it for the reason that its line "// want:" quotes. The program "right" shows that the others fail for nothing else.
func TestMustNotCompile(t *testing.T) {
	programs, err := filepath.Glob("testdata/mustnotcompile/*.go.txt")
	must(t, err)
	if len(programs) < 5 {
		t.Fatalf("%d programs", len(programs))
	}
	here, err := os.Getwd()
	must(t, err)
	for _, program := range programs {
		t.Run(filepath.Base(program), func(t *testing.T) {
			text, err := os.ReadFile(program)
			must(t, err)
			want := wantLine.FindSubmatch(text)
			if want == nil {
				t.Fatal("no line \"// want:\"")
			}
			target, pkg := filepath.Join(here, "mustnotcompile_overlay.go"), "."
			if !strings.Contains(string(text), "\npackage store\n") {
				target, pkg = filepath.Join(here, "mustnotcompile", "overlay.go"), "./mustnotcompile"
			}
			overlay, err := json.Marshal(map[string]map[string]string{"Replace": {target: filepath.Join(here, program)}})
			must(t, err)
			file := filepath.Join(t.TempDir(), "overlay.json")
			must(t, os.WriteFile(file, overlay, 0o600))
			cmd := exec.Command("go", "build", "-buildvcs=false", "-overlay", file, "-o", os.DevNull, pkg)
			out, err := cmd.CombinedOutput()
			switch reason := string(want[1]); {
			case reason == "compiles":
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			case err == nil:
				t.Fatal("it compiles")
			case !strings.Contains(string(out), reason):
				t.Fatalf("refused for another reason than %q:\n%s", reason, out)
			}
		})
	}
}
