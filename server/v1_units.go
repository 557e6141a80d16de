package server

import (
	"context"
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/normalize"
	"github.com/ward-health/ward/normalize/watch"
)

// Unit is what the sender of a channel means by a unit text under one of its codes.
type Unit struct {
	Code   string           `json:"code,omitempty" maxLength:"64" doc:"Local code (OBX-3.1) or LOINC code; all codes when left out"`
	Source string           `json:"source,omitempty" maxLength:"64" doc:"The unit text as sent (OBX-6.1), exactly; none when left out"`
	Unit   string           `json:"unit" minLength:"1" maxLength:"64" doc:"What it means, UCUM"`
	Ranges []string         `json:"ranges,omitempty" maxItems:"16" doc:"The reference ranges (OBX-7) that such results come with; without one when left out"`
	Reason string           `json:"reason" minLength:"1" maxLength:"200" doc:"Who of the sender confirmed it, and how"`
	State  string           `json:"state,omitempty" enum:"proposed,confirmed,withdrawn" readOnly:"true"`
	First  ward.PrincipalID `json:"first,omitempty" readOnly:"true" doc:"Who proposed it"`
	Second ward.PrincipalID `json:"second,omitempty" readOnly:"true" doc:"Who confirmed it, or took it back"`
	At     time.Time        `json:"at,omitzero" readOnly:"true"`
	Digest string           `json:"digest,omitempty" readOnly:"true" doc:"Of a proposal: what a second person confirms"`
}

// UnitSeries is what a sender's results under one code and unit have shown, all together.
type UnitSeries struct {
	Code    string       `json:"code" doc:"Local code"`
	LOINC   string       `json:"loinc"`
	Unit    string       `json:"unit" doc:"As the results were understood, UCUM"`
	Results int64        `json:"results"`
	Low     float64      `json:"low" doc:"5 of 100 are under it, in the canonical unit of the LOINC code"`
	Median  float64      `json:"median"`
	High    float64      `json:"high" doc:"5 of 100 are over it"`
	Shift   *watch.Shift `json:"shift,omitempty" doc:"They have moved; models do not read them until the unit is confirmed anew"`
}

// UnitsShown is what is known of a channel's units.
type UnitsShown struct {
	Said    []Unit       `json:"said"`
	Results []UnitSeries `json:"results"`
}

func unitOf(u access.Unit) Unit {
	out := Unit{Code: u.Code, Source: u.Source, Unit: u.Unit, Ranges: u.Ranges, Reason: u.Reason, First: u.First, Second: u.Second, At: u.At, State: "confirmed"}
	switch {
	case u.Waits:
		sum := u.Digest()
		out.State, out.Digest = "proposed", hex.EncodeToString(sum[:])
	case u.Lapsed:
		out.State = "withdrawn"
	}
	return out
}

func seriesOf(s watch.Standing) UnitSeries {
	return UnitSeries{s.Local, s.LOINC, s.Unit, s.Seen, rough(s.Low), rough(s.Median), rough(s.High), s.Shift}
}

// rough keeps three digits: a bin is no exacter.
func rough(x float64) float64 {
	if y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64); err == nil && !math.IsInf(y, 0) && !math.IsNaN(y) {
		return y
	}
	return 0
}

// spoken names what is spoken of.
type spoken struct {
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Code   string `json:"code,omitempty" maxLength:"64"`
		Source string `json:"source,omitempty" maxLength:"64"`
		Digest string `json:"digest,omitempty" pattern:"^([0-9a-f]{64})?$" doc:"Of the proposal that this person has seen"`
	}
}

func (v *v1) units() {
	a := v.node.access
	operate(v, about{"GET", "/v1/channels/{id}/units", access.HoldRead, access.AuditAdmin, "list-units", "What is said of a channel's units, and what its results have shown", false},
		func(ctx context.Context, g access.Grant, in *named) (*body[UnitsShown], error) {
			said, err := a.Units(ctx, g.Permit, in.ID)
			if err == nil {
				err = v.node.series.Load(ctx, g.Permit)
			}
			out := UnitsShown{Said: []Unit{}, Results: []UnitSeries{}}
			if err != nil {
				return nil, err
			}
			for _, u := range said {
				out.Said = append(out.Said, unitOf(u))
			}
			for _, s := range v.node.series.Standings(g.Permit.Tenant(), in.ID) {
				out.Results = append(out.Results, seriesOf(s))
			}
			return answer(out), nil
		})
	operate(v, about{"POST", "/v1/channels/{id}/units/propose", access.HoldRelease, access.AuditAdmin, "propose-unit", "First person: say what the sender means by a unit text", false},
		func(ctx context.Context, g access.Grant, in *struct {
			ID   string `path:"id" maxLength:"40"`
			Body Unit
		}) (*body[Unit], error) {
			b := in.Body
			u := access.Unit{Channel: in.ID, Code: b.Code, Source: b.Source, Unit: b.Unit, Ranges: b.Ranges, Reason: b.Reason}
			if err := normalize.CheckUnit(override(u)); err != nil {
				return nil, err
			}
			u, err := a.ProposeUnit(ctx, g.Permit, u)
			return answer(unitOf(u)), err
		})
	operate(v, about{"POST", "/v1/channels/{id}/units/confirm", access.HoldRelease, access.AuditAdmin, "confirm-unit", "Second person: put in force what was proposed", false},
		func(ctx context.Context, g access.Grant, in *spoken) (*body[Unit], error) {
			var digest [32]byte
			if n, err := hex.Decode(digest[:], []byte(in.Body.Digest)); err != nil || n != 0 && n != len(digest) {
				return nil, ward.E(ward.Invalid, "v1.units", "a digest is 64 hexadecimal digits", nil).At("digest")
			}
			u, err := a.ConfirmUnit(ctx, g.Permit, in.ID, in.Body.Code, in.Body.Source, digest)
			return answer(unitOf(u)), err
		})
	operate(v, about{"POST", "/v1/channels/{id}/units/withdraw", access.HoldRelease, access.AuditAdmin, "withdraw-unit", "Take back what was said of a unit: its results are in doubt", false},
		func(ctx context.Context, g access.Grant, in *spoken) (*struct{}, error) {
			return nil, a.WithdrawUnit(ctx, g.Permit, in.ID, in.Body.Code, in.Body.Source)
		})
}
