#!/usr/bin/env bash
# Prints the statement coverage of features, pipeline and cpu, and fails below 85 %.
set -euo pipefail
cd "$(dirname "$0")/.."
least=85
mkdir -p build
go test -short -coverpkg=./features/...,./pipeline/...,./cpu/... -coverprofile=build/cover.out \
	./features/... ./pipeline/... ./cpu/... ./cmd/... >build/cover.log || { cat build/cover.log; exit 1; }
status=0
for area in features pipeline cpu; do
	# A block of a package is listed once per test binary: it counts as covered if any of them ran it.
	awk -v area="quern/$area/" -v least="$least" '
		NR > 1 && index($1, area) == 1 { statements[$1] = $2; if ($3 > 0) hit[$1] = 1 }
		END {
			for (b in statements) { all += statements[b]; if (b in hit) covered += statements[b] }
			percent = all ? 100 * covered / all : 0
			printf "%-10s %5.1f %% of %d statements\n", substr(area, 7, length(area) - 7), percent, all
			exit percent < least
		}' build/cover.out || { echo "less than $least %"; status=1; }
done
exit $status
