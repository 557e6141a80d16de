package ward

import (
	"errors"
	"fmt"
	"log/slog"
)

// Protected is bytes that may hold patient data. It never prints, logs or marshals its content; code that needs the
// bytes converts with []byte(p) at a place that can be searched for.
type Protected []byte

// Format implements fmt.Formatter for every verb: only the length is shown.
func (p Protected) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "[protected, %d bytes]", len(p)) }

// LogValue implements slog.LogValuer.
func (p Protected) LogValue() slog.Value { return slog.StringValue("[protected]") }

// MarshalJSON refuses: protected bytes are written by the code that owns the format, never by reflection.
func (p Protected) MarshalJSON() ([]byte, error) {
	return nil, errors.New("ward: protected bytes are not marshalled by reflection")
}

// MarshalText refuses, as MarshalJSON does.
func (p Protected) MarshalText() ([]byte, error) { return p.MarshalJSON() }
