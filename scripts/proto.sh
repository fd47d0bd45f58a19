#!/usr/bin/env bash
# Makes the Go code of shard/proto and serve/proto from their .proto files (or, with
# --check, holds what is committed against fresh code) with tools of pinned versions,
# which are kept in build/proto. Exit code 4: the tools cannot be fetched.
set -euo pipefail
cd "$(dirname "$0")/.."
protobuf=google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
grpc=google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
tools=build/proto
stamp="$tools/stamp"
wanted="$(cat scripts/proto-requirements.txt; echo "$protobuf $grpc")"
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  command -v python3 >/dev/null || { echo "make proto needs python3" >&2; exit 4; }
  rm -rf "$tools"
  { python3 -m venv "$tools" &&
    "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps -r scripts/proto-requirements.txt &&
    GOBIN="$PWD/$tools/bin" "${GO:-go}" install "$protobuf" &&
    GOBIN="$PWD/$tools/bin" "${GO:-go}" install "$grpc"; } ||
    { echo "make proto needs its tools, which cannot be fetched" >&2; exit 4; }
  echo "$wanted" > "$stamp"
fi

make_one() { # FOLDER NAME [--check]: NAME.proto in FOLDER
  local from=$1 name=$2 out=$1 f
  local made="$name.pb.go ${name}_grpc.pb.go"
  if [ "${3:-}" = --check ]; then
    out=$(mktemp -d)
    trap "rm -rf '$out'" RETURN
  fi
  "$tools/bin/python" -m grpc_tools.protoc -I "$from" \
    --go_out="$out" --go_opt=paths=source_relative \
    --go-grpc_out="$out" --go-grpc_opt=paths=source_relative "$name.proto"
  [ "$out" = "$from" ] || cp "$from/$name.proto" "$out"
  (cd "$out" && sha256sum "$name.proto" $made > generated.sha256)
  for f in $made generated.sha256; do
    cmp "$out/$f" "$from/$f" || { echo "$from is not what $name.proto gives: run make proto" >&2; return 1; }
  done
}

export PATH="$PWD/$tools/bin:$PATH"
make_one shard/proto coordinator "${1:-}"
make_one serve/proto features "${1:-}"
