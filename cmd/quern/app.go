package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"quern/features/diag"
	"quern/pipeline/store"
	"quern/shard/core"
)

// app is one invocation of the program.
type app struct {
	out, err io.Writer // stdout is data, stderr is talk
	args     []string
	flags    common
	places   store.Places   // of URIs
	program  string         // how the user calls the program
	resumes  bool           // the same command finishes what an interrupt leaves
	atEnd    []func() error // what the command closes
}

// common are the flags that every command has.
type common struct {
	workers   int
	memory    string
	onBadFile string
	quiet     bool
	device    string // of the commands that compute
}

func newApp(out, err io.Writer) *app {
	return &app{out: out, err: &talk{out: err}, places: places(), program: "quern"}
}

// talk is standard error: progress and notices write to it at the same time.
type talk struct {
	mu  sync.Mutex
	out io.Writer
}

// Write writes all of b before anyone else's.
func (t *talk) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.out.Write(b)
}

// run executes the command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	a.args = args
	stdout := &watched{out: a.out}
	buffer := bufio.NewWriter(stdout)
	a.out = buffer
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if closed := a.closeAll(); err == nil {
		err = closed
	}
	if flushed := buffer.Flush(); err == nil {
		err = flushed
	}
	if stdout.err != nil && errors.Is(err, stdout.err) {
		err = diag.New("Q512", "cannot write standard output").Because(stdout.err)
	}
	a.out = stdout.out
	return a.end(ctx, err)
}

// watched remembers why writing failed, to tell standard output from other files.
type watched struct {
	out io.Writer
	err error
}

// Write is io.Writer's.
func (w *watched) Write(b []byte) (int, error) {
	n, err := w.out.Write(b)
	if err != nil {
		w.err = err
	}
	return n, err
}

// end tells how the command ended and returns the exit code.
func (a *app) end(ctx context.Context, err error) int {
	var silent *told
	var code *coded
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code.Code)
	case errors.Is(err, syscall.EPIPE):
		return 0 // whoever reads standard output has seen enough, as in `quern cat X | head`
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		said := "interrupted"
		if a.resumes {
			said += ": nothing half-written is visible; the same command finishes the run"
		}
		fmt.Fprintln(a.err, said)
		return int(diag.Failed)
	case errors.As(err, &silent):
		return exitCode(silent.error)
	}
	diag.Draw(a.err, err, a.colour())
	return exitCode(err)
}

// told is an error that the user has been told of already.
type told struct{ error }

// coded is the end of a process of a job, whose code tells an engine what to do. Its
// reason has been told.
type coded struct{ core.Exit }

// Error returns the reason.
func (c *coded) Error() string { return c.Reason }

// errFindings ends a command whose findings are printed already: exit code 1.
var errFindings = errors.New("findings")

// findings returns the error of a command that found something.
func findings() error { return &told{errFindings} }

// exitCode returns the class of err. Of several mistakes a wrong recipe counts before
// the first one: as long as the recipe is wrong, the rest may be its fault.
func exitCode(err error) int {
	var list diag.List
	list.Add(err, "")
	code := diag.Class(0)
	for _, e := range list {
		entry, ok := diag.Lookup(e.Code)
		switch {
		case ok && entry.Class == diag.Usage:
			return int(diag.Usage)
		case ok && code == 0:
			code = entry.Class
		}
	}
	return int(max(code, diag.Failed))
}

// colour reports whether talk may be coloured.
func (a *app) colour() bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(a.err)
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	if t, ok := w.(*talk); ok {
		w = t.out
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// root returns the command with all its sub-commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "quern",
		Short: "Turn raw tables into model-ready features",
		Long: `quern fits statistics over tables, transforms the tables to Parquet and tensors,
and gives the same bits on every machine, for every number of workers.

stdout is data, stderr is talk. Exit codes: 0 good, 1 findings or a failed run,
2 wrong command line or recipe, 3 bad data, 4 something is unavailable.`,
		Example: `  quern infer flights.parquet -o recipe.yaml
  quern check recipe.yaml
  quern run recipe.yaml
  quern cat out/flights/features`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(a.flagError)
	root.PersistentPreRunE = needed
	f := root.PersistentFlags()
	f.IntVar(&a.flags.workers, "workers", 0, "chunks worked on at the same time (default: one per CPU)")
	f.StringVar(&a.flags.memory, "memory", "", "memory budget, like 512MiB or 8GiB (default: half of RAM)")
	f.StringVar(&a.flags.onBadFile, "on-bad-file", "fail", "fail, or quarantine: leave damaged files out and say so")
	f.BoolVar(&a.flags.quiet, "quiet", false, "no progress, notices or summary")
	completeWords(root, "on-bad-file", "fail", "quarantine")
	root.AddCommand(
		a.inferCommand(), a.checkCommand(), a.planCommand(),
		a.fitCommand(), a.transformCommand(), a.runCommand(), a.taskCommand(), a.coordinatorCommand(), a.certsCommand(),
		a.modelCommand(), a.verifyCommand(), a.catCommand(), a.jobsCommand(), a.jobCommand(), a.k8sCommand(),
		a.publishCommand(), a.viewsCommand(), a.serveCommand(), a.auditCommand(), a.getCommand(), a.explainCommand(), a.doctorCommand(), a.benchCommand(), a.versionCommand(),
	)
	root.SetHelpCommand(a.helpCommand(root))
	root.InitDefaultCompletionCmd()
	groups(root)
	sections(root)
	unsetFlags(root)
	return root
}
