package db

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// networkDisks are file systems on which locks or shared memory of several processes cannot be trusted, by their number
// in statfs(2).
var networkDisks = map[uint32]string{
	unix.NFS_SUPER_MAGIC:  "NFS",
	unix.SMB_SUPER_MAGIC:  "SMB",
	unix.SMB2_SUPER_MAGIC: "SMB2",
	unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.AFS_SUPER_MAGIC:  "AFS",
	unix.AFS_FS_MAGIC:     "AFS",
	unix.CODA_SUPER_MAGIC: "Coda",
	unix.CEPH_SUPER_MAGIC: "Ceph",
	unix.NCP_SUPER_MAGIC:  "NCP",
	unix.V9FS_MAGIC:       "9P",
	unix.FUSE_SUPER_MAGIC: "FUSE",
	0x0bd00bd0:            "Lustre",
	0x47504653:            "GPFS",
	0x7461636f:            "OCFS2",
	0x01161970:            "GFS2",
}

// localOnly refuses a directory on a network file system.
//
// SPEC(SQLite WAL 1): all processes that use a database must be on the same host; WAL does not work over a network file
// system.
func localOnly(dir string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return err
	}
	if name, ok := networkDisks[uint32(s.Type)]; ok {
		return fmt.Errorf("%s is on %s", dir, name)
	}
	return nil
}
