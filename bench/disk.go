package main

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// diskFsync measures an append of 4 KiB to a growing file with fdatasync, 1,000 times: the unit F50 and F99 in which
// durable latencies are judged.
func diskFsync(_ context.Context, dir string) error {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 4096)
	var l load
	for range 1000 {
		at := time.Now()
		if _, err := f.Write(block); err != nil {
			return err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return err
		}
		l.each = append(l.each, time.Since(at))
	}
	figure("disk.fsync.p50", l.quantile(0.50), "ms")
	figure("disk.fsync.p99", l.quantile(0.99), "ms")
	return nil
}
