#!/usr/bin/env bash
# Checks quern on a machine with an NVIDIA GPU, in under eight minutes, with the programs
# beside this file (scripts/gpu_check.sh makes them); it needs bash, gzip and awk. It is
# run from the repository, whose test data it reads. Every step is done, whatever the ones
# before it found; the exit code is 0 if all is well, 4 without a GPU, else 1.
#
#	check.sh [FOLDER]        FOLDER of the reports: bench/results
#
# GPU_CHECK_ROWS=N           rows of the tables that are measured, to try it out
# GPU_CHECK_FAKE=1           takes the tests' driver for a GPU; its reports say so
# GPU_CHECK_COPY=10          least GB/s of copies to and from the device
# GPU_CHECK_MEMORY=200       least GB/s of copies on the device
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$PWD
out=${1:-bench/results}
[ -f go.mod ] && [ -d gpu/kernels ] || { echo "gpu-check: run this in the root of quern's repository" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for f in "$here"/*.gz; do
	name=$(basename "$f" .gz)
	gzip -dc "$f" >"$work/$name" && chmod +x "$work/$name"
done
quern=$work/quern-cuda
export XDG_CACHE_HOME=$work/cache
failed=()
started=$SECONDS

# step NAME COMMAND...: runs it, times it, and remembers if it failed.
step() {
	local name=$1 from=$SECONDS
	shift
	printf '== %s\n' "$name"
	if "$@"; then
		printf -- '-- %s: good, %d s\n' "$name" $((SECONDS - from))
	else
		printf -- '-- %s: FAILED, %d s\n' "$name" $((SECONDS - from))
		failed+=("$name")
	fi
}

# The device, or why there is none.
"$quern" doctor >"$work/doctor"
if ! grep -q '^good  gpu 0 ' "$work/doctor"; then
	echo "gpu-check: there is no GPU to check:" >&2
	grep -A1 ' gpu ' "$work/doctor" >&2
	exit 4
fi
device=$(sed -n 's/^good  gpu 0 *\([^,]*\),.*/\1/p' "$work/doctor")
if [[ $device == Fake* && ${GPU_CHECK_FAKE:-} != 1 ]]; then
	echo "gpu-check: $device is the tests' driver, not a GPU: take its folder out of LD_LIBRARY_PATH" >&2
	exit 4
fi
echo "device: $device"
grep -E ' (cuda|gpu [0-9]+) ' "$work/doctor"
[[ $device == Fake* ]] || export QUERN_REQUIRE_GPU=1

# Every call that quern links is exported by the driver. Those that are not are answered by
# quern itself, with an error; a driver of another generation may lack old ones.
symbols() {
	local library
	library=$(sed -n 's/^good  cuda *\(.*\), CUDA .*/\1/p' "$work/doctor")
	[ -e "$library" ] || library=$(ldconfig -p 2>/dev/null | awk '/libcuda\.so\.1 /{print $NF; exit}')
	if [ -e "$library" ] && command -v nm >/dev/null; then
		nm -D --defined-only "$library" | awk '{print $3}' | sed 's/@.*//' | sort -u >"$work/exported"
	elif [ -e "$library" ]; then
		grep -aoE 'cu[A-Z][A-Za-z0-9_]+' "$library" | sort -u >"$work/exported" # its table of names is text
	else
		echo "the driver's library is not found" && return 1
	fi
	comm -23 "$here/calls.txt" "$work/exported" >"$work/lacking"
	echo "$library: $(wc -l <"$here/calls.txt") calls linked, $(wc -l <"$work/lacking") not exported"
	[ ! -s "$work/lacking" ] || { cat "$work/lacking" && false; }
}
step "symbols of the driver" symbols

# The suites, on the device, each == the CPU. Two tests of gpu/cuda are of compilers.
suite() {
	local package=$1 name
	shift
	name=$(basename "$package")
	(cd "$root/$package" && "$work/$name.test" -test.timeout 170s "$@") >"$work/$name.log" 2>&1
	local code=$?
	if [ $code -ne 0 ]; then tail -40 "$work/$name.log"; else tail -1 "$work/$name.log"; fi
	return $code
}
step "suite gpu/cuda" suite gpu/cuda -test.skip 'TestCallsAreThoseOfCu|TestHeaderSaysWhatNVIDIAsSays'
step "suite gpu/code" suite gpu/code
step "suite gpu/reduce" suite gpu/reduce
step "suite gpu" suite gpu -test.short # the whole takes minutes where a device is slow

# One run from file to file, on both.
flights() {
	local d
	for d in cpu gpu; do
		mkdir -p "$work/$d" && cp examples/flights/recipe.yaml examples/flights/flights-200k.parquet "$work/$d/" || return 1
		"$quern" run "$work/$d/recipe.yaml" --device $d -o "$work/$d/model.quern" 2>&1 | head -1
	done
	cmp "$work/cpu/model.quern" "$work/gpu/model.quern" && diff -r -x _quern "$work/cpu/out" "$work/gpu/out" && echo "the same bytes"
}
step "flights: the same bytes from file to file" flights

# NVIDIA's sanitizer, where it is installed, on small sizes.
sanitize() {
	local tool=$1
	(cd "$root/gpu/reduce" && timeout 60 "$sanitizer" --tool "$tool" --error-exitcode 9 "$work/reduce.test" -test.short -test.run 'TestSums|TestTally' -test.timeout 55s) >"$work/$tool.log" 2>&1
	local code=$?
	tail -3 "$work/$tool.log"
	[ $code -eq 0 ] || [ $code -eq 124 ]
}
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -1)
if [ -n "$sanitizer" ]; then
	for tool in memcheck racecheck initcheck synccheck; do
		step "compute-sanitizer $tool" sanitize $tool
	done
else
	echo "== compute-sanitizer is not installed: left out"
fi

# Rates, and the report.
slug=$(tr 'A-Z ' 'a-z-' <<<"$device" | tr -cd 'a-z0-9-')
measure() {
	mkdir -p "$out" && "$quern" bench criteo dense --device cpu,gpu --data "$work/bench" ${GPU_CHECK_ROWS:+--rows "$GPU_CHECK_ROWS"} \
		--out "$out/gpu-$slug.json" --svg "$out/gpu-$slug.svg" >"$work/bench.txt" 2>"$work/bench.log" || { tail -20 "$work/bench.log" && return 1; }
	cat "$work/bench.txt"
}
floors() {
	awk -v copy="${GPU_CHECK_COPY:-10}" -v memory="${GPU_CHECK_MEMORY:-200}" '
		/^ceilings: / {
			seen = 1
			for (i = 1; i <= NF; i++) {
				if ($i == "up" || $i == "down") { if ($(i+1) + 0 < copy) { print "copies " $i " at " $(i+1) " GB/s, at least " copy " are expected"; bad = 1 } }
				if ($i == "memory") { if ($(i+1) + 0 < memory) { print "device memory at " $(i+1) " GB/s, at least " memory " are expected"; bad = 1 } }
			}
		}
		END { exit bad || !seen }' "$work/bench.txt"
}
step "measuring: $out/gpu-$slug.json" measure
step "floors of the rates" floors

echo "gpu-check: $((SECONDS - started)) s on $device"
if [ ${#failed[@]} -gt 0 ]; then
	printf 'gpu-check: FAILED: %s\n' "${failed[@]}" >&2
	exit 1
fi
echo "gpu-check: all good"
