#!/usr/bin/env bash
# Runs the example's recipe over all three million flights, five times (or $1 times),
# and prints seconds and memory per run and as medians. `make bench` builds the
# program and fetches the data first.
set -euo pipefail
cd "$(dirname "$0")/.."
for file in build/quern build/data/flights-3m.parquet; do
	[ -f "$file" ] || { echo "$file is missing: run make bench" >&2; exit 4; }
done
go run ./bench/flights build/quern examples/flights/recipe.yaml build/data/flights-3m.parquet "${1:-5}"
