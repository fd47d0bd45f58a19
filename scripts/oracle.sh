#!/usr/bin/env bash
# Makes the Python environment of the independent oracles in build/oracle, from
# pinned packages. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=build/oracle/requirements.txt
if cmp -s scripts/requirements.txt "$stamp"; then echo "build/oracle is there"; exit 0; fi
command -v python3 >/dev/null || { echo "make oracle needs python3" >&2; exit 4; }
rm -rf build/oracle
python3 -m venv build/oracle
build/oracle/bin/pip install --quiet --disable-pip-version-check -r scripts/requirements.txt
cp scripts/requirements.txt "$stamp"
echo "build/oracle made"
