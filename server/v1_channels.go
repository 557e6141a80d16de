package server

import (
	"context"
	"net/netip"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
)

// Channel is where messages of one source come in.
type Channel struct {
	ID         string            `json:"id" minLength:"1" maxLength:"40" doc:"Slug, unique in the node, never used again"`
	Principal  ward.PrincipalID  `json:"principal" minLength:"1" maxLength:"64" doc:"Service with the role integration"`
	Listen     string            `json:"listen" maxLength:"64" doc:"IP address and port of its own listener"`
	TLS        bool              `json:"tls,omitempty"`
	ClientCA   string            `json:"client_ca,omitempty" maxLength:"65536" doc:"PEM; senders must show a certificate of these authorities"`
	Allow      []string          `json:"allow,omitempty" maxItems:"100" doc:"Networks that may connect, 10.0.0.0/8"`
	Processing string            `json:"processing,omitempty" enum:"P,D,T" doc:"Meaning of an empty MSH-11; P when left out"`
	Zone       string            `json:"zone,omitempty" maxLength:"64" doc:"IANA time zone of times without offset; UTC when left out"`
	Charset    string            `json:"charset,omitempty" maxLength:"40" doc:"Character set of messages with an empty MSH-18"`
	Systems    map[string]string `json:"systems,omitempty" doc:"Identifier system (a URI) by assigning authority"`
	Purpose    ward.Purpose      `json:"purpose,omitempty"`
	Disabled   bool              `json:"disabled,omitempty" readOnly:"true"`
}

func (c Channel) channel() (access.Channel, error) {
	out := access.Channel{ID: c.ID, Principal: c.Principal, Listen: c.Listen, TLS: c.TLS, ClientCA: []byte(c.ClientCA), Processing: c.Processing,
		Zone: c.Zone, Charset: c.Charset, Systems: c.Systems, Purpose: c.Purpose}
	for _, a := range c.Allow {
		p, err := netip.ParsePrefix(a)
		if err != nil {
			return out, ward.E(ward.Invalid, "server.channel", "must be a network such as 10.1.0.0/16 or 192.0.2.7/32", nil).At("allow")
		}
		out.Allow = append(out.Allow, p)
	}
	return out, nil
}

func channelOf(c access.Channel) Channel {
	out := Channel{ID: c.ID, Principal: c.Principal, Listen: c.Listen, TLS: c.TLS, ClientCA: string(c.ClientCA), Processing: c.Processing,
		Zone: c.Zone, Charset: c.Charset, Systems: c.Systems, Purpose: c.Purpose, Disabled: c.Disabled}
	for _, p := range c.Allow {
		out.Allow = append(out.Allow, p.String())
	}
	return out
}

func (v *v1) channels() {
	a := v.node.access
	operate(v, about{"GET", "/v1/channels", access.AdminChannel, access.AuditAdmin, "list-channels", "List the tenant's channels", false},
		func(ctx context.Context, g access.Grant, in *list) (*body[[]Channel], error) {
			have, err := a.Channels(ctx, g.Permit, in.After, in.Count)
			out := make([]Channel, len(have))
			for i, c := range have {
				out[i] = channelOf(c)
			}
			return answer(out), err
		})
	operate(v, about{"POST", "/v1/channels", access.AdminChannel, access.AuditAdmin, "add-channel", "Open a listener for the messages of one source", false},
		func(ctx context.Context, g access.Grant, in *struct{ Body Channel }) (*body[Channel], error) {
			c, err := in.Body.channel()
			if err != nil {
				return nil, err
			}
			return answer(in.Body), a.AddChannel(ctx, g.Permit, c)
		})
	operate(v, about{"POST", "/v1/channels/{id}/disable", access.AdminChannel, access.AuditAdmin, "disable-channel", "Close a channel: it takes no more messages", false},
		func(ctx context.Context, g access.Grant, in *named) (*struct{}, error) {
			return nil, a.DisableChannel(ctx, g.Permit, in.ID)
		})
}
