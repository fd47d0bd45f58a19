#!/usr/bin/env bash
# Builds what checks quern on a machine with an NVIDIA GPU into build/gpu-check, and runs
# it. That folder and the repository are all that such a machine needs: no Go, no CUDA
# toolkit, no C compiler. Where there is no GPU it says so and fails, but the folder is
# ready to be carried:
#
#	bash build/gpu-check/check.sh      in the root of the repository there
set -euo pipefail
cd "$(dirname "$0")/.."
to=build/gpu-check
GO=${GO:-go}
export CGO_ENABLED=1 CGO_CFLAGS="-O2 -I$PWD/gpu/cuda/include"
rm -rf "$to"
mkdir -p "$to"

$GO build -trimpath -ldflags '-s -w' -tags cuda -o "$to/quern-cuda" ./cmd/quern
for package in gpu gpu/cuda gpu/code gpu/reduce; do
	$GO test -c -trimpath -ldflags '-s -w' -tags cuda -o "$to/$(basename "$package").test" "./$package"
done
# The calls of the driver that quern links.
{
	echo cuInit
	sed -n 's/^CALL(\(.*\))$/\1/p' gpu/cuda/calls.h
} | sort -u >"$to/calls.txt"
gzip -9nf "$to/quern-cuda" "$to"/*.test
cp scripts/gpu_check_run.sh "$to/check.sh"
du -sh "$to" | sed 's/\t/ in /'

bash "$to/check.sh" || {
	code=$?
	[ $code -ne 4 ] || echo "$to is ready: carry it and the repository to a machine with a GPU, and run bash $to/check.sh there" >&2
	exit $code
}
