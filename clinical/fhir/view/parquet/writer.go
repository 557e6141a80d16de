package parquet

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Defaults and bounds.
const (
	defaultGroupBytes = 32 << 20
	defaultGroupRows  = 1 << 20
	defaultPageBytes  = 256 << 10
	maxGroups         = math.MaxInt16 // ordinals of row groups are 16 bits
	maxColumns        = 10_000
	maxValue          = 256 << 20
)

// Options of a Writer. A field that is zero takes its default.
type Options struct {
	GroupBytes   int  // bytes in memory at which a row group is written out: 32 MiB
	GroupRows    int  // rows of a group: 1,048,576
	PageBytes    int  // bytes of values at which a page is closed: 256 KiB
	Uncompressed bool // pages are not compressed; otherwise each is gzip
	CreatedBy    string
	Metadata     []KeyValue
}

// KeyValue is an entry of the file's own metadata.
type KeyValue struct{ Key, Value string }

// Writer writes one file. For each row, every column gets one call of Null, Bool, Int, Float or Bytes, or of List and as many
// values as it announced; then comes EndRow. The first error stays: EndRow and Close return it.
type Writer struct {
	w      io.Writer
	o      Options
	chunks []*chunk
	rows   int64 // in all
	group  int64 // in the open group
	at     int64 // bytes written
	groups []group
	err    error
	closed bool
}

// NewWriter checks the columns and begins the file.
func NewWriter(w io.Writer, columns []Column, o Options) (*Writer, error) {
	if len(columns) == 0 || len(columns) > maxColumns {
		return nil, fmt.Errorf("parquet: %d columns, expected 1 to %d", len(columns), maxColumns)
	}
	o.GroupBytes, o.GroupRows, o.PageBytes = or(o.GroupBytes, defaultGroupBytes), or(o.GroupRows, defaultGroupRows), or(o.PageBytes, defaultPageBytes)
	out := &Writer{w: w, o: o}
	var z *gzip.Writer
	if !o.Uncompressed {
		z, _ = gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is one that it knows
	}
	names := map[string]bool{}
	for _, c := range columns {
		if err := c.check(); err != nil {
			return nil, err
		}
		if names[c.Name] {
			return nil, fmt.Errorf("parquet: column %s is there twice", c.Name)
		}
		names[c.Name] = true
		out.chunks = append(out.chunks, newChunk(c, z, o.PageBytes))
	}
	return out, out.write([]byte("PAR1"))
}

func or(v, otherwise int) int {
	if v > 0 {
		return v
	}
	return otherwise
}

func (w *Writer) write(b []byte) error {
	n, err := w.w.Write(b)
	w.at += int64(n)
	if err != nil && w.err == nil {
		w.err = err
	}
	return err
}

// column returns the chunk of column i if it has one of the kinds and a value is due there; otherwise it keeps an error.
func (w *Writer) column(i int, list bool, kinds ...Kind) *chunk {
	if i < 0 || i >= len(w.chunks) {
		w.fail("there is no column %d", i)
		return nil
	}
	k := w.chunks[i]
	fits := len(kinds) == 0
	for _, want := range kinds {
		fits = fits || k.Kind == want
	}
	if !fits {
		w.fail("column %s: a value of another kind", k.Name)
		return nil
	}
	if !k.begin(list) {
		w.fail("column %s: a value too many", k.Name)
		return nil
	}
	return k
}

func (w *Writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("parquet: row %d: %s", w.rows, fmt.Sprintf(format, args...))
	}
}

// Null says that the column is null in this row.
func (w *Writer) Null(column int) {
	if k := w.column(column, true); k != nil {
		k.level(0)
	}
}

// List begins a list of n values.
func (w *Writer) List(column, n int) {
	k := w.column(column, true)
	if k == nil {
		return
	}
	if !k.List || n < 0 {
		w.fail("column %s: not a list", k.Name)
		return
	}
	if k.left = n; n == 0 {
		k.level(1)
	}
}

// Bool adds a value of a Boolean column.
func (w *Writer) Bool(column int, v bool) {
	if k := w.column(column, false, Boolean); k != nil {
		k.putBool(v)
	}
}

// Int adds a value of an Int32, Int64, Date, Timestamp or Decimal column; of a decimal it is the unscaled value.
func (w *Writer) Int(column int, v int64) {
	k := w.column(column, false, Int32, Int64, Date, Timestamp, Decimal)
	switch {
	case k == nil:
	case k.Kind.physical() == typeInt32 && (v < math.MinInt32 || v > math.MaxInt32):
		w.fail("column %s: a value beyond 32 bits", k.Name)
	default:
		k.putInt(v)
	}
}

// Float adds a value of a Double column.
func (w *Writer) Float(column int, v float64) {
	if k := w.column(column, false, Double); k != nil {
		k.putFloat(v)
	}
}

// Bytes adds a value of a String, JSON or Binary column. It is copied.
func (w *Writer) Bytes(column int, v []byte) {
	k := w.column(column, false, String, JSON, Binary)
	switch {
	case k == nil:
	case len(v) > maxValue:
		w.fail("column %s: a value of more than %d bytes", k.Name, maxValue)
	default:
		k.putBytes(v)
	}
}

// EndRow ends the row; it writes the row group out when that is full.
func (w *Writer) EndRow() error {
	if w.closed {
		return errors.New("parquet: a row after the end")
	}
	size := 0
	for _, k := range w.chunks {
		if w.err != nil {
			return w.err
		}
		if k.rows != w.group+1 || k.left != 0 {
			w.fail("column %s: expected one value, or as many as the list has", k.Name)
			return w.err
		}
		if w.err = k.row(); w.err != nil {
			return w.err
		}
		size += k.size()
	}
	w.rows++
	w.group++
	if size >= w.o.GroupBytes || w.group >= int64(w.o.GroupRows) {
		w.err = w.flush()
	}
	return w.err
}

// flush writes the row group out.
func (w *Writer) flush() error {
	if w.group == 0 {
		return nil
	}
	if len(w.groups) == maxGroups {
		return fmt.Errorf("parquet: more than %d row groups", maxGroups)
	}
	g := group{rows: w.group}
	for _, k := range w.chunks {
		c, err := w.chunk(k)
		if err != nil {
			return err
		}
		g.chunks = append(g.chunks, c)
		k.reset()
		k.rows = 0
	}
	w.groups = append(w.groups, g)
	w.group = 0
	return nil
}

func (w *Writer) chunk(k *chunk) (written, error) {
	if err := k.flush(); err != nil {
		return written{}, err
	}
	dictionary, err := k.dictionary()
	if err != nil {
		return written{}, err
	}
	c := written{start: w.at, data: w.at + int64(len(dictionary)), values: k.values, uncompressed: k.uncompressed, encodings: k.encodings(),
		dictionary: dictionary != nil}
	c.stats = k.stats
	c.stats.least, c.stats.most = append([]byte(nil), k.stats.least...), append([]byte(nil), k.stats.most...)
	if err := w.write(dictionary); err != nil {
		return c, err
	}
	err = w.write(k.pages.Bytes())
	c.end = w.at
	return c, err
}

// Close writes what is left and the end of the file. It does not close the writer beneath.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	for _, k := range w.chunks {
		if w.err == nil && k.rows != w.group {
			w.fail("the last row was not ended")
		}
	}
	if w.err == nil {
		w.err = w.flush()
	}
	if w.err != nil {
		return w.err
	}
	footer := w.footer()
	footer = binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	return w.write(append(footer, "PAR1"...))
}
