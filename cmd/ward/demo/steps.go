package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// steps tells each step as it happens: number, what, result, time.
type steps struct {
	w      io.Writer
	n      int
	failed int
}

// do runs one step. The result it returns is shown on the step's line, an error under it.
func (s *steps) do(what string, fn func() (string, error)) error {
	s.n++
	start := time.Now()
	fmt.Fprintf(s.w, "%2d  %-38s ", s.n, what)
	result, err := fn()
	ms := time.Since(start).Milliseconds()
	if err != nil {
		s.failed++
		fmt.Fprintf(s.w, "%-58s %6d ms\n", "FAILED", ms)
		s.note("%v", err)
		return err
	}
	fmt.Fprintf(s.w, "%-58s %6d ms\n", result, ms)
	return nil
}

// note prints lines under a step.
func (s *steps) note(format string, args ...any) {
	for _, line := range strings.Split(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n") {
		fmt.Fprintf(s.w, "      %s\n", line)
	}
}

// say prints a line of its own.
func (s *steps) say(format string, args ...any) { fmt.Fprintf(s.w, format+"\n", args...) }
