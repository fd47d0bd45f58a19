package work

import (
	"context"
	"path"
	"path/filepath"
	"strings"

	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
	"quern/pipeline/store"
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

// firstPhase returns the first phase of a job.
func firstPhase(ctx context.Context, plan *pipeline.Plan, s *spec, o Options) (record.Phase, error) {
	ph, err := pipeline.NewLearner(plan, o.Options).Next(ctx)
	return s.phase(0, ph != nil), err
}
