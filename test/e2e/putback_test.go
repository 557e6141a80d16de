package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/simulate"
)

// TestPutBack: what messages brought can be read by FHIR and put back as it is. The vital signs among it conform to R4's profiles.
func TestPutBack(t *testing.T) {
	n := newNode(t, nil)
	n.people()
	n.start()
	address := n.channel("lab")
	n.listens(address)
	doc, lab, aud := n.token("doc"), n.token("lab"), n.token("aud")
	file := filepath.Join(t.TempDir(), "day.hl7")
	at := "20261101083000+0000"
	vitals := strings.Join([]string{`MSH|^~\&|WARD3|GOODHEALTH|WARD|WARD|` + at + `||ORU^R01|V1|P|2.5.1`, "PID|1||4711^^^GOODHEALTH^MR||Grey^Anna||19600501|F|||||||en^English^HL70296",
		"OBR|1||V1^MON|85353-1^Vital signs^LN|||" + at, "OBX|1|NM|8867-4^Heart rate^LN||72|{beats}/min|||||F", "OBX|2|NM|9279-1^Respiratory rate^LN||16|/min|||||F",
		"OBX|3|NM|8310-5^Body temperature^LN||37.1|C|||||F", "OBX|4|NM|29463-7^Body weight^LN||80.5|kg|||||F", "OBX|5|NM|8302-2^Body height^LN||172|cm|||||F",
		"OBX|6|NM|8480-6^Systolic^LN||121|mmHg|||||F", "OBX|7|NM|8462-4^Diastolic^LN||79|mmHg|||||F"}, "\r") + "\r"
	write(t, file, vitals)
	n.ward("send", "--to", address, file)
	sent := 0
	for _, m := range simulate.New(3, time.Now()).Day(8) {
		file := filepath.Join(t.TempDir(), "m.hl7")
		write(t, file, string(m.Bytes))
		n.ward("send", "--to", address, file)
		sent++
	}
	n.understood(aud)
	if held := n.messages(aud, "held"); len(held) > sent/2 {
		t.Fatalf("%d of %d messages are held", len(held), sent)
	}
	counted := map[string]int{}
	for _, kind := range []string{"Patient", "Encounter", "Observation", "DiagnosticReport"} {
		for at := "/fhir/R4/" + kind + "?_count=100"; at != ""; {
			var page searchset
			n.read(doc, at, &page)
			for _, e := range page.Entry {
				id := idOf(answer{body: e.Resource})
				got := n.must(200, doc, "GET", "/fhir/R4/"+kind+"/"+id, nil)
				n.must(200, lab, "PUT", "/fhir/R4/"+kind+"/"+id, got.body, "Content-Type", "application/fhir+json", "If-Match", got.header.Get("ETag"))
				counted[kind]++
				var o struct {
					Category []struct{ Coding []struct{ Code string } }
				}
				if err := json.Unmarshal(e.Resource, &o); err != nil {
					t.Fatal(err)
				}
				if len(o.Category) > 0 && len(o.Category[0].Coding) > 0 {
					counted[o.Category[0].Coding[0].Code]++
				}
			}
			at = nextOf(n, page)
		}
	}
	if counted["vital-signs"] < 7 || counted["laboratory"] == 0 || counted["Patient"] == 0 || counted["DiagnosticReport"] == 0 {
		t.Errorf("%v", counted)
	}
	t.Log(counted)
}
