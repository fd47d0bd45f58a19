#!/usr/bin/env bash
# Proves the CUDA back end as far as that goes without a GPU, and prints which rungs of
# the ladder ran. GO and what cgo needs come from the Makefile (make gpu-rungs).
set -euo pipefail
cd "$(dirname "$0")/.."
least=90 # percent of the statements of package gpu that its tests reach

ptx="ptx rebuilt and ptxas"
status=0
bash scripts/ptx.sh --check || status=$?
case $status in
0) ran=", $ptx" missing="" ;;
4) ran="" missing="$ptx (no compilers: see above), " ;;
*) exit "$status" ;;
esac

"$GO" vet -tags cuda ./gpu/... ./cmd/quern
mkdir -p build
"$GO" test -tags cuda -short -cover ./gpu/... | tee build/gpu-rungs.log
awk -v least="$least" '
	$2 == "quern/gpu" && match($0, /coverage: [0-9.]+/) { percent = substr($0, RSTART + 10, RLENGTH - 10) }
	END { if (percent < least) { print "package gpu: " percent " % of its statements are tested, less than " least; exit 1 } }' build/gpu-rungs.log
"$GO" test -tags cuda -short -race -run 'AtOnce|DriverFaults|Movies' ./gpu

if ls /dev/nvidia[0-9]* >/dev/null 2>&1; then
	device="device (there is one here: make gpu-check)"
else
	device="device (there is none)"
fi
echo "gpu rungs: ptx manifest$ran, translated kernels, fake driver, race detector; not run: $missing$device"
