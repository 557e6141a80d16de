// Package audittest opens real keys and a real log for the tests of what stands on them.
package audittest

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
	"github.com/ward-health/ward/engine/keys/seal"
)

// Open migrates d (keys, log, then the owners given) and opens the ring and the log over it in a directory of the test.
// The log is closed with the test.
func Open(t testing.TB, d *db.DB, owners ...db.Migrations) (*seal.Ring, *audit.Log) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(d.Migrate(ctx, append([]db.Migrations{seal.Migrations(), audit.Migrations()}, owners...)...))
	secret := keys.Secret(bytes.Repeat([]byte("k"), 32))
	must(keys.CreateFile(filepath.Join(dir, "root.key"), nil, secret))
	root, err := keys.OpenFile(filepath.Join(dir, "root.key"), nil, secret)
	must(err)
	ring, err := seal.Open(ctx, d, root)
	must(err)
	log, err := audit.Open(ctx, audit.Config{Dir: filepath.Join(dir, "log"), Emergency: filepath.Join(dir, "emergency"), Origin: "ward/test",
		Every: 10 * time.Millisecond}, d, ring)
	must(err)
	t.Cleanup(func() { log.Close() })
	return ring, log
}
