package db

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// localOnly refuses a directory on a network file system.
//
// SPEC(SQLite WAL 1): all processes that use a database must be on the same host; WAL does not work over a network file
// system.
func localOnly(dir string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return err
	}
	if s.Flags&unix.MNT_LOCAL == 0 {
		return fmt.Errorf("%s is on a network file system", dir)
	}
	return nil
}
