package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/features/diag"
	"quern/internal/memory"
	"quern/pipeline/recipe"
	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/procs"
	"quern/shard/report"
	"quern/shard/work"
)

// procsFlags are the flags of a run in several processes.
type procsFlags struct {
	procs       int
	allowFailed uint32
	shards      int
	report      string
	shared      *os.File // memory for the model; nil: none
}

// mostProcesses bounds --procs: each child is a whole program.
const mostProcesses = 1024

func (p *procsFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&p.procs, "procs", 0, "do the work in so many child processes (default: in this one)")
	f.Uint32Var(&p.allowFailed, "allow-failed-shards", 0, "with --procs: shards that may fail for good; they are left out")
	f.IntVar(&p.shards, "shards", 0, "with --procs: pieces that the work is cut into (default: by size)")
	f.StringVar(&p.report, "report", "", "with --procs: write what the processes did to this file, as JSON")
}

// given reports whether the user wants several processes.
func (p *procsFlags) given(c *cobra.Command) bool {
	for _, name := range []string{"procs", "allow-failed-shards", "shards", "report"} {
		if c.Flags().Changed(name) {
			return true
		}
	}
	return false
}

// validate checks the flags.
func (p *procsFlags) validate() error {
	switch {
	case p.procs == 0:
		return usage("--allow-failed-shards, --shards and --report go with --procs")
	case p.procs < 0 || p.procs > mostProcesses:
		return usage("--procs %d: give 1 to %d", p.procs, mostProcesses)
	case p.shards < 0:
		return usage("--shards %d: give 1 or more", p.shards)
	}
	return nil
}

// runProcs runs a recipe in child processes, with the coordinator in this one.
func (a *app) runProcs(ctx context.Context, r *recipe.Recipe, model string, overwrite bool, f procsFlags) error {
	if err := f.validate(); err != nil {
		return err
	}
	began := time.Now()
	o, err := a.options()
	if err != nil {
		return err
	}
	if _, err := parseDevice(a.flags.device); err != nil {
		return err
	}
	text, err := os.ReadFile(r.File)
	if err != nil {
		return diag.New("Q510", "cannot read the recipe").Because(err)
	}
	o.Progress, a.resumes = nil, true
	budget := o.Memory
	o.Memory = max(leastMemory, budget/4)
	how := a.workOptions(o)
	shared, err := procs.NewMemory()
	if err == nil { // else children read the model's file
		defer shared.Close()
		how.Shared, f.shared = shared, shared.File()
	}
	j, err := work.Plan(ctx, work.Request{Recipe: r, Text: text, Model: store.Abs(model), AllowFailed: f.allowFailed, Shards: f.shards,
		Processes: f.procs, Overwrite: overwrite}, how)
	if err != nil {
		return err
	}
	state, err := a.crew(ctx, j, f, budget)
	if f.report != "" { // it also says which shards failed
		if bad := a.writeReport(ctx, j, f.report); err == nil {
			err = bad
		}
	}
	if err != nil {
		return err
	}
	result, err := j.Finish(ctx)
	if err != nil {
		return err
	}
	if err := j.Collect(ctx); err != nil && !a.flags.quiet {
		fmt.Fprintf(a.err, "note: the outputs are finished; what the processes wrote for each other stays: %v\n", err)
	}
	result.Seconds = time.Since(began).Seconds()
	if a.flags.quiet {
		return nil
	}
	fmt.Fprintf(a.err, "%s, processes %d\n", summary(result, state.Device, memory.Peak()+int64(f.procs)*state.Peak), f.procs)
	if len(result.Outputs) > 0 {
		a.suggest("cat " + relative(result.Outputs[0].Path))
	}
	return nil
}

// crew does a job with child processes.
func (a *app) crew(ctx context.Context, j *work.Job, f procsFlags, budget int64) (procs.State, error) {
	d, err := openDesk(j, "127.0.0.1:0", nil, budget/4)
	if err != nil {
		return procs.State{}, err
	}
	tokens := make([]string, f.procs)
	for i := range tokens {
		tokens[i] = newToken()
	}
	program, err := os.Executable()
	if err != nil {
		return procs.State{}, diag.New("Q455", "the program does not find itself").Because(err)
	}
	sizes := j.Bytes()
	pool := procs.New(procs.Options{Children: f.procs, Pending: d.pending, Notify: a.tellCrew,
		Command: func(i int) *exec.Cmd { return a.child(program, d, tokens[i], f, budget) },
		Assign:  func(i int, t procs.Descriptor) { d.assign(i, tokens[i], t.Shard) },
		Size:    func(_, shard uint32) int64 { return sizes[shard] }})
	stop := a.showCrew(d, pool, sizes)
	defer stop()
	driving, stopDriving := context.WithCancel(ctx)
	defer stopDriving()
	pooling, stopPool := context.WithCancel(ctx)
	defer stopPool()
	var exit core.Exit
	var group sync.WaitGroup
	group.Go(func() {
		exit = d.run(driving)
		stopPool()
	})
	err = pool.Run(pooling)
	if err != nil {
		stopDriving()
	}
	group.Wait()
	if full := lackOfSpace(d, exit, err); full != "" {
		return pool.State(), diag.New("Q432", "no space left to write %s", j.Root.Location()).Because(errors.New(full))
	}
	return pool.State(), crewError(ctx, exit, err)
}

// lackOfSpace returns why a job ended, if that is a full disk, here or in a child.
func lackOfSpace(d *desk, exit core.Exit, err error) string {
	var full *procs.FullError
	if errors.As(err, &full) {
		return full.Reason
	}
	if exit.Code == core.Retry {
		return d.driver.Full()
	}
	return ""
}

// crewError says how a job ended, given the ends of its coordinator and of its children.
func crewError(ctx context.Context, exit core.Exit, err error) error {
	var failed *procs.ShardError
	switch {
	case exit.Code == core.Committed, exit.Code == core.Poisoned, exit.Code == core.Broken:
		return jobError(ctx, exit)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &failed):
		return diag.New("Q455", "%v", failed)
	case err != nil:
		return diag.New("Q455", "child processes gave up").Because(err)
	}
	return jobError(ctx, exit)
}

// firstExtra is the number that a child has for the first file that it inherits.
const firstExtra = 3

// child makes the process of a child. Children share the budget and the CPUs.
func (a *app) child(program string, d *desk, token string, f procsFlags, budget int64) *exec.Cmd {
	workers := a.flags.workers
	if workers == 0 {
		workers = max(1, runtime.GOMAXPROCS(0)/f.procs)
	}
	c := exec.Command(program, "task", "--stdin", "--quiet", "--same-machine", "--job", d.job.URI, "--coordinator", d.address,
		"--epoch", strconv.FormatUint(d.Progress().Epoch, 10), "--workers", strconv.Itoa(workers),
		"--memory", strconv.FormatInt(max(leastMemory, budget/int64(f.procs)), 10)+"B", "--device", a.flags.device)
	if f.shared != nil {
		c.Args, c.ExtraFiles = append(c.Args, "--shared-memory", strconv.Itoa(firstExtra)), []*os.File{f.shared}
	}
	c.Env = append(os.Environ(), tokenVariable+"="+token, "GOMAXPROCS="+strconv.Itoa(workers)) // more would only wake each other
	return c
}

// tellCrew tells the user of what went wrong and is being seen to.
func (a *app) tellCrew(e procs.Event) {
	if a.flags.quiet {
		return
	}
	switch e.Kind {
	case procs.Failed:
		fmt.Fprintf(a.err, "note: shard %d of phase %d is tried again: %s\n", e.Shard, e.Phase, e.Reason)
	case procs.Poison:
		fmt.Fprintf(a.err, "note: shard %d of phase %d can never be done: %s\n", e.Shard, e.Phase, e.Answer.Reason)
	case procs.Twinned:
		fmt.Fprintf(a.err, "note: shard %d of phase %d takes long; another process tries it too\n", e.Shard, e.Phase)
	}
}

// showCrew shows how far the children are until the returned function is called.
func (a *app) showCrew(d *desk, pool *procs.Pool, sizes []int64) (stop func()) {
	if a.flags.quiet {
		return func() {}
	}
	phase, since := uint32(0), time.Now()
	return a.showEvery(200*time.Millisecond, func(shown *progress, now time.Time) {
		s := pool.State()
		if s.Phase != phase {
			phase, since = s.Phase, now
		}
		if p := d.Progress(); p.Shards > 0 {
			shown.line(now, crewLine(p, s, now.Sub(since)))
		}
	})
}

// crewLine says how far a phase is: "fit, scan 1: 17 of 40 shards, 8 running, 1,234,567
// rows, 98,765 rows/s, about 12 s left".
func crewLine(p core.Progress, s procs.State, passed time.Duration) string {
	line := fmt.Sprintf("%s: %d of %d shards, %d running", phaseTitle(p), p.Settled, p.Shards, s.Running)
	if p.Failed > 0 {
		line += fmt.Sprintf(", %d failed", p.Failed)
	}
	if s.Twins > 0 {
		line += fmt.Sprintf(", %s", phrase.Counted(s.Twins, "straggler"))
	}
	if s.Done == 0 || s.Phase != p.Phase {
		return line
	}
	return line + fmt.Sprintf(", %s rows, %s rows/s", phrase.Thousands(s.Rows),
		phrase.Thousands(int64(float64(s.Rows)/max(passed.Seconds(), 1e-3)))) + leftOf(p, uint32(s.Done), passed)
}

// writeReport writes what a job's log tells, as `quern job show --json`.
func (a *app) writeReport(ctx context.Context, j *work.Job, path string) error {
	status, err := j.Log.Status(ctx, j.ID)
	if err != nil {
		return diag.New("Q455", "the job's log cannot be read").Because(err)
	}
	text, err := json.MarshalIndent(report.Of(status), "", "  ")
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	return a.replace(ctx, path, append(text, '\n'))
}
