# quern: the two commands of a newcomer are `make demo` and `make test`.
# Versions of tools are pinned here; nothing is ever fetched as "latest".
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT   = golang.org/x/perf/cmd/benchstat@v0.0.0-20260709024250-82a0b07e230d
GO         ?= go

# What computes, and the suites that every variant of the kernels must pass.
VARIANTS = ./internal/simd ./features/stat ./cpu/... ./pipeline/source/parquet ./pipeline/sink/... ./features/featurestest

.PHONY: all build demo test test-long variants benchmarks check race cover data sample bench bench-compare bench-peers oracle generate clean

all: build

build: ## the program, as build/quern
	$(GO) build -trimpath -o build/quern ./cmd/quern

demo: build ## fit and transform 200,000 real flights, from a fresh clone with only Go
	build/quern run examples/flights/recipe.yaml --overwrite
	build/quern verify examples/flights/out/features
	build/quern cat examples/flights/out/features --rows 3 --columns distance,origin,route,date_hour_sin,route_late,late,delay

test: ## everything that a change must pass
	$(GO) vet ./...
	$(GO) test ./...

test-long: ## what takes too long for every change: more seeds, more mutants, more kills
	QUERN_LONG=1 $(GO) test -timeout 60m ./...

variants: ## the kernels in plain Go, and in AVX2 where the processor has more
	$(GO) test -short -tags purego $(VARIANTS)
	GODEBUG=cpu.avx512f=off $(GO) test -short $(VARIANTS)

benchmarks: ## every benchmark once, so that none can rot
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...

race: ## the tests under the race detector, without the slowest
	$(GO) test -race -short ./...

check: ## gofmt, vet, staticcheck
	test -z "$$(gofmt -l $$(git ls-files '*.go'))"
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

cover: ## statement coverage of features, pipeline and cpu
	bash scripts/cover.sh

oracle: ## the environment of the independent oracles: numpy, pandas, scikit-learn, pyarrow
	bash scripts/oracle.sh

data: ## all three million flights, into build/data
	bash scripts/data.sh

sample: data oracle ## draws examples/flights/flights-200k.parquet anew
	build/oracle/bin/python scripts/flights_sample.py build/data/flights-3m.parquet examples/flights/flights-200k.parquet

bench: build data ## WORKLOADS of quern bench (default: three million flights): seconds, memory, stages
	bash scripts/bench.sh $(WORKLOADS)

bench-compare: ## benchmarks of this tree against BASE (a commit), by benchstat
	bash scripts/bench_compare.sh "$(BASE)" "$(BENCHSTAT)"

bench-peers: build data ## quern against Polars, DuckDB, pyarrow and scikit-learn, in turns: bench/results/*.json
	bash scripts/bench_peers.sh $(WORKLOADS)

generate: ## files that are made from code: docs/OPERATORS.md, docs/EXPRESSIONS.md, the assembly of internal/simd
	$(GO) generate ./internal/simd
	$(GO) test ./features ./features/expr -run Markdown -rewrite

clean:
	rm -rf build examples/*/out examples/*/*.quern
