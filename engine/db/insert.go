package db

import (
	"strconv"
	"strings"
)

// chunks bounds one INSERT statement. With marks its placeholders are "?": the SQLite driver finds the argument of "$n" by
// comparing names, which costs the square of their number. With partial a statement that fails leaves behind the rows that
// it had added before: SQLite then keeps no copy of every page that it changes, and a failed statement ends its
// transaction anyway.
type chunks struct {
	rows, params   int
	marks, partial bool
}

// insert adds rows whose values, one after another, have been checked, in chunks of a power of two rows: few statement texts per table,
// so that they stay prepared.
func (c chunks) insert(t *Tx, table string, columns []string, values []any) error {
	n := c.rows
	for n > 1 && n*len(columns) > c.params {
		n /= 2
	}
	for len(values) > 0 {
		for n*len(columns) > len(values) {
			n /= 2
		}
		if _, err := t.session.exec(t.statement(), false, c.text(table, columns, n), values[:n*len(columns)]...); err != nil {
			return err
		}
		values = values[n*len(columns):]
	}
	return nil
}

func (c chunks) text(table string, columns []string, rows int) string {
	var b strings.Builder
	verb := "INSERT INTO "
	if c.partial {
		verb = "INSERT OR FAIL INTO "
	}
	b.WriteString(verb + table + " (" + strings.Join(columns, ", ") + ") VALUES ")
	n := 1
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		for i := range columns {
			b.WriteByte("(,"[min(i, 1)])
			if c.marks {
				b.WriteByte('?')
				continue
			}
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			n++
		}
		b.WriteByte(')')
	}
	return b.String()
}
