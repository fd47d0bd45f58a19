package report

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"

	"quern/shard/commitlog"
	"quern/shard/record"
)

// Schema names the JSON of a Report. Fields may be added; what is there keeps its name
// and its meaning.
const Schema = "quern-job-report/1"

// State is what became of a job.
type State string

// The states. A driver that was overtaken (exit code 43) is no state of a job: the next
// one goes on.
const (
	Planned State = "planned" // nothing is claimed yet
	Running State = "running" // or waiting for workers: a log cannot tell
	Done    State = "done"
	Failed  State = "failed" // more shards failed than may
)

// Report is how a job went. Times are microseconds since 1970 by the clocks of those who
// wrote them, 0 where they are not known; durations are seconds.
type Report struct {
	Schema      string   `json:"schema"`
	Job         string   `json:"job"`
	State       State    `json:"state"`
	Document    string   `json:"document"` // what readers look for
	AllowFailed uint32   `json:"allow_failed"`
	Missing     int      `json:"missing"`    // shards that failed in any phase: the output lacks them
	Started     int64    `json:"started_us"` // of the first attempt or driver that is known
	Ended       int64    `json:"ended_us"`   // of the last thing that is known
	Seconds     float64  `json:"seconds"`    // between them
	Rows        int64    `json:"rows"`       // written, or so far read in the phase at hand
	Drivers     []Driver `json:"drivers"`    // coordinators, in turn: all but the first are restarts
	Phases      []Phase  `json:"phases"`     // up to the one at hand: the later are not known
}

// Driver is a coordinator that took over.
type Driver struct {
	Epoch   uint64 `json:"epoch"`
	Started int64  `json:"started_us"`
}

// Phase is one pass over the data.
type Phase struct {
	Number     uint32      `json:"phase"`
	Learns     bool        `json:"learns"`
	Shards     int         `json:"shards"`
	Done       int         `json:"done"`
	Failed     int         `json:"failed"`
	Open       int         `json:"open"`
	Closed     bool        `json:"closed"`
	Rows       int64       `json:"rows"`
	Bytes      int64       `json:"bytes"` // of the files that shards wrote
	Started    int64       `json:"started_us"`
	Ended      int64       `json:"ended_us"`
	Seconds    float64     `json:"seconds"`
	RowsRate   float64     `json:"rows_per_s"`
	Workers    int         `json:"workers"`
	Median     float64     `json:"median_s"` // of the shards whose times are known
	Longest    float64     `json:"longest_s"`
	Busy       float64     `json:"busy"` // share of the workers' time, from 0 to 1, that shards took
	Lost       int         `json:"lost"` // attempts that left files although another settled their shard
	UnderWay   int         `json:"under_way"`
	Stragglers []Straggler `json:"stragglers"` // the slowest first
	Failures   []Failure   `json:"failures"`   // by shard
	Tasks      []Task      `json:"tasks"`      // settled shards, ascending
}

// Straggler is a shard that took more than StragglerFactor times the median.
type Straggler struct {
	Shard   uint32  `json:"shard"`
	Worker  string  `json:"worker"`
	Seconds float64 `json:"seconds"`
	Factor  float64 `json:"factor"` // times the median
}

// StragglerFactor is how many times the median a shard takes that is called a straggler.
const StragglerFactor = 2

// Failure is a shard that failed for good.
type Failure struct {
	Shard  uint32 `json:"shard"`
	Reason string `json:"reason"`
}

// Task is the attempt that settled a shard.
type Task struct {
	Shard   uint32 `json:"shard"`
	Attempt string `json:"attempt"`
	Worker  string `json:"worker"` // "" where the attempt did not say
	Started int64  `json:"started_us"`
	Ended   int64  `json:"ended_us"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	Failed  bool   `json:"failed"`
	factor  float64
}

// seconds is how long the attempt took; 0 if nobody knows.
func (t *Task) seconds() float64 {
	if t.Started == 0 || t.Ended == 0 {
		return 0
	}
	return float64(t.Ended-t.Started) / 1e6
}

// straggles reports whether the task is a straggler of its phase.
func (t *Task) straggles() bool { return t.factor > StragglerFactor }

// Of returns the report of a job, as its log says.
func Of(s *commitlog.Status) *Report {
	r := &Report{Schema: Schema, Job: s.Job.String(), Document: clean(s.Plan.Document, 200),
		AllowFailed: s.Plan.AllowFailed, Missing: missing(s), Drivers: []Driver{}, Phases: []Phase{}}
	r.State = stateOf(s, r.Missing)
	for _, e := range s.Epochs {
		d := Driver{e.Number, known(e.Driver.Micros())}
		r.Drivers = append(r.Drivers, d)
		r.see(d.Started)
	}
	for i := range s.Phases {
		p := phaseOf(&s.Phases[i])
		r.see(p.Started)
		r.see(p.Ended)
		r.Rows = p.Rows
		r.Phases = append(r.Phases, p)
	}
	if s.Manifest != nil {
		r.see(known(s.Manifest.Attempt.Micros()))
		r.Rows = s.Manifest.Rows
	}
	r.Seconds = float64(r.Ended-r.Started) / 1e6
	return r
}

// JSON writes the report as indented JSON of Schema.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// see makes the job's time hold an instant.
func (r *Report) see(at int64) { stretch(&r.Started, &r.Ended, at) }

// stretch makes a span hold an instant, if that is known.
func stretch(from, to *int64, at int64) {
	if at == 0 {
		return
	}
	if *from == 0 || at < *from {
		*from = at
	}
	*to = max(*to, at)
}

// stateOf returns what became of a job of which so many shards failed.
func stateOf(s *commitlog.Status, missing int) State {
	claimed := 0
	for i := range s.Phases {
		done, bad := s.Phases[i].Settled()
		claimed += done + bad
	}
	switch last := len(s.Phases) - 1; {
	case s.Manifest != nil:
		return Done
	case missing > int(s.Plan.AllowFailed) && settled(&s.Phases[last]):
		return Failed
	case claimed == 0 && s.Epoch == 0:
		return Planned
	}
	return Running
}

// missing counts the shards that failed: one that can never be read fails in every
// phase, and counts once.
func missing(s *commitlog.Status) int {
	failed := map[uint32]bool{}
	for i := range s.Phases {
		for _, c := range s.Phases[i].Claims {
			if c != nil && c.Failed() {
				failed[c.Shard] = true
			}
		}
	}
	return len(failed)
}

// settled reports whether no shard of a phase is open.
func settled(p *commitlog.PhaseStatus) bool {
	done, failed := p.Settled()
	return done+failed == len(p.Claims)
}

// phaseOf returns the report of a phase.
func phaseOf(s *commitlog.PhaseStatus) Phase {
	p := Phase{Number: s.Number, Learns: s.Learns, Shards: len(s.Claims), Closed: s.Fitted != nil,
		Stragglers: []Straggler{}, Failures: []Failure{}, Tasks: []Task{}}
	for _, c := range s.Claims {
		if c == nil {
			continue
		}
		t := taskOf(c)
		p.Tasks = append(p.Tasks, t)
		stretch(&p.Started, &p.Ended, t.Started)
		stretch(&p.Started, &p.Ended, t.Ended)
		if c.Failed() {
			p.Failures = append(p.Failures, Failure{c.Shard, clean(c.Failure, 500)})
			continue
		}
		p.Done++
		p.Rows = added(p.Rows, t.Rows)
		p.Bytes = added(p.Bytes, t.Bytes)
	}
	if s.Fitted != nil {
		stretch(&p.Started, &p.Ended, known(s.Fitted.Attempt.Micros()))
	}
	p.Failed = len(p.Failures)
	p.Open = p.Shards - p.Done - p.Failed
	for _, o := range s.Others {
		if s.Claims[o.Shard] == nil {
			p.UnderWay++
		} else {
			p.Lost++
		}
	}
	p.Seconds = float64(p.Ended-p.Started) / 1e6
	if p.Seconds > 0 {
		p.RowsRate = float64(p.Rows) / p.Seconds
	}
	p.times()
	return p
}

// Left is about how many seconds the phase still takes, if it goes on as so far; 0 if
// nobody knows, or it is over.
func (p *Phase) Left() float64 {
	if settled := p.Done + p.Failed; settled > 0 {
		return p.Seconds * float64(p.Open) / float64(settled)
	}
	return 0
}

// taskOf returns what a claim says of its attempt. Times that are not in the note are
// those of the attempt's name, which has its start.
func taskOf(c *record.Claim) Task {
	n := noteOf(c.Note)
	t := Task{Shard: c.Shard, Attempt: c.Attempt.String(), Worker: clean(n.worker, 80), Started: n.started, Ended: n.ended,
		Rows: c.Rows, Failed: c.Failed()}
	if t.Started == 0 {
		t.Started = known(c.Attempt.Micros())
	}
	if t.Ended < t.Started {
		t.Ended = 0
	}
	for _, f := range c.Files {
		t.Bytes = added(t.Bytes, f.Size)
	}
	return t
}

// times finds the median, the stragglers and how busy the workers were.
func (p *Phase) times() {
	var all []float64
	var busy float64
	workers := map[string]bool{}
	for i := range p.Tasks {
		t := &p.Tasks[i]
		if s := t.seconds(); s > 0 && !t.Failed {
			all = append(all, s)
			busy += s
		}
		if t.Worker != "" {
			workers[t.Worker] = true
		}
	}
	p.Workers = len(workers)
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	p.Median, p.Longest = all[(len(all)-1)/2], all[len(all)-1]
	if p.Workers > 0 && p.Seconds > 0 {
		p.Busy = min(1, busy/(float64(p.Workers)*p.Seconds))
	}
	for i := range p.Tasks {
		t := &p.Tasks[i]
		t.factor = t.seconds() / p.Median
		if t.straggles() && !t.Failed {
			p.Stragglers = append(p.Stragglers, Straggler{t.Shard, t.Worker, t.seconds(), t.factor})
		}
	}
	slices.SortStableFunc(p.Stragglers, func(a, b Straggler) int { return cmp.Compare(b.Seconds, a.Seconds) })
}
