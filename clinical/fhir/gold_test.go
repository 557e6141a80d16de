package fhir

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// goldBodies returns the public synthetic resources of the types of this build, by file. Without WARD_GOLD the test says what is not run,
// and fails when everything is required.
func goldBodies(t testing.TB) map[string][][]byte {
	t.Helper()
	dir := os.Getenv("WARD_GOLD")
	if dir == "" {
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_GOLD is not set: 5,768 resources of synthea-10 were not run")
		}
		fmt.Fprintln(os.Stderr, "NOT RUN: "+t.Name()+": WARD_GOLD is not set, 5,768 resources of synthea-10 were not run")
		t.SkipNow()
	}
	files, err := filepath.Glob(filepath.Join(dir, "synthea-10", "*.ndjson"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no NDJSON under %s/synthea-10: %v", dir, err)
	}
	all := map[string][][]byte{}
	for _, name := range files {
		rt, _, _ := strings.Cut(filepath.Base(name), ".")
		if !Known(rt) {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, MaxBytes)
		for lines.Scan() {
			if len(bytes.TrimSpace(lines.Bytes())) > 0 {
				all[rt] = append(all[rt], bytes.Clone(lines.Bytes()))
			}
		}
		if err := f.Close(); err != nil || lines.Err() != nil {
			t.Fatal(err, lines.Err())
		}
	}
	return all
}

// oracle is what encoding/json says of a resource, apart from the scanner.
type oracle struct {
	ResourceType, ID string
	Subject, Patient struct{ Reference string }
}

func TestGoldScan(t *testing.T) {
	total, withPatient := 0, 0
	for rt, bodies := range goldBodies(t) {
		for _, body := range bodies {
			f, err := Scan(body)
			if err != nil {
				t.Fatalf("%s: %v", rt, err)
			}
			var o oracle
			if err := json.Unmarshal(body, &o); err != nil {
				t.Fatal(err)
			}
			want := strings.TrimPrefix(o.Subject.Reference+o.Patient.Reference, "Patient/")
			if rt == "Patient" {
				want = o.ID
			}
			if f.Type != o.ResourceType || f.ID != o.ID || f.Patient != want {
				t.Fatalf("%s/%s: got %s/%s patient %q, want %q", rt, o.ID, f.Type, f.ID, f.Patient, want)
			}
			if f.Patient != "" {
				withPatient++
			}
			if n := bytes.Count(body, []byte(`"reference":"`)); n != len(f.References) {
				t.Fatalf("%s/%s: %d references found, %d in the bytes", rt, f.ID, len(f.References), n)
			}
			for _, r := range f.References {
				var at string
				if json.Unmarshal(body[r.Start:r.End], &at) != nil || at != r.Target {
					t.Fatalf("%s/%s: reference offsets are wrong at %s", rt, f.ID, r.Path)
				}
			}
			if len(f.Values) == 0 {
				t.Fatalf("%s/%s: no search values", rt, f.ID)
			}
			roundTrip(t, body, f.ID)
			total++
		}
	}
	if total != 5768 || withPatient == 0 {
		t.Fatalf("scanned %d resources, %d of patients; the set has 5,768", total, withPatient)
	}
}

// roundTrip checks Strip and Stamp on one body.
func roundTrip(t interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}, body []byte, id string) {
	t.Helper()
	plain, err := Strip(body, id)
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 11, 22, 3, 4, 5, 678901000, time.UTC)
	full, err := Stamp(body, id, 7, when)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Strip(full, id)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back, plain) {
		t.Fatalf("Strip(Stamp(x)) differs from Strip(x):\n%s\n%s\n%s", plain, full, back)
	}
	var root, meta map[string]json.RawMessage // maps: the decoder's structs take names in any case
	if err := json.Unmarshal(full, &root); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(root["meta"], &meta); err != nil {
		t.Fatal(err)
	}
	if string(root["id"]) != `"`+id+`"` || string(meta["versionId"]) != `"7"` || string(meta["lastUpdated"]) != `"2026-11-22T03:04:05.678901Z"` {
		t.Fatalf("stamped body: %s", full)
	}
}

func BenchmarkScan(b *testing.B) {
	var bodies [][]byte
	size := 0
	for _, list := range goldBodies(b) {
		bodies = append(bodies, list...)
		for _, x := range list {
			size += len(x)
		}
	}
	b.SetBytes(int64(size / len(bodies)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := Scan(bodies[i%len(bodies)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "resources/s")
}

func BenchmarkStamp(b *testing.B) {
	var bodies [][]byte
	for _, list := range goldBodies(b) {
		bodies = append(bodies, list...)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := Stamp(bodies[i%len(bodies)], "x", 3, time.Unix(0, 0)); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
