package ucum

import (
	"encoding/xml"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ward-health/ward"
)

// functional is the part of UcumFunctionalTests.xml that is of use here.
type functional struct {
	Validation []suiteCase `xml:"validation>case"`
	Display    []suiteCase `xml:"displayNameGeneration>case"`
	Conversion []suiteCase `xml:"conversion>case"`
	Multiply   []suiteCase `xml:"multiplication>case"`
	Divide     []suiteCase `xml:"division>case"`
}

type suiteCase struct {
	ID      string `xml:"id,attr"`
	Unit    string `xml:"unit,attr"`
	Valid   string `xml:"valid,attr"`
	Value   string `xml:"value,attr"`
	Src     string `xml:"srcUnit,attr"`
	Dst     string `xml:"dstUnit,attr"`
	Outcome string `xml:"outcome,attr"`
	V1      string `xml:"v1,attr"`
	U1      string `xml:"u1,attr"`
	V2      string `xml:"v2,attr"`
	U2      string `xml:"u2,attr"`
	VRes    string `xml:"vRes,attr"`
	URes    string `xml:"uRes,attr"`
}

// TestFunctional runs the functional tests of UCUM. Cases that are not passed stand one a line in testdata/listed.txt as
// "id reason"; a case outside the list that fails, and a case in the list that passes, both fail the test.
func TestFunctional(t *testing.T) {
	const name = "ucum.functional"
	gold := os.Getenv("WARD_GOLD")
	if gold == "" {
		fmt.Printf("suite %s total 573 pass 0 listed 0 notrun 573\n", name)
		t.Log("WARD_GOLD is not set: 573 cases of UcumFunctionalTests.xml were NOT RUN")
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_REQUIRE_ALL=1 and no WARD_GOLD")
		}
		return
	}
	raw, err := os.ReadFile(filepath.Join(gold, "ucum", "UcumFunctionalTests.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var f functional
	if err := xml.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	listed, reasons := listOf(t), map[string]int{}
	total, pass := 0, 0
	run := func(cases []suiteCase, do func(suiteCase) error) {
		for _, c := range cases {
			total++
			err := do(c)
			reason, known := listed[c.ID+" "+c.Unit]
			switch {
			case err == nil && known:
				t.Errorf("%s passes and must leave the list", c.ID)
			case err == nil:
				pass++
			case known:
				reasons[reason]++
			default:
				t.Errorf("%s: %v", c.ID, err)
			}
		}
	}
	run(f.Validation, validates)
	run(f.Display, func(suiteCase) error { return fmt.Errorf("display names are not offered") })
	run(f.Conversion, converts)
	run(f.Multiply, func(c suiteCase) error { return combines(c, false) })
	run(f.Divide, func(c suiteCase) error { return combines(c, true) })
	n := 0
	for reason, k := range reasons {
		n += k
		t.Logf("listed %d: %s", k, reason)
	}
	if n != len(listed) {
		t.Errorf("%d cases are in the list and %d were met", len(listed), n)
	}
	fmt.Printf("suite %s total %d pass %d listed %d notrun 0\n", name, total, pass, n)
}

// listOf reads the exceptions: case id, TAB, first atom concerned or "-", TAB, reason.
func listOf(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("testdata/listed.txt")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 3 || f[2] == "" {
			t.Fatalf("listed.txt: %q", line)
		}
		m[f[0]+" "+f[1]] = f[2]
	}
	return m
}

func validates(c suiteCase) error {
	_, err := Parse(c.Unit)
	if (err == nil) != (c.Valid == "true") {
		return fmt.Errorf("valid=%s, got kind %v", c.Valid, ward.KindOf(err))
	}
	return nil
}

func converts(c suiteCase) error {
	value, ok := new(big.Rat).SetString(c.Value)
	if !ok {
		return fmt.Errorf("value")
	}
	from, err := Parse(c.Src)
	if err != nil {
		return err
	}
	to, err := Parse(c.Dst)
	if err != nil {
		return err
	}
	got, err := Convert(value, from, to)
	if err != nil {
		return err
	}
	return near(got, c.Outcome)
}

func combines(c suiteCase, divide bool) error {
	v1, ok1 := new(big.Rat).SetString(c.V1)
	v2, ok2 := new(big.Rat).SetString(c.V2)
	if !ok1 || !ok2 {
		return fmt.Errorf("value")
	}
	op, v := ".", new(big.Rat).Mul(v1, v2)
	if divide {
		op, v = "/", new(big.Rat).Quo(v1, v2)
	}
	if c.URes == "" {
		c.URes = "1"
	}
	from, err := Parse("(" + c.U1 + ")" + op + "(" + c.U2 + ")")
	if err != nil {
		return err
	}
	to, err := Parse(c.URes)
	if err != nil {
		return err
	}
	got, err := Convert(v, from, to)
	if err != nil {
		return err
	}
	return near(got, c.VRes)
}

// near compares to the significant digits that the expected text shows: half a unit of its last place.
func near(got *big.Rat, want string) error {
	w, ok := new(big.Rat).SetString(want)
	if !ok {
		return fmt.Errorf("outcome %q", want)
	}
	mantissa, power, _ := strings.Cut(strings.ToLower(want), "e")
	_, after, _ := strings.Cut(mantissa, ".")
	place, _ := new(big.Rat).SetString("1e" + "-" + fmt.Sprint(len(after)))
	if power != "" {
		p, _ := new(big.Rat).SetString("1e" + power)
		place.Mul(place, p)
	}
	diff := new(big.Rat).Sub(got, w)
	if diff.Abs(diff).Cmp(place.Mul(place, big.NewRat(1, 2))) > 0 {
		return fmt.Errorf("got %s, want %s", got.FloatString(30), want)
	}
	return nil
}
