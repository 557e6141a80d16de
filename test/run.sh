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

# Every package, every test, those that take longest first so that none of them ends alone; what is shown is the verdict of each package, the lines of outside suites, and all of a failure.
all_tests() {
  local log status
  log=$(mktemp)
  set +e
  go test -v -count=1 -timeout 14m ./test/e2e ./store ./... >"$log" 2>&1
  status=$?
  set -e
  grep -E '^(ok|FAIL|--- FAIL|panic:|suite |NOT RUN)' "$log" || true
  [ $status -eq 0 ] || { echo "-- what failed:"; grep -E -B 60 '^ *--- FAIL' "$log" | tail -n 400; tail -n 20 "$log"; }
  rm -f "$log"
  return $status
}

if [ -z "${WARD_GOLD:-}" ]; then
  echo "NOTE: WARD_GOLD is not set: the public suites will say how many cases they did not run"
fi
step gofmt unformatted
step vet go vet ./...
step staticcheck go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
step tests all_tests
step race ./test/race.sh
step bench-module bash -c 'cd bench && go vet ./... && go test -count=1 ./...'
echo "== all: $((SECONDS - start)) s"
