package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
)

// table prints rows under headings, or v as JSON.
func (s *session) table(v any, headings string, rows [][]string) error {
	if s.json {
		return s.printJSON(v)
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	if headings != "" {
		fmt.Fprintln(w, strings.ReplaceAll(headings, " ", "\t"))
	}
	for _, r := range rows {
		for i := range r {
			r[i] = plain(r[i])
		}
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	return w.Flush()
}

// plain keeps control characters of stored texts off the terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

func (s *session) printJSON(v any) error {
	e := json.NewEncoder(s.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// say prints a line for a human; nothing with --json.
func (s *session) say(format string, args ...any) {
	if !s.json {
		fmt.Fprintf(s.out, format+"\n", args...)
	}
}

func join[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return strings.Join(out, ",")
}

func state(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "active"
}
