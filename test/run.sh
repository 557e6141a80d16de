#!/usr/bin/env bash
# make test: every step prints its name and time; the first failure ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."
start=$SECONDS
step() { # name, command...
  local name=$1 t=$SECONDS; shift
  echo "== $name"
  "$@"
  echo "== $name: $((SECONDS - t)) s"
}
unformatted() { local f; f=$(gofmt -l $(git ls-files '*.go')); [ -z "$f" ] || { echo "not gofmt-ed: $f"; return 1; }; }

if [ -z "${WARD_GOLD:-}" ]; then
  echo "NOTE: WARD_GOLD is not set: the public suites will say how many cases they did not run"
fi
step gofmt unformatted
step vet go vet ./...
step staticcheck go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
step tests go test -count=1 -timeout 14m ./...
step race ./test/race.sh
step bench-module bash -c 'cd bench && go vet ./... && go test -count=1 ./...'
echo "== all: $((SECONDS - start)) s"
