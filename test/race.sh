#!/usr/bin/env bash
# The race detector on packages that do not link SQLite: its transpiled C is not made for the detector.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=1
packages=()
for p in $(go list ./...); do
  go list -deps -test "$p" 2>/dev/null | grep -q '^modernc.org/sqlite$' || packages+=("$p")
done
go test -race -count=1 -timeout 10m "${packages[@]}"
