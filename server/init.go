package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/keys"
)

// InitOptions says what node to make. The zero value gives an HTTPS node on 127.0.0.1:8080 with SQLite, the tenant "main" and the administrator "admin".
type InitOptions struct {
	Tenant       ward.TenantID
	TenantName   string
	Admin        ward.PrincipalID
	Listen       string
	LoopbackOnly bool
	URL          string
	Names        []string // host names for the certificate
	DSN          string   // PostgreSQL, by reference: env:NAME, file:/PATH, cred:NAME
	Node         uint8
	Passphrase   keys.Secret // unlocks the root key; empty: a credential
	PassphraseIs string      // where later starts find the passphrase, "file:/PATH"; empty: they ask at the terminal
	Credential   string      // reference to a credential, "cred:ward-root" or "file:PATH"; empty: one is made in root.cred
	Log          LogConfig
}

// Report is what Init made.
type Report struct {
	Dir        string        `json:"dir"`
	URL        string        `json:"url"`
	Tenant     ward.TenantID `json:"tenant"`
	Admin      string        `json:"admin"`
	Link       string        `json:"link"` // one-time sign-in link of the administrator
	CACert     string        `json:"ca_cert,omitempty"`
	Key        string        `json:"log_key"`    // verifier key of the log
	Credential string        `json:"credential"` // file that unlocks the root key, when Init made one: for tries only
}

// Init makes a node in dir, which must be missing or empty. What it made is removed when it fails.
func Init(ctx context.Context, dir string, o InitOptions) (r Report, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return r, ward.E(ward.Invalid, "server.init", "the data directory has no absolute path", err)
	}
	made, err := emptyDir(dir)
	if err != nil {
		return r, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, clear(dir, made))
		}
	}()
	o = o.filled()
	c := Config{Dir: dir, NodeSet: strings.ToLower(rand.Text()), Node: o.Node, Listen: o.Listen, LoopbackOnly: o.LoopbackOnly, URL: o.URL,
		TLS: TLSConfig{Names: o.Names}, Log: o.Log}
	if o.DSN != "" {
		if err := c.Database.DSN.UnmarshalText([]byte(o.DSN)); err != nil {
			return r, err
		}
	}
	r = Report{Dir: dir, URL: c.BaseURL(), Tenant: o.Tenant, Admin: string(o.Admin)}
	if err := c.rootKey(o, &r); err != nil {
		return r, err
	}
	if err := errors.Join(c.check(), c.write()); err != nil {
		return r, err
	}
	return r, c.first(ctx, o, &r)
}

func (o InitOptions) filled() InitOptions {
	if o.Tenant == "" {
		o.Tenant = "main"
	}
	if o.TenantName == "" {
		o.TenantName = string(o.Tenant)
	}
	if o.Admin == "" {
		o.Admin = "admin"
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:8080"
	}
	return o
}

// emptyDir makes dir, or checks that it is empty; made tells which.
func emptyDir(dir string) (made bool, err error) {
	const op = "server.init"
	have, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return false, ward.E(ward.Unavailable, op, "the data directory cannot be made: "+dir, err)
		}
		return true, nil
	case err != nil:
		return false, ward.E(ward.Unavailable, op, "the data directory cannot be read: "+dir, err)
	case Layout{dir}.Initialised():
		return false, ward.E(ward.Conflict, op, "there is a node in "+dir+" already; start it with: ward serve --dir "+dir, nil)
	case len(have) > 0:
		return false, ward.E(ward.Conflict, op, "the directory is not empty: "+dir+"; choose a new one with --dir", nil)
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory, which its owner must be able to enter
		return false, ward.E(ward.Unavailable, op, "the data directory cannot be made private: "+dir, err)
	}
	return false, nil
}

func clear(dir string, made bool) error {
	if made {
		return os.RemoveAll(dir)
	}
	have, err := os.ReadDir(dir)
	for _, e := range have {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// rootKey makes the root key and what unlocks it.
func (c *Config) rootKey(o InitOptions, r *Report) error {
	l := Layout{c.Dir}
	if err := os.MkdirAll(l.TLS(), 0o700); err != nil {
		return ward.E(ward.Unavailable, "server.init", "the directory cannot be made: "+l.TLS(), err)
	}
	if len(o.Passphrase) > 0 {
		c.Root.Passphrase = "prompt"
		if o.PassphraseIs != "" {
			c.Root.Passphrase = o.PassphraseIs
		}
		return keys.CreateFile(l.RootKey(), o.Passphrase, nil)
	}
	c.Root.Credential = o.Credential
	if o.Credential == "" {
		secret := make([]byte, 48)
		rand.Read(secret)
		text := base64.RawURLEncoding.AppendEncode(nil, secret)
		if err := writeFile(l.RootCredential(), append(text, '\n'), 0o600); err != nil {
			return err
		}
		c.Root.Credential, r.Credential = "file:"+filepath.Base(l.RootCredential()), l.RootCredential()
	}
	credential, err := secretFrom(c.Dir, c.Root.Credential, "")
	if err != nil {
		return err
	}
	return keys.CreateFile(l.RootKey(), nil, credential)
}

// first opens the new node once and makes its first tenant and administrator.
func (c Config) first(ctx context.Context, o InitOptions, r *Report) error {
	c.Passphrase = o.Passphrase
	n, err := Open(ctx, c)
	if err != nil {
		return err
	}
	n.start(false)
	err = n.found(ctx, o, r)
	return errors.Join(err, n.Close())
}

func (n *Node) found(ctx context.Context, o InitOptions, r *Report) error {
	if !n.config.LoopbackOnly {
		if _, err := n.tls(); err != nil {
			return err
		}
		r.CACert = n.layout.CACert()
	}
	code, err := n.access.Bootstrap(ctx, o.Tenant, o.TenantName, ward.Principal{ID: o.Admin, Kind: ward.Human, Name: "Administrator",
		Roles: []ward.Role{ward.Admin}})
	if err != nil {
		return err
	}
	t, err := n.access.TenantByID(ctx, o.Tenant)
	if err != nil {
		return err
	}
	if err := n.furnish(ctx, t); err != nil {
		return err
	}
	r.Link, r.Key = n.access.Link(code), n.log.VerifierKey()
	return nil
}

// operator is the local user who runs this process, in a tenant ("" = the node), with a permit for the action.
func (n *Node) operator(ctx context.Context, t ward.TenantID, a access.Action) (access.Grant, error) {
	who, err := n.access.OperatorOf(ctx, os.Getuid(), t)
	if err != nil {
		return access.Grant{}, err
	}
	request := ward.NewID()
	decide := func(ctx context.Context, a access.Action, rtype string) (access.Permit, error) {
		return n.access.Decide(ctx, access.Request{Principal: who, Action: a, Type: rtype, Purpose: ward.SystemAdmin, ID: request})
	}
	p, err := decide(ctx, a, "")
	return access.Grant{Permit: p, Decide: decide}, err
}
