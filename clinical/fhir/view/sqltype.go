package view

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// SQLName is a type of ISO/IEC 9075.
type SQLName string

// The SQL types that columns may have.
const (
	Varchar   SQLName = "CHARACTER VARYING"
	Bool      SQLName = "BOOLEAN"
	Int       SQLName = "INT"
	BigInt    SQLName = "BIGINT"
	Double    SQLName = "DOUBLE PRECISION"
	Number    SQLName = "DECIMAL"
	Date      SQLName = "DATE"
	Timestamp SQLName = "TIMESTAMP WITH TIME ZONE"
	Binary    SQLName = "BINARY VARYING"
)

// SQLType is the SQL type of a column.
type SQLType struct {
	Name             SQLName
	Precision, Scale int // of DECIMAL
}

// String returns the type as it stands in a statement.
func (t SQLType) String() string {
	if t.Name == Number {
		return fmt.Sprintf("%s(%d,%d)", t.Name, t.Precision, t.Scale)
	}
	return string(t.Name)
}

// sqlTypes are the SQL types of FHIR types; all others are CHARACTER VARYING.
//
// SPEC(SQL on FHIR ViewDefinition, default type mappings): dates, times and decimals stay text, so that precision is kept.
var sqlTypes = map[string]SQLName{"base64Binary": Binary, "boolean": Bool, "instant": Timestamp, "integer": Int, "integer64": BigInt, "positiveInt": Int,
	"unsignedInt": Int}

func defaultSQL(typ string) SQLType {
	if n, ok := sqlTypes[typ]; ok {
		return SQLType{Name: n}
	}
	return SQLType{Name: Varchar}
}

// hints are the spellings of the types in tags.
var hints = map[string]SQLName{"CHARACTER VARYING": Varchar, "VARCHAR": Varchar, "CHARACTER LARGE OBJECT": Varchar, "CLOB": Varchar, "TEXT": Varchar, "BOOLEAN": Bool,
	"SMALLINT": Int, "INT": Int, "INTEGER": Int, "BIGINT": BigInt, "REAL": Double, "FLOAT": Double, "DOUBLE PRECISION": Double, "DOUBLE": Double, "DEC": Number,
	"DECIMAL": Number, "NUMERIC": Number, "DATE": Date, "TIMESTAMP WITH TIME ZONE": Timestamp, "BINARY": Binary, "VARBINARY": Binary, "BINARY VARYING": Binary}

var hintRule = regexp.MustCompile(`^([A-Z ]+?) ?(?:\( ?([0-9]{1,9}) ?(?:, ?([0-9]{1,9}) ?)?\))?( WITH TIME ZONE)?$`)

// readHint reads the value of an ansi/type tag.
func readHint(text string) (t SQLType, ok bool) {
	m := hintRule.FindStringSubmatch(strings.ToUpper(strings.Join(strings.Fields(text), " ")))
	if m == nil {
		return t, false
	}
	if t.Name, ok = hints[m[1]+m[4]]; !ok {
		return t, false
	}
	if t.Name == Number {
		t.Precision, _ = strconv.Atoi(m[2]) // empty: 0
		t.Scale, _ = strconv.Atoi(m[3])
		if m[2] == "" {
			t.Precision = 18
		}
		ok = t.Precision >= 1 && t.Precision <= 18 && t.Scale <= t.Precision
	}
	return t, ok
}

// holds reports whether values of a FHIR type can be of the SQL type; text holds everything.
func (t SQLType) holds(typ string) bool {
	if t.Name == Varchar {
		return true
	}
	switch typ {
	case "boolean":
		return t.Name == Bool
	case "integer", "positiveInt", "unsignedInt", "integer64":
		return t.Name == Int || t.Name == BigInt || t.Name == Double || t.Name == Number
	case "decimal":
		return t.Name == Double || t.Name == Number
	case "date":
		return t.Name == Date
	case "dateTime":
		return t.Name == Date || t.Name == Timestamp
	case "instant":
		return t.Name == Timestamp
	case "base64Binary":
		return t.Name == Binary
	}
	return false
}
