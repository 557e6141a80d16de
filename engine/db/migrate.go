package db

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"regexp"
	"time"

	"github.com/ward-health/ward"
)

// Migrations is one owner's ordered set of schema files NNNN_name.sql at the root of Files. A file may hold several
// statements and runs in one transaction. Tokens that each engine replaces:
//
//	{{int}}        INTEGER, BIGINT
//	{{blob}}       BLOB, BYTEA
//	{{text}}       TEXT, TEXT COLLATE "C" (byte order on both)
//	{{strict}}     STRICT, nothing: after the closing parenthesis of a table
//	{{narrow}}     STRICT, WITHOUT ROWID, nothing: the same for a table of short rows that is read by its primary key
//	{{rls TABLE}}  nothing, row-level security by the column tn: a statement of its own, with its semicolon
type Migrations struct {
	Owner string // package that owns the tables: "store"
	Files fs.FS
}

// migration is one file.
type migration struct {
	owner, name, text string
	sum               [32]byte
}

var migrationName = regexp.MustCompile(`^[0-9]{4}_[a-z0-9_]+\.sql$`)

// Migrate applies what is missing, in order of owners given and of file names. A changed checksum of an applied file
// is an error (ward.Internal), and so is an applied file that is not in Files: a newer Ward wrote it (ward.Unsupported).
// Nodes that start together wait for each other.
func (d *DB) Migrate(ctx context.Context, sets ...Migrations) error {
	err := d.Write(ctx, System, func(tx *Tx) error {
		return d.script(ctx, tx, `CREATE TABLE IF NOT EXISTS schema_migration (owner {{text}} NOT NULL, name {{text}} NOT NULL,
			checksum {{blob}} NOT NULL, applied_us {{int}} NOT NULL, PRIMARY KEY (owner, name)) {{narrow}}`)
	})
	if err != nil {
		return err
	}
	for _, set := range sets {
		files, err := readMigrations(set)
		if err != nil {
			return err
		}
		if err := d.unknown(ctx, set.Owner, files); err != nil {
			return err
		}
		for _, m := range files {
			if err := d.apply(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// script runs statements without arguments after replacing the tokens. Nodes that change the schema wait for each other.
func (d *DB) script(ctx context.Context, tx *Tx, text string) error {
	text, err := d.dialect.expand(text)
	if err != nil {
		return tx.fail("db.migrate", "", err)
	}
	if err := tx.Lock(ctx, "schema_migration"); err != nil {
		return err
	}
	if err := tx.ready(ctx, "db.migrate"); err != nil {
		return err
	}
	tx.wrote = true
	_, err = tx.session.exec(tx.base, true, d.phrases.script+text)
	return tx.fail("db.migrate", "", err)
}

// readMigrations reads and orders the files of a set.
func readMigrations(set Migrations) ([]migration, error) {
	const op = "db.migrate"
	if !validName(set.Owner) {
		return nil, ward.E(ward.Internal, op, "a set of migrations needs an owner's name", nil)
	}
	entries, err := fs.ReadDir(set.Files, ".")
	if err != nil {
		return nil, ward.E(ward.Internal, op, "the migrations of "+set.Owner+" cannot be read", err)
	}
	files := make([]migration, 0, len(entries))
	for _, e := range entries {
		m := migration{owner: set.Owner, name: e.Name()}
		if !migrationName.MatchString(m.name) {
			return nil, ward.E(ward.Internal, op, m.String()+" is not named NNNN_name.sql", nil)
		}
		if n := len(files); n > 0 && files[n-1].name[:4] == m.name[:4] {
			return nil, ward.E(ward.Internal, op, m.String()+" has the number of "+files[n-1].name, nil)
		}
		b, err := fs.ReadFile(set.Files, m.name)
		if err != nil {
			return nil, ward.E(ward.Internal, op, m.String()+" cannot be read", err)
		}
		m.text, m.sum = string(b), sha256.Sum256(b)
		files = append(files, m)
	}
	return files, nil
}

// String names the migration.
func (m migration) String() string { return fmt.Sprintf("migration %s/%s", m.owner, m.name) }

// unknown refuses a database that has applied files which this build does not know.
func (d *DB) unknown(ctx context.Context, owner string, files []migration) error {
	known := map[string]bool{}
	for _, m := range files {
		known[m.name] = true
	}
	return d.Read(ctx, System, func(tx *Tx) error {
		rows, err := tx.Query(ctx, "SELECT name FROM schema_migration WHERE owner = $1 ORDER BY name", owner)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return tx.fail("db.migrate", "schema_migration", err)
			}
			if !known[name] {
				return ward.E(ward.Unsupported, "db.migrate", migration{owner: owner, name: name}.String()+
					" was applied by a newer version of Ward; run that version or restore an older backup", nil)
			}
		}
		return tx.fail("db.migrate", "schema_migration", rows.Err())
	})
}

// apply runs one file unless it was applied. A later one must not have been.
func (d *DB) apply(ctx context.Context, m migration) error {
	return d.Write(ctx, System, func(tx *Tx) error {
		if err := tx.Lock(ctx, "schema_migration"); err != nil {
			return err
		}
		var sum []byte
		applied, err := tx.Get(ctx, "SELECT checksum FROM schema_migration WHERE owner = $1 AND name = $2", []any{m.owner, m.name}, &sum)
		if err != nil {
			return err
		}
		if applied {
			return m.compare(sum)
		}
		var later string
		if found, err := tx.Get(ctx, "SELECT name FROM schema_migration WHERE owner = $1 AND name > $2 ORDER BY name LIMIT 1",
			[]any{m.owner, m.name}, &later); err != nil || found {
			return m.late(later, err)
		}
		if err := d.script(ctx, tx, m.text); err != nil {
			return ward.E(ward.Internal, "db.migrate", m.String()+" failed and was rolled back", err)
		}
		return tx.Insert(ctx, "schema_migration", []string{"owner", "name", "checksum", "applied_us"},
			[][]any{{m.owner, m.name, m.sum, time.Now().UnixMicro()}})
	})
}

// compare checks an applied file against the one at hand.
func (m migration) compare(sum []byte) error {
	if string(sum) == string(m.sum[:]) {
		return nil
	}
	return ward.E(ward.Internal, "db.migrate", fmt.Sprintf("%s has been changed since it was applied: its SHA-256 is %x, applied was %x; undo the change and add a new file",
		m, m.sum, sum), nil)
}

// late is the error of a file that was added before one that has been applied.
func (m migration) late(later string, err error) error {
	if err != nil {
		return err
	}
	return ward.E(ward.Internal, "db.migrate", m.String()+" was added before "+later+", which has been applied; give it a higher number", nil)
}
