package console

import (
	"net/http"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
)

// messageRows is how many messages a page of the list shows.
const messageRows = 50

// messageStates are the filters that the list offers.
var messageStates = []store.MessageState{store.MessageReceived, store.MessageApplied, store.MessageHeld, store.MessageDead,
	store.MessageApart, store.MessageKept, store.MessageRejected}

// messagesPage is a list of messages.
type messagesPage struct {
	Messages []store.MessageInfo
	State    store.MessageState
	States   []store.MessageState
	Next     string
	First    bool
}

// messages is GET /console/messages.
func (c *Console) messages(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	p := messagesPage{State: chosen(r, "state", messageStates), States: messageStates}
	q := store.MessageQuery{State: p.State, Cursor: cursor(r), Count: messageRows}
	var err error
	if p.Messages, p.Next, err = c.store.Messages(r.Context(), g.Permit, q); err != nil {
		return err
	}
	p.First = q.Cursor == ""
	return c.show(w, r, g, "messages", "Messages", "messages", p)
}

// messagePage is the way of one message.
type messagePage struct {
	Message store.MessageInfo
	Steps   []step
	Held    []store.HeldFact
	Replay  bool // it can be set going again
	Reject  bool // it can be ended
}

// step is one hop with its links.
type step struct {
	store.Hop
	Links []refLink
	Last  bool
}

// refLink is a reference that a hop names.
type refLink struct{ Text, Href, Rule string }

// message is GET /console/messages/{id}.
func (c *Console) message(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	m, err := c.store.Message(r.Context(), g.Permit, id)
	if err != nil {
		return err
	}
	p := messagePage{Message: m, Reject: m.State == store.MessageHeld,
		Replay: m.State == store.MessageHeld || m.State == store.MessageApplied || m.State == store.MessageKept || m.State == store.MessageDead}
	can := offerTo(g.Permit)
	if can.Holds && m.Held > 0 {
		if p.Held, _, err = c.desk.List(r.Context(), g, store.HoldQuery{Message: id, Count: holdRows}); err != nil {
			return err
		}
	}
	for i, h := range m.Hops {
		s := step{Hop: h, Last: i == len(m.Hops)-1}
		for j, ref := range h.Refs {
			l := refLink{Text: refText(ref), Href: link(ref)}
			if hold := strings.HasPrefix(ref, "hold/"); hold && !can.Holds || !hold && !can.Patients {
				l.Href = ""
			}
			if j < len(h.Rules) {
				l.Rule = h.Rules[j]
			}
			s.Links = append(s.Links, l)
		}
		p.Steps = append(p.Steps, s)
	}
	f := frameOf(r, g.Permit, "Message", "messages", p)
	f.Notice = notices[r.URL.Query().Get("done")]
	return c.write(w, http.StatusOK, "message", f)
}

// refText names what a reference leads to; ids are long and stand behind the link.
func refText(ref string) string {
	part := strings.Split(ref, "/")
	switch {
	case part[0] == "hold":
		return "held fact"
	case len(part) == 4:
		return part[0] + " " + short(part[1]) + ", version " + part[3]
	}
	return ref
}

// replayMessage is POST /console/messages/{id}/replay.
func (c *Console) replayMessage(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := c.store.ReplayMessage(r.Context(), g.Permit, id); err != nil {
		return err
	}
	see(w, "/console/messages/"+id.String()+"?done=replayed")
	return nil
}

// rejectMessage is POST /console/messages/{id}/reject.
func (c *Console) rejectMessage(w http.ResponseWriter, r *http.Request, g access.Grant) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	note := strings.TrimSpace(form.Get("note"))
	if note == "" {
		return ward.E(ward.Invalid, "console.reject", "say in up to 200 characters why the message is not to be used", nil).At("note")
	}
	if err := c.store.RejectMessage(r.Context(), g.Permit, id, note); err != nil {
		return err
	}
	see(w, "/console/messages/"+id.String()+"?done=ended")
	return nil
}
