// Package e2e drives the built binary as people and systems do: the command line by scripts, the node over its HTTP port, and
// kill -9 at random moments. It holds the canary test (I8) and the test that a changed byte in any class of file is found.
//
// Read in this order: main_test.go, node_test.go, then a file for each subject.
package e2e
