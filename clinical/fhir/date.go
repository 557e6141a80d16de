package fhir

import "time"

const second = int64(time.Second / time.Microsecond)

// momentForms says what was expected where parseMoment refuses.
var momentForms = map[datatype]string{
	dtDate:     "a date has the form YYYY, YYYY-MM or YYYY-MM-DD and must exist in the calendar",
	dtDateTime: "a dateTime has the form YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss(.s...)(Z or +hh:mm) and must exist in the calendar",
	dtInstant:  "an instant has the form YYYY-MM-DDThh:mm:ss(.s...)(Z or +hh:mm) and must exist in the calendar",
}

// dtSearch is the form of dates in queries: minutes may stand without seconds, a time without zone.
const dtSearch = dtTiming + 1

// parseMoment reads a date with its precision as the interval [lo,hi) of Unix microseconds. Without zone it is UTC.
// Digits beyond microseconds are dropped.
//
// SPEC(FHIR R4 datatypes.html#dateTime): partial precision; a time has seconds and a zone; second 60 is allowed.
// SPEC(FHIR R4 search.html#date): a date stands for the whole interval that its precision covers.
func parseMoment(b []byte, dt datatype) (lo, hi int64, ok bool) {
	p := momentParser{b: b}
	year := p.digits(4)
	if p.bad || year == 0 {
		return 0, 0, false
	}
	month, day := 1, 1
	step := func(y, m, d int) (int64, int64, bool) {
		from := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		return from.UnixMicro(), from.AddDate(y, m, d).UnixMicro(), dt != dtInstant
	}
	if p.end() {
		return step(1, 0, 0)
	}
	p.take('-')
	month = p.digits(2)
	if p.bad || month < 1 || month > 12 {
		return 0, 0, false
	}
	if p.end() {
		return step(0, 1, 0)
	}
	p.take('-')
	day = p.digits(2)
	if p.bad || day < 1 || day > daysIn(year, month) {
		return 0, 0, false
	}
	if p.end() {
		return step(0, 0, 1)
	}
	if dt == dtDate {
		return 0, 0, false
	}
	lo, _, _ = step(0, 0, 0)
	from, width, ok := p.clock(dt)
	return lo + from, lo + from + width, ok && p.end()
}

// momentParser reads digits and delimiters.
type momentParser struct {
	b   []byte
	i   int
	bad bool
}

func (p *momentParser) end() bool { return p.i == len(p.b) }

func (p *momentParser) peek() byte {
	if p.end() {
		return 0
	}
	return p.b[p.i]
}

func (p *momentParser) take(c byte) {
	if p.peek() != c {
		p.bad = true
		return
	}
	p.i++
}

func (p *momentParser) digits(n int) int {
	v := 0
	for ; n > 0; n-- {
		c := p.peek()
		if c < '0' || c > '9' {
			p.bad = true
			return 0
		}
		v = v*10 + int(c-'0')
		p.i++
	}
	return v
}

// clock reads "Thh:mm:ss.sss+hh:mm" and returns the distance from UTC midnight and the width of its precision.
func (p *momentParser) clock(dt datatype) (from, width int64, ok bool) {
	p.take('T')
	hour := p.digits(2)
	p.take(':')
	minute := p.digits(2)
	sec, frac := 0, int64(0)
	if dt == dtSearch && !p.bad && p.peek() != ':' {
		width = 60 * second
	} else {
		p.take(':')
		sec = p.digits(2)
		frac, width = p.fraction()
	}
	offset, zoned := p.zone()
	if p.bad || hour > 23 || minute > 59 || sec > 60 || !zoned && dt != dtSearch {
		return 0, 0, false
	}
	return int64(hour*3600+minute*60+sec-offset)*second + frac, width, true
}

// fraction reads ".sss"; six digits count.
func (p *momentParser) fraction() (frac, width int64) {
	width = second
	if p.peek() != '.' {
		return 0, width
	}
	p.i++
	first := p.i
	for ; p.peek() >= '0' && p.peek() <= '9'; p.i++ {
		if width > 1 {
			width /= 10
			frac += int64(p.peek()-'0') * width
		}
	}
	if n := p.i - first; n == 0 || n > 18 {
		p.bad = true
	}
	return frac, width
}

// zone reads "Z" or "+hh:mm" in seconds east of UTC.
func (p *momentParser) zone() (offset int, zoned bool) {
	sign := 1
	switch p.peek() {
	case 0:
		return 0, false
	case 'Z':
		p.i++
		return 0, true
	case '-':
		sign = -1
	case '+':
	default:
		p.bad = true
		return 0, false
	}
	p.i++
	h := p.digits(2)
	p.take(':')
	m := p.digits(2)
	if h > 14 || m > 59 || h == 14 && m != 0 {
		p.bad = true
	}
	return sign * (h*3600 + m*60), true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
