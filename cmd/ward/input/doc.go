// Package input reads the resources of files, directories and standard input (JSON, NDJSON, XML) and runs work on them over all cores, giving
// the results in the order of the input. It holds a bounded part of the input at a time.
package input
