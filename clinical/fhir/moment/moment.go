package moment

// Form is one of the forms in which FHIR writes a point in time.
type Form uint8

// The forms.
const (
	Date     Form = iota + 1 // YYYY, YYYY-MM or YYYY-MM-DD
	DateTime                 // or with Thh:mm:ss(.s...) and a zone
	Instant                  // with a time and a zone
	Query                    // as DateTime, but seconds and the zone may be left out: dates in a search
)

const (
	second = int64(1_000_000) // in microseconds
	day    = 24 * 3600 * second
)

// Parse reads a date with its precision as the interval [lo,hi) of Unix microseconds. Without zone it is UTC. Digits beyond microseconds
// are dropped. ok is false when b does not have the form or is not in the calendar.
//
// SPEC(FHIR R4 datatypes.html#dateTime): partial precision; a time has seconds and a zone; second 60 is allowed.
// SPEC(FHIR R4 search.html#date): a date stands for the whole interval that its precision covers.
func Parse(b []byte, f Form) (lo, hi int64, ok bool) {
	year, ok := digits(b, 0, 4)
	if !ok || year == 0 {
		return 0, 0, false
	}
	if len(b) == 4 {
		return civil(year, 1, 1), civil(year+1, 1, 1), f != Instant
	}
	month, ok := digits(b, 5, 2)
	if !ok || b[4] != '-' || month < 1 || month > 12 {
		return 0, 0, false
	}
	if len(b) == 7 {
		if month == 12 {
			return civil(year, 12, 1), civil(year+1, 1, 1), f != Instant
		}
		return civil(year, month, 1), civil(year, month+1, 1), f != Instant
	}
	d, ok := digits(b, 8, 2)
	if !ok || b[7] != '-' || d < 1 || d > daysIn(year, month) {
		return 0, 0, false
	}
	lo = civil(year, month, d)
	if len(b) == 10 {
		return lo, lo + day, f != Instant
	}
	if f == Date || b[10] != 'T' {
		return 0, 0, false
	}
	from, width, n, ok := clock(b[11:], f == Query)
	if !ok {
		return 0, 0, false
	}
	offset, ok := zone(b[11+n:], f == Query)
	return lo + from - offset, lo + from - offset + width, ok
}

// Time reports whether b has the form hh:mm:ss(.s...) of FHIR's time, and how many microseconds after midnight it is.
//
// SPEC(FHIR R4 datatypes.html#time): seconds are there, a zone is not, 24:00 is not used.
func Time(b []byte) (at int64, ok bool) {
	at, _, n, ok := clock(b, false)
	return at, ok && n == len(b)
}

// digits reads n digits at i.
func digits(b []byte, i, n int) (v int, ok bool) {
	if len(b) < i+n {
		return 0, false
	}
	for _, c := range b[i : i+n] {
		if c -= '0'; c > 9 {
			return 0, false
		}
		v = v*10 + int(c)
	}
	return v, true
}

// clock reads hh:mm:ss.sss: the distance from midnight, the width of its precision, and how many bytes it took.
func clock(b []byte, short bool) (from, width int64, n int, ok bool) {
	h, ok1 := digits(b, 0, 2)
	m, ok2 := digits(b, 3, 2)
	if !ok1 || !ok2 || b[2] != ':' || h > 23 || m > 59 {
		return 0, 0, 0, false
	}
	from = int64(h*3600+m*60) * second
	if short && (len(b) == 5 || b[5] != ':') {
		return from, 60 * second, 5, true
	}
	s, ok3 := digits(b, 6, 2)
	if !ok3 || b[5] != ':' || s > 60 {
		return 0, 0, 0, false
	}
	from, width, n = from+int64(s)*second, second, 8
	if len(b) == n || b[n] != '.' {
		return from, width, n, true
	}
	for n++; n < len(b) && b[n] >= '0' && b[n] <= '9'; n++ {
		if width > 1 {
			width /= 10
			from += int64(b[n]-'0') * width
		}
	}
	return from, width, n, n > 9
}

// zone reads Z or +hh:mm to the end, in microseconds east of UTC.
func zone(b []byte, optional bool) (offset int64, ok bool) {
	if len(b) == 0 {
		return 0, optional
	}
	if len(b) == 1 {
		return 0, b[0] == 'Z'
	}
	h, ok1 := digits(b, 1, 2)
	m, ok2 := digits(b, 4, 2)
	if !ok1 || !ok2 || len(b) != 6 || b[3] != ':' || m > 59 || h > 14 || h == 14 && m != 0 {
		return 0, false
	}
	offset = int64(h*3600+m*60) * second
	switch b[0] {
	case '+':
		return offset, true
	case '-':
		return -offset, true
	}
	return 0, false
}

// civil returns the first microsecond of a day of the Gregorian calendar, which is taken to hold for all years from 1.
func civil(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 719_469
	return int64(days) * day
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}
