package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"quern/cmd/quern/phrase"
	"quern/features/diag"
	"quern/internal/memory"
	"quern/pipeline/store"
	"quern/shard/k8s"
	"quern/shard/record"
	"quern/shard/rpc/identity"
	"quern/shard/work"
)

// k8sJob returns the job that the command line names, planned and begun, and fills in
// what pods must know of it.
func (a *app) k8sJob(ctx context.Context, f *k8sFlags, args []string) (*work.Job, error) {
	if (f.job == "") == (len(args) == 0) {
		return nil, usage("name either a recipe or, with --job, a job").WithHint("quern k8s submit --help")
	}
	if err := f.parse(); err != nil {
		return nil, err
	}
	if err := f.Options.Check(); err != nil {
		return nil, k8sMistake(err)
	}
	po, err := a.options()
	if err != nil {
		return nil, err
	}
	o := a.workOptions(po)
	var j *work.Job
	if f.job != "" {
		l, err := a.oneJob(ctx, []string{f.job})
		if err != nil {
			return nil, err
		}
		if j, err = work.Open(ctx, jobURI(l.root, l.job), o); err != nil {
			return nil, err
		}
	} else if j, err = a.k8sPlan(ctx, f, args[0], o); err != nil {
		return nil, err
	}
	if a.flags.workers > 0 {
		f.Flags = append(f.Flags, "--workers", strconv.Itoa(a.flags.workers))
	}
	if a.flags.memory != "" {
		f.Flags = append(f.Flags, "--memory", a.flags.memory)
	}
	f.ID, f.Job, f.AllowFailed = j.ID, j.URI, j.Plan.AllowFailed
	if _, err := f.Options.Phase(j.Plan.Phase); err != nil {
		return nil, k8sMistake(err)
	}
	return j, nil
}

// k8sPlan plans the job of a recipe.
func (a *app) k8sPlan(ctx context.Context, f *k8sFlags, path string, o work.Options) (*work.Job, error) {
	r, err := readRecipe(path)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, diag.New("Q510", "cannot read the recipe").Because(err)
	}
	o.Overwrite = f.overwrite
	if f.model = beside(f.model, r); store.Scheme(f.model) != "" {
		f.podModel, f.model = f.model, ""
	}
	j, err := work.Plan(ctx, work.Request{Recipe: r, Text: text, Model: f.podModel, AllowFailed: f.allowFailed,
		Shards: f.shards, Processes: int(f.Parallelism), Overwrite: f.overwrite}, o)
	if e := (*diag.Error)(nil); errors.As(err, &e) && e.Code == "Q430" {
		return nil, e.WithHint("--overwrite replaces it; --job FOLDER -o FILE, without the recipe, writes the model of the job that made it")
	}
	return j, err
}

// certificates makes a secret for the coordinator and the tasks, with an authority whose
// key nobody keeps; "" where none is needed.
func (f *k8sFlags) certificates() (string, error) {
	if !f.Coordinated || f.TLS != "" {
		return "", nil
	}
	valid := identity.For(identity.AuthorityLife)
	authority, err := identity.NewAuthority(valid)
	if err != nil {
		return "", err
	}
	server, err := authority.Server(f.Hosts(), valid)
	if err != nil {
		return "", err
	}
	worker, err := authority.Client(identity.Principal{Role: identity.Worker, Job: f.ID, Shards: identity.AllShards()}, valid)
	if err != nil {
		return "", err
	}
	return string(f.Certificates(map[string][]byte{"server.crt": server.Cert, "server.key": server.Key,
		"worker.crt": worker.Cert, "worker.key": worker.Key, "ca.crt": authority.CA()})), nil
}

// k8sFinish ends a job that is done: outputs are free for the next one, and the model is
// written where pods could not.
func (a *app) k8sFinish(ctx context.Context, f *k8sFlags, j *work.Job, took time.Duration) error {
	r, err := j.Finish(ctx)
	if err != nil {
		return err
	}
	if f.model != "" {
		if err := a.writeModel(ctx, f.model, r.Model); err != nil {
			return err
		}
	}
	if a.flags.quiet {
		return nil
	}
	r.Seconds = took.Seconds()
	fmt.Fprintln(a.err, summary(r, "Kubernetes", memory.Peak()))
	if len(r.Outputs) > 0 {
		a.suggest("cat " + relative(r.Outputs[0].Path))
	}
	return nil
}

// parse reads the flags that have parts.
func (f *k8sFlags) parse() error {
	for _, e := range f.env {
		name, value, ok := strings.Cut(e, "=")
		if !ok {
			return usage("--env %q: write NAME=VALUE", e)
		}
		f.Env = append(f.Env, k8s.Pair{Name: name, Value: value})
	}
	for _, n := range f.nodes {
		name, value, ok := strings.Cut(n, "=")
		if !ok {
			return usage("--node-selector %q: write NAME=VALUE", n)
		}
		f.NodeSelector = append(f.NodeSelector, k8s.Pair{Name: name, Value: value})
	}
	for _, t := range f.taints {
		bare, effect, _ := strings.Cut(t, ":")
		key, value, _ := strings.Cut(bare, "=")
		f.Tolerations = append(f.Tolerations, k8s.Toleration{Key: key, Value: value, Effect: effect})
	}
	for _, v := range f.vols {
		bare, readOnly := strings.CutSuffix(v, ":ro")
		claim, path, ok := strings.Cut(bare, ":")
		if !ok {
			return usage("--volume %q: write CLAIM:/PATH or CLAIM:/PATH:ro", v)
		}
		f.Volumes = append(f.Volumes, k8s.Volume{Claim: claim, Path: path, ReadOnly: readOnly})
	}
	return nil
}

func k8sMistake(err error) error {
	if m := (*k8s.Mistake)(nil); errors.As(err, &m) {
		return usage("%v", m)
	}
	return err
}

// jobURI returns the URI of a job's log, as every process may use it.
func jobURI(root string, job record.Job) string {
	return store.Join(store.Abs(root), strings.TrimSuffix(record.NamesOf(job).Prefix(), "/"))
}

// coreRate is how many stored bytes a core reads, computes and writes in a second, very
// roughly: wide tables with heavy features take ten times as long.
const coreRate = 20 << 20

// advise says what is likely to make the job slow.
func (a *app) advise(f *k8sFlags, j *work.Job, phase record.Phase) {
	if a.flags.quiet {
		return
	}
	total := int64(0)
	for _, b := range j.Bytes() {
		total += b
	}
	cores, err := strconv.ParseFloat(f.CPU, 64)
	if err != nil || cores <= 0 {
		cores = 1
	}
	seconds := float64(total) / float64(phase.Shards) / coreRate / cores
	for _, text := range f.Advise(phase, time.Duration(seconds*float64(time.Second))) {
		fmt.Fprintln(a.err, "note: "+text)
	}
	if n := len(j.Bytes()); n > 0 {
		fmt.Fprintf(a.err, "job %s: %s, %s of source\n", j.ID, phrase.Counted(n, "shard"), size(total))
	}
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
