package server

import (
	"context"
	"io"
	"log/slog"
	"os"
)

// levels of the operator's log, by the names that settings use.
var levels = map[string]struct {
	level slog.Level
	known bool
}{"debug": {slog.LevelDebug, true}, "info": {slog.LevelInfo, true}, "warn": {slog.LevelWarn, true}, "error": {slog.LevelError, true}}

// logged is every key that the operator's log may carry. A value passes only if it is a text, number, truth value or
// duration: whatever would be printed by reflection does not (I8).
var logged = map[string]bool{"address": true, "url": true, "database": true, "route": true, "status": true, "ms": true, "reason": true,
	"stack": true, "kind": true, "op": true, "error": true, "names": true, "until": true, "version": true, "entries": true, "part": true, "request": true}

func newLogger(c LogConfig) *slog.Logger { return loggerTo(os.Stderr, c) }

func loggerTo(w io.Writer, c LogConfig) *slog.Logger {
	opts := &slog.HandlerOptions{Level: levels[c.Level].level}
	var h slog.Handler = slog.NewJSONHandler(w, opts)
	if c.Format == "text" {
		h = slog.NewTextHandler(w, opts)
	}
	return slog.New(allowList{h})
}

// allowList lets known keys with plain values pass and replaces all others.
type allowList struct{ next slog.Handler }

// Enabled implements slog.Handler.
func (a allowList) Enabled(ctx context.Context, l slog.Level) bool { return a.next.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (a allowList) Handle(ctx context.Context, r slog.Record) error {
	kept := slog.NewRecord(r.Time, r.Level, r.Message, 0)
	r.Attrs(func(at slog.Attr) bool {
		kept.AddAttrs(allowed(at))
		return true
	})
	return a.next.Handle(ctx, kept)
}

// WithAttrs implements slog.Handler.
func (a allowList) WithAttrs(attrs []slog.Attr) slog.Handler {
	kept := make([]slog.Attr, len(attrs))
	for i, at := range attrs {
		kept[i] = allowed(at)
	}
	return allowList{a.next.WithAttrs(kept)}
}

// WithGroup implements slog.Handler: groups are not used, so that every key is one of the list.
func (a allowList) WithGroup(string) slog.Handler { return a }

func allowed(at slog.Attr) slog.Attr {
	if logged[at.Key] {
		switch v := at.Value.Resolve(); v.Kind() {
		case slog.KindString, slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool, slog.KindDuration, slog.KindTime:
			return slog.Attr{Key: at.Key, Value: v}
		}
	}
	return slog.String(at.Key, "[dropped]")
}
