package fhirpath

import (
	"math"
	"time"
)

// moment is a Date, a DateTime or a Time with the precision that it was written with.
type moment struct {
	kind Kind
	prec uint8 // digits as written: 4 year, 6 month, 8 day, 10 hour, 12 minute, 14 second, more with a fraction; of a Time 8 less
	tz   int16 // minutes east of UTC, noZone if it has none
	sec  int64 // as the clock on the wall shows, from 0001-01-01T00:00:00; of a Time from midnight
	nano int32
}

const noZone = math.MinInt16

// Precisions of a Date or DateTime.
const (
	toYear   = 4
	toMonth  = 6
	toDay    = 8
	toHour   = 10
	toMinute = 12
	toSecond = 14
	toMilli  = 17
	timeLess = 8 // a Time has so much less
)

const daySeconds = 24 * 3600

// full is the precision as that of a DateTime.
func (m moment) full() uint8 {
	if m.kind == KindTime {
		return m.prec + timeLess
	}
	return m.prec
}

// civilDays counts the days from 0001-01-01 in the proleptic Gregorian calendar.
func civilDays(year, month, day int) int64 {
	y := year - 1
	days := int64(365*y + y/4 - y/100 + y/400)
	return days + int64(yearDay(year, month)+day-1)
}

var beforeMonth = [...]int{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}

func yearDay(year, month int) int {
	d := beforeMonth[month-1]
	if month > 2 && isLeap(year) {
		d++
	}
	return d
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysIn(year, month int) int {
	if month == 2 && isLeap(year) {
		return 29
	}
	return beforeMonth[month] - beforeMonth[month-1]
}

// civil is the date of a count of days.
func civil(days int64) (year, month, day int) {
	n400, d := days/146097, days%146097
	n100 := min(d/36524, 3)
	d -= n100 * 36524
	n4 := d / 1461
	d -= n4 * 1461
	n1 := min(d/365, 3)
	d -= n1 * 365
	year = int(400*n400+100*n100+4*n4+n1) + 1
	month = 1
	for month < 12 && int(d) >= yearDay(year, month+1) {
		month++
	}
	return year, month, int(d) - yearDay(year, month) + 1
}

// scan reads digits and signs of the forms of moments.
type scan[T string | []byte] struct {
	s  T
	i  int
	ok bool
}

func (s *scan[T]) more() bool { return s.ok && s.i < len(s.s) }

func (s *scan[T]) take(c byte) bool {
	if s.more() && s.s[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scan[T]) number(n, least, most int) (v int) {
	for range n {
		if !s.more() || !isDigit(s.s[s.i]) {
			s.ok = false
			return least
		}
		v = v*10 + int(s.s[s.i]-'0')
		s.i++
	}
	if v < least || v > most {
		s.ok = false
		return least
	}
	return v
}

// parseDate reads YYYY, YYYY-MM or YYYY-MM-DD.
func parseDate[T string | []byte](text T) (moment, bool) {
	s := scan[T]{s: text, ok: true}
	m := s.date()
	return m, s.ok && s.i == len(text)
}

func (s *scan[T]) date() moment {
	m := moment{kind: KindDate, prec: toYear, tz: noZone}
	year, month, day := s.number(4, 1, 9999), 1, 1
	if s.take('-') {
		month, m.prec = s.number(2, 1, 12), toMonth
		if s.take('-') {
			day, m.prec = s.number(2, 1, daysIn(year, month)), toDay
		}
	}
	m.sec = civilDays(year, month, day) * daySeconds
	return m
}

// parseDateTime reads a date, perhaps with T, a time to any precision, and an offset.
func parseDateTime[T string | []byte](text T) (moment, bool) {
	s := scan[T]{s: text, ok: true}
	m := s.date()
	m.kind = KindDateTime
	if s.take('T') && s.i < len(text) {
		if m.prec != toDay {
			return m, false
		}
		s.clock(&m)
		s.zone(&m)
	}
	return m, s.ok && s.i == len(text)
}

// parseTime reads hh, hh:mm, hh:mm:ss or hh:mm:ss.fff.
func parseTime[T string | []byte](text T) (moment, bool) {
	s := scan[T]{s: text, ok: true}
	m := moment{kind: KindTime, tz: noZone, prec: toDay}
	s.clock(&m)
	m.prec -= timeLess
	return m, s.ok && s.i == len(text)
}

func (s *scan[T]) clock(m *moment) {
	m.sec += int64(s.number(2, 0, 23)) * 3600
	m.prec = toHour
	if !s.take(':') {
		return
	}
	m.sec += int64(s.number(2, 0, 59)) * 60
	m.prec = toMinute
	if !s.take(':') {
		return
	}
	m.sec += int64(s.number(2, 0, 60)) // 60: a leap second
	m.prec = toSecond
	if !s.take('.') {
		return
	}
	from := s.i
	for unit := int32(100_000_000); s.more() && isDigit(s.s[s.i]); unit /= 10 {
		m.nano += int32(s.s[s.i]-'0') * unit
		s.i++
	}
	s.ok = s.ok && s.i > from
	m.prec = toSecond + uint8(min(s.i-from, 9))
}

func (s *scan[T]) zone(m *moment) {
	switch {
	case s.take('Z'):
		m.tz = 0
	case s.more() && (s.s[s.i] == '+' || s.s[s.i] == '-'):
		east := s.s[s.i] == '+'
		s.i++
		h := s.number(2, 0, 14)
		s.ok = s.take(':') && s.ok
		m.tz = int16(h*60 + s.number(2, 0, 59))
		if !east {
			m.tz = -m.tz
		}
	}
}

// literalMoment reads what stands behind "@".
func literalMoment(text string) (Value, bool) {
	for i := range text {
		if text[i] != 'T' {
			continue
		}
		if i == 0 {
			m, ok := parseTime(text[1:])
			return m.value(), ok
		}
		m, ok := parseDateTime(text)
		return m.value(), ok
	}
	m, ok := parseDate(text)
	return m.value(), ok
}

// momentOf is t to the millisecond.
func momentOf(t time.Time) moment {
	_, east := t.Zone()
	year, month, day := t.Date()
	sec := civilDays(year, int(month), day)*daySeconds + int64(t.Hour()*3600+t.Minute()*60+t.Second())
	return moment{KindDateTime, toMilli, int16(east / 60), sec, int32(t.Nanosecond() / 1e6 * 1e6)}
}

// text writes m as FHIR does.
func (m moment) text() string {
	var b []byte
	prec := m.full()
	days, rest := m.sec/daySeconds, int(m.sec%daySeconds)
	if m.kind != KindTime {
		year, month, day := civil(days)
		b = digits(b, year, 4)
		if prec >= toMonth {
			b = digits(append(b, '-'), month, 2)
		}
		if prec >= toDay {
			b = digits(append(b, '-'), day, 2)
		}
		if prec >= toHour {
			b = append(b, 'T')
		}
	}
	if prec >= toHour {
		b = digits(b, rest/3600, 2)
	}
	if prec >= toMinute {
		b = digits(append(b, ':'), rest/60%60, 2)
	}
	if prec >= toSecond {
		b = digits(append(b, ':'), rest%60, 2)
	}
	if prec > toSecond {
		n := int(prec - toSecond)
		b = digits(append(b, '.'), int(m.nano)/int(pow10[9-n]), n)
	}
	return string(m.appendZone(b))
}

func (m moment) appendZone(b []byte) []byte {
	switch m.tz {
	case noZone:
		return b
	case 0:
		return append(b, 'Z')
	}
	sign, tz := byte('+'), int(m.tz)
	if tz < 0 {
		sign, tz = '-', -tz
	}
	b = digits(append(b, sign), tz/60, 2)
	return digits(append(b, ':'), tz%60, 2)
}

func digits(b []byte, v, n int) []byte {
	for i := pow10[n-1]; i > 0; i /= 10 {
		b = append(b, '0'+byte(int64(v)/i%10))
	}
	return b
}

// compare orders two moments of one kind, a Date and a DateTime too; known is false where the precision of one leaves it open.
//
// SPEC(FHIRPath N1 6.2 comparison): compared from the year down until they differ; if one ends before they do, the result is empty; seconds
// and their fraction are one precision; two with offsets are compared as instants.
func (m moment) compare(o moment) (order int, known bool) {
	lo1, hi1, lo2, hi2 := m.sec, m.end(), o.sec, o.end()
	if m.prec > toDay && o.prec > toDay && m.kind != KindTime {
		switch {
		case m.tz != noZone && o.tz != noZone:
			lo1, hi1 = lo1-int64(m.tz)*60, hi1-int64(m.tz)*60
			lo2, hi2 = lo2-int64(o.tz)*60, hi2-int64(o.tz)*60
		case m.tz != noZone:
			lo1, hi1 = lo1-int64(m.tz)*60, hi1-int64(m.tz)*60
			return span(lo1, hi1, lo2-14*3600, hi2+12*3600)
		case o.tz != noZone:
			lo2, hi2 = lo2-int64(o.tz)*60, hi2-int64(o.tz)*60
			return span(lo1-14*3600, hi1+12*3600, lo2, hi2)
		}
	}
	if m.full() >= toSecond && o.full() >= toSecond {
		if lo1 != lo2 {
			return order64(lo1, lo2), true
		}
		return order64(int64(m.nano), int64(o.nano)), true
	}
	if m.full() == o.full() && lo1 == lo2 {
		return 0, true
	}
	return span(lo1, hi1, lo2, hi2)
}

// span orders two intervals that do not touch.
func span(lo1, hi1, lo2, hi2 int64) (order int, known bool) {
	switch {
	case hi1 <= lo2:
		return -1, true
	case hi2 <= lo1:
		return 1, true
	}
	return 0, false
}

func order64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// end is the second behind all that m may stand for.
func (m moment) end() int64 {
	switch p := m.full(); {
	case p >= toSecond:
		return m.sec + 1
	case p == toMinute:
		return m.sec + 60
	case p == toHour:
		return m.sec + 3600
	case p == toDay:
		return m.sec + daySeconds
	case p == toMonth:
		year, month, _ := civil(m.sec / daySeconds)
		return m.sec + int64(daysIn(year, month))*daySeconds
	}
	year, _, _ := civil(m.sec / daySeconds)
	if isLeap(year) {
		return m.sec + 366*daySeconds
	}
	return m.sec + 365*daySeconds
}
