#!/usr/bin/env bash
# Makes the Python environment of Feast's SDK in build/feast, from pinned packages: what the
# tests of the feature server ask with. Does nothing when it is there. About 600 MB.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=build/feast/requirements.txt
if cmp -s scripts/feast-requirements.txt "$stamp"; then echo "build/feast is there"; exit 0; fi
command -v python3 >/dev/null || { echo "make feast needs python3" >&2; exit 4; }
started=$SECONDS
rm -rf build/feast
python3 -m venv build/feast
# Every package is listed, so nothing is resolved; what is imported is compiled then.
build/feast/bin/pip install --quiet --disable-pip-version-check --no-deps --no-compile -r scripts/feast-requirements.txt
cp scripts/feast-requirements.txt "$stamp"
echo "build/feast made in $((SECONDS - started)) s"
