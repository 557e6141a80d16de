package normalize

import (
	"context"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/normalize/identity"
	"github.com/ward-health/ward/normalize/mapping"
	"github.com/ward-health/ward/normalize/units"
	"github.com/ward-health/ward/normalize/watch"
	"github.com/ward-health/ward/store"
)

// Deps is what a Normalizer stands on.
type Deps struct {
	Store  *store.Store
	Access *access.Authority
	Watch  *watch.Watch // nil: one of its own
}

// Normalizer turns raw messages into facts. Safe for concurrent use.
type Normalizer struct {
	store  *store.Store
	access *access.Authority
	watch  *watch.Watch
}

// New makes a Normalizer. Broken built-in rules are ward.Internal.
func New(d Deps) (*Normalizer, error) {
	if err := mapping.Check(); err != nil {
		return nil, err
	}
	if d.Watch == nil {
		d.Watch = watch.New(d.Store, nil)
	}
	return &Normalizer{d.Store, d.Access, d.Watch}, nil
}

// Channel is what a message's channel says of it.
type Channel struct {
	ID         string
	Processing string            // meaning of an empty MSH-11
	Zone       string            // IANA time zone of times without offset; "" is UTC
	Charset    string            // of messages with an empty MSH-18
	Systems    map[string]string // identifier system by assigning authority
	Units      *units.Table      // what persons have said of its units; nil: nothing
}

// maxTries bounds how often a message is begun anew because others wrote what it had read.
const maxTries = 5

// maxHidden bounds the records that one message may meet and must not see.
const maxHidden = 100

// Normalize understands one raw message and applies what it does, under permits of the channel's principal. An error means
// that nothing was written and that it may be tried again; what no other try can help is written as held. A message that is
// not waiting any more is left alone.
func (n *Normalizer) Normalize(ctx context.Context, who ward.Principal, purpose ward.Purpose, c Channel, m ward.Message) error {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return ward.E(ward.Invalid, "normalize.zone", "the channel's time zone is not known; see ward channel list", err)
	}
	if c.Units == nil {
		c.Units = &units.Table{}
	}
	var last error
	hidden, wary := map[ward.Reference]bool{}, false
	for try := 0; try < maxTries; try++ {
		w := &work{hidden: hidden, wary: wary, n: n, who: who, purpose: purpose, channel: c, zone: zone, raw: m, permits: map[need]access.Permit{}}
		if last = w.run(ctx); last == nil {
			w.counted(ctx)
			return nil
		}
		switch ward.KindOf(last) {
		case ward.Conflict:
			if ref, ok := w.created(last); ok && !hidden[ref] && len(hidden) < maxHidden {
				hidden[ref] = true
				try--
			}
		case ward.Precondition:
			wary = true
		case ward.Gone:
			return w.erased(ctx)
		case ward.TooLarge, ward.Invalid, ward.Unprocessable:
			return n.give(ctx, w, "cannot-be-stored")
		default:
			return last
		}
		if ward.KindOf(last) == ward.Conflict && try == maxTries-1 {
			return n.give(ctx, w, "conflict")
		}
	}
	return last
}

// give hands to persons a message that no other try can help: to fail again and again would hold up all that comes after it.
func (n *Normalizer) give(ctx context.Context, w *work, reason string) error {
	if w.e.Merge != nil {
		reason = "merge-conflict"
	}
	err := w.hold(ctx, reason, "MSH", "profile")
	if ward.KindOf(err) == ward.Gone {
		return w.erased(ctx)
	}
	return err
}

// Lanes returns the patients that a message is about, framed; ok is false if it names nobody.
func Lanes(m *hl7v2.Message, systems map[string]string) (lanes [][]byte, ok bool) {
	return identity.Lanes(m, systems)
}

// Key returns what makes a message one message, framed; nil if it has no control id.
func Key(m *hl7v2.Message) []byte { return identity.Key(m) }

// Kind returns the message code and event, "ORU^R01"; "" if there is none.
func Kind(m *hl7v2.Message) string { return identity.Kind(m) }

// Understood reports whether there are rules for a kind of message.
func Understood(kind string) bool { return mapping.Understood(kind) }

// Apart reports whether MSH-11, or what an empty one means, marks test or debug traffic.
func Apart(processing, standard string) bool { return identity.Apart(processing, standard) }
