#!/usr/bin/env bash
# Runs every native fuzz target for the time given (default 30s).
set -euo pipefail
cd "$(dirname "$0")/.."
for p in $(go list ./...); do
  for f in $(go test -list '^Fuzz' "$p" 2>/dev/null | grep '^Fuzz' || true); do
    echo "== $p $f"
    go test -run '^$' -fuzz "^$f\$" -fuzztime "${1:-30s}" "$p"
  done
done
