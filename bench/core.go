package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/blob"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/seal"
	"github.com/ward-health/ward/engine/queue"
	"github.com/ward-health/ward/store"
)

// core is the trusted core of a node on a fresh SQLite directory, with its sequencer and queue running.
type core struct {
	db     *db.DB
	log    *audit.Log
	access *access.Authority
	store  *store.Store
	tenant ward.Tenant
	stop   func() error
}

func openCore(ctx context.Context, dir string) (*core, error) {
	root := filepath.Join(dir, "root.key")
	secret := keys.Secret("a credential of the bench, at least 32 bytes long")
	if err := keys.CreateFile(root, nil, secret); err != nil {
		return nil, err
	}
	provider, err := keys.OpenFile(root, nil, secret)
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, db.Config{Path: filepath.Join(dir, "ward.db")})
	if err != nil {
		return nil, err
	}
	if err := d.Migrate(ctx, seal.Migrations(), queue.Migrations(), audit.Migrations(), access.Migrations(), store.Migrations()); err != nil {
		return nil, err
	}
	ring, err := seal.Open(ctx, d, provider)
	if err != nil {
		return nil, err
	}
	blobs, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	log, err := audit.Open(ctx, audit.Config{Dir: filepath.Join(dir, "log"), Emergency: filepath.Join(dir, "emergency"), Origin: "ward/bench"}, d, ring)
	if err != nil {
		return nil, err
	}
	authority, err := access.New(ctx, access.Config{Issuer: "http://127.0.0.1:8080"}, d, ring, log)
	if err != nil {
		return nil, err
	}
	c := &core{db: d, log: log, access: authority}
	q := queue.New(d, "bench")
	c.store, err = store.New(ctx, store.Deps{DB: d, Ring: ring, Blobs: blobs, Log: log, Access: authority, Queue: q})
	if err != nil {
		return nil, err
	}
	admin := ward.Principal{ID: "admin", Name: "Admin", Kind: ward.Human, Roles: []ward.Role{ward.Admin}}
	if _, err := authority.Bootstrap(ctx, "bench", "Bench", admin); err != nil {
		return nil, err
	}
	if c.tenant, err = authority.TenantByID(ctx, "bench"); err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 2)
	go func() { ended <- log.Run(running) }()
	go func() { ended <- q.Run(running) }()
	c.stop = func() error {
		cancel()
		return errors.Join(<-ended, <-ended, log.Close(), d.Close())
	}
	return c, nil
}

// permit decides for a clinician of the bench tenant.
func (c *core) permit(ctx context.Context, a access.Action, rtype string) (access.Permit, error) {
	p := ward.Principal{ID: "clinician", Tenant: c.tenant, Kind: ward.Human, Roles: []ward.Role{ward.Clinician}}
	return c.access.Decide(ctx, access.Request{Principal: p, Action: a, Type: rtype, Purpose: ward.Treatment, ID: ward.NewID()})
}
