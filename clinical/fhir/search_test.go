package fhir

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
)

func us(t *testing.T, s string) int64 {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMicro()
}

func parse(t *testing.T, rt, query string) (Search, error) {
	t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return ParseSearch(rt, q)
}

func TestParseSearch(t *testing.T) {
	got, err := parse(t, "Observation", `patient=Patient/p1&code=http://loinc.org%7C2160-0,%7Cbare,a%5C,b%5C%7Cc&date=ge2020-01&date=lt2021&_count=5000&_total=accurate&_id=a,b,a&_sort=-_lastUpdated&_format=json&subject=x1&_lastUpdated=gt2026-01-01T00:00:00Z`)
	if err != nil {
		t.Fatal(err)
	}
	day := func(s string) int64 { return us(t, s+"T00:00:00Z") }
	want := Search{Type: "Observation", Count: 1000, Total: true, IDs: []string{"a", "b"}, Clauses: []Clause{
		{ParamLastUpdated, "_lastUpdated", Date, []Match{{Prefix: "gt", Lo: day("2026-01-01"), Hi: day("2026-01-01") + 1e6}}, false},
		{514, "code", Token, []Match{{System: "http://loinc.org", Code: "2160-0"}, {Code: "bare"}, {AnySystem: true, Code: "a,b|c"}}, false},
		{519, "date", Date, []Match{{Prefix: "ge", Lo: day("2020-01-01"), Hi: day("2020-02-01")}}, false},
		{519, "date", Date, []Match{{Prefix: "lt", Lo: day("2021-01-01"), Hi: day("2022-01-01")}}, false},
		{517, "patient", Ref, []Match{{System: "Patient", Code: "p1"}}, false},
		{517, "subject", Ref, []Match{{System: "Patient", Code: "x1"}, {System: "Group", Code: "x1"}, {System: "Device", Code: "x1"}, {System: "Location", Code: "x1"}}, false},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	text, err := json.Marshal(got)
	var back Search
	if err != nil || json.Unmarshal(text, &back) != nil || cmp.Diff(got, back) != "" {
		t.Fatalf("JSON does not read back: %v", err)
	}
	for query, check := range map[string]func(Search) bool{
		"":                        func(s Search) bool { return s.Count == 50 && !s.Total && !s.Only && s.Clauses == nil },
		"_count=0":                func(s Search) bool { return s.Only && s.Total },
		"_summary=count&_count=3": func(s Search) bool { return s.Only && s.Total && s.Count == 3 },
		"_cursor=abc&_format=json": func(s Search) bool {
			return cmp.Diff(s, Search{Type: "Observation", Cursor: "abc"}) == ""
		},
	} {
		if s, err := parse(t, "Observation", query); err != nil || !check(s) {
			t.Errorf("%s: %+v %v", query, s, err)
		}
	}
}

func TestParseSearchRefusals(t *testing.T) {
	long := strings.Repeat("x,", 1001) + "x"
	for query, want := range map[string]struct {
		kind ward.ErrorKind
		text string
	}{
		"foo=1":                      {ward.Invalid, "offered are _id, _lastUpdated, _security, _tag, identifier, code"},
		"code=":                      {ward.Invalid, "needs a value"},
		"code:in=x":                  {ward.Unsupported, "modifier"},
		"code:missing=true":          {ward.Unsupported, "missing"},
		"_id:not=x":                  {ward.Unsupported, "modifier"},
		"subject.name=x":             {ward.Unsupported, "chained"},
		"_has:Observation:patient=x": {ward.Unsupported, "chained"},
		"code=a|b|c":                 {ward.Invalid, `\|`},
		"code=sys|":                  {ward.Unsupported, "system|"},
		"code=|":                     {ward.Unsupported, "system|"},
		`code=a\b`:                   {ward.Invalid, "backslash"},
		`code=a\`:                    {ward.Invalid, "backslash"},
		"code=a,,b":                  {ward.Invalid, "a value has"},
		"code=" + long:               {ward.TooLarge, "400"},
		"_id=" + long:                {ward.TooLarge, "1000"},
		"subject=" + long[:2*101-1]:  {ward.TooLarge, "400"}, // 101 ids, each of 4 types
		"patient=http://h/Patient/1": {ward.Invalid, "absolute"},
		"patient=Group/1":            {ward.Invalid, "Patient"},
		"subject=Encounter/1":        {ward.Invalid, "Patient, Group, Device, Location"},
		"date=2020-13":               {ward.Invalid, "prefixes"},
		"date=xx2020":                {ward.Invalid, "prefixes"},
		"date=ge":                    {ward.Invalid, "prefixes"},
		"_count=x":                   {ward.Invalid, "whole number"},
		"_count=-1":                  {ward.Invalid, "whole number"},
		"_count=1&_count=2":          {ward.Invalid, "once"},
		"_id=a&_id=b":                {ward.Invalid, "once"},
		"_id=a b":                    {ward.Invalid, "an id"},
		"_total=some":                {ward.Invalid, "accurate"},
		"_summary=true":              {ward.Unsupported, "count"},
		"_sort=date":                 {ward.Unsupported, "-_lastUpdated"},
		"_cursor=a&code=b":           {ward.Invalid, "alone"},
		"_cursor=":                   {ward.Invalid, "page link"},
		"_include=Observation:x":     {ward.Invalid, "offered"},
		"_profile=x":                 {ward.Invalid, "offered"},
	} {
		_, err := parse(t, "Observation", strings.ReplaceAll(query, " ", "%20"))
		var e *ward.Error
		if !errors.As(err, &e) || e.Kind != want.kind || !strings.Contains(e.Public, want.text) {
			t.Errorf("%s: got %v", query, err)
		}
	}
	if _, err := ParseSearch("Basic", nil); ward.KindOf(err) != ward.NotFound {
		t.Error(err)
	}
	_, err := ParseSearch("Patient", url.Values{"Kanarienvogel 5": {"x"}})
	if strings.Contains(err.Error(), "Kanarienvogel") {
		t.Errorf("echoes what is no parameter name: %v", err)
	}
}

// TestDatePrefixes holds the prefixes against the definitions on small intervals, by every value inside.
func TestDatePrefixes(t *testing.T) {
	for lo := int64(0); lo < 6; lo++ {
		for hi := lo + 1; hi <= 6; hi++ {
			for mlo := int64(0); mlo < 6; mlo++ {
				for mhi := mlo + 1; mhi <= 6; mhi++ {
					within, overlap, above, below, allAbove, allBelow := true, false, false, false, true, true
					for x := lo; x < hi; x++ {
						in := x >= mlo && x < mhi
						within, overlap = within && in, overlap || in
						above, below = above || x >= mhi, below || x < mlo
						allAbove, allBelow = allAbove && x >= mhi, allBelow && x < mlo
					}
					for prefix, want := range map[string]bool{"eq": within, "ne": !within, "gt": above, "lt": below, "ge": above || within, "le": below || within, "sa": allAbove, "eb": allBelow, "ap": overlap, "zz": false} {
						if got := (Match{Prefix: prefix, Lo: mlo, Hi: mhi}).Holds(Value{Kind: Date, Lo: lo, Hi: hi}); got != want {
							t.Fatalf("%s [%d,%d) against [%d,%d): %v", prefix, lo, hi, mlo, mhi, got)
						}
					}
				}
			}
		}
	}
	open := Value{Kind: Date, Lo: math.MinInt64, Hi: math.MaxInt64}
	for prefix, want := range map[string]bool{"eq": false, "ne": true, "gt": true, "lt": true, "sa": false, "eb": false, "ap": true} {
		if got := (Match{Prefix: prefix, Lo: 5, Hi: 6}).Holds(open); got != want {
			t.Errorf("%s of an open period: %v", prefix, got)
		}
	}
}

func TestHolds(t *testing.T) {
	f, err := Scan([]byte(`{"resourceType":"Observation","id":"o","status":"final","identifier":[{"system":"urn:s","value":"v"},{"value":"w"}],
	 "code":{"coding":[{"system":"http://loinc.org","code":"1"},{"code":"2"}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2020-05-05"}`))
	if err != nil {
		t.Fatal(err)
	}
	f.Updated = us(t, "2026-01-02T03:04:05.6Z")
	for query, want := range map[string]bool{
		"": true, "_id=o": true, "_id=x,o": true, "_id=x": false, "code=1": true, "code=http://loinc.org|1": true, "code=|1": false, "code=|2": true, "code=urn:x|1": false,
		"code=1&code=2": true, "code=1&code=3": false, "code=3,2": true, "code=A": false, "status=final": true, "status=http://hl7.org/fhir/observation-status|final": true, "status=Final": false,
		"identifier=v": true, "identifier=urn:s|v": true, "identifier=|v": false, "identifier=|w": true, "identifier=urn:s|w": false, "identifier=w,v&code=1": true,
		"patient=p": true, "patient=Patient/p": true, "patient=q": false, "subject=p": true, "subject=Group/p": false, "encounter=e": false,
		"date=2020": true, "date=2020-05-05": true, "date=ne2020": false, "date=2020-05-05T10:00:00Z": false, "date=ge2020-05-05T10:00:00Z": true, "date=ap2020-05-05T10:00:00Z": true, "date=sa2019&date=eb2021": true,
		"_lastUpdated=2026": true, "_lastUpdated=gt2026-01-02T03:04:05Z": false, "_lastUpdated=ge2026-01-02T03:04:05Z": true, "_lastUpdated=lt2026-01-02T03:04:05.700Z": true,
	} {
		s, err := parse(t, "Observation", query)
		if err != nil || s.Holds(f) != want {
			t.Errorf("%s: want %v, %v", query, want, err)
		}
	}
	if (Search{Type: "Condition"}).Holds(f) || (Search{Type: "Observation", Cursor: "x"}).Holds(f) {
		t.Error("another type or a bare cursor holds")
	}
}

func TestGoldFindsItself(t *testing.T) {
	for rt, bodies := range goldBodies(t) {
		for i, body := range bodies {
			if i%7 != 0 {
				continue
			}
			f, err := Scan(body)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range f.Values {
				for _, p := range SearchParams(rt) {
					if p.Param != v.Param {
						continue
					}
					query := url.Values{p.Code: {ownQuery(v)}}
					s, err := ParseSearch(rt, query)
					if err != nil {
						if p.Kind == Ref { // an alias with fewer targets
							continue
						}
						t.Fatalf("%s %s: %v", rt, p.Code, err)
					}
					if !s.Holds(f) {
						t.Fatalf("%s?%s does not find the resource it was read from", rt, p.Code)
					}
				}
			}
		}
	}
}

// ownQuery writes the query value that a value of a resource must satisfy.
func ownQuery(v Value) string {
	esc := strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`).Replace
	switch v.Kind {
	case Token:
		return esc(v.System) + "|" + esc(v.Code)
	case Ref:
		return v.System + "/" + v.Code
	}
	if v.Lo == math.MinInt64 {
		return "lt" + Instant(time.UnixMicro(v.Hi))
	}
	return "ge" + Instant(time.UnixMicro(v.Lo))
}

func FuzzParseSearch(f *testing.F) {
	for _, s := range []string{"code=http://loinc.org|1,b&date=ge2020", `identifier=a\|b|c\,d`, "patient=Patient/1&_count=3", "_cursor=x", "_id=a,b", "subject:Patient=1", `code=\`} {
		f.Add("Observation", s)
	}
	f.Fuzz(func(t *testing.T, rt, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		s, err := ParseSearch(rt, q)
		if err != nil {
			var e *ward.Error
			if !errors.As(err, &e) || e.Kind == ward.Internal || e.Public == "" {
				t.Fatalf("not a public error: %v", err)
			}
			return
		}
		for _, c := range s.Clauses {
			if len(c.Any) == 0 || c.Param == 0 || c.Kind == 0 {
				t.Fatalf("empty clause in %+v", s)
			}
			for _, m := range c.Any {
				var v Value
				switch c.Kind {
				case Token:
					v = Value{Kind: Token, System: m.System, Code: m.Code}
				case Ref:
					v = Value{Kind: Ref, System: m.System, Code: m.Code}
				default:
					if m.Lo >= m.Hi || m.Prefix == "" {
						t.Fatalf("%+v", m)
					}
					continue
				}
				if v.Code == "" || !m.Holds(v) {
					t.Fatalf("%+v does not hold for its own value", m)
				}
			}
		}
	})
}
