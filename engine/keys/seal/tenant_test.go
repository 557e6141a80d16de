package seal

import (
	"context"
	"errors"
	"testing"

	"github.com/ward-health/ward"
)

type rowsThat struct{ err error }

func (r rowsThat) Err() error { return r.err }

// TestUnscanned: a row that could not be read because the request ended is not called damaged.
func TestUnscanned(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	closed := errors.New("sql: Rows are closed")
	for name, err := range map[string]error{
		"the request ended": unscanned(ended, rowsThat{}, "key_mac", closed),
		"the rows ended":    unscanned(t.Context(), rowsThat{context.Canceled}, "key_mac", closed),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := unscanned(t.Context(), rowsThat{}, "key_mac", closed); !errors.Is(err, closed) || ward.KindOf(err) != ward.Internal {
		t.Errorf("a row that does not fit: %v", err)
	}
}
