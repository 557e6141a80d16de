#!/usr/bin/env bash
# The race detector on packages that do not link SQLite: its transpiled C is not made for the detector.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=1
packages=()
for p in $(go list ./...); do
  deps=$(go list -deps -test "$p") # whole, so that grep cannot end the pipe early
  grep -q '^modernc.org/sqlite$' <<<"$deps" || packages+=("$p")
done
# -short leaves out what only compares with outside programs for minutes: the plain run has it.
go test -race -short -count=1 -timeout 10m "${packages[@]}"
