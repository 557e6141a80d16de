package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/keys"
)

// openFiles opens the journal files behind the cursor that the database holds, calls fn for every frame there, and cuts
// off the torn end of a write that nobody was told about.
func openFiles(d disk, dir string, m keys.MAC, from cursor, fn func(segment int64, in incoming) error) (*files, error) {
	j := &files{disk: d, dir: dir, mac: m, max: segmentMax}
	first, last, err := segments(d, dir)
	if err != nil {
		return nil, refuseOpen("the audit journal is not complete; put the missing segment files back", err)
	}
	if last == 0 && from.a == 0 {
		t, err := newSegment(d, dir, 1, m, chainStart(m, "journal"), 0)
		if err != nil {
			return nil, refuseOpen("the audit journal cannot be made; check the disk and the permissions of the log's folder", err)
		}
		j.tape, j.segment = t, 1
		j.settle()
		return j, nil
	}
	if err := j.holds(from, first, last); err != nil {
		return nil, err
	}
	at, err := j.scan(from, cursor{a: last, b: 1 << 62}, func(segment int64, in incoming) (bool, error) { return true, fn(segment, in) })
	if err != nil && !errors.Is(err, errFrameBroken) {
		return nil, refuseOpen("the audit journal cannot be read; check the disk", err)
	}
	if at.a < last {
		return nil, damaged(at)
	}
	return j, j.takeUp(from, at)
}

func refuseOpen(text string, err error) error {
	return ward.E(ward.Unavailable, "audit.open", text, err)
}

func damaged(at cursor) error {
	return refuseOpen(fmt.Sprintf("the audit journal is damaged in segment %d at offset %d, inside what was acknowledged; "+
		"stop here, keep the folder for investigation and restore the journal from a copy", at.a, at.b), nil)
}

// holds refuses a journal that ends before the place up to which the database has sequenced it.
func (j *files) holds(from cursor, first, last int64) error {
	older := refuseOpen("the audit journal is older than the database: entries that the log has sequenced are missing in it; "+
		"restore the log's folder and the database from the same moment", nil)
	if from.a == 0 {
		if first != 1 {
			return older
		}
		return nil
	}
	if from.a > last || from.a < first {
		return older
	}
	f, err := j.disk.open(filepath.Join(j.dir, segmentName(from.a)), false)
	if err != nil {
		return refuseOpen("the audit journal cannot be read; check the disk", err)
	}
	defer f.Close()
	var mac [32]byte
	if _, err := f.ReadAt(mac[:], from.b-32); from.b < 32 || err != nil && !errors.Is(err, io.EOF) || mac != from.mac {
		return older
	}
	return nil
}

// takeUp continues writing behind the last good frame. What the database has not sequenced yet is written once more and
// synced: after a sync that failed, the kernel may show frames that are not on the disk and call the next sync a success.
func (j *files) takeUp(from, at cursor) error {
	f, err := j.disk.open(filepath.Join(j.dir, segmentName(at.a)), false)
	if err != nil {
		return refuseOpen("the audit journal cannot be opened for writing; check the permissions of the log's folder", err)
	}
	t, cut, err := takeUp(f, j.mac, at)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	j.tape, j.segment = t, at.a
	if from.a < at.a {
		from.b = 0
	}
	err = rewrite(f, from.b, at.b)
	if err == nil && cut {
		err = t.write([]outgoing{{frameRecovery, nil}}, true)
	}
	if err != nil {
		return refuseOpen("the audit journal cannot be written; check the disk", errors.Join(err, f.Close()))
	}
	j.settle()
	return nil
}

// rewrite writes bytes over themselves and syncs, so that they are on the disk whatever happened to them before.
func rewrite(f file, from, upTo int64) error {
	b := make([]byte, min(1<<20, upTo-from))
	for from < upTo {
		part := b[:min(int64(len(b)), upTo-from)]
		if _, err := f.ReadAt(part, from); err != nil {
			return err
		}
		if _, err := f.WriteAt(part, from); err != nil {
			return err
		}
		from += int64(len(part))
	}
	return f.sync()
}

// takeUp makes a tape that goes on at a cursor. What stands behind it is zero, or the torn end of one group, which is
// overwritten with zeros (cut is true then, as after a group whose end is missing); else the file is damaged.
func takeUp(f file, m keys.MAC, at cursor) (t *tape, cut bool, err error) {
	size, err := f.size()
	if err != nil {
		return nil, false, refuseOpen("the audit journal cannot be read; check the disk", err)
	}
	t = &tape{f: f, mac: m, off: at.b, filled: max(size, at.b), prev: at.mac, group: at.group + 1}
	rest := make([]byte, max(0, size-at.b))
	if _, err := f.ReadAt(rest, at.b); err != nil && !errors.Is(err, io.EOF) {
		return nil, false, refuseOpen("the audit journal cannot be read; check the disk", err)
	}
	if allZero(rest) {
		return t, !at.last, nil
	}
	if !torn(rest, m, at) {
		return nil, false, damaged(at)
	}
	if !at.last {
		t.group = at.group
	}
	t.group++ // the torn group's number is not used again
	err = writeZeros(f, at.b, size)
	if err == nil {
		err = f.sync()
	}
	if err != nil {
		return nil, false, refuseOpen("the torn end of the audit journal cannot be cut off; check the disk", err)
	}
	return t, true, nil
}

const sector = 512

// torn reports whether rest, what stands behind the last good frame, can be the remains of one group whose sync did not
// return: part of its first frame was never written, and every good frame further on is of that same group. A good
// frame of a later group would prove that the broken one was durable before.
func torn(rest []byte, m keys.MAC, at cursor) bool {
	group := at.group + 1
	if !at.last {
		group = at.group
	}
	return unwritten(rest, at.b) && !later(rest, m, group)
}

// unwritten reports whether part of the frame at the beginning of rest was not written: the file ends inside it, a
// sector of it is zero, or nothing but zeros follows some place in it.
func unwritten(rest []byte, off int64) bool {
	size := frameHead
	if h, ok := parseHead(rest); ok {
		size = frameOverhead + h.n
	}
	if len(rest) < size || len(bytes.TrimRight(rest, "\x00")) < size {
		return true
	}
	for from := 0; from < size; {
		to := min(size, from+sector-int((off+int64(from))%sector))
		if allZero(rest[from:to]) {
			return true
		}
		from = to
	}
	return false
}

// later reports whether rest holds a good frame of another group.
func later(rest []byte, m keys.MAC, group uint16) bool {
	for p := frameMAC; p+frameOverhead <= len(rest); p++ {
		if k := rest[p] &^ frameLast; k < frameSegment || k > frameRecovery {
			continue
		}
		h, ok := parseHead(rest[p:])
		if !ok || h.group == group || p+frameOverhead+h.n > len(rest) {
			continue
		}
		prev := [32]byte(rest[p-frameMAC:])
		end := p + frameHead + h.n
		if link(m, &prev, rest[p:p+frameHead], rest[p+frameHead:end]) == [32]byte(rest[end:]) {
			return true
		}
	}
	return false
}
