package hl7v2

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/ward-health/ward"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func timeOf(t *testing.T, text string, loc *time.Location) (Timestamp, error) {
	t.Helper()
	return parse(t, "MSH|^~\\&|A|||"+text+"\r").Get("MSH-6").Time(loc)
}

func TestTime(t *testing.T) {
	berlin, havana, saopaulo := zone(t, "Europe/Berlin"), zone(t, "America/Havana"), zone(t, "America/Sao_Paulo")
	for _, c := range []struct {
		text      string
		loc       *time.Location
		precision Precision
		offset    bool
		ambiguous bool
		fhir      string
	}{
		{"2024", nil, Year, false, false, "2024"},
		{"202402", nil, Month, false, false, "2024-02"},
		{"20240229", nil, Day, false, false, "2024-02-29"},
		{"20240229", berlin, Day, false, false, "2024-02-29"},
		{"20240229+0100", nil, Day, true, false, "2024-02-29"},
		{"2024022913", berlin, Hour, false, false, "2024-02-29T13:00:00+01:00"},
		{"202402291305", berlin, Minute, false, false, "2024-02-29T13:05:00+01:00"},
		{"202407011305", berlin, Minute, false, false, "2024-07-01T13:05:00+02:00"},
		{"20240229130509", time.UTC, Second, false, false, "2024-02-29T13:05:09Z"},
		{"20240229130509-0500", berlin, Second, true, false, "2024-02-29T13:05:09-05:00"},
		{"20240229130509.1-0530", nil, Fraction, true, false, "2024-02-29T13:05:09.1-05:30"},
		{"20240229130509.1000+0000", nil, Fraction, true, false, "2024-02-29T13:05:09.1000Z"},
		{"20240229130509.123456789+1400", nil, Fraction, true, false, "2024-02-29T13:05:09.123456789+14:00"},
		{"202402291305-0000", nil, Minute, true, false, "2024-02-29T13:05:00Z"},
		{" 20240229 ", nil, Day, false, false, "2024-02-29"},
		{"20240229^D", nil, Day, false, false, "2024-02-29"},
		{"202410270159", berlin, Minute, false, false, "2024-10-27T01:59:00+02:00"},
		{"202410270230", berlin, Minute, false, true, "2024-10-27T02:30:00+02:00"},
		{"202410270300", berlin, Minute, false, false, "2024-10-27T03:00:00+01:00"},
		{"202410270230+0100", berlin, Minute, true, false, "2024-10-27T02:30:00+01:00"},
		{"20241103", havana, Day, false, false, "2024-11-03"},
		{"20181104", saopaulo, Day, false, true, "2018-11-04"}, // its midnight does not exist
	} {
		ts, err := timeOf(t, c.text, c.loc)
		if err != nil || ts.Precision != c.precision || ts.Offset != c.offset || ts.Ambiguous != c.ambiguous || ts.FHIR() != c.fhir {
			t.Errorf("%s: %s, %s, offset %v, ambiguous %v, %v", c.text, ts.FHIR(), ts.Precision, ts.Offset, ts.Ambiguous, err)
		}
	}
	if ts, err := timeOf(t, "202403310230", berlin); err != nil || !ts.Ambiguous {
		t.Errorf("a time that the zone skips: %v, %v", ts, err)
	}
	if (Timestamp{}).FHIR() != "" || Precision(99).String() != "unknown" {
		t.Error("the zero Timestamp has a text")
	}
}

func TestTimeRefusals(t *testing.T) {
	for _, text := range []string{"", `""`, "24", "20", "20240", "2024022", "20241301", "20240001", "20240230", "20230229", "00000101", "2024022924",
		"202402291260", "20240229125960", "202402291305.5", "20240229130509.", "20240229130509.1234567890", "20240229130509Z",
		"2024-02-29", "2024022913:05", "20240229130509+01", "20240229130509+01:00", "20240229130509+0160", "20240229130509+1500",
		"20240229130509-1300", "20240229130509+01000", "20240229T1305", "２０２４", "20240229 1305", "202402291305"} {
		if ts, err := timeOf(t, text, nil); ward.KindOf(err) != ward.Invalid || err == nil {
			t.Errorf("%q: %v, %v", text, ts, err)
		}
	}
}
