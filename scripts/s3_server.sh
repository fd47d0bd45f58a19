#!/usr/bin/env bash
# Builds the S3 server that the tests of stores run against, from a pinned version, into
# build/s3. Does nothing when it is there. The tests start and stop it themselves, on a
# temporary folder and a port of the loopback interface.
set -euo pipefail
cd "$(dirname "$0")/.."
version=v1.8.0
folder=build/s3
if [ -x "$folder/versitygw-$version" ]; then echo "$folder/versitygw-$version is there"; exit 0; fi
mkdir -p "$folder"
started=$SECONDS
GOFLAGS= GOBIN="$PWD/$folder/bin" go install -trimpath -ldflags "-s -w" "github.com/versity/versitygw/cmd/versitygw@$version"
mv "$folder/bin/versitygw" "$folder/versitygw-$version"
rmdir "$folder/bin"
ln -sf "versitygw-$version" "$folder/versitygw"
echo "$folder/versitygw-$version made in $((SECONDS - started)) s"
