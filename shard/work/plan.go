package work

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"path"
	"path/filepath"
	"strings"

	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/record"
)

// Request is what a user wants done by many processes: fit a recipe and write its
// outputs, as pipeline.Run does.
type Request struct {
	Recipe      *recipe.Recipe
	Text        []byte // that it was read from; nil: it is written anew, and messages point there
	Model       string // where the model goes: an absolute path or a URI; "": nowhere
	AllowFailed uint32 // shards that may fail for good
	Shards      int    // wanted; 0: see Shards
	Processes   int    // that will work at the same time
	Overwrite   bool   // replace finished outputs
}

// Plan plans a job: it opens the source, binds the recipe, cuts the source into shards,
// and claims the folders of the outputs. A job that was begun before and is not finished
// is taken up, whatever its shards. Errors are those of pipeline.Run before it reads rows.
func Plan(ctx context.Context, q Request, o Options) (*Job, error) {
	s, plan, outputs, err := q.bind(ctx, o)
	if err != nil {
		return nil, err
	}
	root, err := s.place(outputs)
	if err != nil {
		return nil, err
	}
	stores, err := openAll(ctx, outputs, o)
	if err != nil {
		return nil, err
	}
	old, abandoned, err := q.unfinished(ctx, stores[0], s, o)
	if err != nil || old != nil {
		return old, err
	}
	if !q.Overwrite {
		if err := output.AllFinished(ctx, stores); err != nil {
			return nil, err
		}
	}
	st, err := o.Places.Store(ctx, root)
	if err != nil {
		return nil, err
	}
	first, err := firstPhase(ctx, plan, s, o)
	if err != nil {
		return nil, err
	}
	j, err := s.job(ctx, root, st, record.Plan{Phase: first, AllowFailed: q.AllowFailed, Document: s.document()}, o)
	if err != nil {
		return nil, err
	}
	for i, out := range outputs {
		out.Job.Overwrite = q.Overwrite
		if err := output.Reserve(ctx, stores[i], out.Format, out.Job, j.URI, abandoned); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// bind opens the source and binds the recipe.
func (q *Request) bind(ctx context.Context, o Options) (*spec, *pipeline.Plan, []pipeline.SharedOutput, error) {
	if o.Quarantine {
		return nil, nil, nil, diag.New("Q453", "--on-bad-file quarantine begins anew without a damaged file, which many processes cannot").
			WithHint("--allow-failed-shards leaves out what cannot be read")
	}
	src, err := pipeline.Open(ctx, q.Recipe, o.Options)
	if err != nil {
		return nil, nil, nil, err
	}
	defer src.Close()
	plan, err := pipeline.Bind(q.Recipe, src.Schema(), src.Unusable())
	if err != nil {
		return nil, nil, nil, err
	}
	planner, ok := src.(source.Planner)
	if !ok {
		panic("quern: bug: a source of a recipe cannot be planned")
	}
	layout, err := planner.Layout().AppendBinary(nil)
	if err != nil {
		return nil, nil, nil, err
	}
	text := q.Text
	if text == nil {
		text = recipe.Format(q.Recipe)
	}
	s := &spec{Version: version, File: q.Recipe.File, Recipe: string(text), Training: true, Model: q.Model,
		Notices: src.Notices(), Layout: layout, Shards: q.cut(src.Chunks())}
	return s, plan, plan.PlannedOutputs(src.Chunks()), nil
}

// shardBytes is the size of a shard, in stored bytes: some minutes of work, so that little
// is lost with a process and the largest jobs have tens of thousands. Less than that for
// each process is cut into no more shards than there are processes: what each shard
// learns is encoded, sent and merged, which for large vocabularies is a good part of the
// work. Engines whose processes differ in speed want more.
const shardBytes = 4 << 30

// Shards returns into how many shards a source is cut that has so many stored bytes in so
// many parts, for so many processes at the same time. Shards are runs of whole parts.
func Shards(bytes int64, parts, processes int) int {
	want := max(bytes/shardBytes+1, int64(processes))
	return int(min(want, int64(parts), record.MaxShards))
}

// cut returns with which part each shard begins: runs of parts of about the same size.
func (q *Request) cut(chunks []source.Chunk) []int {
	parts := pipeline.PartsOf(chunks)
	total := int64(0)
	sizes := make([]int64, len(parts))
	for i, p := range parts {
		for _, c := range p {
			sizes[i] += c.Bytes
		}
		total += sizes[i]
	}
	want := int64(min(q.Shards, len(parts), record.MaxShards))
	if want <= 0 {
		want = int64(Shards(total, len(parts), q.Processes))
	}
	var begins []int
	before := int64(0)
	for i, size := range sizes {
		left := int64(len(parts) - i)
		due := int64(len(begins)) * total / max(1, want)
		if int64(len(begins)) < want && (before >= due || left <= want-int64(len(begins))) {
			begins = append(begins, i)
		}
		before += size
	}
	return begins
}

// place fills in where in the job's root the outputs are, and returns the root: the
// folder that holds them all.
func (s *spec) place(outputs []pipeline.SharedOutput) (root string, err error) {
	if len(outputs) == 0 {
		return "", diag.New("Q453", "the recipe names no output, and fitting alone is done by one process")
	}
	root = store.Abs(outputs[0].Path)
	for _, o := range outputs[1:] {
		if root, err = common(root, store.Abs(o.Path)); err != nil {
			return "", err
		}
	}
	for _, o := range outputs {
		s.Outputs = append(s.Outputs, below(root, store.Abs(o.Path)))
	}
	return root, nil
}

// common returns the innermost folder that holds both.
func common(a, b string) (string, error) {
	none := diag.New("Q452", "%s and %s are not in one folder", a, b)
	if store.Scheme(a) != store.Scheme(b) {
		return "", none
	}
	if store.Scheme(a) == "" {
		for below(a, b) == "" {
			a = filepath.Dir(a)
		}
		if a == filepath.Dir(a) {
			return "", none
		}
		return a, nil
	}
	top, name := store.SplitURI(a)
	if other, _ := store.SplitURI(b); other != top {
		return "", none
	}
	for a = store.Join(top, name); below(a, b) == ""; {
		if name = path.Dir(name); name == "." {
			return top, nil
		}
		a = store.Join(top, name)
	}
	return a, nil
}

// below returns the slash-separated name of a path in a folder: "." for the folder
// itself, "" if it is not in it.
func below(folder, name string) string {
	if store.Scheme(folder) == "" {
		rest, err := filepath.Rel(folder, name)
		if err != nil || rest == ".." || strings.HasPrefix(rest, ".."+string(filepath.Separator)) {
			return ""
		}
		return filepath.ToSlash(rest)
	}
	folder, name = strings.TrimRight(folder, "/"), strings.TrimRight(name, "/")
	if folder == name {
		return "."
	}
	rest, ok := strings.CutPrefix(name, folder+"/")
	if !ok {
		return ""
	}
	return rest
}

// openAll opens the stores of the outputs and checks that they can be written.
func openAll(ctx context.Context, outputs []pipeline.SharedOutput, o Options) ([]store.Store, error) {
	stores := make([]store.Store, len(outputs))
	for i, out := range outputs {
		st, err := o.Places.Store(ctx, out.Path)
		if err != nil {
			return nil, err
		}
		if err := output.Probe(ctx, st); err != nil {
			return nil, err
		}
		stores[i] = st
	}
	return stores, nil
}

// unfinished returns the job that has claimed the first output, if it comes to the same
// results and Finish was not called; else nil. One whose log says that shards failed for
// good goes no further, so Overwrite begins anew. abandoned is the log of one that was
// claimed and never begun: whoever planned it died before its plan was in the log.
func (q *Request) unfinished(ctx context.Context, st store.Store, s *spec, o Options) (j *Job, abandoned string, err error) {
	log, err := output.Log(ctx, st)
	if err != nil || log == "" {
		return nil, "", err
	}
	j, err = Open(ctx, log, o)
	var e *diag.Error
	switch {
	case errors.As(err, &e) && e.Code == "Q450":
		return nil, log, nil
	case err != nil || !j.spec.same(s) || j.Plan.AllowFailed != q.AllowFailed:
		return nil, "", nil // Reserve says what is in the way
	}
	// One that is done keeps its claim until Finish: whoever was to call that may have died.
	if done, err := store.Exists(ctx, st, manifestName); err != nil || done && q.Overwrite {
		return nil, "", err
	}
	if q.Overwrite {
		if lost, err := j.failed(ctx); err != nil || lost {
			return nil, "", err
		}
	}
	return j, "", nil
}

// failed reports whether the log says of any shard that it failed for good.
func (j *Job) failed(ctx context.Context) (bool, error) {
	status, err := j.Log.Status(ctx, j.ID)
	if err != nil {
		return false, err
	}
	for i := range status.Phases {
		if _, failed := status.Phases[i].Settled(); failed > 0 {
			return true, nil
		}
	}
	return false, nil
}

// firstPhase returns the first phase of a job.
func firstPhase(ctx context.Context, plan *pipeline.Plan, s *spec, o Options) (record.Phase, error) {
	ph, err := pipeline.NewLearner(plan, o.Options).Next(ctx)
	return s.phase(0, ph != nil), err
}

// job makes the plan and its job. If the log has that plan already, this job replaces
// what came of it: it gets a plan of its own.
func (s *spec) job(ctx context.Context, root string, st store.Store, plan record.Plan, o Options) (*Job, error) {
	for {
		plan.Spec = s.encode()
		_, id := plan.Encode()
		j := newJob(root, st, id, o)
		_, outcome, err := j.Log.Get(ctx, record.NamesOf(id).Plan(), false)
		if err != nil {
			return nil, err
		}
		if outcome == core.Missing {
			return j, j.take(&plan)
		}
		var random [8]byte
		rand.Read(random[:])
		s.Generation = hex.EncodeToString(random[:])
	}
}
