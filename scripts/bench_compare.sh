#!/usr/bin/env bash
# Compares the Go benchmarks of this tree with those of a commit, by benchstat.
#
#   bench_compare.sh BASE BENCHSTAT [PACKAGES...]
#
# BASE is a commit; BENCHSTAT is the pinned module of benchstat. Runs take turns, so
# that a busy machine is as unfair to the one as to the other. RUNS (default 10) is how
# often each benchmark runs, BENCH (default .) which.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -lt 2 ] || [ -z "$1" ]; then echo "which commit? make bench-compare BASE=main" >&2; exit 2; fi
base=$1 benchstat=$2
shift 2
[ $# -gt 0 ] || set -- ./features/... ./cpu/... ./pipeline/...
commit=$(git rev-parse --verify --quiet "$base^{commit}") || { echo "$base is no commit" >&2; exit 2; }
here=$PWD
mkdir -p build/bench
tree=$(mktemp -d)
trap 'git worktree remove --force "$tree/base" 2>/dev/null || true; rm -rf "$tree"' EXIT
git worktree add --quiet --detach "$tree/base" "$commit"
: >build/bench/base.txt
: >build/bench/this.txt
for i in $(seq "${RUNS:-10}"); do
	echo "run $i of ${RUNS:-10}" >&2
	for side in base this; do
		folder=$here
		[ "$side" = base ] && folder=$tree/base
		# A package that the other tree lacks has nothing to be compared with.
		(cd "$folder" && go test -run '^$' -bench "${BENCH:-.}" -benchmem "$@") >>"build/bench/$side.txt" 2>/dev/null || true
	done
done
for side in base this; do
	grep -q ^Benchmark "build/bench/$side.txt" || { echo "no benchmark ran in $side: see go test -bench '${BENCH:-.}' $*" >&2; exit 1; }
done
go run "$benchstat" "base=build/bench/base.txt" "this=build/bench/this.txt"
