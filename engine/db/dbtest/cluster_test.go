package dbtest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

const childEnv = "WARD_DBTEST_CHILD"

// TestNoOrphan kills a test binary that has started a cluster; the server must end with it, and the next start must
// sweep its files.
func TestNoOrphan(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		Postgres(t)
		fmt.Println("started", shared.process.Process.Pid, shared.folder)
		select {}
	}
	Postgres(t) // ends the test here if PostgreSQL is missing
	cmd := exec.Command(os.Args[0], "-test.run=^TestNoOrphan$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	var folder string
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "started" {
			folder = words[2]
			if pid, err = strconv.Atoi(words[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if pid == 0 {
		t.Fatal("the child did not start a server")
	}
	for limit := time.After(stopTime); syscall.Kill(pid, 0) != syscall.ESRCH; {
		select {
		case <-limit:
			t.Fatalf("process %d outlives the test binary that started it", pid)
		case <-time.After(10 * time.Millisecond):
		}
	}
	sweep()
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("%s is left behind: %v", folder, err)
	}
}

// TestRelease holds that the newest of several installed versions is taken.
func TestRelease(t *testing.T) {
	old, new := "/usr/lib/postgresql/9.6/bin/initdb", "/usr/lib/postgresql/15/bin/initdb"
	if release(old) >= release(new) {
		t.Errorf("%v is not older than %v", release(old), release(new))
	}
}
