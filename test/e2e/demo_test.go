package e2e

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	summary = regexp.MustCompile(`^demo: messages (\d+) facts (\d+) held (\d+) decisions (\d+) log (\d+) verified$`)
	byFHIR  = regexp.MustCompile(`^by FHIR: resources (\d+) cards (\d+) reads (\d+) denials (\d+)$`)
)

// demo runs ward demo --once and returns its output and the numbers of its last two lines: resources, cards, reads, denials,
// then messages, facts, held, decisions, log.
func demo(t *testing.T, args ...string) (out string, numbers [9]int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "ward"), append([]string{"demo", "--once"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(cmd.Environ(), "TMPDIR="+t.TempDir())
	start := time.Now()
	err := cmd.Run()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
	}
	t.Logf("took %s\n%s", time.Since(start).Round(time.Millisecond), stdout.String())
	lines := strings.Split(strings.TrimRight(stdout.String(), "\n"), "\n")
	if len(lines) < 2 {
		t.Fatalf("no summary: %q", lines)
	}
	m, f := summary.FindStringSubmatch(lines[len(lines)-1]), byFHIR.FindStringSubmatch(lines[len(lines)-2])
	if m == nil || f == nil {
		t.Fatalf("the last lines are no summary: %q", lines[len(lines)-2:])
	}
	m = append(f, m[1:]...)
	for i := range numbers {
		numbers[i], _ = strconv.Atoi(m[i+1])
		if numbers[i] == 0 {
			t.Errorf("a number of the summary is 0: %q", lines[len(lines)-2:])
		}
	}
	if stderr.Len() > 0 {
		t.Errorf("the demo wrote to stderr: %s", stderr.String())
	}
	return stdout.String(), numbers
}

func TestDemo(t *testing.T) {
	out, n := demo(t)
	if n[0] < 100 || n[1] < 4 || n[4] != 23 || n[5] < 150 || n[6] != 1 || n[7] < 4 {
		t.Errorf("resources %d cards %d messages %d facts %d held %d decisions %d", n[0], n[1], n[4], n[5], n[6], n[7])
	}
	for _, want := range []string{"mL/min", "not computed", "denied:", "sealed texts open nowhere", "Ten-year mortality", "anna alone could not",
		"with one byte changed it is refused"} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo does not show %q", want)
		}
	}
}

// TestDemoTakesRealData loads all of the public set that is of the types of this build.
func TestDemoTakesRealData(t *testing.T) {
	dir := gold(t, "synthea-10")
	out, n := demo(t, "--input", dir)
	// Lines of the files of these types: AllergyIntolerance 11, Condition 555, Encounter 1215, Location 44, MedicationRequest
	// 1745, Organization 43, Patient 13, Practitioner 43, PractitionerRole 43, Procedure 2056.
	if n[0] != 5768 {
		t.Errorf("resources %d, want 5768", n[0])
	}
	for _, want := range []string{"Device 16", "DocumentReference 1215", "Immunization 161", "not computed"} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo does not show %q", want)
		}
	}
}

// TestDemoNamesWhatIsRefused: a resource that the node refuses is named and makes the run fail.
func TestDemoNamesWhatIsRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Patient.ndjson"), `{"resourceType":"Patient","id":"a"}
{"resourceType":"Patient","id":"b","id":"twice"}
{"resourceType":"Patient","id":"c"}
`)
	cmd := exec.Command(filepath.Join(bin, "ward"), "demo", "--once", "--input", dir)
	cmd.Env = append(cmd.Environ(), "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("exit %v, want 1\n%s", err, out)
	}
	for _, want := range []string{"FAILED", "1 resources were refused", "Patient.ndjson:2"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
}
