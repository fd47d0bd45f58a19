package work

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"

	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
	"quern/pipeline/store"
	"quern/shard/commitlog"
	"quern/shard/core"
	"quern/shard/record"
)

const manifestName = output.ManifestName

// Options say how processes work on a job.
type Options struct {
	pipeline.Options
	// Worker names the process in the notes of claims, for reports: "host/pid".
	Worker string
	// WriteModel gives the file at a path or URI new contents, whole or not at all.
	WriteModel func(ctx context.Context, path string, data []byte) error
	// Shared is memory of the job's processes on this machine, in which the one that makes the
	// model leaves it for the others; nil: there is none. Without it, or what should be in it,
	// they read the model's file.
	Shared SharedMemory
}

// SharedMemory is memory that one process writes, once, and others read.
type SharedMemory interface {
	io.WriterAt
	// Seal ends writing. Nobody can change the memory any more.
	Seal() error
	// Sealed returns the memory, which stays as long as the process; nil: it is not sealed.
	Sealed() []byte
}

// Job is a job that is planned. It implements drive.Work, and is safe for concurrent use.
type Job struct {
	ID   record.Job
	Plan record.Plan
	Root store.Store    // its log and outputs are in it
	URI  string         // of its log
	Log  *commitlog.Log // in Root

	options Options
	spec    *spec
	recipe  *recipe.Recipe
	layout  *source.Layout
	parts   [][]source.Chunk // of the outputs
	decode  func(next func() ([]byte, error)) (*pipeline.Partial, error)

	mu     sync.Mutex
	loaded *loaded           // the phase worked on last
	frozen map[uint32]frozen // by phase
}

// Open takes up the job whose log is at uri, if it was planned. Errors are *diag.Error:
// Q450 if there is none, Q454 if it is damaged.
func Open(ctx context.Context, uri string, o Options) (*Job, error) {
	root, id, err := splitURI(uri)
	if err != nil {
		return nil, err
	}
	st, err := o.Places.Store(ctx, root)
	if err != nil {
		return nil, err
	}
	j := newJob(root, st, id, o)
	name := record.NamesOf(id).Plan()
	data, outcome, err := j.Log.Get(ctx, name, true)
	switch {
	case err != nil:
		return nil, diag.New("Q455", "the job's plan cannot be read").Because(err)
	case outcome != core.Done:
		return nil, diag.New("Q450", "there is no job at %s", uri).WithHint("quern jobs %s lists those there are", root)
	}
	plan, err := record.ParsePlan(data, id)
	if err != nil {
		return nil, diag.New("Q454", "%s is damaged", store.Join(root, name)).Because(err)
	}
	return j, j.take(plan)
}

func newJob(root string, st store.Store, id record.Job, o Options) *Job {
	return &Job{ID: id, Root: st, URI: uriOf(root, id), Log: commitlog.New(st), options: o, decode: o.Decoder(), frozen: map[uint32]frozen{}}
}

// take reads the plan.
func (j *Job) take(plan *record.Plan) (err error) {
	j.Plan = *plan
	if j.spec, err = parseSpec(plan.Spec); err != nil {
		return err
	}
	if j.recipe, err = recipe.Parse(j.spec.File, []byte(j.spec.Recipe)); err != nil {
		return err
	}
	j.layout = &source.Layout{}
	if err := j.layout.UnmarshalBinary(j.spec.Layout); err != nil {
		return diag.New("Q454", "the job's plan cannot be read").Because(err)
	}
	j.parts = pipeline.PartsOf(j.layout.Chunks)
	for shard := range j.spec.Shards {
		if _, _, err := j.spec.parts(uint32(shard), len(j.parts)); err != nil {
			return diag.New("Q454", "the job's plan does not go with its source").Because(err)
		}
	}
	return nil
}

// Bytes returns the stored size of each shard, for engines that start the largest first.
func (j *Job) Bytes() []int64 {
	sizes := make([]int64, len(j.spec.Shards))
	for shard := range sizes {
		from, to, _ := j.spec.parts(uint32(shard), len(j.parts)) // take has checked it
		for _, p := range j.parts[from:to] {
			for _, c := range p {
				sizes[shard] += c.Bytes
			}
		}
	}
	return sizes
}

// splitURI takes the URI of a job's log apart.
func splitURI(uri string) (root string, id record.Job, err error) {
	trimmed := strings.TrimRight(uri, "/")
	at := strings.LastIndex(trimmed, "/")
	root, found := strings.CutSuffix(trimmed[:max(at, 0)]+"/", record.Root)
	raw, bad := hex.DecodeString(trimmed[at+1:])
	if !found || bad != nil || len(raw) != len(id) {
		return "", id, diag.New("Q450", "%s is not the log of a job", uri).WithHint("it ends in %sID", record.Root)
	}
	copy(id[:], raw)
	if root = strings.TrimSuffix(root, "/"); root == "" {
		root = "/"
	}
	return store.Abs(root), id, nil
}

// uriOf returns the URI of a job's log.
func uriOf(root string, id record.Job) string {
	return store.Join(root, strings.TrimSuffix(record.NamesOf(id).Prefix(), "/"))
}

// read returns the bytes of a file that the log vouches for.
func (j *Job) read(ctx context.Context, f record.File) ([]byte, error) {
	data, outcome, err := j.Log.Load(ctx, f)
	switch {
	case outcome == core.Corrupt:
		return nil, damaged(f.Name)
	case outcome == core.Done || err != nil:
		return data, err
	}
	return nil, errors.New(f.Name + " is " + outcome.String())
}

func damaged(name string) error {
	return diag.New("Q454", "%s has other bytes than the log says", name)
}

// fitted returns the record that closed a phase.
func (j *Job) fitted(ctx context.Context, phase uint32) (*record.Fitted, error) {
	name := record.NamesOf(j.ID).Fitted(phase)
	data, outcome, err := j.Log.Get(ctx, name, true)
	if err != nil {
		return nil, err
	}
	if outcome != core.Done {
		return nil, errors.New(name + " is " + outcome.String())
	}
	f, err := record.ParseFitted(data, j.ID, phase)
	if err != nil {
		return nil, diag.New("Q454", "%s is damaged", name).Because(err)
	}
	return f, nil
}

// planName and manifestSlot are slots of the log.
func (j *Job) planName() string     { return record.NamesOf(j.ID).Plan() }
func (j *Job) manifestSlot() string { return record.NamesOf(j.ID).Manifest() }
