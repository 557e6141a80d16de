package fhirpath

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestCalendar: dates are counted as the time package counts them.
func TestCalendar(t *testing.T) {
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := int64(0); day <= civilDays(9999, 12, 31); day += 13 {
		want := first.AddDate(0, 0, int(day))
		year, month, d := civil(day)
		if year != want.Year() || month != int(want.Month()) || d != want.Day() || civilDays(year, month, d) != day {
			t.Fatalf("day %d is %d-%d-%d, not %s", day, year, month, d, want)
		}
	}
}

var genMoment = rapid.Custom(func(t *rapid.T) moment {
	at := time.Unix(rapid.Int64Range(-62_000_000_000, 253_000_000_000).Draw(t, "unix"), rapid.Int64Range(0, 999).Draw(t, "milli")*1e6).UTC()
	m := momentOf(at)
	m.tz = rapid.SampledFrom([]int16{noZone, 0, 60, -570, 14 * 60}).Draw(t, "zone")
	switch rapid.SampledFrom([]Kind{KindDate, KindDateTime, KindTime}).Draw(t, "kind") {
	case KindDate:
		v := m.value()
		v, _ = asDate(&v)
		return v.moment().cut(rapid.SampledFrom([]uint8{toYear, toMonth, toDay}).Draw(t, "precision"))
	case KindTime:
		return m.timeOf().cut(rapid.SampledFrom([]uint8{toHour, toMinute, toSecond, toMilli}).Draw(t, "precision"))
	}
	return m.cut(rapid.SampledFrom([]uint8{toYear, toMonth, toDay, toHour, toMinute, toSecond, toMilli}).Draw(t, "precision"))
})

// TestMomentText: what is written is read as the same.
func TestMomentText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := genMoment.Draw(t, "m")
		text := m.text()
		got, ok := momentFrom(m.kind, []byte(text))
		if !ok || got != m {
			t.Fatalf("%s is read as %s", text, got.text())
		}
	})
}

// TestMomentArithmetic: what was added is taken away again, and adding keeps the order.
func TestMomentArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := genMoment.Draw(t, "m")
		n := decimal{coef: rapid.Int64Range(-5000, 5000).Draw(t, "n")}
		units := []unit{unitWeek, unitDay, unitHour, unitMinute, unitSecond, unitMilli}
		if m.kind == KindTime {
			units = units[2:]
		}
		u := rapid.SampledFrom(units).Draw(t, "unit")
		sum, ok := m.add(n, u)
		if !ok {
			return
		}
		if back, ok := sum.add(n.neg(), u); ok && back != m {
			t.Fatalf("%s + %s %s - %s %s = %s", m.text(), n, unitNames[u], n, unitNames[u], back.text())
		}
		if order, known := m.compare(sum); m.kind != KindTime && known && order*n.sign() > 0 {
			t.Fatalf("%s + %s %s = %s", m.text(), n, unitNames[u], sum.text())
		}
	})
}

// TestFineMoments: fractions finer than milliseconds are kept and compared; boundaries are milliseconds around them.
func TestFineMoments(t *testing.T) {
	for text, want := range map[string]string{
		"@2020-01-01T23:59:59.9995Z": "[2020-01-01T23:59:59.9995Z]", "@2020-01-01T23:59:59.9995Z.highBoundary()": "[2020-01-02T00:00:00.000Z]", "@T23:59:59.9995.highBoundary()": "[23:59:59.999]",
		"@2020-01-01T23:59:59.9995Z.lowBoundary()": "[2020-01-01T23:59:59.999Z]", "@2020-01-01T00:00:00.1234567Z > @2020-01-01T00:00:00.123Z": "[true]", "@T10:30:00.1.highBoundary()": "[10:30:00.199]",
		"@T10:30:00.1 + 0.05 seconds": "[10:30:00.1]", "@T10:30:00.10 + 0.05 seconds": "[10:30:00.15]", "@9999-12-31 + 1 day": "[]", "@0001-01-01 - 1 day": "[]", "@9999-12 + 1 month": "[]", "@T10 + 1 day": "error",
		"@2020-01-01 + 1 hour": "error", "@2020-02-29 + 4 years": "[2024-02-29]", "@2016 + 365 days": "[2017]", "@2014 + 23 months": "[2015]", "@2014-01-01T08:05-05:00.precision()": "[12]",
	} {
		got, err := MustCompile(text).Append(nil, nil, Value{})
		have := texts(got)
		if err != nil {
			have = "error"
		}
		if have != want {
			t.Errorf("%s is %s, not %s (%v)", text, have, want, err)
		}
	}
}

// TestMonths: months and years keep the day, or take the last of the month.
func TestMonths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-50_000_000_000, 200_000_000_000).Draw(t, "unix"), 0).UTC()
		n := rapid.IntRange(-3000, 3000).Draw(t, "n")
		m, ok := momentOf(at).addMonths(int64(n))
		if !ok {
			t.Fatal("no result")
		}
		year, month, day := civil(m.sec / daySeconds)
		want := time.Date(at.Year(), at.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		if year != want.Year() || month != int(want.Month()) || day != min(at.Day(), daysIn(year, month)) {
			t.Fatalf("%s + %d months = %s", at, n, m.text())
		}
	})
}

// TestMomentOrder: the order is antisymmetric, and a moment is equal to itself.
func TestMomentOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genMoment.Draw(t, "a"), genMoment.Draw(t, "b")
		if order, known := a.compare(a); !known || order != 0 {
			t.Fatalf("%s is not equal to itself", a.text())
		}
		if (a.kind == KindTime) != (b.kind == KindTime) {
			return
		}
		x, known1 := a.compare(b)
		y, known2 := b.compare(a)
		if x != -y || known1 != known2 {
			t.Fatalf("%s <=> %s: %d %d", a.text(), b.text(), x, y)
		}
	})
}

// TestBoundaries: a moment lies between its boundaries, which stand for less than it does.
func TestBoundaries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := genMoment.Draw(t, "m")
		low, ok1 := m.boundary(down, 0, false)
		high, ok2 := m.boundary(up, 0, false)
		if !ok1 || !ok2 {
			t.Fatalf("%s has no boundaries", m.text())
		}
		if order, known := low.compare(high); !known || order > 0 {
			t.Fatalf("%s: %s to %s", m.text(), low.text(), high.text())
		}
		if order, known := low.compare(m); known && order > 0 {
			t.Fatalf("%s is below %s", m.text(), low.text())
		}
		if order, known := high.compare(m); known && order < 0 {
			t.Fatalf("%s is above %s", m.text(), high.text())
		}
	})
}
