package store

import (
	"context"
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys/seal"
)

// Series is what somebody counts over the results of one sender under one code: numbers over many patients, of none of whom it says
// anything.
type Series struct {
	Name    string         // 1 to 400 bytes
	Version int64          // as it was read; 0: it is new
	Body    ward.Protected // at most 64 KiB; sealed under the tenant's shared key
}

// sealedSeries is a row.
type sealedSeries struct {
	name16, body []byte
	ver          int64
}

// The bounds of series.
const (
	maxSeriesName = 400
	maxSeriesBody = 64 << 10
	maxSeriesPut  = 1_000
)

var errSeriesMoved = ward.E(ward.Precondition, "store.series", "a series was written by somebody else since it was read", nil)

// AllSeries reads the series of the tenant with the names given, all of them if there are none, in no order. p is for access.Receive or
// access.HoldRead. There is no entry: nothing is said of a patient.
func (s *Store) AllSeries(ctx context.Context, p access.Permit, list ...string) ([]Series, error) {
	if p.Allows(access.Receive, "") != nil {
		if err := p.Allows(access.HoldRead, ""); err != nil {
			return nil, err
		}
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil {
		return nil, err
	}
	var q query
	q.add("SELECT s.name16, s.ver, s.body FROM series s WHERE s.tn = ", q.arg(int64(n.tn)))
	if len(list) > 0 {
		keys := make([][]byte, len(list))
		for i, name := range list {
			keys[i] = n.seriesKey(name)
		}
		q.add(" AND s.name16 IN (", q.list(keys), ")")
	}
	var sealed []sealedSeries
	err = s.db.Read(ctx, n.tn, func(tx *db.Tx) error {
		sealed = nil
		rows, err := tx.Query(ctx, q.String(), q.args...)
		return each(rows, err, func(scan scanner) error {
			var r sealedSeries
			err := scan.Scan(&r.name16, &r.ver, &r.body)
			sealed = append(sealed, r)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	out := make([]Series, len(sealed))
	for i, r := range sealed {
		if out[i], err = s.openSeries(ctx, n, r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PutSeries writes series of the tenant in one transaction, if none of them has been written since it was read; else ward.Precondition, and
// nothing is written. p is for access.Receive.
func (s *Store) PutSeries(ctx context.Context, p access.Permit, list []Series) error {
	if err := p.Allows(access.Receive, ""); err != nil {
		return err
	}
	n, err := s.names(ctx, p.Tenant())
	if err != nil || len(list) == 0 {
		return err
	}
	if len(list) > maxSeriesPut || slices.ContainsFunc(list, func(x Series) bool {
		return x.Name == "" || len(x.Name) > maxSeriesName || len(x.Body) > maxSeriesBody || x.Version < 0
	}) {
		return ward.E(ward.TooLarge, "store.series", "at most 1000 series are written at once, each with a name of 1 to 400 bytes and a body of at most 64 KiB", nil)
	}
	rows := make([][]any, len(list))
	for i, x := range list {
		if rows[i], err = s.sealSeries(ctx, n, x); err != nil {
			return err
		}
	}
	slices.SortFunc(rows, func(a, b []any) int { return slices.Compare(a[1].([]byte), b[1].([]byte)) }) // one order, so that writers do not wait for each other
	err = s.db.Write(ctx, n.tn, func(tx *db.Tx) error {
		for _, r := range rows {
			if err := writeSeries(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if db.IsUnique(err) {
		return errSeriesMoved
	}
	return err
}

func writeSeries(ctx context.Context, tx *db.Tx, r []any) error {
	if ver := r[2].(int64); ver > 1 {
		count, err := tx.Exec(ctx, "UPDATE series SET ver = $1, body = $2 WHERE tn = $3 AND name16 = $4 AND ver = $5", ver, r[3], r[0], r[1], ver-1)
		if err == nil && count != 1 {
			return errSeriesMoved
		}
		return err
	}
	return tx.Insert(ctx, "series", []string{"tn", "name16", "ver", "body"}, [][]any{r})
}

func (n names) seriesKey(name string) []byte {
	sum := n.index.Sum([]byte("series"), []byte(name))
	return slices.Clone(sum[:16])
}

// sealSeries makes the row of the next version.
func (s *Store) sealSeries(ctx context.Context, n names, x Series) ([]any, error) {
	key, err := s.ring.Current(ctx, n.tn, seal.Subject{}, seal.Data)
	if err != nil {
		return nil, err
	}
	name16, ver := n.seriesKey(x.Name), x.Version+1
	sealed, err := key.Seal(seriesRecord(name16, ver), append(appendText(nil, x.Name), x.Body...))
	return []any{int64(n.tn), name16, ver, sealed}, err
}

func (s *Store) openSeries(ctx context.Context, n names, r sealedSeries) (x Series, err error) {
	kid, err := seal.KeyOf(r.body)
	if err != nil {
		return x, broken("the row of a series was changed: it cannot be opened")
	}
	key, err := s.ring.Key(ctx, n.tn, kid)
	if err != nil {
		return x, err
	}
	text, err := key.Open(seriesRecord(r.name16, r.ver), r.body)
	if err != nil {
		return x, broken("the row of a series was changed: it cannot be opened")
	}
	name, rest, ok := cutText(text)
	if !ok {
		return x, broken("the row of a series was changed: it cannot be read")
	}
	return Series{Name: name, Version: r.ver, Body: rest}, nil
}

func seriesRecord(name16 []byte, ver int64) seal.Record {
	return seal.Record{Kind: "series", RID: name16, Version: ver, Schema: schemaVersion}
}
