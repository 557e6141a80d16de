package moment_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ward-health/ward/clinical/fhir/moment"
)

func TestForms(t *testing.T) {
	for _, c := range []struct {
		text    string
		forms   string // of d (date), t (dateTime), i (instant), q (query) those that take it
		seconds int64  // width
	}{
		{"2020", "dtq", 366 * 86400}, {"2021", "dtq", 365 * 86400}, {"2020-02", "dtq", 29 * 86400}, {"2020-12", "dtq", 31 * 86400}, {"2020-02-29", "dtq", 86400},
		{"2021-02-29", "", 0}, {"1900-02-29", "", 0}, {"2000-02-29", "dtq", 86400}, {"2020-04-31", "", 0}, {"0000", "", 0}, {"0001", "dtq", 365 * 86400}, {"9999-12-31", "dtq", 86400},
		{"2020-1", "", 0}, {"2020-13", "", 0}, {"2020-00", "", 0}, {"2020-01-00", "", 0}, {"20200101", "", 0}, {"2020-01-01T", "", 0}, {"2020-", "", 0}, {"", "", 0}, {" 2020", "", 0},
		{"2020-01-01T10:00:00Z", "tiq", 1}, {"2020-01-01T10:00:00", "q", 1}, {"2020-01-01T10:00", "q", 60}, {"2020-01-01T10:00Z", "q", 60}, {"2020-01-01T10", "", 0},
		{"2020-01-01T24:00:00Z", "", 0}, {"2020-01-01T23:59:60Z", "tiq", 1}, {"2020-01-01T23:59:61Z", "", 0}, {"2020-01-01t10:00:00Z", "", 0}, {"2020-01-01T10:00:00z", "", 0},
		{"2020-01-01T10:00:00+14:00", "tiq", 1}, {"2020-01-01T10:00:00+14:01", "", 0}, {"2020-01-01T10:00:00-00:00", "tiq", 1}, {"2020-01-01T10:00:00+1:00", "", 0},
		{"2020-01-01T10:00:00.Z", "", 0}, {"2020-01-01T10:00:00.123456789Z", "tiq", 0}, {"2020-01-01T10:00:00 Z", "", 0}, {"2020-01-01T10:00:00Zx", "", 0},
	} {
		for i, f := range []moment.Form{moment.Date, moment.DateTime, moment.Instant, moment.Query} {
			lo, hi, ok := moment.Parse([]byte(c.text), f)
			want := false
			for _, k := range c.forms {
				want = want || k == rune("dtiq"[i])
			}
			if ok != want || ok && (hi-lo)/1e6 != c.seconds {
				t.Errorf("%q as %d: %d, %v", c.text, f, (hi-lo)/1e6, ok)
			}
		}
	}
}

// TestAgainstTime: instants of any zone are where the standard library puts them.
func TestAgainstTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-62135596800e6, 253402300799e6).Draw(t, "at"))
		zone := rapid.IntRange(-14*60, 14*60).Draw(t, "zone")
		local := at.In(time.FixedZone("", zone*60))
		if local.Year() < 1 || local.Year() > 9999 {
			return
		}
		lo, hi, ok := moment.Parse([]byte(local.Format("2006-01-02T15:04:05.000000Z07:00")), moment.Instant)
		if !ok || lo != at.UnixMicro() || hi != lo+1 {
			t.Fatalf("%v: %d %v, want %d", local, lo, ok, at.UnixMicro())
		}
		lo, hi, ok = moment.Parse([]byte(local.Format("2006-01-02")), moment.Date)
		from := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
		if !ok || lo != from.UnixMicro() || hi != from.AddDate(0, 0, 1).UnixMicro() {
			t.Fatalf("%v: %d %d %v", from, lo, hi, ok)
		}
	})
}

func TestTime(t *testing.T) {
	for text, want := range map[string]bool{"10:00:00": true, "23:59:60": true, "24:00:00": false, "10:00": false, "10:00:00.5": true, "10:00:00.": false, "10:00:00Z": false, "": false} {
		if _, ok := moment.Time([]byte(text)); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
}

func us(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMicro()
}

func TestMoments(t *testing.T) {
	for _, c := range []struct {
		text   string
		dt     moment.Form
		lo, hi string
	}{
		{"2020", moment.Date, "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"},
		{"2020-12", moment.Date, "2020-12-01T00:00:00Z", "2021-01-01T00:00:00Z"},
		{"2020-02-29", moment.DateTime, "2020-02-29T00:00:00Z", "2020-03-01T00:00:00Z"},
		{"2020-02-29T23:59:60Z", moment.DateTime, "2020-03-01T00:00:00Z", "2020-03-01T00:00:01Z"},
		{"2020-01-01T00:30:00+01:00", moment.DateTime, "2019-12-31T23:30:00Z", "2019-12-31T23:30:01Z"},
		{"2020-01-01T00:30:00-14:00", moment.Instant, "2020-01-01T14:30:00Z", "2020-01-01T14:30:01Z"},
		{"2020-01-01T00:30:00.1Z", moment.Instant, "2020-01-01T00:30:00.1Z", "2020-01-01T00:30:00.2Z"},
		{"2020-01-01T00:30:00.123456789Z", moment.Instant, "2020-01-01T00:30:00.123456Z", "2020-01-01T00:30:00.123457Z"},
		{"2020-01-01T10:20", moment.Query, "2020-01-01T10:20:00Z", "2020-01-01T10:21:00Z"},
		{"2020-01-01T10:20:30", moment.Query, "2020-01-01T10:20:30Z", "2020-01-01T10:20:31Z"},
		{"2020-01-01T10:20+02:00", moment.Query, "2020-01-01T08:20:00Z", "2020-01-01T08:21:00Z"},
		{"0001", moment.Date, "0001-01-01T00:00:00Z", "0002-01-01T00:00:00Z"},
		{"1900-02-28", moment.Date, "1900-02-28T00:00:00Z", "1900-03-01T00:00:00Z"},
	} {
		lo, hi, ok := moment.Parse([]byte(c.text), c.dt)
		if !ok || lo != us(t, c.lo) || hi != us(t, c.hi) {
			t.Errorf("%s: %v %v %v", c.text, time.UnixMicro(lo).UTC(), time.UnixMicro(hi).UTC(), ok)
		}
	}
	for _, bad := range []string{"", "0000", "20", "2020-", "2020-1", "2020-00", "2020-13", "2020-01-00", "2020-02-30", "1900-02-29", "2020-01-01T", "2020-01-01 10:00:00Z", "2020-01-01T24:00:00Z",
		"2020-01-01T10:60:00Z", "2020-01-01T10:00:61Z", "2020-01-01T10:00:00", "2020-01-01T10:00Z", "2020-01-01T10:00:00.Z", "2020-01-01T10:00:00+15:00", "2020-01-01T10:00:00+14:30", "2020-01-01T10:00:00z",
		"2020-01-01T10:00:00Zx", "+2020", "-2020", "２０２０"} {
		if _, _, ok := moment.Parse([]byte(bad), moment.DateTime); ok {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"2020", "2020-02", "2020-02-29", "2020-02-29T10:00:00.5+01:00", "2020-01-01T10:00", "9999-12-31T23:59:60-14:00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for dt := moment.Date; dt <= moment.Query; dt++ {
			lo, hi, ok := moment.Parse(b, dt)
			if !ok {
				continue
			}
			if lo >= hi || lo < -63_000_000_000_000_000 || hi > 254_000_000_000_000_000 {
				t.Fatalf("%q: [%d,%d)", b, lo, hi)
			}
			if len(b) >= 20 && b[17] != '6' { // the standard library agrees where it reads the same form
				at, err := time.Parse(time.RFC3339Nano, string(b))
				if err == nil && at.UnixMicro() != lo {
					t.Fatalf("%q: %d, want %d", b, lo, at.UnixMicro())
				}
			}
		}
	})
}
