package fhirpath

func init() {
	define(map[string]*function{
		"now":              {eval: (*machine).fnNow, sig: toDateTime},
		"today":            {eval: (*machine).fnToday, sig: toDate},
		"timeOfDay":        {eval: (*machine).fnTimeOfDay, sig: toTime},
		"type":             {eval: (*machine).fnType, sig: anything},
		"precision":        {eval: (*machine).fnPrecision, sig: toInteger},
		"lowBoundary":      {most: 1, eval: boundary(down), sig: same},
		"highBoundary":     {most: 1, eval: boundary(up), sig: same},
		"comparable":       {least: 1, most: 1, eval: (*machine).fnComparable, sig: toBoolean},
		"yearOf":           {eval: component(toYear), sig: toInteger},
		"monthOf":          {eval: component(toMonth), sig: toInteger},
		"dayOf":            {eval: component(toDay), sig: toInteger},
		"hourOf":           {eval: component(toHour), sig: toInteger},
		"minuteOf":         {eval: component(toMinute), sig: toInteger},
		"secondOf":         {eval: component(toSecond), sig: toInteger},
		"millisecondOf":    {eval: component(toMilli), sig: toInteger},
		"timezoneOffsetOf": {eval: (*machine).fnOffset, sig: toDecimal},
		"dateOf":           {eval: (*machine).fnDateOf, sig: toDate},
		"timeOf":           {eval: (*machine).fnTimeOf, sig: toTime},
	})
}

func (m *machine) fnNow(_ *callOp, base int) error {
	return m.answer(base, momentOf(m.clock()).value())
}

func (m *machine) fnToday(_ *callOp, base int) error {
	d := momentOf(m.clock()).value()
	d, _ = asDate(&d)
	return m.answer(base, d)
}

func (m *machine) fnTimeOfDay(_ *callOp, base int) error {
	return m.answer(base, momentOf(m.clock()).timeOf().value())
}

func (m moment) timeOf() moment {
	m.kind, m.prec, m.tz, m.sec = KindTime, m.prec-timeLess, noZone, m.sec%daySeconds
	return m
}

// fnType yields for each item its type; of an element that is defined in place BackboneElement or Element.
func (m *machine) fnType(_ *callOp, base int) error {
	for i := base; i < len(m.stack); i++ {
		v := &m.stack[i]
		name := v.TypeName()
		if v.kind == KindNode && v.typ != nil && v.typ.URL == "" && v.typ.Base != nil {
			name = "FHIR." + v.typ.Base.Name
		}
		m.stack[i] = Value{kind: KindType, text: name}
	}
	return m.step(len(m.stack) - base)
}

// system is the single item of the input as a value of System, which is taken from the stack.
func (o *callOp) system(m *machine, base int) (s Value, ok bool, err error) {
	v, ok, err := o.in(m, base)
	if err != nil || !ok {
		return s, false, err
	}
	s, ok = v.System()
	if !ok && !v.lacks() {
		return s, false, failf(o.at, "%s() is not defined on %s", o.name, v.TypeName())
	}
	m.stack = m.stack[:base]
	return s, ok, nil
}

func isMoment(k Kind) bool { return isDay(k) || k == KindTime }

func (m *machine) fnPrecision(o *callOp, base int) error {
	s, ok, err := o.system(m, base)
	if err != nil || !ok {
		return err
	}
	switch {
	case isNumber(s.kind):
		return m.pushValue(integer(int(s.scale)))
	case isMoment(s.kind):
		return m.pushValue(integer(int(s.sub)))
	}
	return failf(o.at, "precision() is not defined on %s", s.TypeName())
}

func (m *machine) fnComparable(o *callOp, base int) error {
	s, ok, err := o.system(m, base)
	if err != nil || !ok {
		return err
	}
	t, ok, err := m.oneOf(o.args[0], o.at)
	if err != nil || !ok {
		return err
	}
	if s.kind != KindQuantity || t.kind != KindQuantity {
		return failf(o.at, "comparable() is defined on Quantities")
	}
	_, r := compareQuantities(&s, &t)
	return m.pushValue(Boolean(r == sameKind))
}

// boundary makes lowBoundary (down) and highBoundary (up).
//
// SPEC(FHIRPath 2.0 lowBoundary, highBoundary): the least and the greatest value that the input may stand for, at a precision: of
// decimals 8 if none is given, of moments the finest. A precision that there is not has no result.
func boundary(dir direction) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		s, ok, err := o.system(m, base)
		if err != nil || !ok {
			return err
		}
		prec, given := int64(-1), false
		if len(o.args) > 0 {
			if prec, given, err = o.intArg(m, 0); err != nil || !given {
				return err
			}
		}
		switch {
		case isNumber(s.kind) || s.kind == KindQuantity:
			if !given {
				prec = 8
			}
			d, ok := s.decimal().boundary(dir, prec)
			if !ok {
				return nil
			}
			if isNumber(s.kind) {
				s.kind = KindDecimal
			}
			s.num, s.scale, s.big = d.coef, d.scale, d.big
		case isMoment(s.kind):
			b, ok := s.moment().boundary(dir, prec, given)
			if !ok {
				return nil
			}
			s = b.value()
		default:
			return failf(o.at, "%s() is not defined on %s", o.name, s.TypeName())
		}
		return m.push(&s)
	}
}

// boundary is half a unit of the last place away.
func (d decimal) boundary(dir direction, prec int64) (decimal, bool) {
	if prec < 0 || prec > maxScale || d.scale >= maxScale {
		return d, false
	}
	half := decimal{coef: 5, scale: d.scale + 1}
	if dir == down {
		half = half.neg()
	}
	r, ok := d.add(half)
	r = r.round(int32(prec), dir)
	return r, ok && !r.beyond()
}

func (m moment) boundary(dir direction, prec int64, given bool) (moment, bool) {
	most := uint8(toMilli)
	switch m.kind {
	case KindDate:
		most = toDay
	case KindTime:
		prec += timeLess
	}
	if !given {
		prec = int64(most)
	}
	switch prec {
	case toYear, toMonth, toDay, toHour, toMinute, toSecond, toMilli:
	default:
		return m, false
	}
	if prec > int64(most) || m.kind == KindTime && prec <= toDay {
		return m, false
	}
	if dir == up && m.full() < toMilli {
		end := m.end()
		if m.full() >= toSecond {
			m.nano = m.nano/1e6*1e6 + m.tail()
		} else {
			m.sec, m.nano = end-1, 999_000_000
		}
	}
	if dir == up && m.nano%1e6 != 0 { // finer than the finest: up to the next millisecond
		m.nano += 1e6 - m.nano%1e6
		m.sec, m.nano = m.sec+int64(m.nano/1e9), m.nano%1e9
		if m.kind == KindTime && m.sec >= daySeconds {
			m.sec, m.nano = daySeconds-1, 999_000_000
		}
	}
	if m.tz == noZone && m.kind == KindDateTime && prec > toDay {
		m.tz = 14 * 60
		if dir == up {
			m.tz = -12 * 60
		}
	}
	return m.cut(uint8(prec)), true
}

// tail is what milliseconds may follow those that are written, as nanoseconds.
func (m moment) tail() int32 {
	rest := int32(pow10[9-(m.full()-toSecond)])
	return rest - 1_000_000
}

// cut is m at a precision, which may be finer than it has: what is missing is there already.
func (m moment) cut(prec uint8) moment {
	days, rest := m.sec/daySeconds, m.sec%daySeconds
	year, month, day := civil(days)
	if prec < toMonth {
		month = 1
	}
	if prec < toDay {
		day = 1
	}
	switch {
	case prec < toHour:
		rest, m.tz = 0, noZone
	case prec < toMinute:
		rest -= rest % 3600
	case prec < toSecond:
		rest -= rest % 60
	}
	if m.nano -= m.nano % 1e6; prec <= toSecond {
		m.nano = 0
	}
	if m.kind == KindTime {
		m.sec, m.prec = rest, prec-timeLess
		return m
	}
	m.sec, m.prec = civilDays(year, month, day)*daySeconds+rest, prec
	return m
}

// component makes the functions that take a part of a moment; it is empty where the precision does not reach.
func component(prec uint8) func(*machine, *callOp, int) error {
	return func(m *machine, o *callOp, base int) error {
		s, ok, err := o.system(m, base)
		if err != nil || !ok {
			return err
		}
		if !isMoment(s.kind) {
			return failf(o.at, "%s() is not defined on %s", o.name, s.TypeName())
		}
		t := s.moment()
		if t.full() < min(prec, toSecond+1) || t.kind == KindTime && prec <= toDay {
			return nil
		}
		year, month, day := civil(t.sec / daySeconds)
		rest := int(t.sec % daySeconds)
		parts := map[uint8]int{toYear: year, toMonth: month, toDay: day, toHour: rest / 3600, toMinute: rest / 60 % 60, toSecond: rest % 60, toMilli: int(t.nano / 1e6)}
		return m.pushValue(integer(parts[prec]))
	}
}

// fnOffset is the offset from UTC in hours.
func (m *machine) fnOffset(o *callOp, base int) error {
	s, ok, err := o.system(m, base)
	if err != nil || !ok {
		return err
	}
	if s.kind != KindDateTime {
		return failf(o.at, "timezoneOffsetOf() is not defined on %s", s.TypeName())
	}
	if s.tz == noZone {
		return nil
	}
	d, _ := decimal{coef: int64(s.tz)}.quo(decimal{coef: 60})
	return m.pushNumber(d, false)
}

func (m *machine) fnDateOf(o *callOp, base int) error {
	s, ok, err := o.system(m, base)
	if err != nil || !ok {
		return err
	}
	if !isDay(s.kind) {
		return failf(o.at, "dateOf() is not defined on %s", s.TypeName())
	}
	d, _ := asDate(&s)
	return m.push(&d)
}

func (m *machine) fnTimeOf(o *callOp, base int) error {
	s, ok, err := o.system(m, base)
	if err != nil || !ok {
		return err
	}
	if s.kind != KindDateTime {
		return failf(o.at, "timeOf() is not defined on %s", s.TypeName())
	}
	if s.sub < toHour {
		return nil
	}
	return m.pushValue(s.moment().timeOf().value())
}
