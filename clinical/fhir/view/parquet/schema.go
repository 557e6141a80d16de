package parquet

import "fmt"

// Kind is the type of a column's values.
type Kind uint8

// The kinds, with the physical and logical types that they are written as.
const (
	Boolean   Kind = iota + 1 // BOOLEAN
	Int32                     // INT32
	Int64                     // INT64
	Double                    // DOUBLE
	String                    // BYTE_ARRAY, STRING
	JSON                      // BYTE_ARRAY, JSON
	Binary                    // BYTE_ARRAY
	Date                      // INT32, DATE: days since 1970-01-01
	Timestamp                 // INT64, TIMESTAMP of microseconds since 1970-01-01T00:00:00Z, adjusted to UTC
	Decimal                   // INT64, DECIMAL: the value times ten to the power of Scale
)

// Column describes one column. Every column may be null.
type Column struct {
	Name      string
	Kind      Kind
	List      bool // a list of values, which are not null themselves
	Precision int  // of Decimal: digits, 1 to 18
	Scale     int  // of Decimal: digits behind the point, at most Precision
}

// Numbers of parquet.thrift.
const (
	typeBoolean, typeInt32, typeInt64, typeDouble, typeBytes = 0, 1, 2, 5, 6
	required, optional, repeated                             = 0, 1, 2
	convUTF8, convList, convDecimal, convDate, convMicros    = 0, 3, 5, 6, 10
	convJSON                                                 = 19
	encPlain, encDictionary, encRLE                          = 0, 2, 3
	codecNone, codecGzip                                     = 0, 2
	pageData, pageDictionary                                 = 0, 2
	logicalString, logicalList, logicalDecimal, logicalDate  = 1, 3, 5, 6
	logicalTimestamp, logicalJSON, unitMicros, formatVersion = 8, 12, 2, 1
)

func (k Kind) physical() int {
	switch k {
	case Boolean:
		return typeBoolean
	case Int32, Date:
		return typeInt32
	case Int64, Timestamp, Decimal:
		return typeInt64
	case Double:
		return typeDouble
	}
	return typeBytes
}

// bytes reports whether values of the kind are byte strings.
func (k Kind) bytes() bool { return k == String || k == JSON || k == Binary }

func (c Column) check() error {
	switch {
	case c.Name == "":
		return fmt.Errorf("parquet: a column without a name")
	case c.Kind < Boolean || c.Kind > Decimal:
		return fmt.Errorf("parquet: column %s: kind %d is not known", c.Name, c.Kind)
	case c.Kind == Decimal && (c.Precision < 1 || c.Precision > 18 || c.Scale < 0 || c.Scale > c.Precision):
		return fmt.Errorf("parquet: column %s: a decimal has 1 to 18 digits, of which at most all are behind the point", c.Name)
	}
	return nil
}

// levels are the highest definition and repetition level.
func (c Column) levels() (def, rep int) {
	if c.List {
		return 2, 1
	}
	return 1, 0
}

// path is the place of the values in the schema.
func (c Column) path() []string {
	if c.List {
		return []string{c.Name, "list", "element"}
	}
	return []string{c.Name}
}

// elements is the number of schema elements of the column.
func (c Column) elements() int { return len(c.path()) }

// schema writes the schema elements of the column.
//
// SPEC(Parquet LogicalTypes.md, Lists): an annotated optional group, in it a repeated group "list", in it "element".
func (c Column) schema(t *thrift) {
	if !c.List {
		c.leaf(t, c.Name, optional)
		return
	}
	t.open()
	t.i32(3, optional)
	t.text(4, c.Name)
	t.i32(5, 1)
	t.i32(6, convList)
	t.in(10, func() { t.empty(logicalList) })
	t.close()
	t.open()
	t.i32(3, repeated)
	t.text(4, "list")
	t.i32(5, 1)
	t.close()
	c.leaf(t, "element", required)
}

func (c Column) leaf(t *thrift, name string, repetition int) {
	t.open()
	defer t.close()
	t.i32(1, c.Kind.physical())
	t.i32(3, repetition)
	t.text(4, name)
	switch c.Kind {
	case String:
		t.i32(6, convUTF8)
		t.in(10, func() { t.empty(logicalString) })
	case JSON:
		t.i32(6, convJSON)
		t.in(10, func() { t.empty(logicalJSON) })
	case Date:
		t.i32(6, convDate)
		t.in(10, func() { t.empty(logicalDate) })
	case Timestamp:
		t.i32(6, convMicros)
		t.in(10, func() {
			t.in(logicalTimestamp, func() { t.boolean(1, true); t.in(2, func() { t.empty(unitMicros) }) })
		})
	case Decimal:
		t.i32(6, convDecimal)
		t.i32(7, c.Scale)
		t.i32(8, c.Precision)
		t.in(10, func() {
			t.in(logicalDecimal, func() { t.i32(1, c.Scale); t.i32(2, c.Precision) })
		})
	}
}
