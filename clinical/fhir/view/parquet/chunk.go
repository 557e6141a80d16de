package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// Bounds of a dictionary: beyond them the rest of the chunk is written plain.
const (
	dictionaryBytes = 1 << 20
	dictionaryItems = 1 << 16
)

// chunk gathers one column of one row group: finished pages, and the values of the page that is open.
type chunk struct {
	Column
	gzip *gzip.Writer // nil: pages are not compressed
	page int          // bytes at which a page is closed

	pages        bytes.Buffer
	values       int64 // levels in finished pages and the open one
	uncompressed int64 // bytes of headers and pages, the dictionary included
	plainPages   bool  // a page was written plain
	dictPages    bool  // a page was written by the dictionary
	stats        statistics

	defs, reps []uint8  // levels of the open page
	plain      []byte   // values of the open page, PLAIN; booleans a byte each
	index      []uint32 // or their places in the dictionary

	dict       map[string]uint32 // nil: no dictionary, or it has been given up
	dictPlain  []byte            // its items, PLAIN
	dictLength int

	rows int64 // rows that have been begun
	left int   // values of the open list that have to follow
	head bool  // the next value is the first of its row
}

func newChunk(c Column, z *gzip.Writer, page int) *chunk {
	k := &chunk{Column: c, gzip: z, page: page}
	k.reset()
	return k
}

// reset makes the chunk ready for the next row group.
func (k *chunk) reset() {
	k.pages.Reset()
	k.values, k.uncompressed, k.plainPages, k.dictPages = 0, 0, false, false
	k.stats = statistics{least: k.stats.least[:0], most: k.stats.most[:0]}
	k.dictPlain, k.dictLength = k.dictPlain[:0], 0
	if k.Kind.bytes() {
		k.dict = map[string]uint32{}
	}
}

// level notes one level pair.
func (k *chunk) level(def uint8) {
	k.defs = append(k.defs, def)
	if k.List {
		rep := uint8(1)
		if k.head {
			rep = 0
		}
		k.reps = append(k.reps, rep)
	}
	k.head = false
	k.values++
	if most, _ := k.levels(); int(def) < most {
		k.stats.nulls++
	}
}

// begin starts a value or a row that is null or a list; it reports false where the caller is out of step.
func (k *chunk) begin(list bool) bool {
	if k.List && !list {
		k.left--
		return k.left >= 0
	}
	k.rows++
	k.head = true
	return k.left == 0
}

func (k *chunk) put() {
	most, _ := k.levels()
	k.level(uint8(most))
}

func (k *chunk) putBytes(v []byte) {
	k.put()
	k.stats.bytes(v)
	if k.dict != nil {
		at, known := k.dict[string(v)]
		if !known {
			at = uint32(k.dictLength)
			k.dict[string(v)] = at
			k.dictPlain = appendBytes(k.dictPlain, v)
			k.dictLength++
		}
		k.index = append(k.index, at)
		return
	}
	k.plain = appendBytes(k.plain, v)
}

func appendBytes(dst, v []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(v)))
	return append(dst, v...)
}

func (k *chunk) putInt(v int64) {
	k.put()
	k.stats.int(v)
	if k.Kind.physical() == typeInt32 {
		k.plain = binary.LittleEndian.AppendUint32(k.plain, uint32(v))
		return
	}
	k.plain = binary.LittleEndian.AppendUint64(k.plain, uint64(v))
}

func (k *chunk) putFloat(v float64) {
	k.put()
	k.stats.float(v)
	k.plain = binary.LittleEndian.AppendUint64(k.plain, math.Float64bits(v))
}

func (k *chunk) putBool(v bool) {
	k.put()
	b := byte(0)
	if v {
		b = 1
	}
	k.plain = append(k.plain, b)
}

// size is what the chunk holds in memory, in bytes.
func (k *chunk) size() int {
	return k.pages.Len() + len(k.plain) + 4*len(k.index) + len(k.defs) + len(k.reps) + 2*len(k.dictPlain)
}

// row closes the page if it is full; it is called behind each row, so that no row is in two pages.
func (k *chunk) row() error {
	if len(k.plain)+4*len(k.index)+len(k.defs) < k.page && len(k.dictPlain) < dictionaryBytes && k.dictLength < dictionaryItems {
		return nil
	}
	return k.flush()
}

// flush closes the open page.
//
// SPEC(Parquet README, data pages): repetition levels, definition levels, values; levels are hybrid runs behind their
// length in four bytes, and absent where the highest level is 0.
func (k *chunk) flush() error {
	if len(k.defs) == 0 {
		return nil
	}
	def, rep := k.levels()
	var body []byte
	if rep > 0 {
		body = appendLevels(body, k.reps, rep)
	}
	body = appendLevels(body, k.defs, def)
	encoding := encPlain
	switch {
	case k.dict != nil:
		encoding, k.dictPages = encDictionary, true
		width := widthOf(max(k.dictLength-1, 0))
		body = append(body, byte(width))
		body = appendHybrid(body, k.index, width)
	case k.Kind == Boolean:
		k.plainPages = true
		body = appendPacked(body, k.plain, 1, (len(k.plain)+7)/8*8)
	default:
		k.plainPages = true
		body = append(body, k.plain...)
	}
	if len(body) > math.MaxInt32 {
		return fmt.Errorf("parquet: column %s: more than %d bytes in one row", k.Name, math.MaxInt32)
	}
	values := len(k.defs)
	size, err := k.write(&k.pages, body, func(t *thrift, stored int, sum uint32) {
		t.i32(1, pageData)
		t.i32(2, len(body))
		t.i32(3, stored)
		t.i32(4, int(int32(sum)))
		t.in(5, func() {
			t.i32(1, values)
			t.i32(2, encoding)
			t.i32(3, encRLE)
			t.i32(4, encRLE)
		})
	})
	k.uncompressed += size
	k.defs, k.reps, k.plain, k.index = k.defs[:0], k.reps[:0], k.plain[:0], k.index[:0]
	if len(k.dictPlain) >= dictionaryBytes || k.dictLength >= dictionaryItems {
		k.dict = nil // from here on plain
	}
	return err
}

func appendLevels(dst []byte, levels []uint8, most int) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendHybrid(dst, levels, widthOf(most))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// write compresses a page, writes its header and the page, and returns how many bytes both have uncompressed.
func (k *chunk) write(w *bytes.Buffer, body []byte, header func(t *thrift, stored int, sum uint32)) (int64, error) {
	stored := body
	if k.gzip != nil {
		var packed bytes.Buffer
		k.gzip.Reset(&packed)
		if _, err := k.gzip.Write(body); err != nil {
			return 0, err
		}
		if err := k.gzip.Close(); err != nil {
			return 0, err
		}
		stored = packed.Bytes()
	}
	var t thrift
	t.open()
	header(&t, len(stored), crc32.ChecksumIEEE(stored))
	t.close()
	w.Write(t.b)
	w.Write(stored)
	return int64(len(t.b) + len(body)), nil
}

// dictionary returns the dictionary page, nil if no page needs it.
func (k *chunk) dictionary() ([]byte, error) {
	if !k.dictPages {
		return nil, nil
	}
	var out bytes.Buffer
	size, err := k.write(&out, k.dictPlain, func(t *thrift, stored int, sum uint32) {
		t.i32(1, pageDictionary)
		t.i32(2, len(k.dictPlain))
		t.i32(3, stored)
		t.i32(4, int(int32(sum)))
		t.in(7, func() {
			t.i32(1, k.dictLength)
			t.i32(2, encDictionary)
		})
	})
	k.uncompressed += size
	return out.Bytes(), err
}

// encodings lists what the pages of the chunk use.
func (k *chunk) encodings() []int {
	out := []int{encRLE}
	if k.plainPages {
		out = append(out, encPlain)
	}
	if k.dictPages {
		out = append(out, encDictionary)
	}
	return out
}
