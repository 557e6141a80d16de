package telemetry

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"

	"github.com/ward-health/ward"
)

// NewLogger returns a logger that writes JSON lines to w from the level on, through the allow-list. The request id that
// WithRequest put into the context is added. Messages are lower-case words ("listener started"); numbers, names and ids go
// into attributes; the keys are those of the list in allow.go.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(&handler{out: slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})})
}

// NewTextLogger is NewLogger with lines of key=value, for a terminal.
func NewTextLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(&handler{out: slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})})
}

// handler filters records and attributes before another handler writes them.
type handler struct {
	out   slog.Handler
	depth int // of open groups
}

func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.out.Enabled(ctx, l) }

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	safe := slog.NewRecord(r.Time, r.Level, message(r.Message), 0)
	in := make([]slog.Attr, 0, r.NumAttrs()+1)
	if id := Request(ctx); !id.IsZero() && h.depth == 0 {
		in = append(in, slog.Any("request", id))
	}
	r.Attrs(func(a slog.Attr) bool {
		in = append(in, a)
		return len(in) <= 4*attrsMax
	})
	safe.AddAttrs(admitAll(in, h.depth)...)
	return h.out.Handle(ctx, safe)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{out: h.out.WithAttrs(admitAll(attrs, h.depth)), depth: h.depth}
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	if h.depth >= groupsMax || !groups[name] {
		name = "dropped"
	}
	return &handler{out: h.out.WithGroup(name), depth: h.depth + 1}
}

type requestKey struct{}

// WithRequest returns a context under which log lines carry the request id.
func WithRequest(ctx context.Context, id ward.ID) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// Request returns the request id of the context, zero if there is none.
func Request(ctx context.Context) ward.ID {
	id, _ := ctx.Value(requestKey{}).(ward.ID)
	return id
}

// ErrorLog returns a logger for http.Server.ErrorLog and alike, whose texts hold addresses and panic values: of each line
// only its class is written.
func ErrorLog(to *slog.Logger) *log.Logger { return log.New(classes{to}, "", 0) }

type classes struct{ to *slog.Logger }

func (c classes) Write(line []byte) (int, error) {
	event := "other"
	for _, known := range []struct{ prefix, event string }{
		{"http: TLS handshake error", "tls-handshake"},
		{"http: panic serving", "panic"},
		{"http: Accept error", "accept"},
		{"http: response.WriteHeader", "header-twice"},
		{"http: superfluous", "header-twice"},
		{"http2:", "http2"},
	} {
		if bytes.HasPrefix(line, []byte(known.prefix)) {
			event = known.event
		}
	}
	level := slog.LevelWarn
	if event == "panic" {
		level = slog.LevelError
	}
	c.to.Log(context.Background(), level, "server library reported", slog.String("event", event))
	return len(line), nil
}
