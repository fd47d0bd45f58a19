#!/usr/bin/env bash
# Adds to build/feast (scripts/feast.sh) what Feast's own server needs to serve from Redis:
# its client, pinned, and Debian's redis-server. Benchmarks leave Feast out where the first
# cannot be had, and use SQLite where the second cannot.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/feast.sh
build/feast/bin/python -c "import redis" 2>/dev/null ||
	build/feast/bin/pip install --quiet --disable-pip-version-check --no-deps -r bench/serving/requirements.txt
[ ! -x build/feast/bin/redis-server ] || exit 0
redis=$(command -v redis-server || true)
if [ -z "$redis" ]; then
	# Debian's server is the program of redis-tools under another name; the package
	# redis-server would start one that nobody asked for.
	redis=/usr/bin/redis-check-rdb
	[ -x "$redis" ] || { apt-get update -qq && apt-get install -y -qq redis-tools >/dev/null; } || true
fi
if [ -x "$redis" ]; then ln -s "$redis" build/feast/bin/redis-server; else echo "no Redis: Feast will use SQLite" >&2; fi
