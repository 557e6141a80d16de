package predict

import (
	"context"

	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
)

// Feedback keeps what a person made of a decision; store.PutFeedback says what a repetition is and which errors there are.
// g.Permit is for access.Feedback.
func (s *Service) Feedback(ctx context.Context, g access.Grant, f store.Feedback) error {
	_, err := s.store.PutFeedback(ctx, g.Permit, f)
	return err
}
