package view

import (
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward/clinical/fhir/view/parquet"
)

// Parquet writes rows to a Parquet file: columns are of their SQL types, collections are lists, elements that are not primitive are
// JSON texts.
type Parquet struct {
	w       *parquet.Writer
	columns []Column
	rows    int64
	scratch []byte
}

// NewParquet begins a file of rows of these columns.
func NewParquet(w io.Writer, columns []Column, o parquet.Options) (*Parquet, error) {
	all := make([]parquet.Column, len(columns))
	for i, c := range columns {
		all[i] = parquet.Column{Name: c.Name, Kind: parquetKind(c), List: c.Collection, Precision: c.SQL.Precision, Scale: c.SQL.Scale}
	}
	p, err := parquet.NewWriter(w, all, o)
	if err != nil {
		return nil, err
	}
	return &Parquet{w: p, columns: columns}, nil
}

func parquetKind(c Column) parquet.Kind {
	switch c.SQL.Name {
	case Bool:
		return parquet.Boolean
	case Int:
		return parquet.Int32
	case BigInt:
		return parquet.Int64
	case Double:
		return parquet.Double
	case Number:
		return parquet.Decimal
	case Date:
		return parquet.Date
	case Timestamp:
		return parquet.Timestamp
	case Binary:
		return parquet.Binary
	}
	if c.Kind == JSON {
		return parquet.JSON
	}
	return parquet.String
}

// Row writes one row. A value that the column's SQL type cannot hold is an error; nothing is rounded.
func (p *Parquet) Row(row []Value) error {
	for i := range row {
		v := &row[i]
		var err error
		switch v.Kind {
		case Null:
			p.w.Null(i)
		case List:
			p.w.List(i, len(v.Items))
			for j := range v.Items {
				if err = p.put(i, &v.Items[j]); err != nil {
					break
				}
			}
		default:
			err = p.put(i, v)
		}
		if err != nil {
			return fmt.Errorf("row %d, column %s: %w", p.rows, p.columns[i].Name, err)
		}
	}
	p.rows++
	return p.w.EndRow()
}

// Close writes the end of the file.
func (p *Parquet) Close() error { return p.w.Close() }

func (p *Parquet) put(i int, v *Value) error {
	c := &p.columns[i]
	switch c.SQL.Name {
	case Bool:
		p.w.Bool(i, v.Int != 0)
	case Int, BigInt:
		p.w.Int(i, v.Int)
	case Double:
		f, err := strconv.ParseFloat(string(p.number(v)), 64)
		if err != nil {
			return fmt.Errorf("expected a number that DOUBLE PRECISION holds")
		}
		p.w.Float(i, f)
	case Number:
		n, ok := unscaled(string(p.number(v)), c.SQL.Precision, c.SQL.Scale)
		if !ok {
			return fmt.Errorf("expected a number that %s holds without rounding", c.SQL)
		}
		p.w.Int(i, n)
	case Date, Timestamp:
		n, ok := moment(string(v.Text), c.SQL.Name)
		if !ok {
			return fmt.Errorf("expected a value that %s holds: a whole date, or an instant with its time zone", c.SQL)
		}
		p.w.Int(i, n)
	case Binary:
		b, err := base64.StdEncoding.AppendDecode(p.scratch[:0], v.Text)
		if p.scratch = b; err != nil {
			return fmt.Errorf("expected base64")
		}
		p.w.Bytes(i, b)
	default:
		p.w.Bytes(i, p.text(v))
	}
	return nil
}

// number is the text of a number.
func (p *Parquet) number(v *Value) []byte {
	if v.Kind == Integer {
		p.scratch = strconv.AppendInt(p.scratch[:0], v.Int, 10)
		return p.scratch
	}
	return v.Text
}

// text is the text of any value.
func (p *Parquet) text(v *Value) []byte {
	if v.Kind == Boolean || v.Kind == Integer {
		p.scratch = appendJSON(p.scratch[:0], v)
		return p.scratch
	}
	return v.Text
}

// unscaled returns the value of a decimal text times ten to the power of scale, if that is a whole number of at most precision digits.
func unscaled(text string, precision, scale int) (int64, bool) {
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(text[i+1:])
		if err != nil || n < -1000 || n > 1000 {
			return 0, false
		}
		mantissa, exponent = text[:i], n
	}
	negative := strings.HasPrefix(mantissa, "-")
	whole, part, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	digits := strings.TrimLeft(whole+part, "0")
	if digits == "" {
		return 0, true
	}
	shift := scale + exponent - len(part)
	for ; shift < 0 && strings.HasSuffix(digits, "0"); shift++ {
		digits = digits[:len(digits)-1]
	}
	if shift < 0 || len(digits)+shift > precision {
		return 0, false
	}
	n, err := strconv.ParseInt(digits+strings.Repeat("0", shift), 10, 64)
	if negative {
		n = -n
	}
	return n, err == nil
}

// moment returns the days of a date or the microseconds of an instant since 1970. Of an instant, what is finer than a microsecond is cut off.
func moment(text string, name SQLName) (int64, bool) {
	if name == Date {
		t, err := time.Parse(time.DateOnly, text)
		return int64(math.Floor(float64(t.Unix()) / 86400)), err == nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t.UnixMicro(), err == nil
}
