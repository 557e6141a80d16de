package db_test

import (
	"testing"

	"github.com/ward-health/ward/engine/db"
	"golang.org/x/sys/unix"
)

// TestNetworkDisks makes the file system of a temporary folder one of the refused for a moment.
func TestNetworkDisks(t *testing.T) {
	dir := t.TempDir()
	if err := db.LocalOnly(dir); err != nil {
		t.Fatalf("a temporary folder is refused: %v", err)
	}
	for _, magic := range []uint32{0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546, 0x00c36400} {
		if db.NetworkDisks[magic] == "" {
			t.Errorf("file system %#x is accepted", magic)
		}
	}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	db.NetworkDisks[uint32(s.Type)] = "test"
	defer delete(db.NetworkDisks, uint32(s.Type))
	if d, err := db.Open(t.Context(), db.Config{Path: dir + "/ward.db"}); err == nil {
		t.Errorf("opened on a refused file system: %v", d.Close())
	}
}
