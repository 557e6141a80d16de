package view

import (
	"bufio"
	"bytes"
	"io"
)

// CSV writes comma-separated values: a header line with the names, then a record a row. A column without a value is an empty field
// without quotes; a text that is empty is two quotes. Collections and elements that are not primitive are their JSON. Fields keep what they
// hold: nothing is put before a field that a spreadsheet would take for a formula.
//
// SPEC(RFC 4180 section 2): records end in CRLF; fields with a quote, a comma or a line break stand in quotes, and a quote in them is
// doubled.
type CSV struct {
	w     *bufio.Writer
	names []string // nil: the header was written
	line  []byte
	cell  []byte
}

// NewCSV returns a writer of rows of these columns.
func NewCSV(w io.Writer, columns []Column) *CSV {
	out := &CSV{w: bufio.NewWriterSize(w, 64<<10)}
	for _, c := range columns {
		out.names = append(out.names, c.Name)
	}
	return out
}

func (c *CSV) header() error {
	if c.names == nil {
		return nil
	}
	c.line = c.line[:0]
	for i, name := range c.names {
		if i > 0 {
			c.line = append(c.line, ',')
		}
		c.line = append(c.line, name...) // a name never needs quotes
	}
	c.names = nil
	_, err := c.w.Write(append(c.line, "\r\n"...))
	return err
}

// Row writes one record.
func (c *CSV) Row(row []Value) error {
	if err := c.header(); err != nil {
		return err
	}
	c.line = c.line[:0]
	for i := range row {
		if i > 0 {
			c.line = append(c.line, ',')
		}
		c.field(&row[i])
	}
	_, err := c.w.Write(append(c.line, "\r\n"...))
	return err
}

// Close writes the header if no row did, and what is buffered.
func (c *CSV) Close() error {
	if err := c.header(); err != nil {
		return err
	}
	return c.w.Flush()
}

func (c *CSV) field(v *Value) {
	switch v.Kind {
	case Null:
	case Boolean, Integer, Decimal:
		c.line = appendJSON(c.line, v)
	case Text:
		c.quoted(v.Text)
	default:
		c.cell = appendJSON(c.cell[:0], v)
		c.quoted(c.cell)
	}
}

func (c *CSV) quoted(text []byte) {
	if len(text) > 0 && !bytes.ContainsAny(text, "\",\r\n") {
		c.line = append(c.line, text...)
		return
	}
	c.line = append(c.line, '"')
	for _, b := range text {
		if b == '"' {
			c.line = append(c.line, '"')
		}
		c.line = append(c.line, b)
	}
	c.line = append(c.line, '"')
}
