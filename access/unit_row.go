package access

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// The states of what is said of a unit.
const (
	unitSaid   = 1
	unitLapsed = 2
)

type unitKey struct {
	tn      db.Tenant
	channel string
}

var unitColumns = []string{"tn", "channel", "code", "source", "waits", "unit", "ranges", "state", "first", "second", "reason", "at_us"}

// putUnit writes the row in place of the one that is there.
func putUnit(ctx context.Context, tx *db.Tx, tn db.Tenant, u Unit) error {
	ranges, err := json.Marshal(u.Ranges)
	if err != nil {
		return ward.E(ward.Internal, "access.unit", "the ranges cannot be written", err)
	}
	state := int64(unitSaid)
	if u.Lapsed {
		state = unitLapsed
	}
	if err := dropUnit(ctx, tx, tn, u); err != nil {
		return err
	}
	return tx.Insert(ctx, "access_unit", unitColumns, [][]any{{int64(tn), u.Channel, u.Code, u.Source, waits(u), u.Unit, string(ranges), state,
		string(u.First), string(u.Second), u.Reason, u.At.UnixMicro()}})
}

func waits(u Unit) int64 {
	if u.Waits {
		return 1
	}
	return 0
}

func dropUnit(ctx context.Context, tx *db.Tx, tn db.Tenant, u Unit) error {
	_, err := tx.Exec(ctx, `DELETE FROM access_unit WHERE tn = $1 AND channel = $2 AND code = $3 AND source = $4 AND waits = $5`,
		int64(tn), u.Channel, u.Code, u.Source, waits(u))
	return err
}

// readUnit reads the row that has the key of u.
func readUnit(ctx context.Context, tx *db.Tx, tn db.Tenant, u Unit) (Unit, error) {
	if err := hasChannel(ctx, tx, tn, u.Channel); err != nil {
		return u, err
	}
	rows, err := readUnits(ctx, tx, `WHERE tn = $1 AND channel = $2 AND code = $3 AND source = $4 AND waits = $5`,
		int64(tn), u.Channel, u.Code, u.Source, waits(u))
	if err != nil {
		return u, err
	}
	if len(rows) != 1 {
		return u, errNoUnit
	}
	return rows[0], nil
}

// hasChannel refuses a channel that the tenant does not have.
func hasChannel(ctx context.Context, tx *db.Tx, tn db.Tenant, id string) error {
	var n int64
	if !ward.TenantID(id).Valid() {
		return missing(nil, noChannel)
	}
	if _, err := tx.Get(ctx, `SELECT COUNT(*) FROM access_channel WHERE tn = $1 AND id = $2`, []any{int64(tn), id}, &n); err != nil || n != 0 {
		return err
	}
	return missing(nil, noChannel)
}

// roomForUnit refuses more than a channel may have.
func roomForUnit(ctx context.Context, tx *db.Tx, tn db.Tenant, u Unit) error {
	if err := hasChannel(ctx, tx, tn, u.Channel); err != nil {
		return err
	}
	var n int64
	if _, err := tx.Get(ctx, `SELECT COUNT(*) FROM access_unit WHERE tn = $1 AND channel = $2`, []any{int64(tn), u.Channel}, &n); err != nil {
		return err
	}
	if n >= maxUnits {
		return ward.E(ward.TooLarge, "access.unit", "at most 1000 things can be said of the units of one channel", nil)
	}
	return nil
}

// readUnits reads the rows that the clause selects.
func readUnits(ctx context.Context, tx *db.Tx, clause string, args ...any) (out []Unit, err error) {
	rows, err := tx.Query(ctx, `SELECT channel, code, source, waits, unit, ranges, state, first, second, reason, at_us FROM access_unit `+clause, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u Unit
		var first, second, ranges string
		var waits, state, at int64
		if err := rows.Scan(&u.Channel, &u.Code, &u.Source, &waits, &u.Unit, &ranges, &state, &first, &second, &u.Reason, &at); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(ranges), &u.Ranges); err != nil {
			return nil, ward.E(ward.Internal, "access.unit", "a row about a unit of channel "+u.Channel+" cannot be read", err)
		}
		u.Waits, u.Lapsed, u.First, u.Second, u.At = waits != 0, state == unitLapsed, ward.PrincipalID(first), ward.PrincipalID(second), time.UnixMicro(at).UTC()
		out = append(out, u)
	}
	return out, rows.Err()
}
