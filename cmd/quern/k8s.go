package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"quern/shard/k8s"
	"quern/shard/record"
	"quern/shard/work"
)

func (a *app) k8sCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "k8s",
		Short: "Run a recipe in a Kubernetes cluster, as Indexed Jobs",
		Long: `Runs a recipe in a Kubernetes cluster: each phase is an Indexed Job, each shard an
index of it, and the cluster places, restarts and counts. The outputs' folder, where
the job's log is too, must be one that the pods can reach: s3://bucket/folder, or a
volume (--volume) that is at the same path here.`,
		Example: `  quern k8s submit recipe.yaml --image registry.example.com/quern:1.2 --secret s3-keys --parallelism 40
  quern k8s status s3://bucket/out`,
	}
	c.AddCommand(a.k8sRender(), a.k8sSubmit(), a.k8sStatus(), a.k8sLogs(), a.k8sDelete())
	return c
}

// k8sFlags are what the commands under k8s take.
type k8sFlags struct {
	k8s.Options
	request k8s.Request

	job, model       string
	podModel         string // where the last pod writes it
	shards           int
	allowFailed      uint32
	overwrite        bool
	env, nodes, vols []string
	taints           []string
	phase            int64
	wanted           []uint
}

// whichJob adds the flags that name a job by its recipe or by its place.
func (f *k8sFlags) whichJob(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.job, "job", "", "take up this job: the folder of its outputs, or of its log, instead of a recipe")
	s.StringVarP(&f.model, "output", "o", "", "model file (default: NAME.quern beside the recipe); one in a store is written by the last pod")
	s.IntVar(&f.shards, "shards", 0, "shards of each phase (default: by size, and four times --parallelism)")
	s.Uint32Var(&f.allowFailed, "allow-failed-shards", 0, "shards that may fail for good")
	s.BoolVar(&f.overwrite, "overwrite", false, "replace finished outputs")
}

// pods adds the flags that say what pods are.
func (f *k8sFlags) pods(c *cobra.Command) {
	f.Options = k8s.Defaults()
	o, s := &f.Options, c.Flags()
	s.StringVar(&o.Image, "image", "", "image with quern in its PATH")
	s.StringVar(&o.Name, "name", o.Name, "start of the names of all objects")
	s.Uint32Var(&o.Parallelism, "parallelism", 0, "pods at the same time (default: one per shard)")
	s.Uint32Var(&o.Retries, "retries", o.Retries, "how often a shard is started again, with waits of 10 s, 20 s and so on")
	s.DurationVar(&o.Keep, "keep", o.Keep, "how long finished Jobs and their logs stay; 0: for ever")
	s.StringVar(&o.CPU, "pod-cpu", "", "processors that a pod asks for, like 4 or 500m")
	s.StringVar(&o.Memory, "pod-memory", "", "memory of a pod, like 8Gi; quern's own budget is half of it, see --memory")
	s.StringVar(&o.Scratch, "scratch", o.Scratch, "disk of a pod, for temporary files")
	s.Uint32Var(&o.GPUs, "gpus", 0, "NVIDIA GPUs of a pod")
	s.StringArrayVar(&o.Secrets, "secret", nil, "secret whose keys become environment variables, such as AWS_ACCESS_KEY_ID (may be repeated)")
	s.StringArrayVar(&f.env, "env", nil, "environment variable NAME=VALUE (may be repeated)")
	s.StringArrayVar(&f.vols, "volume", nil, "volume CLAIM:/PATH or CLAIM:/PATH:ro (may be repeated)")
	s.StringArrayVar(&f.nodes, "node-selector", nil, "label NAME=VALUE of the nodes that tasks may be on (may be repeated)")
	s.StringArrayVar(&f.taints, "toleration", nil, "taint KEY=VALUE:EFFECT, KEY:EFFECT or KEY of nodes that tasks may be on (may be repeated); --gpus adds that of GPUs")
	s.StringVar(&o.ServiceAccount, "service-account", "", "service account of pods")
	s.StringVar(&o.Queue, "queue", "", "queue of Kueue")
	s.StringVar(&o.Priority, "priority", "", "priority class of pods")
	s.StringVar(&o.PullPolicy, "pull-policy", "", "Always, IfNotPresent or Never")
	s.StringVar(&o.PullSecret, "pull-secret", "", "secret of the image's registry")
	s.BoolVar(&o.Coordinated, "coordinator", false, "a pod of its own merges statistics and arbitrates")
	s.StringVar(&o.TLS, "tls", "", "with --coordinator: secret with tls.crt, tls.key and ca.crt of tasks (default: made for the job)")
	s.StringVar(&o.ServerTLS, "server-tls", "", "the same of the coordinator (default: --tls)")
	completeWords(c, "pull-policy", "Always", "IfNotPresent", "Never")
}

// where adds the flags that say which cluster.
func (f *k8sFlags) where(c *cobra.Command) {
	s := c.Flags()
	s.StringVarP(&f.Namespace, "namespace", "n", "", "namespace (default: the context's)")
	s.StringVar(&f.request.Context, "context", "", "context of the cluster's configuration")
	s.StringVar(&f.request.Kubeconfig, "kubeconfig", "", "file of the cluster's configuration (default: as kubectl finds it)")
}

func (a *app) k8sRender() *cobra.Command {
	f := &k8sFlags{}
	c := &cobra.Command{
		Use:   "render RECIPE",
		Short: "Print the next phase's Job as YAML, for kubectl apply",
		Long: `Plans the job, as run does, and prints the Job of its first phase that is not done,
for kubectl or a system of your own to apply. When that has ended, the same command
prints the next phase, and nothing once the job is done: how many phases learn is
known only when all have. submit does all that by itself.`,
		Example: `  quern k8s render recipe.yaml --image registry.example.com/quern:1.2 --secret s3-keys | kubectl apply -f -
  quern k8s render --job s3://bucket/out --image registry.example.com/quern:1.2`,
		Args: takes("[RECIPE]"), ValidArgsFunction: completeRecipe(),
		RunE: func(c *cobra.Command, args []string) error {
			j, err := a.k8sJob(c.Context(), f, args)
			if err != nil {
				return err
			}
			return a.renderNext(c.Context(), f, j)
		},
	}
	f.whichJob(c)
	f.pods(c)
	c.Flags().StringVarP(&f.Namespace, "namespace", "n", "", "namespace to write into the objects (default: none)")
	c.Flags().Int64Var(&f.phase, "phase", -1, "this phase instead of the next")
	return c
}

// renderNext prints the objects of the phase that is to be done next.
func (a *app) renderNext(ctx context.Context, f *k8sFlags, j *work.Job) error {
	status, err := j.Log.Status(ctx, j.ID)
	if err != nil {
		return damagedJob(j.ID, err)
	}
	phase := status.Phases[len(status.Phases)-1].Phase
	switch {
	case f.phase >= 0 && f.phase <= math.MaxUint32:
		phase.Number = uint32(f.phase) // shards are the same in every phase
	case f.phase != -1:
		return usage("--phase %d: phases are numbered from 0", f.phase)
	case status.Manifest != nil:
		fmt.Fprintln(a.err, "the job is done: no phase is left")
		return nil
	}
	a.advise(f, j, phase)
	var text []byte
	if f.Coordinated && phase.Number == 0 {
		if text, err = f.Options.Coordinator(phase); err != nil {
			return k8sMistake(err)
		}
		secret, err := f.certificates()
		if err != nil {
			return err
		}
		text = append([]byte(secret), text...)
	}
	job, err := f.Options.Phase(phase)
	if err != nil {
		return k8sMistake(err)
	}
	_, err = a.out.Write(append(text, job...))
	return err
}

func (a *app) k8sSubmit() *cobra.Command {
	f := &k8sFlags{request: k8s.Request{Verb: k8s.Submit}}
	c := &cobra.Command{
		Use:   "submit RECIPE",
		Short: "Run a recipe in a cluster, phase after phase, and wait for it",
		Long: `Plans the job, as run does, gives the cluster a Job for each phase when the one before
is done, and waits. Everything that it knows is in the job's log and in the cluster:
killed and started again, it takes up the same job, and shards that are done are not
done again. A job that gave up is taken up in the same way.`,
		Example: `  quern k8s submit recipe.yaml --image registry.example.com/quern:1.2 --secret s3-keys \
    --parallelism 40 --pod-cpu 4 --pod-memory 8Gi`,
		Args: takes("[RECIPE]"), ValidArgsFunction: completeRecipe(),
		RunE: func(c *cobra.Command, args []string) error {
			j, err := a.k8sJob(c.Context(), f, args)
			if err != nil {
				return err
			}
			a.advise(f, j, j.Plan.Phase)
			if f.request.Secret, err = f.certificates(); err != nil {
				return err
			}
			started := time.Now()
			if err := a.kubernetes(c.Context(), f); err != nil {
				return err
			}
			return a.k8sFinish(c.Context(), f, j, time.Since(started))
		},
	}
	f.whichJob(c)
	f.pods(c)
	f.where(c)
	return c
}

// k8sPlaced makes a command that takes the place of a job.
func (a *app) k8sPlaced(verb k8s.Verb, c *cobra.Command, prepare func(*k8sFlags) error) (*cobra.Command, *k8sFlags) {
	f := &k8sFlags{request: k8s.Request{Verb: verb}}
	c.Use = string(verb) + " PLACE [JOB]"
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return takes("PLACE", "[JOB]")(c, args)
	}
	c.ValidArgsFunction = completeFolder
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := prepare(f); err != nil {
			return err
		}
		l, err := a.oneJob(c.Context(), args)
		if err != nil {
			return err
		}
		f.ID, f.Job = l.job, jobURI(l.root, l.job)
		return a.kubernetes(c.Context(), f)
	}
	f.where(c)
	return c, f
}

func (a *app) k8sStatus() *cobra.Command {
	c, _ := a.k8sPlaced(k8s.Status, &cobra.Command{
		Short: "Print how far a job is, by its log and by the cluster",
		Long: `Prints for every phase how many shards are settled, as the job's log says, and how its
Job stands, as the cluster says; and why pods failed. PLACE is the folder of the job's
outputs or of its log, JOB the start of its name where there are several.`,
		Example: "  quern k8s status s3://bucket/out",
	}, func(*k8sFlags) error { return nil })
	return c
}

func (a *app) k8sLogs() *cobra.Command {
	c, f := a.k8sPlaced(k8s.Logs, &cobra.Command{
		Short:   "Print what the pods of shards said",
		Long:    "Prints what the pods of failed shards said, or all pods of the shards of --shard.\nPods go with their Job: see --keep of submit.",
		Example: "  quern k8s logs s3://bucket/out --shard 17",
	}, (*k8sFlags).whichPods)
	c.Flags().Int64Var(&f.phase, "phase", -1, "phase (default: the last that has pods)")
	c.Flags().UintSliceVar(&f.wanted, "shard", nil, "shards, like 17 or 3,5 (default: those that failed)")
	return c
}

// whichPods checks the flags of logs.
func (f *k8sFlags) whichPods() error {
	if f.phase < -1 || f.phase > math.MaxUint32 {
		return usage("--phase %d: phases are numbered from 0", f.phase)
	}
	if f.phase >= 0 {
		phase := uint32(f.phase)
		f.request.Phase = &phase
	}
	for _, s := range f.wanted {
		if s >= record.MaxShards {
			return usage("--shard %d: no job has so many", s)
		}
		f.request.Shards = append(f.request.Shards, uint32(s))
	}
	return nil
}

func (a *app) k8sDelete() *cobra.Command {
	c, f := a.k8sPlaced(k8s.Delete, &cobra.Command{
		Short: "Take a job out of the cluster",
		Long: `Deletes the job's Jobs and Services, which ends its pods. Its log and what is committed
stay: submit goes on where it was.`,
		Example: "  quern k8s delete s3://bucket/out",
	}, func(*k8sFlags) error { return nil })
	c.Flags().StringVar(&f.Name, "name", "quern", "start of the names, as it was submitted")
	return c
}
