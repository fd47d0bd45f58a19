# quern: the two commands of a newcomer are `make demo` and `make test`.
# Versions of tools are pinned here; nothing is ever fetched as "latest".
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT   = golang.org/x/perf/cmd/benchstat@v0.0.0-20260709024250-82a0b07e230d
GO         ?= go

# What gorgonia.org/cu is compiled with: our header, so that no CUDA toolkit is needed.
CUDA = CGO_ENABLED=1 CGO_CFLAGS="-O2 -g -I$(CURDIR)/gpu/cuda/include"

# What computes, and the suites that every variant of the kernels must pass.
VARIANTS = ./internal/simd ./features/stat ./cpu/... ./pipeline/source/parquet ./pipeline/sink/... ./features/featurestest

.PHONY: all build cuda demo test test-cuda fake-gpu gpu-rungs test-long chaos variants benchmarks check race cover data sample bench bench-compare bench-peers bench-processes bench-serve oracle feast s3-server test-s3 k8s k8s-check k8s-test train test-train ptx ptx-check gpu-check proto proto-check scaling generate clean

all: build

build: ## the program, as build/quern
	$(GO) build -trimpath -o build/quern ./cmd/quern

cuda: ## build/quern-cuda, which can compute on a GPU; needs a C compiler, neither a CUDA toolkit nor a GPU
	$(CUDA) $(GO) build -trimpath -tags cuda -o build/quern-cuda ./cmd/quern

demo: build ## fit, transform and publish 200,000 real flights, from a fresh clone with only Go
	build/quern run examples/flights/recipe.yaml --overwrite
	build/quern verify examples/flights/out/features
	build/quern cat examples/flights/out/features --rows 3 --columns distance,origin,route,date_hour_sin,route_late,late,delay
	build/quern publish examples/flights/flights.quern --store examples/flights/out/views
	build/quern get flights origin=SFO destination=JFK --features distance,route,route_late --store examples/flights/out/views

train: build ## a model of flight delays, trained with gorgonia on quern's tensors; scikit-learn's beside it after make oracle
	build/quern run examples/train/recipe.yaml --overwrite
	cd examples/train && $(GO) run . out/tensors
	if [ -x build/oracle/bin/python ]; then build/oracle/bin/python examples/train/compare.py examples/train/out/tensors; fi

test: ## everything that a change must pass
	$(GO) vet ./...
	$(GO) test ./...

test-cuda: ## the CUDA back end, on a driver that is not one: no GPU needed
	$(CUDA) $(GO) vet -tags cuda ./gpu/... ./cmd/quern
	$(CUDA) $(GO) test -tags cuda ./gpu/...

fake-gpu: ## builds that driver and prints its folder: LD_LIBRARY_PATH=$$(make -s fake-gpu) build/quern-cuda doctor
	@$(GO) run ./gpu/fake/fakegpu

gpu-rungs: cuda ## what CI proves of the CUDA back end without a GPU, in a few minutes
	$(CUDA) GO="$(GO)" bash scripts/gpu_rungs.sh

test-train: ## the example that trains with gorgonia, which is a module of its own
	cd examples/train && test -z "$$(gofmt -l .)" && $(GO) vet ./... && $(GO) test ./...

test-long: ## what takes too long for every change: more seeds, more mutants, more kills
	QUERN_LONG=1 $(GO) test -timeout 60m ./...
	QUERN_LONG=1 $(CUDA) $(GO) test -timeout 60m -tags cuda ./gpu/...

chaos: ## simulated clusters, and real processes that are killed and cut off, fifty times more than in every test: hours
	QUERN_LONG=1 QUERN_CHAOS=50 $(GO) test -timeout 300m ./shard/...

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

feast: ## the environment of Feast's SDK, which asks the feature server as its users do: about 600 MB
	bash scripts/feast.sh

s3-server: ## the S3 server that tests of stores run against (versitygw, pinned), into build/s3: about a minute, once
	bash scripts/s3_server.sh

test-s3: s3-server ## stores against a real S3 server: races, faults, kills, whole runs
	QUERN_REQUIRE_S3=1 $(GO) test -count=1 ./pipeline/store/...
	QUERN_REQUIRE_S3=1 $(GO) test -count=1 -run 'S3|TestOnlyWhatIsNeededIsRead|TestKilledUploads|TestDoctorStore|TestIgnoredConditions' ./cmd/quern

k8s: build ## build/quern-k8s beside build/quern, for quern k8s submit: the client of Kubernetes
	cd cmd/quern-k8s && $(GO) build -trimpath -ldflags "-s -w" -o ../../build/quern-k8s .

k8s-check: ## the client of Kubernetes, without a control plane: what every change must pass
	cd cmd/quern-k8s && test -z "$$(gofmt -l .)" && $(GO) vet ./... && $(GO) test -short ./...

k8s-test: k8s ## quern k8s against a real control plane, without containers; docs/kubernetes-test.json gets what came of it
	GO="$(GO)" bash scripts/k8s_harness.sh
	cd cmd/quern-k8s && test -z "$$(gofmt -l .)" && $(GO) vet ./... && \
		QUERN_REQUIRE_K8S=1 QUERN_K8S_RESULT="$(CURDIR)/docs/kubernetes-test.json" $(GO) test -count=1 -timeout 20m ./...

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

bench-serve: build ## the feature server under load, and Feast's own server beside it: bench/results/serving.json, docs/SERVING_SPEED.md
	GO="$(GO)" bash scripts/bench_serve.sh

ptx: ## gpu/kernels/*.ptx and their manifest anew, with compilers from PyPI; no GPU needed (NAMES="sums list": only those)
	bash scripts/ptx.sh $(NAMES)

ptx-check: ## that the committed PTX is what its sources give, and assembles for every architecture
	bash scripts/ptx.sh --check

gpu-check: ## builds build/gpu-check and checks and measures quern on this machine's NVIDIA GPU; the folder runs without Go
	CC="$(CC)" GO="$(GO)" bash scripts/gpu_check.sh

proto: ## shard/proto/*.pb.go and serve/proto/*.pb.go anew, with tools of pinned versions from PyPI and the module proxy
	GO="$(GO)" bash scripts/proto.sh

proto-check: ## that the committed code is what coordinator.proto and features.proto give
	GO="$(GO)" bash scripts/proto.sh --check

scaling: ## docs/SCALING.md: how jobs of 10 to 10,000 workers go, simulated from bench/results/scaling/inputs.json (three minutes)
	$(GO) run ./bench/scaling

bench-processes: build ## what --procs costs: criteo in one process and in several, in turns, for docs/SCALING.md (ten minutes, 6 GB of disk)
	$(GO) run ./bench/scaling -processes build/quern -rounds $(or $(RUNS),7)

generate: ## files that are made from code: docs/OPERATORS.md, docs/EXPRESSIONS.md, the README's figures of GPUs, docs/SERVING_SPEED.md, the assembly of internal/simd
	$(GO) generate ./internal/simd ./serve/feast
	$(GO) test ./gpu -run OperatorsOnGPU -rewrite
	$(GO) test ./features ./features/expr -run Markdown -rewrite
	$(GO) test ./bench -run ReadmeStatesTheGPU -rewrite
	$(GO) run ./bench/serving -page

clean:
	rm -rf build examples/*/out examples/*/*.quern
