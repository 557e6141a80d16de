package dbtest

import "syscall"

// dying makes the kernel send PostgreSQL's immediate-shutdown signal when the test binary dies.
func dying(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT}
}
