package store_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// harm is one thing done to the database.
type harm struct {
	name string
	do   []string
}

// flips lists one harm per column: numbers grow, texts and bytes change in their last byte.
func flips(engine, table, where string, ints, blobs, texts string) (out []harm) {
	for _, c := range strings.Fields(ints) {
		out = append(out, harm{table + "." + c, []string{fmt.Sprintf("UPDATE %s SET %s = %s + 7777 WHERE %s", table, c, c, where)}})
	}
	for _, c := range strings.Fields(blobs) {
		flip := fmt.Sprintf("substr(%s, 1, length(%s) - 1) || CASE substr(%s, length(%s)) WHEN x'00' THEN x'01' ELSE x'00' END", c, c, c, c)
		flip = "CAST(" + flip + " AS BLOB)"
		if engine == storetest.PostgreSQL {
			flip = fmt.Sprintf("set_byte(%s, length(%s) - 1, get_byte(%s, length(%s) - 1) # 1)", c, c, c, c)
		}
		out = append(out, harm{table + "." + c, []string{fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", table, c, flip, where)}})
	}
	for _, c := range strings.Fields(texts) {
		out = append(out, harm{table + "." + c, []string{fmt.Sprintf("UPDATE %s SET %s = %s || 'x' WHERE %s", table, c, c, where)}})
	}
	return out
}

// TestTampering: one byte changed in any column of any row, a row taken away, a file changed: Check finds each, and finds
// nothing on the clean store before and after.
func TestTampering(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		n.Put("Observation/o1", observation("o1", "p", "2160-0", "2025-12-30", 2))
		n.Put("Observation/big", strings.Replace(observation("big", "p", "a", "2026", 1), `"status"`, `"note":[{"text":"`+strings.Repeat("x", 20<<10)+`"}],"status"`, 1))
		remove(t, n, "Observation/o4")
		_, err := one(n, n.Permit(ward.Integration, access.Create, "Patient"), store.OpCreate, "Patient", patient("c"), ifNoneExist(search(t, "Patient", "identifier=mrn-c")))
		must(t, err)
		putDecision(t, n, decision("p"))
		_, err = n.Store.Receive(ctx, n.Permit(ward.Integration, access.Receive, ""), store.Inbound{Message: ward.Message{Source: "lab", ContentType: "x", Body: ward.Protected("m")}})
		must(t, err)
		tamperable(t, n)
		shred(t, n, "q")
		eventually(t, "the purge", func() bool { return indexRows(t, n, "o2") == 0 })
		n.Clean()
		tn := fmt.Sprintf("tn = %d", n.Tenant.Number)
		engine := n.DB.Engine()
		o1 := tn + " AND rid = (SELECT rid FROM res WHERE " + tn + " AND id = 'o1')"
		big := tn + " AND rid = (SELECT rid FROM res WHERE " + tn + " AND id = 'big')"
		var harms []harm
		harms = append(harms, flips(engine, "ver", o1+" AND ver = 1", "seq txid rid ver op upd_us conf", "pat kid entry body digest mac", "")...)
		harms = append(harms, flips(engine, "ver", o1+" AND ver = 2", "seq txid rid ver op upd_us conf", "pat kid entry body digest mac", "")...)
		harms = append(harms, flips(engine, "ver", big, "", "blob digest", "")...)
		harms = append(harms, flips(engine, "res", o1, "rid ver seq upd_us flags conf", "rk16 pat bh rev mac", "rt id")...)
		harms = append(harms, flips(engine, "ix_tok", o1+" AND v8 = (SELECT MIN(v8) FROM ix_tok WHERE "+o1+")", "sp v8 rid", "", "")...)
		harms = append(harms, flips(engine, "ix_ref", o1, "sp rid", "rk16", "")...)
		harms = append(harms, flips(engine, "ix_date", o1, "sp rid lo hi", "", "")...)
		harms = append(harms, flips(engine, "claim", tn, "rid", "h16 mac", "")...)
		harms = append(harms, flips(engine, "payload", tn+" AND kind = 'decision'", "seq txid created_us", "id subj topic kid entry body digest mac", "kind")...)
		harms = append(harms, messageHarms(engine, tn)...)
		harms = append(harms, flips(engine, "erased", tn, "at_us versions", "pat entry mac", "")...)
		harms = append(harms, flips(engine, "key_subject", tn+" AND use = 1 AND subj = (SELECT pat FROM res WHERE "+tn+" AND id = 'o1')", "kek_version created_us", "kid wrapped mac", "")...)
		for table, columns := range map[string]string{"ver": "tn", "res": "tn", "ix_tok": "tn", "ix_ref": "tn", "ix_date": "tn", "payload": "tn"} {
			where := tn
			if table != "payload" {
				where = o1
			}
			harms = append(harms, harm{name: table + "." + columns, do: []string{"UPDATE " + table + " SET tn = tn + 1000 WHERE " + where}})
		}
		harms = append(harms,
			harm{name: "delete the newest version", do: []string{"DELETE FROM ver WHERE " + o1 + " AND ver = 2"}},
			harm{name: "delete an old version", do: []string{"DELETE FROM ver WHERE " + o1 + " AND ver = 1"}},
			harm{name: "delete a pointer", do: []string{"DELETE FROM res WHERE " + o1}},
			harm{name: "delete an index row", do: []string{"DELETE FROM ix_ref WHERE " + o1}},
			harm{name: "add an index row", do: []string{"INSERT INTO ix_tok (tn, sp, v8, rid) SELECT tn, sp, v8 + 1, rid FROM ix_tok WHERE " + o1 + " AND v8 = (SELECT MAX(v8) FROM ix_tok WHERE " + o1 + ")"}},
			harm{name: "delete a payload", do: []string{"DELETE FROM payload WHERE " + tn + " AND kind = 'decision'"}},
			harm{name: "delete a whole resource", do: []string{"DELETE FROM ver WHERE " + o1, "DELETE FROM ix_tok WHERE " + o1, "DELETE FROM ix_ref WHERE " + o1, "DELETE FROM ix_date WHERE " + o1, "DELETE FROM res WHERE " + o1}},
			harm{name: "forget an erasure", do: []string{"DELETE FROM erased WHERE " + tn}},
			harm{name: "swap two bodies", do: []string{"UPDATE ver SET body = (SELECT body FROM ver WHERE " + o1 + " AND ver = 1) WHERE " + o1 + " AND ver = 2"}},
		)
		restore := save(t, n)
		for _, h := range harms {
			t.Run(h.name, func(t *testing.T) {
				again := restore
				defer func() { again() }()
				for _, q := range h.do {
					alter(t, n, q)
				}
				if strings.HasPrefix(h.name, "key_subject") { // keys are cached
					n.Reopen()
					again = func() { restore(); n.Reopen() }
				}
				report, err := n.Store.Check(ctx, n.Permit(ward.Auditor, access.StoreCheck, ""), nil)
				if err != nil {
					t.Errorf("check: %v", err)
				}
				if len(report.Faults) == 0 {
					t.Error("nothing was found")
				}
			})
		}
		n.Reopen()
		n.Clean()
		tamperBlob(t, n)
	})
}

func tamperBlob(t *testing.T, n *storetest.Running) {
	var file string
	must(t, filepath.WalkDir(filepath.Join(n.Dir, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			file = path
		}
		return err
	}))
	whole, err := os.ReadFile(file)
	must(t, err)
	changed := append([]byte(nil), whole...)
	changed[len(changed)/2] ^= 1
	must(t, os.Chmod(file, 0o600))
	must(t, os.WriteFile(file, changed, 0o600))
	if r := n.Check(); len(r.Faults) == 0 {
		t.Error("a changed blob was not found")
	}
	must(t, os.Remove(file))
	if r := n.Check(); len(r.Faults) == 0 {
		t.Error("a missing blob was not found")
	}
	must(t, os.WriteFile(file, whole, 0o600))
	n.Clean()
}

// saved is the tables that harms touch.
var saved = []string{"ver", "res", "ix_tok", "ix_ref", "ix_date", "claim", "payload", "erased", "key_subject",
	"message", "about", "hop", "side_text", "hold", "merged", "job"}

// save copies the tables and returns what puts them back.
func save(t *testing.T, n *storetest.Running) func() {
	t.Helper()
	for _, table := range saved {
		alter(t, n, "CREATE TABLE saved_"+table+" AS SELECT * FROM "+table)
	}
	return func() {
		t.Helper()
		must(t, n.DB.Write(ctx, db.System, func(tx *db.Tx) error {
			for _, table := range saved {
				for _, q := range []string{"DELETE FROM " + table, "INSERT INTO " + table + " SELECT * FROM saved_" + table} {
					if _, err := tx.Exec(ctx, q); err != nil {
						return err
					}
				}
			}
			return nil
		}))
	}
}
