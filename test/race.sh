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
go test -race -count=1 -timeout 10m "${packages[@]}"
