package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// bin is the folder with the built binaries.
var bin string

// soakFor is how long TestSoak runs: WARD_SOAK, as in 10m; the short form when it is not set.
var soakFor time.Duration

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ward-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-o", dir+string(filepath.Separator), "./cmd/ward", "./cmd/ward-verify")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "the binaries cannot be built:", err)
		return 1
	}
	if text := os.Getenv("WARD_SOAK"); text != "" {
		if soakFor, err = time.ParseDuration(text); err != nil || soakFor <= 0 {
			fmt.Fprintf(os.Stderr, "WARD_SOAK must be a time such as 10m, not %q\n", text)
			return 1
		}
	}
	// What the developer's shell sets must not reach the nodes.
	for _, name := range []string{"WARD_SOAK", "WARD_DIR", "WARD_TENANT", "WARD_PASSPHRASE_FILE"} {
		os.Unsetenv(name)
	}
	return m.Run()
}

// gold is a folder of the public test data. Without it the test says what it did not run, and fails when all is required.
func gold(t *testing.T, folder string) string {
	t.Helper()
	root := os.Getenv("WARD_GOLD")
	if root == "" {
		missing(t, "WARD_GOLD is not set: "+folder+" was not run")
	}
	dir := filepath.Join(root, folder)
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// missing ends a test that cannot run here, loudly; with WARD_REQUIRE_ALL=1 it fails.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("WARD_REQUIRE_ALL") == "1" {
		t.Fatal(why)
	}
	fmt.Printf("NOT RUN %s: %s\n", t.Name(), why)
	t.Skip(why)
}
