#!/usr/bin/env bash
# The race detector on packages that do not link SQLite: its transpiled C is not made for the detector.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=1
# Of every package with tests, all that its test binary links.
linked=$(go list -test -f '{{if eq .Name "main"}}{{.ImportPath}} {{join .Deps " "}} {{end}}' ./... | grep '\.test ')
packages=$(grep -v ' modernc.org/sqlite ' <<<"$linked" | sed 's/\.test .*//')
# -short leaves out what compares with outside programs or runs thousands of cases in one goroutine: the plain run has it.
go test -race -short -count=1 -timeout 10m $packages
