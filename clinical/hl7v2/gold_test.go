package hl7v2

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldArchives hold 239 messages in all.
var goldArchives = []string{"reportstream-datatests.zip", "fhir-converter-hl7v2.zip"}

const goldMessages = 239

// TestGoldRoundTrip parses every HL7 v2 message of the gold data, walks all it has, and wants the same bytes back. No
// exception is listed.
func TestGoldRoundTrip(t *testing.T) {
	const name = "hl7v2.roundtrip"
	gold := os.Getenv("WARD_GOLD")
	if gold == "" {
		fmt.Printf("suite %s total %d pass 0 listed 0 notrun %d\n", name, goldMessages, goldMessages)
		t.Logf("WARD_GOLD is not set: %d messages were NOT RUN", goldMessages)
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatal("WARD_REQUIRE_ALL=1 and no WARD_GOLD")
		}
		return
	}
	total, pass, leaves := 0, 0, 0
	for _, archive := range goldArchives {
		for file, raw := range goldFiles(t, filepath.Join(gold, "hl7v2", archive)) {
			messages, err := Split(raw)
			if err != nil || len(messages) == 0 {
				t.Errorf("%s: %d messages, %v", file, len(messages), err)
			}
			if joined := bytes.Join(messages, nil); !bytes.Equal(joined, raw) {
				t.Errorf("%s: the messages do not join to the file", file)
			}
			for i, b := range messages {
				total++
				m, err := Parse(b, Options{})
				if err != nil {
					t.Errorf("%s, message %d: %v", file, i, err)
					continue
				}
				if !bytes.Equal(m.Encode(), b) || m.Undecoded() {
					t.Errorf("%s, message %d: other bytes, or undecoded", file, i)
					continue
				}
				if h := m.Header(); h.Type == "" || h.Version == "" {
					t.Errorf("%s, message %d: type %q, version %q", file, i, h.Type, h.Version)
					continue
				}
				n := walk(t, m)
				rebuild(t, m)
				leaves += n
				pass++
			}
		}
	}
	if total != goldMessages || leaves < 50*total {
		t.Errorf("%d messages with %d values, want %d messages", total, leaves, goldMessages)
	}
	t.Logf("%d values read", leaves)
	fmt.Printf("suite %s total %d pass %d listed 0 notrun 0\n", name, total, pass)
}

// goldFiles reads the .hl7 files of an archive.
func goldFiles(t *testing.T, archive string) map[string][]byte {
	t.Helper()
	z, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		if !strings.EqualFold(filepath.Ext(f.Name), ".hl7") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = raw
	}
	return files
}
