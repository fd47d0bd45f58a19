package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quern/features/diag"
	"quern/internal/memory"
	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/drive"
	"quern/shard/procs"
	"quern/shard/record"
	"quern/shard/rpc"
	"quern/shard/rpc/identity"
	"quern/shard/work"
)

// taskFlags are what a task is told.
type taskFlags struct {
	job, coordinator string
	sameMachine      bool
	shared           int   // file descriptor; 0: none
	phase, shard     int64 // -1: not given
	epoch            uint64
	stdin            bool
	patience         time.Duration
	tls              tlsFlags
}

// tokenVariable holds the secret by which a process of this machine is known to a
// coordinator: an argument could be seen by others.
const tokenVariable = "QUERN_TOKEN"

// indexVariables are those in which engines number processes, and keep the number when
// they try again. MapReduce's partition is none: it is not that of the input.
const indexVariables = "QUERN_INDEX JOB_COMPLETION_INDEX SLURM_ARRAY_TASK_ID AWS_BATCH_JOB_ARRAY_INDEX CLOUD_RUN_TASK_INDEX"

func (a *app) taskCommand() *cobra.Command {
	f := &taskFlags{}
	c := &cobra.Command{
		Use:   "task [DESCRIPTOR]",
		Short: "Do one shard of a job: what engines start on many machines",
		Long: `Does one shard of one phase of a job. Which one says --shard, or a descriptor like
{"phase":0,"shard":17}, or the first of ` + indexLong + `
that is set. With --stdin it does one after the
other, as descriptors come, one a line, until standard input ends.

A task may be started twice, killed anywhere and started again: each shard is
committed once. It writes a line of JSON per shard. Exit codes: 0 the shard is
committed, by this process or another; 75 try again; 42 it can never be done (the log
says so, and later tries end with 0); 43 another driver took over; 1 the log is
damaged. SIGTERM ends it within five seconds, and so does the end of its parent.`,
		Example: `  quern task --job out/_quern/jobs/0f3e... --phase 0 --shard 17
  quern task --job s3://bucket/out/_quern/jobs/0f3e... --phase 1 --coordinator 10.0.0.7:7070 --tls-cert tls.crt --tls-key tls.key --tls-ca ca.crt`,
		Args: takes("[DESCRIPTOR]"),
		RunE: func(c *cobra.Command, args []string) error {
			for name, value := range map[string]int64{"phase": f.phase, "shard": f.shard} {
				if c.Flags().Changed(name) && (value < 0 || value >= record.MaxShards) {
					return usage("--%s %d: give 0 to %d", name, value, record.MaxShards-1)
				}
			}
			return a.task(c.Context(), f, args)
		},
	}
	o := c.Flags()
	o.StringVar(&f.job, "job", "", "the job's log: FOLDER/_quern/jobs/ID, on disk or in a store")
	o.Int64Var(&f.phase, "phase", -1, "phase, from 0")
	o.Int64Var(&f.shard, "shard", -1, "shard, from 0")
	o.BoolVar(&f.stdin, "stdin", false, "read descriptors from standard input")
	o.StringVar(&f.coordinator, "coordinator", "", "HOST:PORT of the job's coordinator (default: there is none)")
	o.BoolVar(&f.sameMachine, "same-machine", false, "the coordinator is on this machine, and reads partials from the job's folder")
	o.IntVar(&f.shared, "shared-memory", 0, "file descriptor of memory in which the coordinator leaves the model")
	o.Uint64Var(&f.epoch, "epoch", 0, "of the coordinator: stop when another one takes over")
	o.DurationVar(&f.patience, "patience", 10*time.Minute, "how long to wait for the phase before")
	f.tls.add(c)
	a.deviceFlag(c)
	return c
}

const indexLong = `QUERN_INDEX, JOB_COMPLETION_INDEX,
SLURM_ARRAY_TASK_ID, AWS_BATCH_JOB_ARRAY_INDEX, CLOUD_RUN_TASK_INDEX`

// tlsFlags name the files of a certificate.
type tlsFlags struct{ files identity.Files }

func (t *tlsFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&t.files.Cert, "tls-cert", "", "certificate of this process (default: no TLS, this machine only)")
	f.StringVar(&t.files.Key, "tls-key", "", "its key")
	f.StringVar(&t.files.CA, "tls-ca", "", "certificates of the authorities that others are believed by")
}

// given returns the files; nil: no TLS.
func (t *tlsFlags) given() (*identity.Files, error) {
	switch f := t.files; {
	case f == identity.Files{}:
		return nil, nil
	case f.Cert == "" || f.Key == "" || f.CA == "":
		return nil, usage("--tls-cert, --tls-key and --tls-ca go together")
	}
	return &t.files, nil
}

// parseDescriptor reads what a user or an engine gave for a descriptor.
func parseDescriptor(text []byte) (procs.Descriptor, error) {
	d, err := procs.ParseDescriptor(text)
	if err != nil {
		return d, usage("%.100q is not a descriptor", text).WithHint(`a descriptor is a line like {"phase":0,"shard":17}`)
	}
	return d, nil
}

// descriptor finds out which task is to be done.
func (f *taskFlags) descriptor(args []string, variable func(string) string) (d procs.Descriptor, err error) {
	if len(args) > 0 {
		if f.shard >= 0 {
			return d, usage("give --shard or a descriptor, not both")
		}
		if d, err = parseDescriptor([]byte(args[0])); err != nil {
			return d, err
		}
		if f.phase >= 0 && uint32(f.phase) != d.Phase {
			return d, usage("--phase %d, and a descriptor of phase %d", f.phase, d.Phase)
		}
		return d, nil
	}
	if f.phase < 0 {
		return d, usage("say which phase: --phase N").WithHint("phases are numbered from 0")
	}
	d.Phase = uint32(f.phase)
	if f.shard >= 0 {
		d.Shard = uint32(f.shard)
		return d, nil
	}
	for _, name := range strings.Fields(indexVariables) {
		if text := variable(name); text != "" {
			n, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return d, usage("%s=%q is not the number of a shard", name, text)
			}
			d.Shard = uint32(n)
			return d, nil
		}
	}
	return d, usage("say which shard: --shard N, a descriptor, or one of %s", strings.ReplaceAll(indexVariables, " ", ", "))
}

// tasks does tasks of one job.
type tasks struct {
	*app
	flags  *taskFlags
	job    *work.Job
	asker  drive.Asker
	memory int64
	device string
}

// task is the command.
func (a *app) task(ctx context.Context, f *taskFlags, args []string) error {
	var d procs.Descriptor
	var err error
	switch {
	case f.job == "":
		return usage("say which job: --job FOLDER/_quern/jobs/ID")
	case f.stdin && (len(args) > 0 || f.shard >= 0 || f.phase >= 0):
		return usage("with --stdin, descriptors say phase and shard")
	case !f.stdin:
		if d, err = f.descriptor(args, os.Getenv); err != nil {
			return err
		}
	}
	ctx, stop := withParent(ctx)
	defer stop()
	t, err := a.openTasks(ctx, f)
	switch {
	case err != nil && f.stdin:
		return a.retryable(ctx, err)
	case err != nil:
		return a.unopened(f.job, d, a.retryable(ctx, err))
	case f.stdin:
		return t.serve(ctx, os.Stdin)
	}
	exit, err := t.do(ctx, d)
	if err == nil && exit.Code != core.Committed {
		err = &coded{exit}
	}
	return err
}

// retryable tells what another try may find otherwise from what it will not.
func (a *app) retryable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &coded{core.Exit{Code: core.Retry, Reason: "stopped"}}
	}
	if exitCode(err) == int(diag.Unavailable) {
		diag.Draw(a.err, err, a.colour())
		return &coded{core.Exit{Code: core.Retry, Reason: err.Error()}}
	}
	return err
}

// unopened writes the line of a task whose job cannot be opened, and returns its error.
// There is none for a wrong command line: that is no task.
func (a *app) unopened(job string, d procs.Descriptor, err error) error {
	exit := core.Exit{Code: core.Broken, Reason: err.Error()}
	var code *coded
	switch {
	case errors.As(err, &code):
		exit = code.Exit
	case exitCode(err) != int(core.Broken):
		return err
	}
	if bad := a.say(procs.Answer{Job: path.Base(strings.TrimRight(job, "/")), Phase: d.Phase, Shard: d.Shard,
		Code: exit.Code, Outcome: procs.OutcomeOf(exit.Code), Reason: exit.Reason, Peak: memory.Peak()}); bad != nil {
		return bad
	}
	return err
}

// openTasks opens the job.
func (a *app) openTasks(ctx context.Context, f *taskFlags) (*tasks, error) {
	files, err := f.tls.given()
	if err != nil {
		return nil, err
	}
	o, err := a.options()
	if err != nil {
		return nil, err
	}
	if err := a.compute(&o); err != nil {
		return nil, err
	}
	o.Progress, o.Notice = nil, nil
	t := &tasks{app: a, flags: f, memory: o.Memory / 4, device: o.Backend.Name()}
	how := a.workOptions(o)
	if f.shared > 0 {
		how.Shared = procs.InheritedMemory(f.shared)
	}
	if t.job, err = work.Open(ctx, f.job, how); err != nil || f.coordinator == "" {
		return t, err
	}
	client, err := rpc.NewClient(rpc.ClientOptions{Address: f.coordinator, Job: t.job.ID, Build: revision(debug.ReadBuildInfo()),
		TLS: files, Token: os.Getenv(tokenVariable)})
	if err != nil {
		return nil, usage("%v", err)
	}
	a.atEnd, t.asker = append(a.atEnd, client.Close), client
	if _, local := t.job.Root.(*store.Local); local && f.sameMachine {
		t.asker = neighbour{client}
	}
	return t, nil
}

// neighbour is a coordinator on the same machine: it reads the folder that this process
// writes, which is less work for both than to send what is in its files.
type neighbour struct{ drive.Asker }

// Ask is drive.Asker's.
func (n neighbour) Ask(ctx context.Context, r core.Request, _ []byte) (core.Reply, error) {
	return n.Asker.Ask(ctx, r, nil)
}

// serve does the tasks whose descriptors come, until there are no more.
func (t *tasks) serve(ctx context.Context, in io.Reader) error {
	lines := make(chan []byte)
	s := bufio.NewScanner(in)
	go func() {
		defer close(lines)
		for s.Scan() {
			select {
			case lines <- append([]byte{}, s.Bytes()...):
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case line, more := <-lines:
			if !more && s.Err() != nil {
				return usage("standard input cannot be read").Because(s.Err())
			}
			if !more {
				return nil
			}
			d, err := parseDescriptor(line)
			if err != nil {
				return err
			}
			if _, err := t.do(ctx, d); err != nil {
				return err
			}
		case <-ctx.Done():
			return &coded{core.Exit{Code: core.Retry, Reason: "stopped"}}
		}
	}
}

// do does a task and says how it ended.
func (t *tasks) do(ctx context.Context, d procs.Descriptor) (core.Exit, error) {
	began := time.Now()
	w := core.NewWorker(core.WorkerOptions{Options: core.Options{Job: t.job.ID, Seed: drive.Seed()}, Phase: d.Phase, Shard: d.Shard,
		Epoch: t.flags.epoch, Coordinated: t.asker != nil, Patience: t.flags.patience.Microseconds()})
	noted := &notedWork{Job: t.job}
	driver := drive.New(w, drive.Options{Log: t.job.Log, Work: noted, Asker: t.asker, Document: t.job.Plan.Document, Memory: t.memory})
	exit := driver.Run(ctx)
	if exit.Code == core.Committed && t.asker == nil {
		t.release(ctx)
	}
	a := noted.answer
	a.Job, a.Phase, a.Shard, a.Device = t.job.ID.String(), d.Phase, d.Shard, t.device
	a.Code, a.Outcome, a.Reason, a.Millis = exit.Code, procs.OutcomeOf(exit.Code), exit.Reason, time.Since(began).Milliseconds()
	a.Peak, a.Full = memory.Peak(), driver.Full() != ""
	return exit, t.say(a)
}

// release frees the outputs of a job that was done without a coordinator, if it is done:
// the task that sees it first does it for all.
func (t *tasks) release(ctx context.Context) {
	done, err := store.Exists(ctx, t.job.Root, record.NamesOf(t.job.ID).Manifest())
	if err == nil && done {
		err = finish(ctx, t.job)
	}
	if err != nil && !t.app.flags.quiet {
		fmt.Fprintf(t.err, "note: the job is done and its outputs are still claimed: %v\n", err)
	}
}

// notedWork notes what a task computed, for its answer.
type notedWork struct {
	*work.Job
	answer procs.Answer
}

// Compute implements drive.Work.
func (n *notedWork) Compute(ctx context.Context, t core.Task) (*drive.Result, error) {
	r, err := n.Job.Compute(ctx, t)
	if err == nil {
		n.answer.Attempt, n.answer.Rows, n.answer.Bytes = t.Attempt.String(), r.Work.Rows, 0
		for _, f := range r.Work.Files {
			n.answer.Bytes += f.Size
		}
	}
	return r, err
}

// withParent returns a context that ends with the parent process. Engines that cancel a
// job often leave the processes that they have started.
func withParent(ctx context.Context) (context.Context, context.CancelFunc) {
	parent := os.Getppid()
	told := make(chan os.Signal, 1)
	signal.Notify(told, parentSignal)
	tellParentsEnd()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer signal.Stop(told)
		look := time.NewTicker(time.Second)
		defer look.Stop()
		for os.Getppid() == parent {
			select {
			case <-told:
			case <-look.C:
			case <-ctx.Done():
				return
			}
		}
		cancel()
	}()
	return ctx, cancel
}
