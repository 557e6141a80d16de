package server

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ward-health/ward"
)

// Layout names what stands in a data directory.
type Layout struct{ Dir string }

// Config is the node's settings: ward.json.
func (l Layout) Config() string { return filepath.Join(l.Dir, "ward.json") }

// RootKey is the wrapped root key.
func (l Layout) RootKey() string { return filepath.Join(l.Dir, "root.key") }

// RootCredential is the secret that unlocks the root key of a node tried out without a passphrase.
func (l Layout) RootCredential() string { return filepath.Join(l.Dir, "root.cred") }

// Database is the SQLite file.
func (l Layout) Database() string { return filepath.Join(l.Dir, "ward.db") }

// Blobs is the directory of large sealed bytes.
func (l Layout) Blobs() string { return filepath.Join(l.Dir, "blobs") }

// Log is the published side of the log, and on SQLite its journal.
func (l Layout) Log() string { return filepath.Join(l.Dir, "log") }

// Emergency is the emergency journal of the log.
func (l Layout) Emergency() string { return filepath.Join(l.Dir, "emergency") }

// TLS is the directory of certificates; their private keys never stand in it.
func (l Layout) TLS() string { return filepath.Join(l.Dir, "tls") }

// CACert is the local authority's certificate, which clients trust.
func (l Layout) CACert() string { return filepath.Join(l.TLS(), "ca.pem") }

// ServerCert is the certificate of the HTTPS listener.
func (l Layout) ServerCert() string { return filepath.Join(l.TLS(), "server.pem") }

// Socket is the unix socket of the running node.
func (l Layout) Socket() string { return filepath.Join(l.Dir, "ward.sock") }

// Lock is the file whose lock the one process that holds the directory has.
func (l Layout) Lock() string { return filepath.Join(l.Dir, "lock") }

// Initialised reports whether the directory holds a node.
func (l Layout) Initialised() bool {
	_, err := os.Stat(l.Config())
	return err == nil
}

// networkFS are file systems on which locks and fsync do not hold what SQLite and the journal need.
var networkFS = map[int64]string{0x6969: "NFS", 0xff534d42: "CIFS", 0xfe534d42: "SMB2", 0x517b: "SMB", 0x01021997: "9P"}

// lockDir takes the directory for this process and returns the function that gives it back. A directory held by another
// process is ward.Unavailable.
func (l Layout) lockDir() (func(), error) {
	const op = "server.lock"
	var st unix.Statfs_t
	if err := unix.Statfs(l.Dir, &st); err != nil {
		return nil, ward.E(ward.Unavailable, op, "the data directory cannot be read; check that it exists and is yours", err)
	}
	if name, bad := networkFS[st.Type]; bad {
		return nil, ward.E(ward.Unsupported, op, "the data directory lies on a network file system ("+name+
			"), where commits are not durable; use a local disk", nil)
	}
	f, err := os.OpenFile(l.Lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, ward.E(ward.Unavailable, op, "the lock file of the data directory cannot be opened", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder := readHolder(f)
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ward.E(ward.Unavailable, op, "another process"+holder+
				" holds the data directory; stop it, or use the verbs that talk to the running node", nil)
		}
		return nil, ward.E(ward.Unavailable, op, "the data directory cannot be locked", err)
	}
	// Whom another process is told to look for: the lock holds without it, on a full disk too.
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return func() { _ = f.Truncate(0); f.Close() }, nil
}

func readHolder(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return " (process " + pid + ")"
	}
	return ""
}
