package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ward-health/ward/clinical/simulate"
)

// depth is how many messages the pipelined connection has on their way.
const depth = 16

// mllpAcks measures durable acknowledgements of a real node over its MLLP socket, each run on a fresh node, which also understands
// what it acknowledged meanwhile. Beside them: the disk's serial fsync rate in the node's directory (the mean of before and after the
// run) and the peer insert-per-message.
func mllpAcks(ctx context.Context, dir string) error {
	bin, err := buildWard(ctx, dir)
	if err != nil {
		return err
	}
	theirs, err := insertAcks(ctx, 1, 64)
	if err != nil {
		return err
	}
	for i, n := range []int{1, 64} {
		ours, disk, err := nodeAcks(ctx, bin, filepath.Join(dir, fmt.Sprint(n)), results, func(address string, messages <-chan simulate.Message) (load, error) {
			return stopAndWait(ctx, address, n, messages)
		})
		if err != nil {
			return err
		}
		name := fmt.Sprintf("mllp.acks.%d", n)
		against(name, ours.rate(), "1/s", "serial-fsync", disk, true)
		against(name+".inserts", ours.rate(), "1/s", insertPerMessage, theirs[i].rate(), true)
		against(name+".p50", ours.quantile(0.5), "ms", insertPerMessage, theirs[i].quantile(0.5), false)
		against(name+".p99", ours.quantile(0.99), "ms", insertPerMessage, theirs[i].quantile(0.99), false)
		if err := keptAcks(ctx, bin, filepath.Join(dir, fmt.Sprint("kept-", n)), n); err != nil {
			return err
		}
	}
	ours, disk, err := nodeAcks(ctx, bin, filepath.Join(dir, "pipelined"), results, func(address string, messages <-chan simulate.Message) (load, error) {
		return pipelined(ctx, address, depth, messages)
	})
	if err != nil {
		return err
	}
	against("mllp.acks.1.pipelined", ours.rate(), "1/s", "serial-fsync", disk, true)
	figure("mllp.acks.1.pipelined.p50", ours.quantile(0.5), "ms")
	figure("mllp.acks.1.pipelined.p99", ours.quantile(0.99), "ms")
	return nil
}

// keptAcks measures the same with messages of a kind that there are no rules for: they are kept as durably, and nothing else is to be
// done. The distance to mllp.acks is what understanding beside it costs a sender.
func keptAcks(ctx context.Context, bin, dir string, n int) error {
	ours, disk, err := nodeAcks(ctx, bin, dir, unruled, func(address string, messages <-chan simulate.Message) (load, error) {
		return stopAndWait(ctx, address, n, messages)
	})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("mllp.acks.%d.kept", n)
	against(name, ours.rate(), "1/s", "serial-fsync", disk, true)
	figure(name+".p50", ours.quantile(0.5), "ms")
	figure(name+".p99", ours.quantile(0.99), "ms")
	return nil
}

// sending sends messages to an address and measures their acknowledgements.
type sending func(address string, messages <-chan simulate.Message) (load, error)

// nodeAcks runs a sender of messages of a kind against a fresh node, and measures the disk before and after it.
func nodeAcks(ctx context.Context, bin, dir, kind string, send sending) (l load, disk float64, err error) {
	n, err := startNode(ctx, bin, dir)
	if err != nil {
		return l, 0, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	address, err := n.laboratory(ctx)
	if err != nil {
		return l, 0, err
	}
	messages, cancel := sources(ctx, kind)
	defer cancel()
	before, err := serialFsync(dir)
	if err != nil {
		return l, 0, err
	}
	if l, err = send(address, messages); err != nil {
		return l, 0, err
	}
	if err := n.stop(); err != nil {
		return l, 0, err
	}
	after, err := serialFsync(dir)
	return l, (before + after) / 2, err
}

// serialFsync returns how many appends of 4 KiB to a growing file in the folder, each followed by fdatasync, one writer does in a
// second.
func serialFsync(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "serial-fsync"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	start, n := time.Now(), 0
	for ; time.Since(start) < time.Second; n++ {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}
