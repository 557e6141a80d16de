package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// A member that nobody knows may have a name that says something of a patient: no answer repeats it.
func TestUnknownMembersAreNotEchoed(t *testing.T) {
	useProblems()
	err := huma.NewError(422, "validation failed", &huma.ErrorDetail{Message: unexpected, Location: "body.MRN4711", Value: "x"}, errors.New("MRN4711"))
	var p *Problem
	if !errors.As(err, &p) || strings.Contains(p.Detail+p.At, "4711") || !strings.Contains(p.Detail, "body: unexpected property") {
		t.Errorf("%+v", p)
	}
}
