#!/usr/bin/env bash
# Runs every native fuzz target for the time given (default 30s). A package that does not compile, a target that its
# package does not list, or a finding ends the run with an error.
set -euo pipefail
cd "$(dirname "$0")/.."
count=0
while IFS=: read -r file target; do
  package=./$(dirname "$file")
  echo "== $package $target"
  log=$(mktemp)
  go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-30s}" -fuzzminimizetime 1x "$package" 2>&1 | tee "$log"
  grep -q '^fuzz: elapsed' "$log" || { echo "$target in $file was not fuzzed" >&2; exit 1; }
  rm -f "$log"
  count=$((count + 1))
done < <(find . -name '*_test.go' -not -path './bench/*' -printf '%P\n' | sort | xargs grep -HE '^func Fuzz[A-Za-z0-9_]*\(' | sed -E 's/^([^:]*):func (Fuzz[A-Za-z0-9_]*).*/\1:\2/')
[ "$count" -gt 0 ] || { echo "no fuzz target was found" >&2; exit 1; }
echo "fuzz: $count targets ran for ${1:-30s} each"
