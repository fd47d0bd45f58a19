#!/usr/bin/env bash
# Fetches all three million flights (13 MB) into build/data, from the npm package
# vega-datasets 3.2.1. Does nothing when the file is already there and whole.
set -euo pipefail
cd "$(dirname "$0")/.."
file=build/data/flights-3m.parquet
sum=dbeb920c90f59b6ccaff823dcc3d08f25a97fa1ce128d93f40be4e931f5900b0
whole() { [ -f "$file" ] && echo "$sum  $file" | sha256sum --check --status; }
if whole; then echo "$file is there"; exit 0; fi
command -v npm >/dev/null || { echo "make data needs npm (Node.js) to fetch vega-datasets 3.2.1" >&2; exit 4; }
mkdir -p build/data
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
(cd "$temporary" && npm pack --silent vega-datasets@3.2.1 >/dev/null)
tar -xzf "$temporary"/vega-datasets-3.2.1.tgz -C "$temporary" package/data/flights-3m.parquet
mv "$temporary/package/data/flights-3m.parquet" "$file"
whole || { echo "$file is not what was published: its SHA-256 differs" >&2; rm -f "$file"; exit 3; }
echo "$file fetched"
