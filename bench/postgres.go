package main

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
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgres is a private PostgreSQL server with its defaults for durability (fsync, synchronous_commit and full_page_writes on),
// reached by a socket in a folder beside the measurements' own, on the same file system.
type postgres struct {
	folder  string
	process *exec.Cmd
	exited  chan error
}

const postgresBound = 30 * time.Second

func startPostgres(ctx context.Context) (p *postgres, err error) {
	p = &postgres{exited: make(chan error, 1)}
	if p.folder, err = os.MkdirTemp("", "ward-bench-postgres-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop())
		}
	}()
	as, err := p.account()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(p.folder, "data")
	initdb, err := program("initdb")
	if err != nil {
		return nil, err
	}
	made := exec.CommandContext(ctx, initdb, "-D", data, "-U", "postgres", "-E", "UTF8", "--auth=trust", "--locale=C.UTF-8")
	made.Dir, made.SysProcAttr = p.folder, &syscall.SysProcAttr{Credential: as}
	if text, err := made.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, text)
	}
	server, err := program("postgres")
	if err != nil {
		return nil, err
	}
	p.process = exec.Command(server, "-D", data, "-k", p.folder, "-h", "", "-c", "max_connections=100")
	p.process.Dir = p.folder
	p.process.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT}
	if err := p.launch(); err != nil {
		p.process = nil
		return nil, err
	}
	return p, p.ready(ctx)
}

// launch starts the server. The kernel stops it when the thread that started it dies, so that thread belongs to a goroutine
// which waits for the server's end.
func (p *postgres) launch() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := p.process.Start()
		started <- err
		if err == nil {
			p.exited <- p.process.Wait()
		}
	}()
	return <-started
}

func (p *postgres) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, postgresBound)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, p.dsn())
		if err == nil {
			return c.Close(ctx)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("postgres does not answer: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *postgres) dsn() string {
	q := url.Values{"host": {p.folder}, "user": {"postgres"}, "sslmode": {"disable"}}
	return "postgres:///postgres?" + q.Encode()
}

// stop ends the server and removes its files.
func (p *postgres) stop() error {
	var err error
	if p.process != nil {
		err = p.process.Process.Signal(syscall.SIGINT) // fast shutdown
		select {
		case <-p.exited:
		case <-time.After(postgresBound):
			err = errors.Join(err, errors.New("postgres took too long to stop"), p.process.Process.Kill())
		}
	}
	return errors.Join(err, os.RemoveAll(p.folder))
}

// program finds a program of PostgreSQL.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("the peer insert-per-message needs PostgreSQL and there is no %s: install it (Debian: apt-get install postgresql)", name)
	}
	return found[len(found)-1], nil
}

// account returns whom the server runs as, because PostgreSQL refuses root, and gives the folder to that account.
func (p *postgres) account() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL cannot run as root and there is no account postgres: %w", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(p.folder, int(uid), int(gid))
}
