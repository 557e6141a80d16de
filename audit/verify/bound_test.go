package verify_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ward-health/ward/audit/verify"
)

// TestBoundedFiles: files that are too long, and what is no file, are faults and are not read.
func TestBoundedFiles(t *testing.T) {
	for _, name := range []string{verify.TilePath(0, 0, 5), verify.TilePath(verify.EntriesLevel, 0, 5)} {
		s := newSample(t, 5)
		s.put(name, append(s.files[name].Data, make([]byte, 1<<20)...))
		if got := faults(t, s, s.vkey); len(got) != 1 || !strings.Contains(got[0], "longer than") {
			t.Fatal(name, got)
		}
		s.files[name] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
		if got := faults(t, s, s.vkey); len(got) != 1 || !strings.Contains(got[0], "not a regular file") {
			t.Fatal(name, got)
		}
	}
	s := newSample(t, 5)
	s.put("checkpoint", make([]byte, verify.MaxCheckpoint+1))
	if _, err := verify.Log(s.files, s.vkey); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Fatal(err)
	}
}
