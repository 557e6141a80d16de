package fhirrest_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/store/storetest"
)

func TestTransaction(t *testing.T) {
	onBoth(t, func(w *world) {
		t := w.t
		w.want(w.do(ward.Integration, "PUT", "/Practitioner/d", `{"resourceType":"Practitioner","id":"d","identifier":[{"system":"urn:npi","value":"77"}]}`), 201)
		w.want(w.do(ward.Integration, "PUT", "/Location/old", `{"resourceType":"Location","id":"old"}`), 201)
		before := len(w.Entries())
		body := bundleJSON("transaction",
			entryJSON("PUT", "Organization/org", "http://sender/fhir/Organization/1", `{"resourceType":"Organization","id":"org","partOf":{"reference":"Organization/2"}}`),
			entryJSON("POST", "Observation", "urn:uuid:22222222-2222-4222-8222-222222222222", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:11111111-1111-4111-8111-111111111111"},
				"performer":[{"reference":"Practitioner?identifier=urn:npi|77"},{"reference":"http://sender/fhir/Organization/1"},{"reference":"`+w.base+`/Practitioner/d"}],
				"device":{"reference":"#x"},"contained":[{"resourceType":"Device","id":"x","owner":{"reference":"Organization/untouched"}}]}`),
			entryJSON("POST", "Patient", "urn:uuid:11111111-1111-4111-8111-111111111111", patient("theirs", "t1"), "ifNoneExist", "identifier=urn:mrn|t1"),
			entryJSON("POST", "Organization", "http://sender/fhir/Organization/2", `{"resourceType":"Organization","name":"upper"}`),
			entryJSON("DELETE", "Location/old", "", "", "ifMatch", `W/"1"`),
		)
		res := w.want(w.do(ward.Integration, "POST", "", body, "Prefer", "return=representation"), 200)
		b := res.bundle(t)
		var got []string
		for _, e := range b.Entry {
			loc := strings.Split(e.Response.Location, "/")
			got = append(got, e.Response.Status+" "+loc[0]+" "+e.Response.ETag)
			if e.Response.LastModified == "" {
				t.Errorf("no lastModified: %+v", e.Response)
			}
		}
		want := []string{`201 Created Organization W/"1"`, `201 Created Observation W/"1"`, `201 Created Patient W/"1"`, `201 Created Organization W/"1"`, `204 No Content  W/"2"`}
		if d := cmp.Diff(want, got); d != "" || b.Type != "transaction-response" {
			t.Fatal(d, res.body)
		}
		id := func(i int) string { return strings.Split(b.Entry[i].Response.Location, "/")[1] }
		obs := w.want(w.do(ward.Clinician, "GET", "/Observation/"+id(1), ""), 200).body
		for _, part := range []string{`"subject":{"reference":"Patient/` + id(2) + `"}`, `{"reference":"Practitioner/d"},{"reference":"Organization/org"},{"reference":"Practitioner/d"}`, `"Organization/untouched"`} {
			if !strings.Contains(obs, part) {
				t.Errorf("%s is not in %s", part, obs)
			}
		}
		if string(b.Entry[1].Resource) != obs {
			t.Errorf("the representation is not what is stored")
		}
		if org := w.do(ward.Clinician, "GET", "/Organization/org", "").body; !strings.Contains(org, `"Organization/`+id(3)+`"`) {
			t.Errorf("a relative reference to a RESTful fullUrl was not replaced: %s", org)
		}
		w.want(w.do(ward.Clinician, "GET", "/Location/old", ""), 410)

		// One entry for the writes, one each for the condition and the conditional reference.
		count := map[audit.Act]int{}
		for _, e := range w.Entries()[before:] {
			count[e.Act]++
		}
		if count[audit.ActTransaction] != 1 || count[audit.ActSearch] != 2 {
			t.Errorf("entries: %v", count)
		}

		// Again: the patient is found, what refers to it refers to the one that was there.
		again := bundleJSON("transaction",
			entryJSON("POST", "Patient", "urn:uuid:1", patient("theirs", "t1"), "ifNoneExist", "identifier=urn:mrn|t1"),
			entryJSON("POST", "Encounter", "", `{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},"subject":{"reference":"urn:uuid:1"}}`))
		b2 := w.want(w.do(ward.Integration, "POST", "/", again), 200).bundle(t)
		if !strings.HasPrefix(b2.Entry[0].Response.Status, "200") || b2.Entry[0].Response.Location != "Patient/"+id(2) && !strings.HasPrefix(b2.Entry[0].Response.Location, "Patient/"+id(2)+"/") {
			t.Fatalf("%+v", b2.Entry[0].Response)
		}
		if ids := w.do(ward.Clinician, "GET", "/Encounter?patient="+id(2), "").bundle(t).ids(t); len(ids) != 1 {
			t.Fatalf("encounters of the found patient: %v", ids)
		}
		w.Clean()
	})
}

func TestTransactionRefusals(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	doctor := ward.Clinician
	for _, id := range []string{"a", "b"} {
		w.want(w.do(doctor, "PUT", "/Patient/"+id, patient(id, "twin")), 201)
	}
	good := entryJSON("PUT", "Patient/good", "", patient("good", "g"))
	many := slices.Repeat([]string{entryJSON("DELETE", "Patient/x", "", "")}, 5001)
	for _, c := range []struct {
		name, body string
		status     int
		path, text string
	}{
		{"not a bundle", patient("x", "y"), 400, "Bundle.gender", ""},
		{"resource only", `{"resourceType":"Patient"}`, 400, "resourceType", "POST a resource to its type"},
		{"type", `{"resourceType":"Bundle","type":"collection"}`, 400, "Bundle.type", "transaction or batch"},
		{"duplicate key", `{"resourceType":"Bundle","type":"batch","type":"transaction"}`, 400, "Bundle", "twice"},
		{"stranger", `{"resourceType":"Bundle","type":"transaction","entries":[]}`, 400, "Bundle.entries", "no such element"},
		{"cut", `{"resourceType":"Bundle","type":"transaction","entry":[`, 400, "Bundle.entry[0]", "JSON"},
		{"no request", bundleJSON("transaction", good, `{"resource":{"resourceType":"Patient"}}`), 400, "Bundle.entry[1].request", "method and url"},
		{"get", bundleJSON("transaction", good, entryJSON("GET", "Patient/a", "", "")), 400, "Bundle.entry[1].request.method", "batch"},
		{"patch", bundleJSON("transaction", good, entryJSON("PATCH", "Patient/a", "", "")), 400, "Bundle.entry[1].request.method", "PATCH"},
		{"unknown method", bundleJSON("transaction", good, entryJSON("put", "Patient/a", "", patient("a", "x"))), 400, "Bundle.entry[1].request.method", "POST, PUT"},
		{"unknown type", bundleJSON("transaction", good, entryJSON("POST", "Basic", "", `{"resourceType":"Basic"}`)), 400, "Bundle.entry[1].request.url", "Patient"},
		{"conditional update", bundleJSON("transaction", good, entryJSON("PUT", "Patient?identifier=x", "", patient("a", "x"))), 400, "Bundle.entry[1].request.url", "conditional"},
		{"post with id", bundleJSON("transaction", good, entryJSON("POST", "Patient/a", "", patient("a", "x"))), 400, "Bundle.entry[1].request.url", "type alone"},
		{"put without id", bundleJSON("transaction", good, entryJSON("PUT", "Patient", "", patient("a", "x"))), 400, "Bundle.entry[1].request.url", "Type/id"},
		{"put of other id", bundleJSON("transaction", good, entryJSON("PUT", "Patient/a", "", patient("b", "x"))), 400, "Bundle.entry[1].resource.id", "id"},
		{"other type", bundleJSON("transaction", good, entryJSON("POST", "Patient", "", `{"resourceType":"Location"}`)), 400, "Bundle.entry[1].resource.resourceType", "type"},
		{"no resource", bundleJSON("transaction", good, entryJSON("POST", "Patient", "", "")), 400, "Bundle.entry[1].resource", "needs a resource"},
		{"broken resource", bundleJSON("transaction", good, entryJSON("POST", "Patient", "", `{"resourceType":"Patient","birthDate":"1980-99"}`)), 400, "Bundle.entry[1].resource.birthDate", "date"},
		{"null in a resource", bundleJSON("transaction", good, entryJSON("POST", "Patient", "", `{"resourceType":"Patient","name":[{"family":null}]}`)), 400, "Bundle.entry[1].resource.name[0].family", "null"},
		{"twice the same", bundleJSON("transaction", good, entryJSON("DELETE", "Patient/good", "", "")), 400, "Bundle.entry[1].request.url", "once"},
		{"twice the fullUrl", bundleJSON("transaction", entryJSON("POST", "Patient", "urn:uuid:1", bare), entryJSON("POST", "Patient", "urn:uuid:1", bare)), 400, "Bundle.entry[1].fullUrl", "two entries"},
		{"dangling urn", bundleJSON("transaction", good, entryJSON("POST", "Observation", "", observation("o", "urn:uuid:9", "x"))), 400, "Bundle.entry[1].resource.subject", "fullUrl"},
		{"no match", bundleJSON("transaction", good, entryJSON("POST", "Observation", "", observation("o", "Patient?identifier=nobody", "x"))), 412, "Bundle.entry[1].resource.subject", "exactly one"},
		{"several match", bundleJSON("transaction", good, entryJSON("POST", "Observation", "", observation("o", "Patient?identifier=twin", "x"))), 412, "Bundle.entry[1].resource.subject", "exactly one"},
		{"bad conditional reference", bundleJSON("transaction", good, entryJSON("POST", "Observation", "", observation("o", "Patient?name=x", "x"))), 400, "Bundle.entry[1].resource.subject", "offered are"},
		{"ifMatch fails", bundleJSON("transaction", good, entryJSON("PUT", "Patient/a", "", patient("a", "n"), "ifMatch", `W/"9"`)), 412, "Bundle.entry[1].resource", "If-Match"},
		{"ifMatch form", bundleJSON("transaction", good, entryJSON("PUT", "Patient/a", "", patient("a", "n"), "ifMatch", "x")), 400, "Bundle.entry[1].request.ifMatch", `W/"3"`},
		{"ifNoneExist on put", bundleJSON("transaction", good, entryJSON("PUT", "Patient/a", "", patient("a", "n"), "ifNoneExist", "identifier=x")), 400, "Bundle.entry[1].request.ifNoneExist", "POST"},
		{"ifNoneExist by value", bundleJSON("transaction", good, entryJSON("POST", "Observation", "", observation("o", "Patient/a", "x"), "ifNoneExist", "patient=a&code=x")), 400, "Bundle.entry[1].request.ifNoneExist", "identifier and _id only"},
		{"ifNoneExist several", bundleJSON("transaction", good, entryJSON("POST", "Patient", "", patient("a", "n"), "ifNoneExist", "identifier=twin")), 412, "Bundle.entry[1].resource", "several"},
		{"ifNoneExist several, referred to", bundleJSON("transaction", good, entryJSON("POST", "Patient", "urn:uuid:5", patient("a", "n"), "ifNoneExist", "identifier=twin"), entryJSON("POST", "Observation", "", observation("o", "urn:uuid:5", "x"))), 412, "Bundle.entry[1].request.ifNoneExist", "several"},
		{"delete of nothing", bundleJSON("transaction", good, entryJSON("DELETE", "Patient/never", "", "")), 404, "Bundle.entry[1].resource", ""},
		{"too many", bundleJSON("transaction", many...), 413, "Bundle.entry", "5000"},
		{"not an object", `[]`, 400, "Bundle", "object"},
		{"entry is a string", bundleJSON("transaction", `"x"`), 400, "Bundle.entry[0]", "object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := w.do(doctor, "POST", "", c.body)
			b := res.bundle(t)
			if res.status != c.status || len(b.Issue) != 1 || !strings.Contains(b.Issue[0].Diagnostics, c.text) || !slices.Equal(b.Issue[0].Expression, []string{c.path}) {
				t.Fatalf("status %d: %s", res.status, res.body)
			}
			if strings.Contains(c.body, `"Patient/good"`) { // all or nothing
				w.want(w.do(doctor, "GET", "/Patient/good", ""), 404)
			}
		})
	}
	w.want(w.do(ward.Registrar, "POST", "", bundleJSON("transaction", good, entryJSON("POST", "Observation", "", observation("o", "Patient/a", "x")))), 403)
	w.want(w.do(ward.PatientRole, "POST", "", bundleJSON("transaction", good)), 403)
	w.want(w.do(doctor, "GET", "/Patient/good", ""), 404)
	w.want(w.do(doctor, "POST", "", `{"resourceType":"Bundle","type":"transaction"}`), 200)
	w.want(w.do(doctor, "POST", "", bundleJSON("transaction", good)), 200)
	w.Clean()
}

// TestTransactionRace holds that no transaction refers to a resource that another one's conditional create displaced.
func TestTransactionRace(t *testing.T) {
	onBoth(t, func(w *world) {
		w.token(ward.Clinician)
		const n = 16
		var wg sync.WaitGroup
		results, errs := make([]response, n), make([]error, n)
		start := make(chan struct{})
		for i := range n {
			wg.Go(func() {
				<-start
				results[i], errs[i] = w.send(w.tokens[ward.Clinician], "POST", "", bundleJSON("transaction",
					entryJSON("POST", "Patient", "urn:uuid:1", patient("x", "raced"), "ifNoneExist", "identifier=urn:mrn|raced"),
					entryJSON("POST", "Observation", "", observation("x", "urn:uuid:1", fmt.Sprint("c", i)))))
			})
		}
		close(start)
		wg.Wait()
		done := 0
		for i, res := range results {
			w.must(errs[i])
			switch res.status {
			case 200:
				done++
			case 409:
			default:
				w.t.Errorf("status %d: %s", res.status, res.body)
			}
		}
		patients := w.do(ward.Clinician, "GET", "/Patient?identifier=raced", "").bundle(w.t).ids(w.t)
		if len(patients) != 1 || done == 0 {
			w.t.Fatalf("%d patients, %d transactions done", len(patients), done)
		}
		all := w.do(ward.Clinician, "GET", "/Observation?_summary=count", "").bundle(w.t)
		of := w.do(ward.Clinician, "GET", "/Observation?_summary=count&patient="+patients[0], "").bundle(w.t)
		if *all.Total != done || *of.Total != done {
			w.t.Fatalf("%d done, %d observations, %d of the patient", done, *all.Total, *of.Total)
		}
		w.Clean()
	})
}

func TestBatch(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	doctor := ward.Clinician
	w.want(w.do(doctor, "PUT", "/Patient/a", patient("a", "m")), 201)
	res := w.want(w.do(doctor, "POST", "", bundleJSON("batch",
		entryJSON("PUT", "Patient/b", "", patient("b", "m2")),
		entryJSON("GET", "Patient/a", "", ""),
		entryJSON("GET", "Patient/a/_history/1", "", ""),
		entryJSON("GET", "Patient?identifier=m2", "", ""),
		entryJSON("GET", "Patient/zz", "", ""),
		entryJSON("PUT", "Patient/a", "", patient("a", "n"), "ifMatch", `W/"7"`),
		entryJSON("POST", "Observation", "", observation("x", "urn:uuid:1", "y")),
		entryJSON("DELETE", "Patient/a", "", ""),
		entryJSON("GET", "Basic/1", "", ""),
		entryJSON("GET", "Patient/a/$everything", "", ""),
		entryJSON("POST", "Patient", "", patient("q", "m2"), "ifNoneExist", "identifier=m2"),
	)), 200)
	b := res.bundle(t)
	var got []string
	for i, e := range b.Entry {
		got = append(got, e.Response.Status)
		if (e.Response.Status[0] >= '4') != (len(e.Response.Outcome) > 0) {
			t.Errorf("entry %d: %+v", i, e.Response)
		}
	}
	want := []string{"201 Created", "200 OK", "200 OK", "200 OK", "404 Not Found", "412 Precondition Failed", "422 Unprocessable Entity", "204 No Content", "404 Not Found", "400 Bad Request", "200 OK"}
	if d := cmp.Diff(want, got); d != "" || b.Type != "batch-response" {
		t.Fatal(d, res.body)
	}
	if !strings.Contains(string(b.Entry[1].Resource), `"id":"a"`) || !strings.Contains(string(b.Entry[3].Resource), `"searchset"`) || len(b.Entry[0].Resource) != 0 {
		t.Fatal(res.body)
	}
	w.want(w.do(doctor, "POST", "", bundleJSON("batch", slices.Repeat([]string{entryJSON("GET", "Patient/zz", "", "")}, 1001)...)), 413)
	// The envelope is permitted, the entries are decided each by itself.
	res = w.want(w.do(ward.Registrar, "POST", "", bundleJSON("batch", entryJSON("GET", "Observation/x", "", ""), entryJSON("GET", "Patient/b", "", ""))), 200)
	if b := res.bundle(t); b.Entry[0].Response.Status != "403 Forbidden" || b.Entry[1].Response.Status != "200 OK" {
		t.Fatal(res.body)
	}
	w.Clean()
}
