package db_test

import (
	"fmt"
	"testing"

	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/db/dbtest"
)

// BenchmarkInsert measures rows per chunk: the rows of one statement are the number of rows given to Insert.
func BenchmarkInsert(b *testing.B) {
	for _, engine := range []string{dbtest.SQLite, dbtest.PostgreSQL} {
		b.Run(engine, func(b *testing.B) {
			d := dbtest.OpenDB(b, dbtest.Open(b, engine))
			if err := d.Migrate(b.Context(), rowTables); err != nil {
				b.Fatal(err)
			}
			id := 0
			for _, chunk := range []int{1, 4, 16, 64, 256, 512} {
				b.Run(fmt.Sprint(chunk), func(b *testing.B) {
					for b.Loop() {
						err := d.Write(b.Context(), db.System, func(tx *db.Tx) error {
							for range 2048 / chunk {
								rows := make([][]any, chunk)
								for i := range rows {
									id++
									rows[i] = []any{id, "0123456789abcdef", []byte("0123456789abcdef")}
								}
								if err := tx.Insert(b.Context(), "row", []string{"id", "s", "b"}, rows); err != nil {
									return err
								}
							}
							return nil
						})
						if err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(2048*b.N)/b.Elapsed().Seconds(), "rows/s")
				})
			}
		})
	}
}

// BenchmarkRead measures one point read in a snapshot of its own.
func BenchmarkRead(b *testing.B) {
	for _, engine := range []string{dbtest.SQLite, dbtest.PostgreSQL} {
		b.Run(engine, func(b *testing.B) {
			d := dbtest.OpenDB(b, dbtest.Open(b, engine))
			if err := d.Migrate(b.Context(), rowTables); err != nil {
				b.Fatal(err)
			}
			if err := addRow(b.Context(), d, "s", 1); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				var s string
				err := d.Read(b.Context(), 1, func(tx *db.Tx) error {
					_, err := tx.Get(b.Context(), "SELECT s FROM row WHERE id = $1", []any{1}, &s)
					return err
				})
				if err != nil || s != "s" {
					b.Fatal(s, err)
				}
			}
		})
	}
}

// BenchmarkWrite measures durable writes of one row by several callers.
func BenchmarkWrite(b *testing.B) {
	for _, engine := range []string{dbtest.SQLite, dbtest.PostgreSQL} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprint(engine, "/", callers), func(b *testing.B) {
				d := dbtest.OpenDB(b, dbtest.Open(b, engine))
				if err := d.Migrate(b.Context(), rowTables); err != nil {
					b.Fatal(err)
				}
				ids := make(chan int)
				done := make(chan error, callers)
				for range callers {
					go func() {
						for id := range ids {
							if err := addRow(b.Context(), d, "s", id); err != nil {
								b.Error(err)
							}
						}
						done <- nil
					}()
				}
				for id := 0; b.Loop(); id++ {
					ids <- id
				}
				close(ids)
				for range callers {
					<-done
				}
			})
		}
	}
}
