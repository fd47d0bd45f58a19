#!/usr/bin/env bash
# Measures workloads of `quern bench` (without arguments: all three million flights),
# five runs each, every run a process of its own: seconds, memory, stages. `make bench`
# builds the program and fetches the flights first.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f build/quern ] || { echo "build/quern is missing: run make bench" >&2; exit 4; }
[ $# -gt 0 ] || set -- flights
exec build/quern bench --runs "${RUNS:-5}" "$@"
