package access

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
)

// The states of tenants, principals and clients.
const (
	active   = 1
	disabled = 2
)

// maxCached bounds each cache of the directory.
const maxCached = 10_000

// directory reads tenants, principals and clients, and remembers them: with PostgreSQL, where another node may change
// them, for at most one second; with SQLite until one of them changes. Every administrative write forgets everything
// after its commit and before its caller hears of it, so a request that starts later sees the change.
type directory struct {
	db      *db.DB
	tenants cache[ward.TenantID, ward.Tenant]
	people  cache[personKey, person]
	clients cache[string, client]

	numbers  cache[db.Tenant, ward.Tenant]
	channels cache[string, channel]
	units    cache[unitKey, []Unit]
}

type personKey struct {
	tn db.Tenant
	id ward.PrincipalID
}

// person is a row of access_principal.
type person struct {
	who    ward.Principal
	active bool
	epoch  int64
}

// client is a row of access_client.
type client struct {
	Client
	tn    db.Tenant
	epoch int64
}

func newDirectory(d *db.DB) *directory {
	var life time.Duration
	if d.Engine() != "sqlite" {
		life = time.Second
	}
	dir := &directory{db: d}
	dir.tenants.life, dir.people.life, dir.clients.life, dir.numbers.life, dir.channels.life, dir.units.life = life, life, life, life, life, life
	return dir
}

// forget drops what is remembered.
func (d *directory) forget() {
	d.tenants.forget()
	d.people.forget()
	d.clients.forget()
	d.numbers.forget()
	d.channels.forget()
	d.units.forget()
}

// tenant returns a tenant by slug; an unknown one is ward.NotFound.
func (d *directory) tenant(ctx context.Context, id ward.TenantID) (ward.Tenant, error) {
	return d.tenants.get(id, func() (t ward.Tenant, err error) {
		err = d.db.Read(ctx, db.System, func(tx *db.Tx) error {
			t, err = readTenant(ctx, tx, id)
			return err
		})
		return t, err
	})
}

// person returns a principal of a tenant; an unknown one is ward.NotFound.
func (d *directory) person(ctx context.Context, t ward.Tenant, id ward.PrincipalID) (person, error) {
	p, err := d.people.get(personKey{db.Tenant(t.Number), id}, func() (p person, err error) {
		err = d.db.Read(ctx, db.Tenant(t.Number), func(tx *db.Tx) error {
			p, err = readPerson(ctx, tx, db.Tenant(t.Number), id)
			return err
		})
		return p, err
	})
	p.who.Tenant = t
	return p, err
}

// client returns a client by its id; an unknown one is ward.NotFound.
func (d *directory) client(ctx context.Context, id string) (client, error) {
	return d.clients.get(id, func() (c client, err error) {
		err = d.db.Read(ctx, db.System, func(tx *db.Tx) error {
			c, err = readClient(ctx, tx, id)
			return err
		})
		return c, err
	})
}

// numbered is tenantOf from memory.
func (d *directory) numbered(ctx context.Context, tn db.Tenant) (ward.Tenant, error) {
	return d.numbers.get(tn, func() (ward.Tenant, error) { return d.tenantOf(ctx, tn) })
}

// tenantOf returns the tenant with the number.
func (d *directory) tenantOf(ctx context.Context, tn db.Tenant) (t ward.Tenant, err error) {
	err = d.db.Read(ctx, db.System, func(tx *db.Tx) error {
		var slug string
		ok, err := tx.Get(ctx, `SELECT id FROM access_tenant WHERE tn = $1`, []any{int64(tn)}, &slug)
		if err != nil || !ok {
			return missing(err, "no tenant has this number")
		}
		t, err = readTenant(ctx, tx, ward.TenantID(slug))
		return err
	})
	return t, err
}

func readTenant(ctx context.Context, tx *db.Tx, id ward.TenantID) (ward.Tenant, error) {
	t := ward.Tenant{ID: id}
	var state int64
	ok, err := tx.Get(ctx, `SELECT tn, name, state FROM access_tenant WHERE id = $1`, []any{string(id)}, &t.Number, &t.Name, &state)
	if err != nil || !ok {
		return ward.Tenant{}, missing(err, "there is no tenant of this name; ward tenant list shows all")
	}
	t.Disabled = state != active
	return t, nil
}

func readPerson(ctx context.Context, tx *db.Tx, tn db.Tenant, id ward.PrincipalID) (person, error) {
	if likeEngine(id) {
		return person{}, missing(nil, noPrincipal) // whatever a row says: the engine has none
	}
	p := person{who: ward.Principal{ID: id}}
	var kind, roles string
	var state int64
	ok, err := tx.Get(ctx, `SELECT kind, name, roles, patient, state, epoch FROM access_principal WHERE tn = $1 AND id = $2`,
		[]any{int64(tn), string(id)}, &kind, &p.who.Name, &roles, &p.who.Patient, &state, &p.epoch)
	if err != nil || !ok {
		return person{}, missing(err, noPrincipal)
	}
	p.who.Kind, p.who.Roles, p.active = ward.Kind(kind), splitRoles(roles), state == active
	return p, nil
}

func readClient(ctx context.Context, tx *db.Tx, id string) (client, error) {
	var c client
	var principal, purpose string
	var state, tn int64
	ok, err := tx.Get(ctx, `SELECT tn, principal, jwks, purpose, state, epoch FROM access_client WHERE id = $1`,
		[]any{id}, &tn, &principal, &c.JWKS, &purpose, &state, &c.epoch)
	if err != nil || !ok {
		return client{}, missing(err, noClient)
	}
	c.ID, c.Principal, c.Purpose, c.Disabled, c.tn = id, ward.PrincipalID(principal), ward.Purpose(purpose), state != active, db.Tenant(tn)
	return c, nil
}

// The texts of what is not there.
const (
	noPrincipal = "there is no principal of this name in the tenant; ward principal list shows all"
	noClient    = "there is no client of this name in the tenant; ward client list shows all"
)

// missing returns err, or ward.NotFound with the text.
func missing(err error, public string) error {
	if err != nil {
		return err
	}
	return ward.E(ward.NotFound, "access.read", public, nil)
}

func joinRoles(roles []ward.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ",")
}

func splitRoles(s string) []ward.Role {
	var out []ward.Role
	for _, name := range strings.Split(s, ",") {
		if name != "" {
			out = append(out, ward.Role(name))
		}
	}
	return out
}

// cache remembers what load returned. A zero life means until forget.
type cache[K comparable, V any] struct {
	life time.Duration
	mu   sync.Mutex
	gen  uint64 // raised by forget: what was read before is not kept
	m    map[K]cached[V]
}

type cached[V any] struct {
	v  V
	at time.Time
}

func (c *cache[K, V]) get(k K, load func() (V, error)) (V, error) {
	c.mu.Lock()
	got, ok := c.m[k]
	gen := c.gen
	c.mu.Unlock()
	if ok && (c.life == 0 || time.Since(got.at) < c.life) {
		return got.v, nil
	}
	at := time.Now()
	v, err := load()
	if err != nil {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen == gen {
		if c.m == nil || len(c.m) >= maxCached {
			c.m = make(map[K]cached[V])
		}
		c.m[k] = cached[V]{v, at}
	}
	return v, nil
}

func (c *cache[K, V]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	clear(c.m)
}
