package audit

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/keys"
)

// emergencyMax is the size of the emergency journal, made and synced beforehand: about 9,000 entries.
const emergencyMax = 8 << 20

const emergencyName = "emergency.jrn"

// emergency is the journal of last resort, on another disk if the operator has one. What it holds is merged into the
// journal as soon as that can be written again.
type emergency struct {
	disk disk
	dir  string
	mac  keys.MAC

	mu      sync.Mutex // guards all below
	tape    *tape
	waiting int // entries not yet merged
	broken  error
	full    error // of the first entries that found no room; smaller ones are still taken
}

// openEmergency opens or makes the file and counts what waits in it.
func openEmergency(d disk, dir string, m keys.MAC) (*emergency, error) {
	e := &emergency{disk: d, dir: dir, mac: m}
	f, err := d.open(filepath.Join(dir, emergencyName), false)
	if errors.Is(err, fs.ErrNotExist) {
		if err := e.reset(); err != nil {
			return nil, err
		}
		// The folder's own name may be new. One that was there already may lie in a folder that cannot be opened.
		if err := d.syncDir(filepath.Dir(dir)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return nil, refuseOpen("the emergency journal cannot be made; check its folder and the disk", errors.Join(err, e.close()))
		}
		return e, nil
	}
	if err != nil {
		return nil, refuseOpen("the emergency journal cannot be opened; check its folder", err)
	}
	at, err := e.scan(f, func(outgoing) error { e.waiting++; return nil })
	if err != nil && !errors.Is(err, errFrameBroken) {
		return nil, refuseOpen("the emergency journal cannot be read; check the disk", errors.Join(err, f.Close()))
	}
	t, cut, err := takeUp(f, m, at)
	if err == nil && cut {
		err = t.write([]outgoing{{frameRecovery, nil}}, true)
	}
	if err != nil {
		return nil, refuseOpen("the emergency journal is damaged; keep the file for investigation and move it away", errors.Join(err, f.Close()))
	}
	e.tape = t
	return e, nil
}

func (e *emergency) scan(f file, fn func(outgoing) error) (cursor, error) {
	r := &reel{f: f, mac: e.mac, prev: chainStart(e.mac, "emergency"), last: true}
	for {
		at := cursor{1, r.off, r.prev, r.group, r.last}
		in, err := r.next()
		if errors.Is(err, errFrameEnd) {
			return at, nil
		}
		if err != nil {
			return at, err
		}
		if in.kind == frameEntry || in.kind == frameMerged {
			if err := fn(outgoing{frameMerged, append([]byte(nil), in.payload...)}); err != nil {
				return at, err
			}
		}
	}
}

// reset puts an empty file in place, all of it written and synced. When it fails from the renaming on, e is broken: the
// open file may have no name any more. A later reset that succeeds mends that.
func (e *emergency) reset() error {
	fail := func(err error) error {
		return refuseOpen("the emergency journal cannot be made; check its folder and the space on its disk", err)
	}
	name := filepath.Join(e.dir, emergencyName)
	f, err := e.disk.open(name+".new", true)
	if err != nil {
		return fail(err)
	}
	t := &tape{f: f, mac: e.mac, prev: chainStart(e.mac, "emergency"), filled: emergencyMax}
	if err = writeZeros(f, 0, emergencyMax); err == nil {
		err = t.write([]outgoing{{frameSegment, binary.BigEndian.AppendUint64([]byte(segmentMagic), 1)}}, true)
	}
	if err != nil {
		return fail(errors.Join(err, f.Close()))
	}
	if err = e.disk.rename(name+".new", name); err == nil {
		err = e.disk.syncDir(e.dir)
	}
	if err != nil {
		e.broken = fail(errors.Join(err, f.Close()))
		return e.broken
	}
	if e.tape != nil {
		e.tape.f.Close() // of a file that is gone
	}
	e.tape, e.waiting, e.broken, e.full = t, 0, nil, nil
	return nil
}

// append makes frames durable here.
func (e *emergency) append(frames []outgoing) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken != nil {
		return e.broken
	}
	size := int64(0)
	for _, f := range frames {
		size += frameOverhead + int64(len(f.payload))
	}
	if e.tape.off+size > emergencyMax {
		e.full = ward.E(ward.Unavailable, "audit.emergency", "the emergency journal is full; mend the audit journal's disk and restart the node", nil)
		return e.full
	}
	if err := e.tape.write(frames, true); err != nil {
		e.broken = ward.E(ward.Unavailable, "audit.emergency", "neither the audit journal nor the emergency journal can be written; mend their disks and restart the node", err)
		return e.broken
	}
	e.waiting += len(frames)
	return nil
}

// merge hands everything that waits to fn and empties the file when fn has made it durable elsewhere.
func (e *emergency) merge(fn func([]outgoing) error) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting == 0 {
		return 0, nil
	}
	var frames []outgoing
	if _, err := e.scan(e.tape.f, func(o outgoing) error { frames = append(frames, o); return nil }); err != nil {
		return 0, refuseOpen("the emergency journal cannot be read; check the disk", err)
	}
	if err := fn(frames); err != nil {
		return 0, err
	}
	n := e.waiting
	return n, e.reset()
}

func (e *emergency) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.waiting
}

// usable says why entries cannot be made durable here, or not all of them.
func (e *emergency) usable() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken != nil {
		return e.broken
	}
	return e.full
}

func (e *emergency) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.broken = ward.E(ward.Unavailable, "audit.emergency", "the log is closed", nil)
	return e.tape.f.Close()
}
