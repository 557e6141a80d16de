package server

import (
	"context"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
)

// Message is what is known of a message without opening it.
type Message struct {
	ID       ward.ID            `json:"id"`
	Channel  string             `json:"channel"`
	Kind     string             `json:"kind" doc:"Message code and event, ORU^R01"`
	Received time.Time          `json:"received"`
	State    store.MessageState `json:"state" enum:"received,applied,held,apart,kept,rejected,dead"`
	Reason   string             `json:"reason,omitempty" doc:"Why it stands where it stands, a constant"`
	Reused   bool               `json:"reused,omitempty" doc:"Its control id came before with another body; both are kept"`
	Repeats  int64              `json:"repeats"`
	Facts    int64              `json:"facts" doc:"Resources that it wrote"`
	Held     int64              `json:"held" doc:"Facts of it that were held"`
	Size     int64              `json:"size"`
	Entry    ward.ID            `json:"entry" doc:"Log entry of its arrival"`
	Hops     []store.Hop        `json:"hops,omitempty" doc:"Its way, oldest first; only when one message is shown"`
}

// MessagePage is one page of messages, newest first.
type MessagePage struct {
	Messages []Message `json:"messages"`
	Next     string    `json:"next,omitempty" doc:"Cursor of the next page"`
}

// RawMessage is a message as it came.
type RawMessage struct {
	ID          ward.ID `json:"id"`
	ContentType string  `json:"content_type"`
	Body        []byte  `json:"body" doc:"The very bytes"`
}

func messageOf(m store.MessageInfo) Message {
	return Message{m.ID, m.Channel, m.Kind, m.Received, m.State, m.Reason, m.Reused, m.Repeats, m.Facts, m.Held, m.Size, m.Entry, m.Hops}
}

func (v *v1) messages() {
	s := v.node.store
	operate(v, about{"GET", "/v1/messages", access.MessageRead, access.AuditData, "list-messages", "List messages, newest first, without opening them", false},
		func(ctx context.Context, g access.Grant, in *struct {
			State   string `query:"state" enum:"received,applied,held,apart,kept,rejected,dead" doc:"Only of this state"`
			Channel string `query:"channel" maxLength:"64" doc:"Only of this channel"`
			Cursor  string `query:"cursor" maxLength:"1000"`
			Count   int    `query:"count" default:"50" minimum:"1" maximum:"1000"`
		}) (*body[MessagePage], error) {
			found, next, err := s.Messages(ctx, g.Permit, store.MessageQuery{State: store.MessageState(in.State), Channel: in.Channel, Cursor: in.Cursor, Count: in.Count})
			page := MessagePage{Messages: []Message{}, Next: next}
			for _, m := range found {
				page.Messages = append(page.Messages, messageOf(m))
			}
			return answer(page), err
		})
	operate(v, about{"GET", "/v1/messages/{id}", access.MessageRead, access.AuditData, "show-message", "Show a message's way, hop by hop, without opening it", false},
		func(ctx context.Context, g access.Grant, in *byID) (*body[Message], error) {
			m, err := s.Message(ctx, g.Permit, in.ID)
			return answer(messageOf(m)), err
		})
	operate(v, about{"GET", "/v1/messages/{id}/raw", access.MessageOpen, access.AuditData, "open-message", "Open a message as it came", false},
		func(ctx context.Context, g access.Grant, in *byID) (*body[RawMessage], error) {
			m, err := s.Raw(ctx, g.Permit, in.ID)
			return answer(RawMessage{in.ID, m.ContentType, []byte(m.Body)}), err
		})
	operate(v, about{"POST", "/v1/messages/{id}/replay", access.MessageReplay, access.AuditData, "replay-message",
		"Understand a message again: after a rule or an override was changed, or because its job gave up", false},
		func(ctx context.Context, g access.Grant, in *byID) (*struct{}, error) {
			return nil, s.ReplayMessage(ctx, g.Permit, in.ID)
		})
	operate(v, about{"POST", "/v1/messages/{id}/reject", access.HoldReject, access.AuditData, "reject-message", "End a held message; it stays kept", false},
		func(ctx context.Context, g access.Grant, in *struct {
			ID   ward.ID `path:"id"`
			Body struct {
				Note string `json:"note" minLength:"1" maxLength:"200"`
			}
		}) (*struct{}, error) {
			return nil, s.RejectMessage(ctx, g.Permit, in.ID, in.Body.Note)
		})
}
