package simulate

import (
	"crypto/sha256"
	"math"
	"math/rand/v2"

	"quern/shard/core"
	"quern/shard/record"
)

// Load is a job whose running time is to be foretold: nothing goes wrong, and what things
// take is as measured or assumed elsewhere. The machines are the real ones.
type Load struct {
	Workers     int  // processes, each of which does one shard after the other
	Shards      int  // of each phase
	Learning    int  // phases that learn, before the one that writes
	Coordinated bool // else the last worker of a phase closes it
	Task        Spread
	Straggle    float64 // share of shards that take StraggleBy times as long
	StraggleBy  float64
	Store       StoreCosts
	Costs       Costs
	Tick        int64 // microseconds between a coordinator's looks at the log
}

// Spread is a log-normal distribution of times, in microseconds.
type Spread struct {
	Median float64 `json:"median_us"`
	LogSD  float64 `json:"log_sd"` // standard deviation of the natural logarithm
}

// SpreadOf returns the distribution that has that median and that 99th percentile, the
// normal distribution's being 2.3263 standard deviations above its median.
func SpreadOf(median, p99 float64) Spread {
	return Spread{median, math.Log(p99/median) / 2.326348}
}

// draw draws a time.
func (s Spread) draw(r *rand.Rand) int64 {
	return int64(s.Median * math.Exp(s.LogSD*r.NormFloat64()))
}

// StoreCosts is what operations of a store take, and how many it takes in a second.
type StoreCosts struct {
	Put   Spread  `json:"put"`
	Get   Spread  `json:"get"`
	List  Spread  `json:"list"` // of a page
	Page  int     `json:"page"` // names of a page
	Puts  float64 `json:"puts_per_s"`
	Gets  float64 `json:"gets_per_s"` // listings are counted too
	Bytes float64 `json:"bytes_per_s"`
}

// Costs is what a process that closes phases takes for its own work, in microseconds.
type Costs struct {
	Step         float64 `json:"step_us"`   // an event
	Decode       float64 `json:"decode_us"` // a partial; on Cores at the same time
	Merge        float64 `json:"merge_us"`  // a partial; one at a time
	Freeze       float64 `json:"freeze_us"`
	PartialBytes float64 `json:"partial_bytes"`
	Cores        int     `json:"cores"`
	Network      float64 `json:"network_bytes_per_s"` // of the machine of a coordinator
	Message      Spread  `json:"message"`             // one way, between workers and a coordinator
}

// Scaled is how long a job took, and what it asked of whom. Times are seconds.
type Scaled struct {
	Workers    int     `json:"workers"`
	Shards     int     `json:"shards"` // of each phase
	Makespan   float64 `json:"makespan_s"`
	Ideal      float64 `json:"ideal_s"`    // all work evenly on all workers, and nothing else
	Efficiency float64 `json:"efficiency"` // Ideal / Makespan
	Tail       float64 `json:"tail_s"`     // of all phases: from when nothing is left to start to the last claim
	Closing    float64 `json:"closing_s"`  // of all phases: from the last claim to the record that closes
	Calls      float64 `json:"calls_per_s"`
	Claims     float64 `json:"claims_per_s"`
	ClaimsPeak int     `json:"claims_peak_per_s"`
	Puts       int64   `json:"puts"`
	Gets       int64   `json:"gets"`
	Pages      int64   `json:"list_pages"`
	Merged     float64 `json:"merged_bytes"` // partials that went through one merger
	Busy       float64 `json:"closer_busy"`  // share of the makespan that the coordinator computed
	Events     int     `json:"events"`
}

// fleet is the processes of a job, and its store.
type fleet struct {
	Load
	random    *rand.Rand
	now       int64
	queue     queue
	plan      record.Plan
	job       record.Job
	names     record.Names
	objects   map[string][]byte
	listed    map[string][]string // names by folder, as they came
	published map[string]bool
	puts      meter
	gets      meter
	driver    *actor
	started   []int // shards of each phase that were started
	idle      []int64
	told      Scaled
	work      float64 // microseconds of all tasks
	claims    map[int64]int
	last      int64 // when the last claim of the phase at hand was put
	emptied   int64 // when nothing was left to start in it
	done      bool
}

// meter lets operations pass at a rate.
type meter struct {
	gap  float64 // microseconds from one to the next; 0: no limit
	free float64 // when the next may pass
}

// pass returns how long an operation waits at now.
func (m *meter) pass(now int64) int64 {
	if m.gap == 0 {
		return 0
	}
	m.free = max(m.free, float64(now)) + m.gap
	return int64(m.free) - now
}

// Scale simulates a job in which nothing goes wrong.
func Scale(l Load, seed uint64) *Scaled {
	f := &fleet{Load: l, random: rand.New(rand.NewPCG(seed, 0x5ca1e)), now: epoch, objects: map[string][]byte{},
		listed: map[string][]string{}, published: map[string]bool{}, claims: map[int64]int{}, started: make([]int, l.Learning+1)}
	if l.Store.Puts > 0 {
		f.puts.gap = 1e6 / l.Store.Puts
	}
	if l.Store.Gets > 0 {
		f.gets.gap = 1e6 / l.Store.Gets
	}
	f.plan = record.Plan{Phase: record.Phase{Learns: l.Learning > 0, Shards: uint32(l.Shards)}, Document: "_quern/manifest.json"}
	plan, job := f.plan.Encode()
	f.job, f.names = job, record.NamesOf(job)
	f.objects[f.names.Plan()] = plan
	f.told.Workers, f.told.Shards = l.Workers, l.Shards
	if l.Coordinated {
		f.driver = f.start(core.NewCoordinator(core.CoordinatorOptions{Options: f.options(), Plan: f.plan, Tick: l.Tick}))
	}
	for range l.Workers {
		f.after(int64(l.Costs.Message.Median), f.next)
	}
	for f.queue.len() > 0 && !f.done {
		e := f.queue.pop()
		f.now = e.at
		f.told.Events++
		e.do()
	}
	return f.sum()
}

// options are those of the next process.
func (f *fleet) options() core.Options {
	o := core.Options{Job: f.job}
	for i := range o.Seed {
		o.Seed[i] = byte(f.random.Uint32())
	}
	return o
}

// sum returns what came out.
func (f *fleet) sum() *Scaled {
	t := &f.told
	t.Makespan = float64(f.now-epoch) / second
	t.Ideal = f.work / float64(f.Workers) / second
	t.Efficiency = t.Ideal / t.Makespan
	t.Calls /= t.Makespan
	t.Claims /= t.Makespan
	t.Busy /= t.Makespan * second
	for _, n := range f.claims {
		t.ClaimsPeak = max(t.ClaimsPeak, n)
	}
	if !f.done {
		panic("quern: bug: a job in which nothing goes wrong does not end")
	}
	return t
}

// phase returns the number of the phase at hand.
func (f *fleet) phase() int {
	p := 0
	for p < f.Learning && f.objects[f.names.Fitted(uint32(p))] != nil {
		p++
	}
	return p
}

// next has a worker begin the next shard; one that finds none waits for the next phase.
func (f *fleet) next() {
	p := f.phase()
	if f.started[p] == f.Shards {
		f.idle = append(f.idle, f.now)
		return
	}
	shard := f.started[p]
	if f.started[p]++; f.started[p] == f.Shards {
		f.emptied = f.now
	}
	f.start(core.NewWorker(core.WorkerOptions{Options: f.options(), Phase: uint32(p), Shard: uint32(shard),
		Coordinated: f.Coordinated, Patience: 1 << 50}))
}

// closed is told that a phase was closed, and wakes the workers that wait for it.
func (f *fleet) closed() {
	f.told.Tail += float64(f.last-f.emptied) / second
	f.told.Closing += float64(f.now-f.last) / second
	idle := f.idle
	f.idle = nil
	for range idle {
		f.after(f.Costs.Message.draw(f.random), f.next)
	}
}

// after lets g happen in d microseconds.
func (f *fleet) after(d int64, g func()) { f.queue.push(event{at: f.now + max(0, d), do: g}) }

// one is the statistic of the simulation: how many partials it is made of.
type one struct {
	n     int
	merge func()
}

// Merge implements core.Statistic.
func (o *one) Merge(other core.Statistic) error {
	o.n += other.(*one).n
	o.merge()
	return nil
}

// stated is the file of a small object that somebody made.
func stated(name, final string) record.File {
	data := []byte(name)
	return record.File{Name: name, Final: final, Size: int64(len(data)), SHA256: sha256.Sum256(nil)}
}
