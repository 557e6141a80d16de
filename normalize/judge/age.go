package judge

import (
	"time"

	"github.com/ward-health/ward/normalize/body"
)

// The extensions of meta that say how old what is stored is.
const (
	SentURL    = "urn:ward:sent"           // when the message was written (MSH-7)
	ChangedURL = "urn:ward:status-changed" // when the status last changed (OBR-22)
)

// Age notes in meta when a fact was sent and when its status changed; a zero time is left out.
func Age(o *body.Value, sent, changed time.Time) {
	meta := o.Get("meta").Clone()
	if meta == nil {
		meta = body.NewObject()
	}
	list := body.NewArray()
	for _, x := range meta.Get("extension").Items() {
		if u := x.Get("url").Str(); u != SentURL && u != ChangedURL {
			list.Append(x)
		}
	}
	put := func(url string, t time.Time) {
		if !t.IsZero() {
			list.Append(body.NewObject().Set("url", body.Text(url)).Set("valueDateTime", body.Text(t.Format(time.RFC3339Nano))))
		}
	}
	put(SentURL, sent)
	put(ChangedURL, changed)
	o.Set("meta", meta.Set("extension", list))
}

// Sent returns when a stored fact was sent, zero if that is not known.
func Sent(o *body.Value) time.Time { return noted(o, SentURL) }

// Changed returns when its status changed, zero if that is not known.
func Changed(o *body.Value) time.Time { return noted(o, ChangedURL) }

func noted(o *body.Value, url string) time.Time {
	for _, x := range o.At("meta.extension").Items() {
		if x.Get("url").Str() == url {
			t, _ := time.Parse(time.RFC3339Nano, x.Get("valueDateTime").Str())
			return t
		}
	}
	return time.Time{}
}
