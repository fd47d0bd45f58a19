#!/usr/bin/env bash
# Runs quern and its peers (Polars, DuckDB, pyarrow, scikit-learn) on the same tables in
# turns, checks that their outputs agree, and writes bench/results/*.json.
#
#   bench_peers.sh [WORKLOAD...]     RUNS (default 5) is how often each runs
#
# The peers' environment is build/peers, from bench/peers/requirements.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x build/quern ] || { echo "build/quern is missing: run make bench-peers" >&2; exit 4; }
stamp=build/peers/requirements.txt
if ! cmp -s bench/peers/requirements.txt "$stamp"; then
	command -v python3 >/dev/null || { echo "bench_peers.sh needs python3" >&2; exit 4; }
	rm -rf build/peers
	python3 -m venv build/peers
	build/peers/bin/pip install --quiet --disable-pip-version-check -r bench/peers/requirements.txt
	cp bench/peers/requirements.txt "$stamp"
fi
mkdir -p bench/results
PYTHONDONTWRITEBYTECODE=1 exec build/peers/bin/python bench/peers/compare.py "${QUERN:-build/quern}" build/bench bench/results "${RUNS:-5}" "$@"
