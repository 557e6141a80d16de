package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestToolsPage runs the commands of docs/howto/fhir-tools.md one after another in an empty directory: each prints what the page shows.
func TestToolsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/howto/fhir-tools.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, ran := t.TempDir(), 0
	for _, block := range strings.Split(string(page), "```console\n")[1:] {
		block, _, closed := strings.Cut(block, "```")
		if !closed {
			t.Fatal("a block of commands has no end")
		}
		for _, one := range strings.Split("\n"+block, "\n$ ")[1:] {
			lines := strings.Split(strings.TrimSuffix(one, "\n"), "\n")
			command, want := lines[0], ""
			for _, line := range lines[1:] {
				if more, ok := strings.CutPrefix(line, "> "); ok && want == "" {
					command += "\n" + more
					continue
				}
				want += line + "\n"
			}
			sh := exec.Command("sh", "-c", command)
			sh.Dir = dir
			sh.Env = []string{"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + dir}
			got, _ := sh.CombinedOutput() // what failed says so in its output
			text := strings.ReplaceAll(string(got), "\r", "")
			if text != "" && !strings.HasSuffix(text, "\n") {
				text += "\n" // canonical JSON ends without one
			}
			if diff := cmp.Diff(want, text); diff != "" {
				t.Errorf("%s: %s", command, diff)
			}
			ran++
		}
	}
	if ran < 15 {
		t.Errorf("%d commands were run; the page has more", ran)
	}
}
