package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	diskSize    = "48m"    // a node without data takes 9.4 MiB
	ballastSize = 28 << 20 // what is freed later; taking over a full emergency journal needs some 16 MiB
	littleSpace = 2 << 20  // too little for that
	fullAfter   = 10       // writes refused in a row mean that the disk is full
	readsBound  = 60_000   // the emergency journal holds far fewer entries
)

// TestFullDisk fills the disk under a running node. Writes are refused, reads go on while the emergency journal has room for
// their entries and are refused after that, the process stays; restarted with too little space it says so, and with enough
// everything acknowledged, writes and the entries of reads, is there (I2, I3).
func TestFullDisk(t *testing.T) {
	f := newFullDisk(t)
	f.fill()
	f.said(`"sqlite":"SQLITE_FULL"`)
	f.want(200, "/livez")
	f.degraded()
	f.readUntilRefused()
	f.refused()
	f.free(littleSpace)
	f.put(patientBody, 256)
	f.end()
	f.tryStart()
	f.free(ballastSize)
	f.again()
}

// TestFullDiskKilled kills the node on the full disk: it starts again there or says what is wrong, and starts with space.
func TestFullDiskKilled(t *testing.T) {
	f := newFullDisk(t)
	f.fill()
	f.kill()
	f.tryStart()
	f.free(ballastSize)
	f.again()
}

// fullDisk is a node on a small disk of its own and what it acknowledged.
type fullDisk struct {
	*node
	ballast string
	doc     string
	acked   map[string]string // path of a resource -> ETag
	next    int
	reads   atomic.Int64 // reads that were answered with a resource
}

func newFullDisk(t *testing.T) *fullDisk {
	disk := smallDisk(t)
	f := &fullDisk{node: newNodeIn(t, filepath.Join(disk, "data"), nil), ballast: filepath.Join(disk, "ballast"), acked: map[string]string{}}
	f.people()
	f.start()
	f.doc = f.token("doc")
	if err := os.WriteFile(f.ballast, make([]byte, ballastSize), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// smallDisk mounts a small file system for the length of the test.
func smallDisk(t *testing.T) string {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+diskSize); err != nil {
		missing(t, "a small file system cannot be mounted here (it takes root and CAP_SYS_ADMIN): "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func patientBody(id string, size int) []byte {
	return fmt.Appendf(nil, `{"resourceType":"Patient","id":%q,"address":[{"text":%q}]}`, id, strings.Repeat("x y ", size/4))
}

func reportBody(id string, size int) []byte {
	return fmt.Appendf(nil, `{"resourceType":"DiagnosticReport","id":%q,"status":"final","code":{"text":"x"},"conclusion":%q}`, id, strings.Repeat("x y ", size/4))
}

// put writes one new resource and reports whether it was acknowledged. Whatever else is answered must be honest: 503, try
// again, with a reason.
func (f *fullDisk) put(body func(string, int) []byte, size int) bool {
	f.t.Helper()
	f.next++
	id := fmt.Sprintf("full-%d", f.next)
	text := body(id, size)
	var r struct{ ResourceType string }
	if err := json.Unmarshal(text, &r); err != nil {
		f.t.Fatal(err)
	}
	path := "/fhir/R4/" + r.ResourceType + "/" + id
	a, err := f.ask(f.doc, http.MethodPut, path, text)
	switch {
	case err != nil:
		f.t.Fatalf("no answer to a write: %v\n%s", err, f.stderr)
	case a.status == http.StatusCreated:
		f.acked[path] = a.header.Get("ETag")
		return true
	default:
		f.honest(a)
	}
	return false
}

// honest wants a refusal that says that the node is at fault and the request may come again.
func (f *fullDisk) honest(a answer) {
	f.t.Helper()
	if a.status != http.StatusServiceUnavailable || len(a.body) == 0 || a.header.Get("Retry-After") == "" {
		f.t.Fatalf("on a full disk: %d, Retry-After %q: %.300s, want 503 with a reason and Retry-After", a.status, a.header.Get("Retry-After"), a.body)
	}
}

// fill writes until nothing is taken any more: bodies of the blob directory first, then such that fit in rows.
func (f *fullDisk) fill() {
	f.t.Helper()
	for _, step := range []struct {
		body func(string, int) []byte
		size int
	}{{reportBody, 18_000}, {reportBody, 2_000}, {patientBody, 64}} {
		before := len(f.acked)
		for bad := 0; bad < fullAfter; {
			if f.put(step.body, step.size) {
				bad = 0
			} else {
				bad++
			}
		}
		f.t.Logf("%d writes of %d bytes were acknowledged until the disk was full", len(f.acked)-before, step.size)
	}
	if len(f.acked) == 0 {
		f.t.Fatal("nothing was acknowledged before the disk was full")
	}
}

func (f *fullDisk) want(status int, path string) {
	f.t.Helper()
	f.must(status, "", http.MethodGet, path, nil)
}

// some is one acknowledged resource.
func (f *fullDisk) some() string {
	for path := range f.acked {
		return path
	}
	return ""
}

// said wants a text in the operator's log.
func (f *fullDisk) said(text string) {
	f.t.Helper()
	if !strings.Contains(f.stderr.String(), text) {
		f.t.Errorf("the operator's log does not say %s\n%s", text, f.stderr)
	}
}

// degraded reads until the journal is given up for the emergency journal: the node is ready all the same and says so, once.
func (f *fullDisk) degraded() {
	f.t.Helper()
	const warning = "the log is degraded"
	path := f.some()
	for n := 0; ; n++ {
		f.must(200, f.doc, http.MethodGet, path, nil)
		f.reads.Add(1)
		if n%20 != 0 {
			continue
		}
		body := string(f.must(200, "", http.MethodGet, "/readyz", nil).body)
		if strings.Contains(body, `"status":"degraded"`) && strings.Contains(f.stderr.String(), warning) {
			break
		}
		if n > readsBound/10 {
			f.t.Fatalf("after %d reads on the full disk the node is not degraded: %s", n, body)
		}
	}
	if m := string(f.must(200, "", http.MethodGet, "/metrics", nil).body); !strings.Contains(m, "\nward_log_degraded 1\n") || !strings.Contains(m, "\nward_ready 1\n") {
		f.t.Error("the metrics do not say that the log is degraded and the node ready")
	}
	if n := strings.Count(f.stderr.String(), warning); n != 1 {
		f.t.Errorf("the operator was warned %d times", n)
	}
}

// readUntilRefused reads until no entry can be made any more: every answer is the resource, with its entry, or 503.
func (f *fullDisk) readUntilRefused() {
	f.t.Helper()
	path := f.some()
	var wg sync.WaitGroup
	var sent, refused atomic.Int64
	for range 8 {
		wg.Go(func() {
			for refused.Load() == 0 && sent.Add(1) < readsBound {
				a, err := f.ask(f.doc, http.MethodGet, path, nil)
				switch {
				case err == nil && a.status == http.StatusOK:
					f.reads.Add(1)
				case err == nil && a.status == http.StatusServiceUnavailable:
					refused.Add(1)
				default:
					f.t.Errorf("GET on a full disk: %v %.300s", err, a)
					return
				}
			}
		})
	}
	wg.Wait()
	f.t.Logf("%d reads were answered on the full disk before they were refused", f.reads.Load())
	if refused.Load() == 0 {
		f.t.Fatalf("%d reads were answered though no journal has room for that many entries", f.reads.Load())
	}
}

// refused wants no care data without an entry, by any way, and a process that stays and says that it is not ready. What was
// refused first were entries of several requests together: a single one may still find room, a few times.
func (f *fullDisk) refused() {
	f.t.Helper()
	path := f.some()
	for _, ask := range []struct{ method, path, body string }{
		{http.MethodGet, path, ""}, {http.MethodGet, path + "/_history", ""}, {http.MethodGet, path + "/_history/1", ""},
		{http.MethodGet, "/fhir/R4/DiagnosticReport?status=final&_count=2", ""}, {http.MethodPost, "/v1/decisions/search", `{}`},
	} {
		var body []byte
		if ask.body != "" {
			body = []byte(ask.body)
		}
		for tries := 0; ; tries++ {
			a, err := f.ask(f.doc, ask.method, ask.path, body)
			if err == nil && a.status == http.StatusServiceUnavailable {
				break
			}
			if err != nil || a.status != http.StatusOK || tries == 100 {
				f.t.Fatalf("%s %s without a log, try %d: %v %.300s, want 503", ask.method, ask.path, tries, err, a)
			}
			if ask.path == path {
				f.reads.Add(1)
			}
		}
	}
	f.want(200, "/livez")
	f.want(503, "/readyz")
}

// end stops the node. It may end with 1 if it says that a restart mends it.
func (f *fullDisk) end() {
	f.t.Helper()
	said := len(f.stderr.String())
	if err := f.process.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	select {
	case err := <-f.exited:
		f.process = nil
		if text := f.stderr.String(); err != nil && !strings.Contains(text[said:], "restart the node") {
			f.t.Fatalf("ward serve: %v\n%s", err, text[said:])
		}
	case <-time.After(20 * time.Second):
		f.t.Fatalf("ward serve did not stop within 20 s of SIGTERM\n%s", f.stderr)
	}
}

// free gives back so many bytes of the ballast.
func (f *fullDisk) free(bytes int64) {
	f.t.Helper()
	if err := os.Truncate(f.ballast, ballastSize-bytes); err != nil {
		f.t.Fatal(err)
	}
}

// tryStart starts the process without enough space: it becomes ready, or ends by itself and names the disk.
func (f *fullDisk) tryStart() {
	f.t.Helper()
	cmd := exec.Command(filepath.Join(bin, "ward"), "serve")
	cmd.Env = append(os.Environ(), "WARD_DIR="+f.dir)
	var said transcript
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	deadline, tick := time.After(readyBound), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		if a, err := f.ask("", http.MethodGet, "/readyz", nil); err == nil && a.status == http.StatusOK {
			f.t.Log("the node is ready on the full disk")
			cmd.Process.Kill()
			<-exited
			return
		}
		select {
		case err := <-exited:
			text := said.String()
			f.t.Logf("started on the full disk: %v: %s", err, text)
			if err == nil || !strings.Contains(text, "disk") && !strings.Contains(text, "space") {
				f.t.Errorf("the node ended on the full disk with %v and does not name the disk:\n%s", err, text)
			}
			return
		case <-deadline:
			cmd.Process.Kill()
			<-exited
			f.t.Fatalf("on the full disk the node neither got ready nor ended in %s\n%s", readyBound, &said)
		case <-tick.C:
		}
	}
}

// again starts with space: everything acknowledged is there, every answered read has its entry, and all of it verifies.
func (f *fullDisk) again() {
	f.t.Helper()
	f.http.CloseIdleConnections()
	f.start()
	f.doc = f.token("doc")
	before := f.entries("read")
	if want := int(f.reads.Load()); before < want {
		f.t.Errorf("%d reads were answered on the full disk, the log has %d entries of reads", want, before)
	}
	for path, version := range f.acked {
		if a := f.must(200, f.doc, http.MethodGet, path, nil); a.header.Get("ETag") != version {
			f.t.Errorf("%s: version %s, acknowledged %s", path, a.header.Get("ETag"), version)
		}
	}
	for range 3 {
		if !f.put(patientBody, 64) {
			f.t.Error("a write is refused though there is space again")
		}
	}
	f.stop()
	f.ward("store", "check")
	f.ward("audit", "verify")
	export := filepath.Join(f.t.TempDir(), "export")
	f.ward("audit", "export", export)
	if out, errs, code := f.run("ward-verify", "--key", f.init.Key, export); code != 0 {
		f.t.Errorf("ward-verify: exit %d\n%s%s", code, out, errs)
	}
}

// entries counts the entries of an act by doc.
func (f *fullDisk) entries(act string) (count int) {
	f.t.Helper()
	aud := f.token("aud")
	f.must(200, aud, http.MethodGet, "/v1/audit/entries?count=1", nil) // sequences what is new
	for from := int64(0); ; {
		a := f.must(200, aud, http.MethodGet, fmt.Sprintf("/v1/audit/entries?count=1000&from=%d", from), nil)
		var page struct {
			Size, Next int64
			Entries    []struct{ Act, Actor, Outcome string }
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			f.t.Fatal(err)
		}
		for _, e := range page.Entries {
			if e.Act == act && strings.Contains(e.Actor, "doc") {
				count++
			}
		}
		if from = page.Next; from >= page.Size || len(page.Entries) == 0 {
			return count
		}
	}
}
