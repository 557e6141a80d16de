package parquet

// group is a row group that was written.
type group struct {
	rows   int64
	chunks []written
}

// written is a column chunk that was written.
type written struct {
	start, data, end int64 // offsets: of the first page, of the first data page, behind the last
	values           int64
	uncompressed     int64
	encodings        []int
	dictionary       bool
	stats            statistics
}

// footer returns the FileMetaData.
func (w *Writer) footer() []byte {
	var t thrift
	t.open()
	t.i32(1, formatVersion)
	elements := 1
	for _, k := range w.chunks {
		elements += k.elements()
	}
	t.list(2, wireStruct, elements)
	t.open()
	t.text(4, "schema")
	t.i32(5, len(w.chunks))
	t.close()
	for _, k := range w.chunks {
		k.schema(&t)
	}
	t.i64(3, w.rows)
	t.list(4, wireStruct, len(w.groups))
	for i, g := range w.groups {
		w.rowGroup(&t, i, g)
	}
	if len(w.o.Metadata) > 0 {
		t.list(5, wireStruct, len(w.o.Metadata))
		for _, kv := range w.o.Metadata {
			t.open()
			t.text(1, kv.Key)
			t.text(2, kv.Value)
			t.close()
		}
	}
	if w.o.CreatedBy != "" {
		t.text(6, w.o.CreatedBy)
	}
	// Without the orders readers ignore the bounds of the statistics.
	t.list(7, wireStruct, len(w.chunks))
	for range w.chunks {
		t.open()
		t.empty(1)
		t.close()
	}
	t.close()
	return t.b
}

func (w *Writer) rowGroup(t *thrift, ordinal int, g group) {
	t.open()
	defer t.close()
	t.list(1, wireStruct, len(g.chunks))
	var size int64
	for i, c := range g.chunks {
		w.columnChunk(t, w.chunks[i].Column, c)
		size += c.uncompressed
	}
	t.i64(2, size)
	t.i64(3, g.rows)
	t.i64(5, g.chunks[0].start)
	t.i64(6, g.chunks[len(g.chunks)-1].end-g.chunks[0].start)
	t.i16(7, int16(ordinal))
}

func (w *Writer) columnChunk(t *thrift, c Column, k written) {
	t.open()
	defer t.close()
	t.i64(2, 0) // no column metadata stands outside the footer
	t.in(3, func() {
		t.i32(1, c.Kind.physical())
		t.enums(2, k.encodings...)
		path := c.path()
		t.list(3, wireBinary, len(path))
		for _, name := range path {
			t.raw(name)
		}
		codec := codecGzip
		if w.o.Uncompressed {
			codec = codecNone
		}
		t.i32(4, codec)
		t.i64(5, k.values)
		t.i64(6, k.uncompressed)
		t.i64(7, k.end-k.start)
		t.i64(9, k.data)
		if k.dictionary {
			t.i64(11, k.start)
		}
		t.in(12, func() { k.stats.write(t, c.Kind) })
	})
}
