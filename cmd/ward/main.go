// Command ward runs and administers a Ward node.
//
// It holds flags, words and tables; every verb that touches a node speaks to it over HTTP: to the running one over the socket
// in its data directory, else to one opened in this process by the same routes and guards.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 verification found faults, 4 the node cannot be reached (another process
// holds its directory, or it is not running where it must be).
//
// Read in this order: cli.go, api.go, then a file for each verb; demo is a folder of its own.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}
