#!/usr/bin/env bash
# Measures the feature server, and Feast's own beside it where that can be installed, and
# writes bench/results/serving.json and the tables of docs/SERVING_SPEED.md.
#
#   bench_serve.sh [FLAGS OF bench/serving]     RUNS (default 3) is how many rounds there are
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x build/quern ] || { echo "build/quern is missing: run make bench-serve" >&2; exit 4; }
bash scripts/feast_server.sh || echo "Feast cannot be installed: it is left out" >&2
exec "${GO:-go}" run ./bench/serving -quern build/quern -rounds "${RUNS:-3}" "$@"
