#!/usr/bin/env bash
# Writes what `make demo` prints into the README, between its first ``` block of
# commands and the end of that block.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf examples/flights/out
block=$(make --no-print-directory --dry-run demo | grep '^build/quern ' | while read -r command; do
	echo "\$ $command"
	# shellcheck disable=SC2086
	$command 2>&1
done)
awk -v block="$block" '
	/^\$ (build\/)?quern / && !done { print block; skip = 1; done = 1 }
	skip && /^```$/ { skip = 0 }
	!skip { print }' README.md >build/README.md
mv build/README.md README.md
