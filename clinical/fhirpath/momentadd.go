package fhirpath

// unit is a calendar unit.
type unit uint8

const (
	unitYear unit = iota + 1
	unitMonth
	unitWeek
	unitDay
	unitHour
	unitMinute
	unitSecond
	unitMilli
)

var unitNames = [...]string{unitYear: "year", unitMonth: "month", unitWeek: "week", unitDay: "day", unitHour: "hour", unitMinute: "minute",
	unitSecond: "second", unitMilli: "millisecond"}

// definite are the UCUM units that calendar units of at most a week are equal to, and those of year and month, which they are not.
var definite = [...]string{unitYear: "a", unitMonth: "mo", unitWeek: "wk", unitDay: "d", unitHour: "h", unitMinute: "min",
	unitSecond: "s", unitMilli: "ms"}

// calendarUnit returns the unit that a word names in the singular or plural, 0 if none.
func calendarUnit(word string) unit {
	if n := len(word); n > 3 && word[n-1] == 's' {
		word = word[:n-1]
	}
	for u := unitYear; u <= unitMilli; u++ {
		if unitNames[u] == word {
			return u
		}
	}
	return 0
}

// definiteUnit returns the calendar unit that a UCUM unit of time belongs to, 0 if none.
func definiteUnit(code string) unit {
	for u := unitYear; u <= unitMilli; u++ {
		if definite[u] == code {
			return u
		}
	}
	return 0
}

// nanos of the units that have a fixed length.
var nanos = [...]int64{unitWeek: 7 * daySeconds * 1e9, unitDay: daySeconds * 1e9, unitHour: 3600 * 1e9, unitMinute: 60 * 1e9, unitSecond: 1e9, unitMilli: 1e6}

// add adds n units; ok is false when the result is not between the years 1 and 9999.
//
// SPEC(FHIRPath N1 6.7): above seconds what is behind the point is ignored; a month's end stays a month's end where the day does not exist;
// a unit finer than the precision is converted to it (12 months a year, 30 days a month, 365 days a year) and truncated; a time of day wraps around.
func (m moment) add(n decimal, u unit) (r moment, ok bool) {
	if u < unitSecond {
		n = n.round(0, toZero)
	}
	switch u {
	case unitYear, unitMonth:
		count, ok := n.integer()
		if !ok || m.kind == KindTime {
			return m, false
		}
		if u == unitYear {
			count *= 12
		}
		return m.addMonths(count)
	}
	total, ok := n.mul(decimal{coef: nanos[u]})
	if !ok {
		return m, false
	}
	if m.kind == KindTime {
		_, total, _ = total.divMod(decimal{coef: dayNanos})
	}
	days, rest, ok := total.round(0, toZero).divMod(decimal{coef: dayNanos})
	if count, fits := days.integer(); ok && fits {
		return m.addDays(count, rest.coef)
	}
	return m, false
}

func (m moment) addMonths(count int64) (moment, bool) {
	if m.prec == toYear {
		count -= count % 12
	}
	year, month, day := civil(m.sec / daySeconds)
	months := int64(year)*12 + int64(month-1) + count
	year, month = int(months/12), int(months%12)+1
	if months < 12 || year > 9999 {
		return m, false
	}
	day = min(day, daysIn(year, month))
	m.sec = civilDays(year, month, day)*daySeconds + m.sec%daySeconds
	return m, true
}

const dayNanos = daySeconds * int64(1e9)

// addDays adds days and n nanoseconds, less than a day and of the same sign, to the precision of m.
func (m moment) addDays(days, n int64) (moment, bool) {
	switch p := m.full(); p {
	case toYear:
		return m.addMonths(days / 365 * 12)
	case toMonth:
		return m.addMonths(days / 30)
	case toDay:
		n = 0
	case toHour:
		n -= n % nanos[unitHour]
	case toMinute:
		n -= n % nanos[unitMinute]
	default:
		n -= n % pow10[9-int(p-toSecond)]
	}
	sec, nano := days*daySeconds+n/1e9, int64(m.nano)+n%1e9
	if nano < 0 {
		sec, nano = sec-1, nano+1e9
	}
	if nano >= 1e9 {
		sec, nano = sec+1, nano-1e9
	}
	m.sec, m.nano = m.sec+sec, int32(nano)
	if m.kind == KindTime {
		m.sec = ((m.sec % daySeconds) + daySeconds) % daySeconds
		return m, true
	}
	return m, m.sec >= 0 && m.sec < civilDays(9999, 12, 31)*daySeconds+daySeconds
}
