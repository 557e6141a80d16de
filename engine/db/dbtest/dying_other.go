//go:build unix && !linux

package dbtest

import "syscall"

// dying has no signal of the kernel to use here: only Main stops the server.
func dying(as *syscall.Credential) *syscall.SysProcAttr { return &syscall.SysProcAttr{Credential: as} }
