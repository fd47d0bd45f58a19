#!/usr/bin/env bash
# Builds the control plane that tests of Kubernetes run against (etcd, kube-apiserver and
# kube-controller-manager of pinned versions, one program) into build/k8s/harness. Does
# nothing when it is there and its sources have not changed. From cold it takes 4 to 13
# minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/build/k8s
go=${GO:-go}
cd cmd/quern-k8s/harness
version=$("$go" list -m -f '{{.Version}}' k8s.io/kubernetes)
stamp=$( (cat go.mod go.sum ./*.go ../../../scripts/k8s_harness.sh; "$go" version) | sha256sum | cut -c1-64)
if [ -x "$folder/harness" ] && [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then echo "build/k8s/harness is there"; exit 0; fi
mkdir -p "$folder"
started=$SECONDS
GOFLAGS= nice -n 5 "$go" build -buildvcs=false -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$folder/harness" .
echo "$stamp" > "$folder/stamp"
echo "build/k8s/harness made in $((SECONDS - started)) s"
