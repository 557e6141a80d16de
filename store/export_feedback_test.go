package store

import (
	"context"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
)

// FeedbackMatch evaluates a filter on a feedback about a patient, as open does.
func FeedbackMatch(ctx context.Context, s *Store, tn db.Tenant, f access.Filter, patient string) bool {
	n, err := s.names(ctx, tn)
	if err != nil {
		panic(err)
	}
	return f.Match(n.aboutSubject(f, n.patient(patient)))
}
