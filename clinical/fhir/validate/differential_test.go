package validate_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/clinical/fhir/tree"
	"github.com/ward-health/ward/clinical/fhir/validate"
)

// peer is the HL7 validator.
type peer struct {
	t       *testing.T
	in      io.WriteCloser
	out     *bufio.Reader
	classes []class
}

// ask returns the errors of a resource, "" for none.
func (p *peer) ask(text []byte) string {
	p.t.Helper()
	if _, err := p.in.Write(append(slices.Clip(text), '\n')); err != nil {
		p.t.Fatal(err)
	}
	said, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("the peer ended: %v", err)
	}
	return strings.TrimSpace(said)
}

// java starts the HL7 validator, with the definitions in folders, or says loudly that it does not run.
func java(t *testing.T, folders ...string) *peer {
	t.Helper()
	missing := func(why string) {
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal(why)
		}
		fmt.Println("NOT RUN: the HL7 validator as a peer: " + why)
		t.SkipNow()
	}
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(tool + " is not installed")
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		missing(err.Error())
	}
	lib := filepath.Join(cache, "ward", "hapi-8.8.1")
	if _, err := os.Stat(filepath.Join(lib, "whole")); err != nil {
		c := exec.Command("mvn", "-q", "-f", "testdata/peer/pom.xml", "dependency:copy-dependencies", "-DoutputDirectory="+lib)
		if b, err := c.CombinedOutput(); err != nil {
			missing("the jars could not be had: " + err.Error() + ": " + string(b))
		}
		if err := os.WriteFile(filepath.Join(lib, "whole"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	compiler := "-XX:TieredStopAtLevel=4"
	if count(t, 0) <= 2000 {
		compiler = "-XX:TieredStopAtLevel=1" // warming up would take longer than it saves
	}
	c := exec.Command("java", append([]string{"-Xmx1500m", "-XX:+UseSerialGC", compiler, "-cp", filepath.Join(lib, "*"), "testdata/peer/Verdicts.java"}, folders...)...)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	return &peer{t, in, bufio.NewReaderSize(pipe, 1<<20), classes}
}

// count is how many resources are compared: WARD_DIFFERENTIAL sets it for a long run.
func count(t *testing.T, usual int) int {
	if s := os.Getenv("WARD_DIFFERENTIAL"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return usual
}

// class is a kind of disagreement that is understood.
type class struct {
	name, rule string
	of         func(ours []issue.Issue, theirs string) bool
}

// TestDifferential compares verdicts on random resources, whole and mutated, with those of the HL7 validator.
func TestDifferential(t *testing.T) {
	notShort(t)
	from := seeds(t)
	p := java(t)
	p.compare(validate.New(definition.R4(), validate.Options{}), from, rand.New(rand.NewPCG(4, 2026)), "differential", count(t, 1000))
}

// TestDifferentialProfiles is the same with the profiles of US Core 6.1.0 on both sides, from resources that claim them and that both call valid: the peer
// knows no LOINC and no SNOMED CT, so that it refuses some that are.
func TestDifferentialProfiles(t *testing.T) {
	notShort(t)
	core, all := usCore(t, "610")
	set, _ := definition.R4().With(core)
	v := validate.New(set, validate.Options{})
	p := java(t, unpacked(t, filepath.Join(os.Getenv("WARD_GOLD"), "us-core", "us_core_610.tgz")))
	from := p.valid(v, claiming(all))
	if len(from) < 150 {
		t.Errorf("both call only %d examples valid", len(from))
	}
	p.compare(v, from, rand.New(rand.NewPCG(5, 2026)), "differential.us-core", count(t, 300))
}

func notShort(t *testing.T) {
	if testing.Short() {
		fmt.Println("NOT RUN: the HL7 validator as a peer: -short")
		t.Skip("-short: the peer takes minutes")
	}
}

// valid returns those of the texts that both call valid.
func (p *peer) valid(v *validate.Validator, texts [][]byte) (out [][]byte) {
	for _, text := range texts {
		if issue.Valid(verdict(v, text)) && p.ask(text) == "" {
			out = append(out, text)
		}
	}
	return out
}

// compare asks both about n resources made of texts, and wants each difference to be of a class that is understood.
func (p *peer) compare(v *validate.Validator, from [][]byte, r *rand.Rand, name string, n int) {
	tally := map[string]int{}
	agree, open := 0, 0
	for i := range n {
		if i > 0 && i%max(100, n/20) == 0 {
			fmt.Printf("%s: %d of %d, %d agree, %d not explained\n", name, i, n, agree, open)
		}
		m := mutate(r, from[r.IntN(len(from))])
		theirs, ours := p.ask(m.text), verdict(v, m.text)
		if issue.Valid(ours) == (theirs == "") {
			agree++
			continue
		}
		if c := p.classOf(ours, theirs); c != "" {
			tally[c]++
			continue
		}
		open++
		if open <= 60 {
			p.t.Errorf("%s: ward %s\n  java %.1200s\n  %.2000s", m.op, errorsOf(ours), theirs, m.text)
		}
	}
	for name, n := range tally {
		p.t.Logf("%6d %s", n, name)
	}
	fmt.Printf("%s %d resources: %d agree, %d explained, %d not explained\n", name, n, agree, n-agree-open, open)
}

func verdict(v *validate.Validator, text []byte) []issue.Issue {
	d := &tree.Doc{}
	if err := d.Parse(text, tree.Limits{}); err != nil {
		return []issue.Issue{{Severity: issue.Fatal, ID: "json", Text: err.Error()}}
	}
	return v.Validate(d)
}

func errorsOf(all []issue.Issue) (out string) {
	for _, i := range all {
		if i.Severity <= issue.Error {
			out += fmt.Sprintf("%s %s: %s [%s]; ", i.ID, i.Expression, i.Text, i.Rule)
		}
	}
	return out
}

func (p *peer) classOf(ours []issue.Issue, theirs string) string {
	for _, c := range p.classes {
		if c.of(ours, theirs) {
			return c.name
		}
	}
	return ""
}

// classes are the kinds of disagreement that are understood, with the rule that decides.
var classes = []class{
	{"peer laxer: arrays of primitives may be empty", "json.html: an array is never empty", func(ours []issue.Issue, theirs string) bool {
		return theirs == "" && only(ours, "json-empty", "")
	}},
	{"peer stricter: a unit that the tables here do not have is a warning here", "datatypes.html#Quantity", func(ours []issue.Issue, theirs string) bool {
		return every(theirs, "Error processing unit") && warned(ours, validate.IDUnit)
	}},
	{"peer laxer: Coding.system may be relative where the code is not known", "datatypes.html#Coding: the system is an absolute reference", func(ours []issue.Issue, theirs string) bool {
		return theirs == "" && only(ours, validate.IDCodeSystem, "")
	}},
	{"peer laxer: a reference without a slash", "references.html#literal: Type/id, an absolute URL, or a fragment", func(ours []issue.Issue, theirs string) bool {
		return theirs == "" && only(ours, "reference-form", "")
	}},
	{"peer stricter: it knows code systems that R4's definitions do not have", "terminologies.html: what is not known is not checked", func(ours []issue.Issue, theirs string) bool {
		return every(theirs, "https://www.usps.com/")
	}},
	{"peer laxer: codes of the unit of a Duration are not looked at", "datatypes.html#Quantity: the system is UCUM, whose expressions have a grammar", func(ours []issue.Issue, theirs string) bool {
		return theirs == "" && only(ours, validate.IDUnit, "Duration.code")
	}},
	{"peer laxer: resourceType twice in a contained resource", "json.html: names of properties are unique", func(ours []issue.Issue, theirs string) bool {
		return theirs == "" && only(ours, "json", "") && strings.Contains(errorsOf(ours), "expected each member name once")
	}},
	{"peer stricter: it tells vital signs by further codes, and requires units of their components", "observation-vitalsigns.html: by the magic codes; R5: extensible, and R4's examples have L/min",
		func(ours []issue.Issue, theirs string) bool {
			return anyOf(theirs, "ValueSet/ucum-vitals-common", "magic LOINC code", "Error processing unit") && !every(theirs, "Error processing unit") &&
				(!strings.Contains(theirs, "Error processing unit") || warned(ours, validate.IDUnit))
		}},
	{"peer stricter: a Coding without a code", "datatypes.html#Coding: code is optional", func(ours []issue.Issue, theirs string) bool {
		return every(theirs, "Unknown code '", "#null'")
	}},
}

// anyOf reports whether each error of the peer has one of the words.
func anyOf(theirs string, words ...string) bool {
	for _, one := range strings.Split(theirs, " || ") {
		if !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(one, w) }) {
			return false
		}
	}
	return theirs != ""
}

// only reports whether all errors have the id, and an expression with the end.
func only(ours []issue.Issue, id, end string) bool {
	for _, i := range ours {
		if i.Severity <= issue.Error && (i.ID != id || !strings.HasSuffix(i.Expression, end)) {
			return false
		}
	}
	return true
}

// warned reports whether there is an issue with the id.
func warned(ours []issue.Issue, id string) bool {
	return slices.ContainsFunc(ours, func(i issue.Issue) bool { return i.ID == id })
}

// every reports whether each error of the peer has all of the words.
func every(theirs string, words ...string) bool {
	for _, one := range strings.Split(theirs, " || ") {
		for _, w := range words {
			if !strings.Contains(one, w) {
				return false
			}
		}
	}
	return theirs != ""
}
