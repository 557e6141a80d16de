package audit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/engine/keys"
)

func testMAC(t testing.TB) keys.MAC {
	m, err := keys.NewMAC(make([]byte, keys.KeySize), "test")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// journalOf makes journal files with groups of the given numbers of frames and returns where each frame begins.
func journalOf(t testing.TB, dir string, groups ...int) (j *files, offsets []int64) {
	j, err := openFiles(osDisk{}, dir, testMAC(t), cursor{}, func(int64, incoming) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range groups {
		var frames []outgoing
		at := j.tape.off
		for range n {
			p := random(300)
			frames = append(frames, outgoing{frameAnchor, p}) // payloads are not looked at here
			offsets = append(offsets, at)
			at += int64(frameOverhead + len(p))
		}
		if err := j.append(bg, frames); err != nil {
			t.Fatal(err)
		}
	}
	return j, append(offsets, j.tape.off)
}

// reopen returns how many frames a journal holds.
func reopen(t testing.TB, dir string) (int, error) {
	n := 0
	j, err := openFiles(osDisk{}, dir, testMAC(t), cursor{}, func(_ int64, in incoming) error {
		if in.kind == frameAnchor {
			n++
		}
		return nil
	})
	if err == nil {
		if err := j.append(bg, []outgoing{{frameAnchor, []byte("goes on")}}); err != nil {
			t.Fatal(err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	}
	return n, err
}

// TestTornTail cuts the last group at each byte, by truncation and by zeros: what was acknowledged before stays, the
// rest is cut off, and the journal goes on, twice.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	j, offsets := journalOf(t, dir, 2, 1, 1)
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, segmentName(1))
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	from, to := offsets[3], offsets[4]
	for cut := from; cut < to; cut++ {
		for _, zero := range []bool{true, false} {
			b := append([]byte(nil), whole[:cut]...)
			if zero {
				b = append(b, make([]byte, len(whole)-len(b))...)
			}
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if n, err := reopen(t, dir); err != nil || n != 3 {
				t.Fatalf("cut at %d of %d..%d zero %v: %d frames, %v", cut, from, to, zero, n, err)
			}
			if n, err := reopen(t, dir); err != nil || n != 4 {
				t.Fatalf("cut at %d zero %v, second opening: %d frames, %v", cut, zero, n, err)
			}
		}
	}
}

// TestTornGroup: a group whose sync did not return may have reached the disk in any order of sectors. Its remains are cut
// off; the same remains with a later group behind them are damage.
func TestTornGroup(t *testing.T) {
	dir := t.TempDir()
	j, offsets := journalOf(t, dir, 1, 8, 1)
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, segmentName(1))
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	group, later, end := offsets[1], offsets[9], offsets[10]
	for s := (group/sector + 1) * sector; s+sector <= later; s += sector {
		b := append([]byte(nil), whole...)
		clear(b[s : s+sector])
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := reopen(t, dir); ward.KindOf(err) != ward.Unavailable {
			t.Fatalf("sector at %d lost before a durable group: %v", s, err)
		}
		clear(b[later:end])
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := reopen(t, dir)
		if err != nil || n < 1 || n > 8 {
			t.Fatalf("sector at %d of a torn group lost: %d frames, %v", s, n, err)
		}
		if _, err := reopen(t, dir); err != nil {
			t.Fatalf("second opening: %v", err)
		}
	}
}

// TestChangedByte: any changed byte of any frame that is not a torn end is refused.
func TestChangedByte(t *testing.T) {
	dir := t.TempDir()
	j, offsets := journalOf(t, dir, 2, 1, 2)
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, segmentName(1))
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(0); at < offsets[5]; at++ {
		b := append([]byte(nil), whole...)
		b[at] ^= byte(1 + at%255)
		if b[at] == 0 {
			b[at] = 0xaa
			if whole[at] == 0xaa {
				b[at] = 0x55
			}
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := reopen(t, dir); ward.KindOf(err) != ward.Unavailable {
			t.Fatalf("byte %d of %v changed: %d frames, %v", at, offsets, n, err)
		}
	}
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := reopen(t, dir); err != nil || n != 5 {
		t.Fatal(n, err)
	}
}

// TestSegments rotates through small segment files and refuses a missing one.
func TestSegments(t *testing.T) {
	dir := t.TempDir()
	j, _ := journalOf(t, dir)
	j.max = 4096
	for range 60 {
		if err := j.append(bg, []outgoing{{frameAnchor, random(700)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	if n, err := reopen(t, dir); err != nil || n != 60 {
		t.Fatal(n, err)
	}
	_, last, err := segments(osDisk{}, dir)
	if err != nil || last < 10 {
		t.Fatal(last, err)
	}
	for _, n := range []int64{1, 5, last} {
		name := filepath.Join(dir, segmentName(n))
		if err := os.Rename(name, name+".away"); err != nil {
			t.Fatal(err)
		}
		got, err := reopen(t, dir)
		if n < last && ward.KindOf(err) != ward.Unavailable {
			t.Fatalf("segment %d missing: %d frames, %v", n, got, err)
		}
		if n < last {
			if err := os.Rename(name+".away", name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestJournalOlder: the newest segment, or the end of it, that the database has sequenced is gone.
func TestJournalOlder(t *testing.T) {
	r := newRig(t, dbtest.OpenDB(t, dbtest.Open(t, dbtest.SQLite)))
	l := r.open()
	r.fill(l, 30)
	name := filepath.Join(r.c.Dir, "journal", segmentName(1))
	old, err := os.ReadFile(name)
	r.must(err)
	r.fill(l, 30)
	r.must(l.Close())
	newer, err := os.ReadFile(name)
	r.must(err)
	r.must(os.WriteFile(name, old, 0o600))
	if err := r.refused(); ward.KindOf(err) != ward.Unavailable {
		t.Fatal(err)
	}
	r.must(os.Remove(name))
	if err := r.refused(); ward.KindOf(err) != ward.Unavailable {
		t.Fatal(err)
	}
	r.must(os.WriteFile(name, newer, 0o600))
	l = r.open()
	r.clean(l)
	r.must(l.Close())
}
