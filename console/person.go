package console

import (
	"strings"
	"time"

	"github.com/ward-health/ward"
)

// person is a patient as lists and headers show one.
type person struct {
	ID          string
	Name        string
	Other       []string // further names
	Sex         string
	Birth       string
	Age         string
	Died        string
	Inactive    bool
	Identifiers []named
	Address     string
	Labels      []string // confidentiality and sensitivity labels
	Version     int64
	Updated     time.Time
}

// named is a value with what it is.
type named struct{ Name, Value string }

func personOf(v ward.Version, at time.Time) (person, error) {
	b, err := decode[patientBody](v)
	p := person{ID: v.Ref.ID, Name: "no name on record", Sex: sexText(b.Gender), Birth: b.BirthDate, Version: v.Number, Updated: v.Updated}
	if err != nil {
		return p, err
	}
	for i, n := range b.Name {
		if full := n.full(); full != "" {
			if i == 0 {
				p.Name = full
			} else {
				p.Other = append(p.Other, full)
			}
		}
	}
	for _, id := range b.Identifier {
		p.Identifiers = append(p.Identifiers, named{identifierName(id), id.Value})
	}
	if len(b.Address) > 0 {
		a := b.Address[0]
		if p.Address = a.Text; p.Address == "" {
			p.Address = strings.TrimSpace(strings.Join(append(a.Line, strings.TrimSpace(a.PostalCode+" "+a.City)), ", "))
		}
	}
	for _, l := range b.Meta.Security {
		p.Labels = append(p.Labels, l.Code)
	}
	p.Inactive = b.Active != nil && !*b.Active
	switch {
	case b.DeceasedAt != "":
		p.Died = b.DeceasedAt
	case b.Deceased != nil && *b.Deceased:
		p.Died = "date not known"
	}
	p.Age = ageText(b.BirthDate, at)
	return p, nil
}

func identifierName(id identifier) string {
	if t := id.Type.words(); t != "" {
		return t
	}
	if i := strings.LastIndexAny(id.System, "/:"); i >= 0 && i+1 < len(id.System) {
		return id.System[i+1:]
	}
	return "identifier"
}

func sexText(gender string) string {
	switch gender {
	case "male", "female", "other":
		return gender
	}
	return "sex not known"
}

// ageText is the age in completed years, in months below two years; empty when the day of birth is not known to the month.
func ageText(birth string, at time.Time) string {
	b := instant(birth)
	if b.IsZero() || len(birth) < 7 || at.Before(b) {
		return ""
	}
	months := (at.Year()-b.Year())*12 + int(at.Month()) - int(b.Month())
	if at.Day() < b.Day() {
		months--
	}
	if months < 24 {
		return plural(months, "month", "months")
	}
	return plural(months/12, "year", "years")
}
