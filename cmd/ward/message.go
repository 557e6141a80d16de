package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ward-health/ward/server"
)

type messageCmd struct {
	List   messageListCmd   `cmd:"" help:"List messages, newest first."`
	Show   messageShowCmd   `cmd:"" help:"Show a message's way, hop by hop; with --raw the message itself."`
	Replay messageReplayCmd `cmd:"" help:"Understand a message again."`
	Reject messageRejectCmd `cmd:"" help:"End a message that is held whole or dead; it stays kept."`
}

type messageListCmd struct {
	State   string `help:"Only of this state: received, applied, held, apart, kept, rejected, dead." enum:",received,applied,held,apart,kept,rejected,dead" default:"" placeholder:"STATE"`
	Channel string `help:"Only of this channel." placeholder:"ID"`
	Count   int    `help:"Number of messages." short:"n" default:"50"`
}

// Run implements the verb.
func (c messageListCmd) Run(s *session) error {
	if c.Count < 1 || c.Count > 10_000 {
		return misused("--count must be 1 to 10000")
	}
	return s.with(s.tenant, func(a *api) error {
		found := []server.Message{}
		for cursor := ""; len(found) < c.Count; {
			q := url.Values{"count": {strconv.Itoa(min(c.Count-len(found), 1000))}}
			for name, v := range map[string]string{"state": c.State, "channel": c.Channel, "cursor": cursor} {
				if v != "" {
					q.Set(name, v)
				}
			}
			var page server.MessagePage
			if err := a.call(http.MethodGet, "/v1/messages?"+q.Encode(), nil, &page); err != nil {
				return err
			}
			found = append(found, page.Messages...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		var rows [][]string
		for _, m := range found {
			rows = append(rows, []string{m.ID.String(), m.Received.Local().Format("2006-01-02 15:04:05"), m.Channel, m.Kind, string(m.State), m.Reason,
				strconv.FormatInt(m.Facts, 10), strconv.FormatInt(m.Held, 10), strconv.FormatInt(m.Repeats, 10)})
		}
		return s.table(found, "MESSAGE RECEIVED CHANNEL KIND STATE REASON FACTS HELD REPEATS", rows)
	})
}

type messageShowCmd struct {
	ID  string `arg:"" help:"Id of the message."`
	Raw bool   `help:"Open the message itself; needs --as." `
	As  string `help:"Act as this principal: messages are patient data, which the operator does not open." placeholder:"PRINCIPAL"`
}

// Run implements the verb.
func (c messageShowCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		if c.Raw {
			return c.raw(s, a)
		}
		var m server.Message
		if err := a.call(http.MethodGet, path("v1", "messages", c.ID), nil, &m); err != nil {
			return err
		}
		rows := [][]string{{"message", m.ID.String()}, {"channel", m.Channel}, {"kind", m.Kind}, {"received", m.Received.Local().Format("2006-01-02 15:04:05.000")},
			{"state", strings.TrimSpace(string(m.State) + " " + m.Reason)}, {"facts", strconv.FormatInt(m.Facts, 10)}, {"held", strconv.FormatInt(m.Held, 10)},
			{"repeats", strconv.FormatInt(m.Repeats, 10)}, {"bytes", strconv.FormatInt(m.Size, 10)}, {"entry", m.Entry.String()}}
		for _, h := range m.Hops {
			line := h.At.Local().Format("15:04:05.000") + " " + h.Step
			if h.Note != "" {
				line += " (" + h.Note + ")"
			}
			if !h.Entry.IsZero() {
				line += " entry " + h.Entry.String()
			}
			rows = append(rows, []string{"hop", line})
			for i, r := range h.Refs {
				rule := ""
				if i < len(h.Rules) {
					rule = " by " + h.Rules[i]
				}
				rows = append(rows, []string{"", r + rule})
			}
		}
		return s.table(m, "", rows)
	})
}

func (c messageShowCmd) raw(s *session, a *api) error {
	if err := a.become(c.As); err != nil {
		return err
	}
	var m server.RawMessage
	if err := a.call(http.MethodGet, path("v1", "messages", c.ID, "raw"), nil, &m); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(m)
	}
	for line := range strings.Lines(strings.ReplaceAll(string(m.Body), "\r", "\n")) {
		fmt.Fprintln(s.out, plain(strings.TrimSuffix(line, "\n")))
	}
	return nil
}

type messageReplayCmd struct {
	ID string `arg:"" help:"Id of the message."`
}

// Run implements the verb.
func (c messageReplayCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		return a.call(http.MethodPost, path("v1", "messages", c.ID, "replay"), nil, nil)
	})
}

type messageRejectCmd struct {
	ID     string `arg:"" help:"Id of the message."`
	Reason string `help:"Why." required:""`
	As     string `help:"Who rejects it: a steward." required:"" placeholder:"PRINCIPAL"`
}

// Run implements the verb.
func (c messageRejectCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		if err := a.become(c.As); err != nil {
			return err
		}
		return a.call(http.MethodPost, path("v1", "messages", c.ID, "reject"), map[string]string{"note": c.Reason}, nil)
	})
}
