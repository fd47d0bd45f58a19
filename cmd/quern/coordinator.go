package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/drive"
	"quern/shard/record"
	"quern/shard/rpc"
	"quern/shard/rpc/identity"
	"quern/shard/work"
)

// desk is the coordinator of a job in this process, and the server by which tasks ask
// it. It implements rpc.Job.
type desk struct {
	job     *work.Job
	machine *core.Coordinator
	driver  *drive.Driver
	server  *rpc.Server
	serving sync.WaitGroup
	address string // that the server listens at

	mu       sync.Mutex
	cancel   context.CancelFunc // ends the driver; nil: it does not run
	canceled string             // why an operator ended the job
}

// coordinatorTick is how often a coordinator looks at the log for what it was not told.
const coordinatorTick = 2 * time.Second

// openDesk makes a coordinator and has its server listen.
func openDesk(j *work.Job, address string, files *identity.Files, memory int64) (*desk, error) {
	m := core.NewCoordinator(core.CoordinatorOptions{Options: core.Options{Seed: drive.Seed()}, Plan: j.Plan, Tick: coordinatorTick.Microseconds()})
	d := &desk{job: j, machine: m,
		driver: drive.New(m, drive.Options{Log: j.Log, Work: j, Document: j.Plan.Document, Memory: memory / 4})}
	var err error
	d.server, err = rpc.NewServer(rpc.ServerOptions{TLS: files, Build: revision(debug.ReadBuildInfo()), PartialBytes: memory / 4, PerSecond: 10_000})
	if err != nil {
		return nil, diag.New("Q456", "the coordinator cannot serve").Because(err)
	}
	d.server.Add(d)
	l, err := d.server.Listen(address)
	if err != nil {
		return nil, diag.New("Q456", "the coordinator cannot listen at %q", address).Because(err)
	}
	d.address = l.Addr().String()
	d.serve(l)
	return d, nil
}

func (d *desk) serve(l net.Listener) { d.serving.Go(func() { d.server.Serve(l) }) }

// grant lets processes of this machine in that know the secret, for some shards.
func (d *desk) grant(secret, id string, shards identity.Shards) {
	d.server.Grant(secret, identity.Principal{ID: id, Role: identity.Worker, Job: d.job.ID, Shards: shards})
}

// assign lets a child of this process in, for the shard that it was given and no other.
func (d *desk) assign(child int, secret string, shard uint32) {
	d.grant(secret, fmt.Sprintf("child %d", child), identity.Shards{{First: shard, Last: shard}})
}

// newToken returns a secret.
func newToken() string { return rand.Text() }

// run drives the job until it ends or ctx does: tasks that ask get their answers first.
func (d *desk) run(ctx context.Context) core.Exit {
	driving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	d.mu.Lock()
	d.cancel = cancel
	d.mu.Unlock()
	defer context.AfterFunc(ctx, func() {
		d.stop()
		cancel()
	})()
	exit := d.driver.Run(driving)
	d.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.canceled != "" && exit.Code == core.Retry {
		exit = core.Exit{Code: core.Poisoned, Reason: "the job was cancelled: " + d.canceled}
	}
	return exit
}

// stop ends the server; calls that are answered soon are.
func (d *desk) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	d.server.Stop(ctx)
	d.serving.Wait()
}

// ID implements rpc.Job.
func (d *desk) ID() record.Job { return d.job.ID }

// Call implements rpc.Job.
func (d *desk) Call(ctx context.Context, r core.Request) (core.Reply, error) {
	return d.driver.Call(ctx, r)
}

// Decode implements rpc.Job.
func (d *desk) Decode(ctx context.Context, next func() ([]byte, error)) (core.Statistic, error) {
	return d.job.Decode(ctx, next)
}

// Progress implements rpc.Job.
func (d *desk) Progress() (p core.Progress) {
	d.driver.Look(func() { p = d.machine.Progress() })
	return p
}

// far is how far a job is, for people.
type far struct {
	core.Progress
	rows int64 // of the settled shards
}

// far returns how far the job is.
func (d *desk) far() (f far) {
	d.driver.Look(func() { f = far{d.machine.Progress(), d.machine.Rows()} })
	return f
}

// Cancel implements rpc.Job.
func (d *desk) Cancel(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.canceled = reason
	if d.cancel != nil {
		d.cancel()
	}
}

// pending returns the shards that are left of the phase at hand.
func (d *desk) pending() (phase uint32, shards []uint32, known bool) {
	d.driver.Look(func() { phase, shards, known = d.machine.Pending() })
	return phase, shards, known
}

// workOptions are those of a process that works on a job.
func (a *app) workOptions(o pipeline.Options) work.Options {
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	return work.Options{Options: o, Worker: fmt.Sprintf("%s/%d", host, os.Getpid()), WriteModel: a.replace}
}

// jobError is the error of a job that ended with a code; nil: it is done.
func jobError(ctx context.Context, exit core.Exit) error {
	switch exit.Code {
	case core.Committed:
		return nil
	case core.Poisoned:
		return diag.New("Q451", "%s", exit.Reason)
	case core.Broken:
		return diag.New("Q454", "%s", exit.Reason)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return diag.New("Q455", "%s", exit.Reason)
}

// coordinatorFlags are what a coordinator is told.
type coordinatorFlags struct {
	job, listen, model string
	planOnly           bool
	overwrite          bool
	request            work.Request
	tls                tlsFlags
}

func (a *app) coordinatorCommand() *cobra.Command {
	f := &coordinatorFlags{}
	c := &cobra.Command{
		Use:   "coordinator [RECIPE]",
		Short: "Drive a job whose tasks run elsewhere",
		Long: `Plans a recipe's job, or takes one over by its log, and drives it: it hears of shards
from tasks (quern task --coordinator), merges what they learnt, and ends the job. It
prints one line of JSON: the job's log and the address that it listens at, and shows
on standard error how far it is. Its exit code is the job's, as those of tasks. It
holds nothing that is not in the log: killed and started again, it goes on; two at the
same time do no harm.

Without TLS only processes of this machine are served, which show the token in
QUERN_TOKEN; if that is not set, one is made and printed too.`,
		Example: `  quern coordinator recipe.yaml
  quern coordinator --job s3://bucket/out/_quern/jobs/0f3e... --listen 0.0.0.0:7070 --tls-cert tls.crt --tls-key tls.key --tls-ca ca.crt`,
		Args:              takes("[RECIPE]"),
		ValidArgsFunction: completeRecipe(),
		RunE: func(c *cobra.Command, args []string) error {
			for _, name := range []string{"output", "shards", "allow-failed-shards", "overwrite", "plan-only"} {
				if f.job != "" && c.Flags().Changed(name) {
					return usage("--%s goes with a RECIPE: the job of --job is planned already", name)
				}
			}
			return a.coordinate(c.Context(), f, args)
		},
	}
	o := c.Flags()
	o.StringVar(&f.job, "job", "", "take over the job whose log this is, instead of a RECIPE")
	o.StringVar(&f.listen, "listen", "127.0.0.1:0", "HOST:PORT to listen at; port 0: any")
	o.StringVarP(&f.model, "output", "o", "", "model file (default: NAME.quern beside the recipe)")
	o.IntVar(&f.request.Shards, "shards", 0, "shards of the job (default: by size)")
	o.Uint32Var(&f.request.AllowFailed, "allow-failed-shards", 0, "shards that may fail for good; they are left out")
	o.BoolVar(&f.overwrite, "overwrite", false, "replace finished outputs")
	o.BoolVar(&f.planOnly, "plan-only", false, "write the job's plan and end: tasks can do without a coordinator")
	f.tls.add(c)
	return c
}

// coordinate is the command.
func (a *app) coordinate(ctx context.Context, f *coordinatorFlags, args []string) error {
	if (f.job == "") == (len(args) == 0) {
		return usage("give a RECIPE, or --job with the log of a job")
	}
	if f.request.Shards < 0 {
		return usage("--shards %d: give 1 or more", f.request.Shards)
	}
	files, err := f.tls.given()
	if err != nil {
		return err
	}
	token := os.Getenv(tokenVariable)
	if files == nil && token != "" && len(token) < 16 {
		return usage("%s is shorter than 16 bytes", tokenVariable)
	}
	o, err := a.options()
	if err != nil {
		return err
	}
	var j *work.Job
	if f.job != "" {
		j, err = work.Open(ctx, f.job, a.workOptions(o))
	} else {
		j, err = a.planJob(ctx, args[0], f, o)
	}
	if err != nil {
		return a.retryable(ctx, err)
	}
	if f.planOnly {
		return a.say(struct {
			Job    string `json:"job"`
			Shards uint32 `json:"shards"`
		}{j.URI, j.Plan.Phase.Shards})
	}
	d, err := openDesk(j, f.listen, files, o.Memory)
	if err != nil {
		return err
	}
	made := ""
	if files == nil {
		if token == "" {
			made = newToken()
			token = made
		}
		d.grant(token, "worker", identity.AllShards())
	}
	err = a.say(struct {
		Job     string `json:"job"`
		Address string `json:"address"`
		Token   string `json:"token,omitempty"`
	}{j.URI, d.address, made})
	if err != nil {
		return err
	}
	return a.serveDesk(ctx, d, j)
}

// serveDesk drives the job to its end.
func (a *app) serveDesk(ctx context.Context, d *desk, j *work.Job) error {
	stop := a.showDesk(d)
	exit := d.run(ctx)
	stop()
	switch {
	case exit.Code == core.Committed:
		return finish(ctx, j)
	case ctx.Err() != nil && exit.Code == core.Retry:
		fmt.Fprintf(a.err, "stopped: another coordinator, %s coordinator --job %s, goes on\n", a.program, j.URI)
	default:
		fmt.Fprintln(a.err, exit.Reason)
	}
	return &coded{exit}
}

// finish frees the outputs of a job that is done, unless that was done before, or another
// job has them.
func finish(ctx context.Context, j *work.Job) error {
	owns, err := j.Owns(ctx)
	if err == nil && owns {
		_, err = j.Finish(ctx)
	}
	return err
}

// planJob plans the job of a recipe.
func (a *app) planJob(ctx context.Context, path string, f *coordinatorFlags, o pipeline.Options) (*work.Job, error) {
	r, err := readRecipe(path)
	if err != nil {
		return nil, err
	}
	q := f.request
	if q.Text, err = os.ReadFile(path); err != nil {
		return nil, diag.New("Q510", "cannot read the recipe").Because(err)
	}
	q.Recipe, q.Model, q.Overwrite = r, store.Abs(beside(f.model, r)), f.overwrite
	return work.Plan(ctx, q, a.workOptions(o))
}

// say writes a line of JSON to standard output at once: others wait for it.
func (a *app) say(what any) error {
	var line strings.Builder
	if err := json.NewEncoder(&line).Encode(what); err != nil {
		panic("quern: bug: " + err.Error())
	}
	if _, err := fmt.Fprint(a.out, line.String()); err != nil {
		return err
	}
	if b, ok := a.out.(interface{ Flush() error }); ok {
		return b.Flush()
	}
	return nil
}
