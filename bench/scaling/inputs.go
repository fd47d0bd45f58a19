package main

import (
	"encoding/json"
	"os"

	"quern/shard/simulate"
)

// inputs is what the simulation is fed with: bench/results/scaling/inputs.json. Each part
// says where its figures come from.
type inputs struct {
	Tasks struct {
		Source string          `json:"source"`
		Runs   json.RawMessage `json:"runs"`
		Quiet  simulate.Spread `json:"quiet"` // of a shard, where nothing else uses the machines
		Busy   simulate.Spread `json:"busy"`  // where other work does
		// Assumed: machines fail slowly now and then.
		Straggle   float64 `json:"straggle"`
		StraggleBy float64 `json:"straggle_by"`
		PerWorker  int     `json:"shards_per_worker"`
		Learning   int     `json:"learning_phases"`
	} `json:"tasks"`
	Stores      []namedStore `json:"stores"`
	Coordinator struct {
		Source string         `json:"source"`
		Costs  simulate.Costs `json:"costs"`
		Tick   int64          `json:"tick_us"`
		Heap   []heap         `json:"heap"`
	} `json:"coordinator"`
	Partials []partial `json:"partials"`
}

// namedStore is a store as it was measured, or assumed.
type namedStore struct {
	Name   string              `json:"name"`
	Source string              `json:"source"`
	Costs  simulate.StoreCosts `json:"costs"`
}

// heap is what a coordinator's heap holds when so many shards are settled.
type heap struct {
	Shards     int   `json:"shards"`
	Bytes      int64 `json:"bytes"`
	Statistics int64 `json:"statistics_bytes"` // of which the merged statistic takes so much
}

// partial is what the partial of one shard of a workload takes.
type partial struct {
	Workload string  `json:"workload"`
	Rows     int64   `json:"rows"`
	Bytes    int     `json:"bytes"`
	Decode   float64 `json:"decode_us"`
	Merge    float64 `json:"merge_us"`
}

// store returns a store by name.
func (in *inputs) store(name string) simulate.StoreCosts {
	for _, s := range in.Stores {
		if s.Name == name {
			return s.Costs
		}
	}
	panic("quern: bug: inputs.json has no store " + name)
}

// load is a job of so many workers.
func (in *inputs) load(workers int, k kind) simulate.Load {
	costs := in.Coordinator.Costs
	for _, p := range in.Partials {
		if p.Workload == k.partial {
			costs.PartialBytes, costs.Decode, costs.Merge = float64(p.Bytes), p.Decode, p.Merge
		}
	}
	return simulate.Load{Workers: workers, Shards: workers * k.perWorker, Learning: in.Tasks.Learning, Coordinated: k.coordinated,
		Task: k.task, Straggle: in.Tasks.Straggle, StraggleBy: in.Tasks.StraggleBy, Store: in.store(k.store),
		Costs: costs, Tick: in.Coordinator.Tick}
}

// readJSON reads a file into v.
func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// writeJSON writes v, indented, as a file.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
