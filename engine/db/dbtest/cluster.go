package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	role         = "ward_test" // owns the databases; neither superuser nor exempt from row-level security
	superuser    = "postgres"
	folderPrefix = "ward-dbtest-"
	startTime    = 60 * time.Second
	stopTime     = 60 * time.Second
)

// shared is the cluster of this test binary.
var shared cluster

// cluster is a private PostgreSQL server.
type cluster struct {
	once    sync.Once
	err     error
	folder  string
	process *exec.Cmd
	exited  chan error

	mu        sync.Mutex
	databases int
}

var errMissing = errors.New("the programs initdb and postgres are not installed (Debian: apt-get install postgresql)")

// missing reports whether err says that PostgreSQL is not installed.
func missing(err error) bool { return errors.Is(err, errMissing) }

// database makes one more database, starting the cluster first if need be.
func (c *cluster) database() (dsn string, err error) {
	c.once.Do(func() { c.err = c.start() })
	if c.err != nil {
		return "", c.err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.databases++
	name := fmt.Sprintf("test_%d", c.databases)
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if err := c.admin(ctx, "CREATE DATABASE "+name+" OWNER "+role); err != nil {
		return "", err
	}
	return c.dsn(role, name), nil
}

// dsn returns a connection string over the private socket.
func (c *cluster) dsn(user, database string) string {
	q := url.Values{"host": {c.folder}, "port": {"5432"}, "user": {user}, "sslmode": {"disable"}}
	return "postgres:///" + database + "?" + q.Encode()
}

// admin runs a statement as the superuser.
func (c *cluster) admin(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, c.dsn(superuser, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// start makes and starts the cluster.
func (c *cluster) start() error {
	initdb, err := program("initdb")
	if err != nil {
		return err
	}
	server, err := program("postgres")
	if err != nil {
		return err
	}
	sweep()
	if c.folder, err = os.MkdirTemp("", folderPrefix+strconv.Itoa(os.Getpid())+"-"); err != nil {
		return err
	}
	as, err := account(c.folder)
	if err != nil {
		return err
	}
	if err := c.initialise(initdb, as); err != nil {
		return err
	}
	if err := c.launch(server, as); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		err := c.admin(ctx, "CREATE ROLE "+role+" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB")
		if err == nil {
			return nil
		}
		select {
		case gone := <-c.exited:
			return errors.Join(fmt.Errorf("postgres ended at once: %w: %s", gone, c.log()), err)
		case <-ctx.Done():
			return errors.Join(errors.New("postgres does not answer"), err, c.stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// log returns the end of the server's log.
func (c *cluster) log() string {
	b, _ := os.ReadFile(filepath.Join(c.folder, "log"))
	return string(b[max(0, len(b)-2000):])
}

// initialise makes the files. The default collation is a language's where the server can do that, so that a column
// without the byte-order collation is found by a test.
func (c *cluster) initialise(initdb string, as *syscall.Credential) error {
	data := filepath.Join(c.folder, "data")
	var out []byte
	var err error
	for _, locale := range [][]string{{"--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"}, {"--locale=C.UTF-8"}, {"--locale=C"}} {
		args := append([]string{"-D", data, "-U", superuser, "-E", "UTF8", "--auth=trust", "--no-sync"}, locale...)
		cmd := exec.Command(initdb, args...)
		cmd.Dir = c.folder
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		if out, err = cmd.CombinedOutput(); err == nil {
			return nil
		}
		if err := os.RemoveAll(data); err != nil {
			return err
		}
	}
	return fmt.Errorf("initdb: %w: %s", err, out)
}

// launch starts the server. The kernel stops it when the thread that started it dies, so that thread belongs to a
// goroutine which waits for the server's end.
func (c *cluster) launch(server string, as *syscall.Credential) error {
	log, err := os.OpenFile(filepath.Join(c.folder, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	c.process = exec.Command(server, "-D", filepath.Join(c.folder, "data"), "-k", c.folder, "-h", "", "-p", "5432",
		"-c", "fsync=on", "-c", "max_connections=200", "-c", "shared_buffers=32MB", "-c", "max_wal_size=256MB")
	c.process.Dir = c.folder
	c.process.Stdout, c.process.Stderr = log, log
	c.process.SysProcAttr = dying(as)
	c.exited = make(chan error, 1)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := c.process.Start()
		started <- err
		if err == nil {
			c.exited <- c.process.Wait()
		}
	}()
	return <-started
}

// stop ends the server and removes its files.
func (c *cluster) stop() error {
	if c.folder == "" {
		return nil
	}
	var err error
	if c.process != nil && c.process.Process != nil {
		// SIGQUIT is PostgreSQL's immediate shutdown: nothing is written any more, for the files go.
		err = c.process.Process.Signal(syscall.SIGQUIT)
		select {
		case <-c.exited:
			err = nil
		case <-time.After(stopTime):
			err = errors.Join(err, errors.New("the immediate shutdown took too long"), c.process.Process.Kill())
		}
	}
	return errors.Join(err, os.RemoveAll(c.folder))
}

// program finds a program of the newest PostgreSQL installed.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		return "", errMissing
	}
	best := found[0]
	for _, f := range found {
		if release(f) > release(best) {
			best = f
		}
	}
	return best, nil
}

// release reads the version in /usr/lib/postgresql/VERSION/bin/NAME.
func release(path string) float64 {
	v, err := strconv.ParseFloat(strings.Split(path, "/")[4], 64)
	if err != nil {
		return 0
	}
	return v
}

// account returns whom the server runs as: PostgreSQL refuses root. The folder is given to that account.
func account(folder string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(folder, int(uid), int(gid))
}

// sweep removes folders of test binaries that died before they could.
func sweep() {
	old, _ := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*"))
	for _, folder := range old {
		pid, err := strconv.Atoi(strings.Split(strings.TrimPrefix(filepath.Base(folder), folderPrefix), "-")[0])
		if err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
			os.RemoveAll(folder)
		}
	}
}
