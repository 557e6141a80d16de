package mapping_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/mapping"
)

// TestPartlyRead: what would be read in part only is doubted; what says one thing in two ways is not.
func TestPartlyRead(t *testing.T) {
	for obx, want := range map[string]string{
		"NM|1^a^LN||1.0|mg/dL~umol/L":                          "units-differ OBX-6",
		"NM|1^a^LN||1.0|mg/dL^milligram^UCUM^umol/L^x^UCUM":    "units-differ OBX-6",
		"NM|1^a^LN||1.0|mg&dL":                                 "units-differ OBX-6",
		"NM|1^a^LN||1.0|mg/dL^milligram^UCUM^MG/DL^^L":         "",
		"NM|1^a^LN||1.0|10*3/uL^^UCUM^K/uL^^L":                 "",
		"NM|1^a^LN||1.0|mg/dL^milligram^UCUM^house unit 7^^L":  "",
		"NM|1^a^LN||1.0^2.0|mg/dL":                             "value-in-parts OBX-5",
		"NM|1^a^LN||1.0&2.0|mg/dL":                             "value-in-parts OBX-5",
		"NM|1^a^LN||1.0^|mg/dL":                                "",
		"SN|1^a^LN||^1.0^^2.0|mg/dL":                           "value-in-parts OBX-5",
		"SN|1^a^LN||^1.0&3|mg/dL":                              "value-in-parts OBX-5",
		"SN|1^a^LN||^1^-^2^3|mg/dL":                            "value-in-parts OBX-5",
		"NM|1^a^LN||1.0|mg/dL|||||F~D":                         "field-repeats OBX-11",
		"NM|1^a^LN~2^b^LN||1.0|mg/dL":                          "field-repeats OBX-3",
		"NM|1^a^LN||1.0|mg/dL|||||F|||202613010830":            "time-unreadable OBX-14",
		"NM|1^a^LN||1.0|mg/dL|||||F|||20991101083000":          "time-in-future OBX-14",
		"NM|1^a^LN||1.0|mg/dL|||||F|||20261101130000":          "",
		"DTM|1^a^LN||notatime":                                 "time-unreadable OBX-5",
		"CWE|1^a^LN||x^" + strings.Repeat("y", 5000) + "^L":    "text-too-long OBX",
		"NM|1^a^LN||" + strings.Repeat("1~", 1000) + "1|mg/dL": "too-many-values OBX-5",
	} {
		got := observe(t, "OBX|1|"+obx)
		if len(got) != 1 {
			t.Errorf("%.80s: %d candidates", obx, len(got))
			continue
		}
		said := ""
		if d := got[0].Doubts; len(d) > 0 {
			said = d[0].Reason + " " + d[0].Position
		}
		if said != want {
			t.Errorf("%.80s: %q, not %q", obx, said, want)
		}
	}
}

// TestOneCodeOneKey: a sender who changes the order of the codes of a result speaks of the same result.
func TestOneCodeOneKey(t *testing.T) {
	var keys []string
	for _, obx3 := range []string{"2160-0^Creatinine^LN", "2160-0^Creatinine^LN^KREA^Krea^L", "KREA^Krea^L^2160-0^Creatinine^LN", "KREA^Krea^L^^^^^^^2160-0^Creatinine^LN"} {
		keys = append(keys, fmt.Sprint(observe(t, "OBX|1|NM|"+obx3+"||1.2|mg/dL||||||F")[0].Key))
	}
	for _, k := range keys {
		if k != keys[0] {
			t.Errorf("%s\n%s", k, keys[0])
		}
	}
	if other := fmt.Sprint(observe(t, "OBX|1|NM|KREA^Krea^L||1.2|mg/dL||||||F")[0].Key); other == keys[0] {
		t.Error("a local code has the key of a LOINC code")
	}
}

// TestTwiceWithoutSubID: the time of observation tells apart what the code does not.
func TestTwiceWithoutSubID(t *testing.T) {
	g := func(at string) string { return "OBX|1|NM|2345-7^Glucose^LN||90|mg/dL|||||F|||" + at }
	got := observe(t, g("20261101080000"), g("20261101100000"), g("20261101100000"))
	if len(got) != 3 {
		t.Fatal(len(got))
	}
	last := func(c mapping.Candidate) string { return c.Key[len(c.Key)-1] }
	if last(got[0]) != "" || last(got[1]) != "@20261101100000" || last(got[2]) != "#2" || fmt.Sprint(got[0].Key) != fmt.Sprint(got[1].Twin) {
		t.Errorf("%q %q %q", got[0].Key, got[1].Key, got[2].Key)
	}
}

// mapped maps a message with these segments after MSH.
func mapped(t *testing.T, msh7 string, segments ...string) (mapping.Result, error) {
	t.Helper()
	m, err := hl7v2.Parse([]byte("MSH|^~\\&|LAB|HOSP|||"+msh7+"||ORU^R01|1|P|2.5.1\rPID|1||1^^^H^MR\r"+strings.Join(segments, "\r")+"\r"), hl7v2.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return mapping.Map(m, "ORU^R01", mapping.Options{Received: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)})
}

// TestHeaderOffset: the offset of MSH-7 is that of the times without one.
func TestHeaderOffset(t *testing.T) {
	r, err := mapped(t, "20261101020000-0500", "OBR|1||O1^L|1^P^L|||20261101083000+0100", "OBX|1|NM|1^a^LN||1|1|||||F|||20261101013000")
	if err != nil {
		t.Fatal(err)
	}
	if o := r.Candidates[2].Body; o.Get("effectiveDateTime").Str() != "2026-11-01T01:30:00-05:00" {
		t.Errorf("%s", o.Bytes())
	}
}

// TestSentInFuture: a clock that goes fast orders nothing after our own, one that is far off orders nothing.
func TestSentInFuture(t *testing.T) {
	for msh7, want := range map[string]string{"20261101115900": "11:59", "20261101120200": "12:02", "20261101130000": "12:05", "20991101090000": "00:00"} {
		r, err := mapped(t, msh7, "OBR|1||O1^L|1^P^L")
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Candidates[1]; c.Sent.Format("15:04") != want || c.Future != (want == "00:00") {
			t.Errorf("%s: %v %v", msh7, c.Sent, c.Future)
		}
	}
}

// TestNoGrowth: bodies cannot grow far beyond the message that they come from.
func TestNoGrowth(t *testing.T) {
	long := "OBX|%d|NM|%d^" + strings.Repeat("x", 4000) + "^LN||" + strings.Repeat("1~", 900) + "1|mmol/L||N|||F"
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf(long, i, i))
	}
	for name, segments := range map[string][]string{
		"codes":     {"OBX|1|NM|2951-2^" + strings.Repeat("x", 100000) + "^LN||" + strings.Repeat("1~", 100000) + "1|mmol/L||N|||F"},
		"many":      many,
		"flags":     {"OBX|1|NM|2951-2^x^LN||1|mmol/L||" + strings.Repeat("N~", 500000) + "N|||F"},
		"addresses": {"NK1|1" + strings.Repeat("|A^B~A^B", 3) + strings.Repeat("~A^B", 200000)},
	} {
		r, err := mapped(t, "20261101090000", append([]string{"OBR|1||O1^L|1^P^L"}, segments...)...)
		if err != nil {
			if ward.KindOf(err) != ward.TooLarge {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		size, in := 0, len(strings.Join(segments, "\r"))
		for _, c := range r.Candidates {
			size += len(c.Body.Bytes())
		}
		if size > 5*in+(2<<20) {
			t.Errorf("%s: %d bytes became %d", name, in, size)
		}
	}
}

// spent is the processor time of this process: what else the machine does is not in it.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano())
}

// TestManySegments: the time for a message grows with its length, not with the square of it.
func TestManySegments(t *testing.T) {
	for name, segment := range map[string]string{"joined lines": "OBX|1|TX|8251-1^C^LN||line||||||F", "notes": "NTE|1||x", "orders": "ORC|RE|1", "patients": "PID|1||9^^^H^MR"} {
		took := func(n int) time.Duration {
			lines := []string{"OBR|1||O1^L|1^P^L"}
			for range n {
				lines = append(lines, segment)
			}
			runs := max(2, 24_000/n) // short ones are repeated: the kernel counts in ticks
			at := spent(t)
			for range runs {
				if _, err := mapped(t, "20261101090000", lines...); err != nil && ward.KindOf(err) != ward.TooLarge {
					t.Fatal(err)
				}
			}
			return (spent(t) - at) / time.Duration(runs)
		}
		few, many := took(1000), took(8000)
		t.Logf("%s: %v, eight times as many %v", name, few, many)
		if many > 30*few+100*time.Millisecond {
			t.Errorf("%s: %v, eight times as many %v", name, few, many)
		}
	}
}
