package e2e

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"modernc.org/sqlite"
)

// flip changes one bit of a value: in the last byte of a text, in the middle of a blob, bit 20 of a number (so that no key
// collides); nothing becomes something.
func flip(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	switch v := args[0].(type) {
	case int64:
		return v ^ 1<<20, nil
	case string:
		if v == "" {
			return "x", nil
		}
		b := []byte(v)
		b[len(b)-1] ^= 1
		return string(b), nil
	case []byte:
		if len(v) == 0 {
			return []byte{1}, nil
		}
		b := slices.Clone(v)
		b[len(b)/2] ^= 1
		return b, nil
	}
	return []byte{1}, nil
}

// protected are the tables whose every column of every row is held by a keyed digest, a chain or a comparison, with the
// columns that are not, each with its reason.
var protected = map[string]map[string]string{
	"ver": {}, "res": {}, "ix_tok": {}, "ix_ref": {}, "ix_date": {}, "payload": {}, "erased": {},
	"claim":   {"tn": "as if the row were deleted: it only makes two creates under one condition meet, and the next one finds by search"},
	"key_mac": {}, "key_tenant": {}, "key_subject": {}, "key_signing": {},
	"audit_row": {}, "audit_chain": {}, "audit_state": {"beat": "the time of the sequencer's last sign of life, not part of the log"}, "audit_pos": {},
	"fhir_package": {}, "fhir_package_head": {},
}

// TestEveryChangedByteIsFound changes one thing in each class of what a node keeps, and wants ward store check or ward-verify
// to find it; a node that refuses to open because of it has found it too.
func TestEveryChangedByteIsFound(t *testing.T) {
	n := tamperedNode(t)
	clean := filepath.Join(t.TempDir(), "clean")
	copyTree(t, n.dir, clean)
	if out, found := n.examine(); found {
		t.Fatalf("the untouched node has faults:\n%s", out)
	}
	probe := func(name string, tamper func() error) {
		t.Run(name, func(t *testing.T) {
			if err := tamper(); err != nil {
				t.Fatal(err)
			}
			if out, found := n.examine(); !found {
				t.Errorf("the change was not found:\n%s", out)
			}
			if err := os.RemoveAll(n.dir); err != nil {
				t.Fatal(err)
			}
			copyTree(t, clean, n.dir)
		})
	}
	for _, c := range columns(t, n) {
		probe("row "+c.table+"."+c.column, func() error { return n.sql(c.tamper()) })
	}
	for name, statement := range map[string]string{
		"newest version deleted": `DELETE FROM ver WHERE (tn, seq) = (SELECT tn, MAX(seq) FROM ver WHERE tn = 1)`,
		"pointer deleted":        `DELETE FROM res WHERE (tn, rid) = (SELECT tn, MIN(rid) FROM res WHERE tn = 1)`,
		"index row deleted":      `DELETE FROM ix_tok WHERE rid = (SELECT MIN(rid) FROM ix_tok WHERE tn = 1)`,
		"index row added":        `INSERT INTO ix_tok (tn, sp, v8, rid) SELECT tn, sp, v8 + 1, rid FROM ix_tok LIMIT 1`,
		"key row deleted":        `DELETE FROM key_subject WHERE kid = (SELECT kid FROM ver WHERE tn = 1 ORDER BY seq DESC LIMIT 1)`,
		"decision deleted":       `DELETE FROM payload WHERE kind = 'decision'`,
		"write entry deleted":    `DELETE FROM audit_row WHERE (tn, node, n) = (SELECT tn, node, MAX(n) FROM audit_row WHERE tn = 1)`,
		"versions swapped":       `UPDATE ver SET body = (SELECT o.body FROM ver o WHERE o.tn = ver.tn AND o.seq <> ver.seq AND o.body IS NOT NULL LIMIT 1) WHERE (tn, seq) = (SELECT tn, MIN(seq) FROM ver WHERE body IS NOT NULL)`,
		"package deleted":        `DELETE FROM fhir_package`,
		"erasure taken back":     `DELETE FROM erased`,
		"position of an entry":   `UPDATE audit_pos SET b = (SELECT b FROM audit_pos p WHERE p.idx = audit_pos.idx + 1) WHERE idx = 3`,
	} {
		probe(name, func() error { return n.sql(statement) })
	}
	for _, f := range files(t, n) {
		probe("file "+f, func() error { return flipFile(filepath.Join(n.dir, f)) })
	}
	for _, f := range files(t, n) {
		if strings.HasPrefix(f, "blobs") || strings.Contains(f, "journal") {
			probe("file gone "+f, func() error { return os.Remove(filepath.Join(n.dir, f)) })
		}
	}
}

// TestRolledBackDatabaseIsRefused: an older database beside a newer journal and published log does not open.
func TestRolledBackDatabaseIsRefused(t *testing.T) {
	n := tamperedNode(t)
	older := filepath.Join(t.TempDir(), "older")
	copyTree(t, n.dir, older)
	n.start()
	n.must(201, n.token("doc"), "PUT", "/fhir/R4/Patient/late", []byte(`{"resourceType":"Patient","id":"late"}`))
	n.stop()
	for _, f := range []string{"ward.db", "ward.db-wal", "ward.db-shm"} {
		os.Remove(filepath.Join(n.dir, f))
		text, err := os.ReadFile(filepath.Join(older, f))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(n.dir, f), string(text))
	}
	_, errs, code := n.run("ward", "store", "check")
	if code == 0 || !strings.Contains(errs, "older") {
		t.Errorf("exit %d: %s; want a refusal that says that the database is older than the log", code, errs)
	}
}

// tamperedNode makes a node that has something of every class, and stops it.
func tamperedNode(t *testing.T) *node {
	n := newNode(t, nil)
	n.people()
	n.ward("package", "add", packageFile(t, "one", 0))
	n.start()
	doc := n.token("doc")
	for i := range 3 {
		id := fmt.Sprintf("p%d", i)
		n.must(201, doc, "PUT", "/fhir/R4/Patient/"+id, fmt.Appendf(nil,
			`{"resourceType":"Patient","id":%q,"gender":"female","birthDate":"1950-01-02","identifier":[{"system":"http://ward.example/mrn","value":"m%d"}],"name":[{"family":"Tamper"}]}`, id, i))
		n.must(201, doc, "PUT", "/fhir/R4/Observation/o"+id, fmt.Appendf(nil,
			`{"resourceType":"Observation","id":"o%s","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},"subject":{"reference":"Patient/%s"},"effectiveDateTime":%q,"valueQuantity":{"value":1.1,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`,
			id, id, today()))
	}
	n.must(200, doc, "PUT", "/fhir/R4/Patient/p0", []byte(`{"resourceType":"Patient","id":"p0","gender":"female","birthDate":"1950-01-02","name":[{"family":"Changed"}]}`))
	n.must(201, doc, "POST", "/fhir/R4/Patient", []byte(`{"resourceType":"Patient","identifier":[{"system":"http://ward.example/mrn","value":"claimed"}]}`),
		"If-None-Exist", "identifier=http://ward.example/mrn|claimed")
	n.must(201, doc, "PUT", "/fhir/R4/DiagnosticReport/large", fmt.Appendf(nil,
		`{"resourceType":"DiagnosticReport","id":"large","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p1"},"conclusion":%q}`, strings.Repeat("long ", 8000)))
	n.must(200, doc, "POST", "/cds-services/"+service(n), []byte(
		`{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":"p1"}}`))
	n.must(200, doc, "GET", "/fhir/R4/Patient/p1", nil)
	n.must(200, n.token("dpo"), "POST", "/v1/shred", []byte(`{"patient":"p2"}`))
	n.stop()
	return n
}

// examine runs both verifiers, the one that opens nothing first; found: one of them found something or the node refused to open.
func (n *node) examine() (out string, found bool) {
	n.t.Helper()
	o1, e1, c1 := n.run("ward-verify", "--key", n.init.Key, filepath.Join(n.dir, "log"))
	o2, e2, c2 := n.run("ward", "store", "check")
	return fmt.Sprintf("ward-verify: exit %d\n%s%sward store check: exit %d\n%s%s", c1, o1, e1, c2, o2, e2), c1 != 0 || c2 != 0
}

type column struct {
	table, column string
	key           []string
}

// tamper flips the column in the newest row that has a value there, or gives one where none may be.
func (c column) tamper() string {
	key := strings.Join(c.key, ", ")
	return fmt.Sprintf(`UPDATE %s SET %s = flip(%s) WHERE (%s) = (SELECT %s FROM %s ORDER BY %s IS NULL, %s LIMIT 1)`,
		c.table, c.column, c.column, key, key, c.table, c.column, strings.Join(c.key, " DESC, ")+" DESC")
}

// columns lists every column of every protected table, from the database itself.
func columns(t *testing.T, n *node) (out []column) {
	d := n.open()
	defer d.Close()
	for table, free := range protected {
		rows, err := d.Query(`SELECT name, pk FROM pragma_table_info(?) ORDER BY cid`, table)
		if err != nil {
			t.Fatal(err)
		}
		var names, key []string
		for rows.Next() {
			var name string
			var pk int
			if err := rows.Scan(&name, &pk); err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
			if pk > 0 {
				key = append(key, name)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		var count int
		if err := d.QueryRow(`SELECT COUNT(*) FROM ` + table).Scan(&count); err != nil || count == 0 {
			t.Fatalf("table %s is empty or missing: %v", table, err)
		}
		for _, name := range names {
			if free[name] == "" {
				out = append(out, column{table, name, key})
			}
		}
	}
	slices.SortFunc(out, func(a, b column) int { return strings.Compare(a.table+a.column, b.table+b.column) })
	return out
}

func init() { sqlite.MustRegisterDeterministicScalarFunction("flip", 1, flip) }

func (n *node) open() *sql.DB {
	d, err := sql.Open("sqlite", filepath.Join(n.dir, "ward.db"))
	if err != nil {
		n.t.Fatal(err)
	}
	return d
}

// sql changes the database of the stopped node; exactly the statements that hit something count.
func (n *node) sql(statement string) error {
	d := n.open()
	defer d.Close()
	r, err := d.Exec(statement)
	if err != nil {
		return err
	}
	if hit, _ := r.RowsAffected(); hit == 0 {
		return fmt.Errorf("the statement hit no row: %s", statement)
	}
	return nil
}

// files lists every file of blobs, journal and published log.
func files(t *testing.T, n *node) (out []string) {
	for _, top := range []string{"blobs", "log"} {
		err := filepath.WalkDir(filepath.Join(n.dir, top), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(n.dir, p)
			// log/node only names this node among the writers of the log's chains.
			if !superseded(p) && rel != filepath.Join("log", "node") {
				out = append(out, rel)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, class := range []string{"blobs", "checkpoint", "tile", "journal"} {
		if !slices.ContainsFunc(out, func(f string) bool { return strings.Contains(f, class) }) {
			t.Fatalf("the node has no file of the class %s: %v", class, out)
		}
	}
	return out
}

// superseded reports whether a wider partial tile stands beside this one: no reader of the present tree asks for it, and
// who asks for an old tree compares it with a signed root.
func superseded(path string) bool {
	dir := filepath.Dir(path)
	width, err := strconv.Atoi(filepath.Base(path))
	if filepath.Ext(dir) != ".p" || err != nil {
		return false
	}
	beside, _ := os.ReadDir(dir)
	return slices.ContainsFunc(beside, func(e fs.DirEntry) bool {
		w, err := strconv.Atoi(e.Name())
		return err == nil && w > width
	})
}

// flipFile changes a bit in the middle of what is written in a file (files may be allocated ahead with zeros).
func flipFile(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	used := len(bytes.TrimRight(b, "\x00"))
	if used == 0 {
		return fmt.Errorf("%s is empty", path)
	}
	b[used/2] ^= 1
	return os.WriteFile(path, b, 0o600)
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
