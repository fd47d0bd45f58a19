#!/usr/bin/env bash
# Compiles gpu/kernels/*.cu to PTX (or, with --check, holds what is committed against
# a fresh build) with the compilers of build/ptx, made here from pinned packages. Needs
# python3, but no GPU, driver or CUDA toolkit. Names given compile those kernels only.
# Exit code 4: the compilers are not there.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=build/ptx/requirements.txt
if ! cmp -s scripts/ptx-requirements.txt "$stamp"; then
  command -v python3 >/dev/null || { echo "make ptx needs python3" >&2; exit 4; }
  rm -rf build/ptx
  { python3 -m venv build/ptx &&
    build/ptx/bin/pip install --quiet --disable-pip-version-check --no-deps -r scripts/ptx-requirements.txt; } ||
    { echo "make ptx needs its compilers from PyPI, which cannot be fetched" >&2; exit 4; }
  cp scripts/ptx-requirements.txt "$stamp"
fi
exec build/ptx/bin/python scripts/ptx.py "$@"
