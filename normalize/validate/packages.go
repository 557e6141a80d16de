package validate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir/definition"
	"github.com/ward-health/ward/clinical/fhir/issue"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the tables of packages.
func Migrations() db.Migrations {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		panic(err) // the embedded folder is part of the program
	}
	return db.Migrations{Owner: "validate", Files: files}
}

// Limits of a tenant's packages.
const (
	MaxPackage  = 32 << 20 // bytes of a .tgz
	maxPackages = 32
)

// MACs gives the keyed digest that protects a tenant's rows.
type MACs func(ctx context.Context, tn db.Tenant) (keys.MAC, error)

// Packages holds the packages of all tenants. Safe for concurrent use.
type Packages struct {
	db   *db.DB
	log  *audit.Log
	macs MACs

	fresh time.Duration // after which the tables are asked again: another node may have changed them
	room  chan struct{} // taken while the bodies of a tenant's packages are read

	mu     sync.Mutex
	held   map[db.Tenant]*held
	making map[db.Tenant]*making // what the next caller joins
}

// Open makes it over migrated tables.
func Open(d *db.DB, l *audit.Log, m MACs) *Packages {
	return &Packages{db: d, log: l, macs: m, fresh: fresh, room: make(chan struct{}, maxMaking), held: map[db.Tenant]*held{}, making: map[db.Tenant]*making{}}
}

// Package is one that a tenant has loaded.
type Package struct {
	Name, Version string
	Digest        [32]byte // SHA-256 of the .tgz
	Added         time.Time
	Entry         ward.ID // of the log
}

func (r *row) listed() Package {
	return Package{r.name, r.version, [32]byte(r.digest), time.UnixMicro(r.addedUS).UTC(), ward.ID(r.entry)}
}

// Add loads a package (a FHIR npm .tgz) for the tenant, in place of an older or newer one of its name, under a permit for package.add,
// with its entry. It returns what could not be resolved (a missing dependency, a profile that refers to what is not there): named, and not
// checked. Adding the very bytes that are there writes nothing. ward.Invalid: it is no package; ward.TooLarge.
func (r *Packages) Add(ctx context.Context, p access.Permit, tgz []byte) (Package, []issue.Issue, error) {
	const op = "validate.add"
	if err := p.Allows(access.PackageAdd, ""); err != nil {
		return Package{}, nil, err
	}
	if len(tgz) > MaxPackage {
		return Package{}, nil, ward.E(ward.TooLarge, op, "a package may have at most "+strconv.Itoa(MaxPackage)+" bytes", nil)
	}
	read, err := definition.ReadPackage(bytes.NewReader(tgz), definition.PackageLimits{})
	if err != nil {
		return Package{}, nil, err
	}
	digest := sha256.Sum256(tgz)
	at := time.Now()
	n := row{tn: p.Tenant(), name: read.Name, version: read.Version, digest: digest[:], body: tgz, addedUS: at.UnixMicro()}
	in := p.Intent(audit.ActPackageAdd)
	in.Note = "package " + read.Name + "#" + read.Version + " sha256 " + hex.EncodeToString(digest[:])
	err = r.change(ctx, p, in, func(have []row, entry ward.ID) ([]row, error) {
		i := slices.IndexFunc(have, func(h row) bool { return h.name == n.name })
		switch {
		case i >= 0 && bytes.Equal(have[i].digest, n.digest):
			n = have[i]
			return nil, nil
		case i >= 0:
			have = slices.Delete(have, i, i+1)
		case len(have) >= maxPackages:
			return nil, ward.E(ward.Conflict, op, "a tenant may have at most "+strconv.Itoa(maxPackages)+" packages; remove one first", nil)
		}
		n.entry = entry[:]
		have = append(have, n)
		slices.SortFunc(have, func(a, b row) int { return strings.Compare(a.name, b.name) })
		return have, nil
	})
	if err != nil {
		return Package{}, nil, err
	}
	s, err := r.of(ctx, p.Tenant())
	if err != nil {
		return Package{}, nil, err
	}
	return n.listed(), s.open, nil
}

// Remove takes a package away, under a permit for package.add, with its entry. ward.NotFound: there is none of this name.
func (r *Packages) Remove(ctx context.Context, p access.Permit, name string) error {
	if err := p.Allows(access.PackageAdd, ""); err != nil {
		return err
	}
	missing := ward.E(ward.NotFound, "validate.remove", "the tenant has no package of this name", nil)
	if len(name) > audit.MaxNote/2 || !utf8.ValidString(name) {
		return missing // no name of a package is like that, and no entry could hold it
	}
	in := p.Intent(audit.ActPackageRemove)
	in.Note = "package " + name // it is entered only if there is such a package
	return r.change(ctx, p, in, func(have []row, _ ward.ID) ([]row, error) {
		i := slices.IndexFunc(have, func(h row) bool { return h.name == name })
		if i < 0 {
			return nil, missing
		}
		return slices.Delete(have, i, i+1), nil
	})
}

// change replaces the tenant's packages by what fn makes of them; nil: nothing changes and nothing is written.
func (r *Packages) change(ctx context.Context, p access.Permit, in audit.Intent, fn func([]row, ward.ID) ([]row, error)) error {
	tn := p.Tenant()
	mac, err := r.macs(ctx, tn)
	if err != nil {
		return err
	}
	prepared, err := r.log.Prepare(ctx, in)
	if err != nil {
		return err
	}
	err = r.db.Write(ctx, tn, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "validate.package"); err != nil {
			return err
		}
		seq, had, err := readRows(ctx, tx, mac, tn)
		if err != nil {
			return err
		}
		if now, err := fn(slices.Clone(had), ward.ID{1}); err != nil || now == nil {
			return err
		}
		receipt, err := r.log.Enter(ctx, tx, prepared)
		if err != nil {
			return err
		}
		now, err := fn(slices.Clone(had), receipt.ID())
		if err != nil {
			return err
		}
		if err := replace(ctx, tx, mac, had, now); err != nil {
			return err
		}
		return writeHead(ctx, tx, mac, tn, seq+1, now)
	})
	if err == nil {
		r.forget(tn)
	}
	return err
}

// replace removes the rows that are not in now and adds those that are new, which have no keyed digest yet.
func replace(ctx context.Context, tx *db.Tx, mac keys.MAC, had, now []row) error {
	for i := range had {
		if !slices.ContainsFunc(now, func(n row) bool { return n.name == had[i].name && n.sum != nil }) {
			if err := remove(ctx, tx, had[i].tn, had[i].name); err != nil {
				return err
			}
		}
	}
	for i := range now {
		if now[i].sum == nil {
			now[i].sum = now[i].mac(mac)
			if err := now[i].insert(ctx, tx); err != nil {
				return err
			}
		}
	}
	return nil
}

// List returns the tenant's packages by name, under a permit for package.read, with its entry.
func (r *Packages) List(ctx context.Context, p access.Permit) ([]Package, error) {
	if err := p.Allows(access.PackageRead, ""); err != nil {
		return nil, err
	}
	in := p.Intent(audit.ActAdminRead)
	in.Note = "packages"
	if _, err := r.log.Begin(ctx, in); err != nil {
		return nil, err
	}
	mac, err := r.macs(ctx, p.Tenant())
	if err != nil {
		return nil, err
	}
	var have []row
	err = r.db.Read(ctx, p.Tenant(), func(tx *db.Tx) (err error) {
		_, have, err = readRows(ctx, tx, mac, p.Tenant())
		return err
	})
	out := make([]Package, len(have))
	for i := range have {
		out[i] = have[i].listed()
	}
	return out, err
}
