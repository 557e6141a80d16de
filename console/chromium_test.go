package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/ward-health/ward"
)

// axeVersion is the pinned version of the accessibility rules; it is a tool of this test only.
const axeVersion = "4.14.1"

// missing says loudly what could not be run; where everything must run, it fails.
func missing(t *testing.T, what string) {
	t.Helper()
	fmt.Printf("\nconsole: NOT RUN: %s\n", what)
	if os.Getenv("WARD_REQUIRE_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// rules installs axe-core into a folder of the test and returns its source.
func rules(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	c, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(c, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, "axe-core@"+axeVersion).CombinedOutput()
	if err != nil {
		missing(t, "axe-core "+axeVersion+" cannot be installed by npm: "+err.Error()+"\n"+string(out))
	}
	b, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tab is a page of a real browser, and what it complained of.
type tab struct {
	*hospital
	t     *testing.T
	ctx   context.Context
	mu    sync.Mutex
	wrong []string
}

// browser starts Chromium with a profile of its own.
func browser(t *testing.T) context.Context {
	t.Helper()
	where, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "there is no chromium")
	}
	dir, err := os.MkdirTemp("", "ward-console")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // its processes write for a moment after it was told to end
		for end := time.Now().Add(10 * time.Second); os.RemoveAll(dir) != nil && time.Now().Before(end); {
			<-time.After(50 * time.Millisecond)
		}
	})
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(where), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(dir),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(time.Minute))
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	c, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		chromedp.Cancel(c)
		cancel()
	})
	if err := chromedp.Run(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// tab opens a page of a browser of its own, so that nobody's cookies are another's.
func (h *hospital) tab(t *testing.T) *tab {
	t.Helper()
	c := browser(t)
	x := &tab{hospital: h, t: t, ctx: c}
	bad := func(form string, args ...any) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.wrong = append(x.wrong, fmt.Sprintf(form, args...))
	}
	chromedp.ListenTarget(c, func(ev any) {
		switch ev := ev.(type) {
		case *log.EventEntryAdded:
			bad("%s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL)
		case *runtime.EventExceptionThrown:
			bad("exception: %s", ev.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			bad("console.%s", ev.Type)
		case *page.EventJavascriptDialogOpening:
			bad("a dialog: %s", ev.Message)
			go chromedp.Run(c, page.HandleJavaScriptDialog(true))
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(ev.Request.URL, h.server.URL+"/console/") {
				bad("a request to %s", ev.Request.URL)
			}
		}
	})
	x.run(log.Enable(), network.Enable(), page.Enable())
	return x
}

func (x *tab) run(actions ...chromedp.Action) {
	x.t.Helper()
	c, cancel := context.WithTimeout(x.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Run(c, actions...); err != nil {
		x.t.Fatalf("browser: %v; %v", err, x.complaints())
	}
}

// complaints returns what the browser complained of, and forgets it.
func (x *tab) complaints() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := x.wrong
	x.wrong = nil
	return out
}

func (x *tab) open(path string) { x.t.Helper(); x.run(chromedp.Navigate(x.server.URL + path)) }

// signIn follows a sign-in link, as a person does; the page's script redeems it.
func (x *tab) signIn(id ward.PrincipalID) {
	x.t.Helper()
	x.open("/console/signin#" + x.code(id))
	x.run(chromedp.WaitVisible(`.me .who`, chromedp.ByQuery))
}

// look is how a page is looked at.
type look struct {
	name   string
	w, h   int64
	scheme string
	media  string
	axe    bool
}

var looks = []look{{"light", 1400, 900, "light", "screen", true}, {"dark", 1400, 900, "dark", "screen", true}, {"narrow", 360, 800, "light", "screen", false}, {"print", 800, 1100, "dark", "print", false}}

func (x *tab) as(l look) {
	x.t.Helper()
	x.run(chromedp.ActionFunc(func(c context.Context) error {
		if err := emulation.SetEmulatedMedia().WithMedia(l.media).WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}).Do(c); err != nil {
			return err
		}
		return emulation.SetDeviceMetricsOverride(l.w, l.h, 1, false).Do(c)
	}))
}

// violation is what axe found.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

func (x *tab) axe() (out []violation) {
	x.t.Helper()
	var text string
	x.run(chromedp.Evaluate(`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => JSON.stringify(r.violations))`,
		&text, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	x.Must(json.Unmarshal([]byte(text), &out))
	return out
}

// shot keeps a picture where WARD_CONSOLE_SHOTS names a folder to look at them.
func (x *tab) shot(name string) {
	x.t.Helper()
	dir := os.Getenv("WARD_CONSOLE_SHOTS")
	if dir == "" {
		return
	}
	var b []byte
	x.run(chromedp.FullScreenshot(&b, 100))
	x.Must(os.WriteFile(filepath.Join(dir, name+".png"), b, 0o600))
}

// TestBrowser: in a real browser every page of every role is free of violations of accessibility rules, of its own policy
// and of errors, fits a narrow window, and asks nothing of anybody else.
func TestBrowser(t *testing.T) {
	source := rules(t)
	h := admit(start(t))
	checked, found := 0, 0
	for _, who := range []ward.PrincipalID{"clinician", "steward", "auditor", "admin"} {
		x := h.tab(t)
		x.signIn(who)
		paths := h.pathsOf(who)
		if who == "auditor" {
			ids := regexp.MustCompile(`/console/log/[0-9a-f-]{36}`).FindAllString(h.signedIn(who).page("/console/log"), 1)
			paths[ids[0]] = ""
		}
		if who == "steward" {
			h.signedIn("stefan").post("/console/quarantine/"+h.held.String()+"/propose", "way", "unit", "unit", "mmol/L", "reason", "the analyser reports mmol/L")
		}
		for path := range paths {
			n, bad := x.examine(source, string(who), path)
			checked, found = checked+n, found+bad
			for _, c := range x.complaints() {
				t.Errorf("%s of %s: %s", path, who, c)
			}
		}
	}
	x := h.tab(t)
	for path, status := range map[string]string{"/console/signin": "", "/console/nothing": "404"} {
		n, bad := x.examine(source, "nobody", path)
		checked, found = checked+n, found+bad
		for _, c := range x.complaints() {
			if status == "" || !strings.Contains(c, status) {
				t.Errorf("%s: %s", path, c)
			}
		}
	}
	fmt.Printf("\nconsole: axe-core %s: %d violations in %d looks at pages\n", axeVersion, found, checked)
}

// examine looks at one page in every way, and returns how often axe looked and what it found.
func (x *tab) examine(source, who, path string) (checked, found int) {
	x.t.Helper()
	x.open(path)
	x.run(chromedp.Evaluate(source+";0", nil))
	for _, l := range looks {
		x.as(l)
		x.shot(fmt.Sprintf("%s%s-%s", who, x.names().Replace(path), l.name))
		var over float64
		x.run(chromedp.Evaluate(`document.documentElement.scrollWidth - window.innerWidth`, &over))
		if over > 0 && l.media == "screen" {
			x.t.Errorf("%s, %s: the page is %v pixels wider than the window", path, l.name, over)
		}
		if !l.axe {
			continue
		}
		for _, v := range x.axe() {
			x.t.Errorf("%s of %s, %s: %s (%s) %s: %+v", path, who, l.name, v.ID, v.Impact, v.Help, v.Nodes)
			found++
		}
		checked++
	}
	return checked, found
}

// names makes names of pictures out of paths.
func (h *hospital) names() *strings.Replacer {
	return strings.NewReplacer("/console", "", "/", "-", "?", "-", "=", "-", "&", "-", h.ada, "ada", h.evil, "markup", h.egfr.String(), "egfr", h.mortality.String(), "mortality",
		h.held.String(), "unit", h.held2.String(), "parse", h.wrong.String(), "wrong", h.garbage.String(), "garbage")
}

// TestKeyboard: the first Tab shows the way past the navigation, and a fact is proposed without a mouse.
func TestKeyboard(t *testing.T) {
	h := admit(start(t))
	x := h.tab(t)
	x.signIn("steward")
	x.open("/console/quarantine/" + h.held.String())
	var at string
	x.run(chromedp.KeyEvent("\t"), chromedp.Evaluate(`document.activeElement.className`, &at))
	if at != "skip" {
		t.Errorf("the first Tab goes to %q", at)
	}
	x.run(chromedp.KeyEvent("\r"), chromedp.Evaluate(`document.activeElement.id`, &at))
	if at != "main" {
		t.Errorf("the skip link goes to %q", at)
	}
	var outline string
walk:
	for range 60 { // Tab through the page until the field of the reason
		x.run(chromedp.KeyEvent("\t"), chromedp.Evaluate(`document.activeElement.id`, &at),
			chromedp.Evaluate(`getComputedStyle(document.activeElement).outlineStyle`, &outline))
		if outline == "none" {
			t.Errorf("the focus is not to be seen at %q", at)
		}
		switch at {
		case "w-unit":
			x.run(chromedp.KeyEvent(" "), chromedp.KeyEvent("\t"), chromedp.KeyEvent("mmol/L"))
		case "reason":
			break walk
		}
	}
	x.run(chromedp.KeyEvent("the analyser reports mmol/L"), chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r"),
		chromedp.WaitVisible(`.notice.good`, chromedp.ByQuery), chromedp.Text(`.notice.good`, &at, chromedp.ByQuery))
	if !strings.Contains(at, "A second person must release it") {
		t.Errorf("%q", at)
	}
	if c := x.complaints(); len(c) != 0 {
		t.Errorf("%v", c)
	}
}

// TestLiveInBrowser: the counter of the overview changes without a reload.
func TestLiveInBrowser(t *testing.T) {
	h := admit(start(t))
	x := h.tab(t)
	x.signIn("steward")
	x.run(chromedp.WaitVisible(`[data-count=whole]`, chromedp.ByQuery))
	h.send("another line of noise")
	x.run(chromedp.Poll(`document.querySelector("[data-count=whole]").textContent === "2"`, nil, chromedp.WithPollingTimeout(50*time.Second)))
	if c := x.complaints(); len(c) != 0 {
		t.Errorf("%v", c)
	}
}

// TestSignInLink: the code leaves the address before it is posted, and a code that is used shows what to do.
func TestSignInLink(t *testing.T) {
	h := admit(start(t))
	x := h.tab(t)
	code := h.code("clinician")
	x.open("/console/signin?to=/console/decisions#" + code)
	var at, text string
	x.run(chromedp.WaitVisible(`.me .who`, chromedp.ByQuery), chromedp.Location(&at))
	if at != h.server.URL+"/console/decisions" {
		t.Errorf("the link leads to %s", at)
	}
	x.complaints()
	again := h.tab(t)
	again.open("/console/signin#" + code)
	again.run(chromedp.WaitVisible(`.notice.bad`, chromedp.ByQuery), chromedp.Text(`.notice.bad`, &text, chromedp.ByQuery), chromedp.Location(&at))
	if !strings.Contains(text, "unknown, used or older") || strings.Contains(at, code) {
		t.Errorf("%q at %s", text, at)
	}
	if c := again.complaints(); slices.ContainsFunc(c, func(s string) bool { return !strings.Contains(s, "401") }) {
		t.Errorf("%v", c)
	}
}
