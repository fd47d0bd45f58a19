package work

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/output"
	"quern/pipeline/source"
	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/drive"
	"quern/shard/record"
)

// note is what a claim tells beside its files. Times and worker are for reports; entries
// are what the manifests are made of.
type note struct {
	Started int64             `json:"started"` // microseconds since 1970
	Ended   int64             `json:"ended"`
	Worker  string            `json:"worker"`
	Bytes   int64             `json:"bytes"`             // stored size of the shard's chunks
	RowsIn  int64             `json:"rows_in"`           // rows read
	Entries [][]*output.Entry `json:"entries,omitempty"` // by output, then by part of the shard
}

// encode returns the note's bytes.
func (n *note) encode() []byte {
	data, err := json.Marshal(n)
	if err != nil {
		panic("quern: bug: own note does not encode: " + err.Error())
	}
	return data
}

// Compute implements drive.Work.
func (j *Job) Compute(ctx context.Context, t core.Task) (*drive.Result, error) {
	n := &note{Started: time.Now().UnixMicro(), Worker: j.options.Worker}
	r, err := j.compute(ctx, t, n)
	err = poison(ctx, err)
	if never := (*drive.Poison)(nil); errors.As(err, &never) {
		n.Ended = time.Now().UnixMicro()
		never.Note = n.encode()
	}
	return r, err
}

func (j *Job) compute(ctx context.Context, t core.Task, n *note) (*drive.Result, error) {
	at, err := j.load(ctx, t.State, t.Phase.Learns)
	if err != nil {
		return nil, err
	}
	src, first, err := j.open(ctx, t.Shard)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	for _, c := range src.Chunks() {
		n.Bytes += c.Bytes
	}
	if t.Phase.Learns {
		return j.observe(ctx, &t, at, src, n)
	}
	return j.transform(ctx, &t, at, src, first, n)
}

// open opens the chunks of a shard and returns the number of its first part.
func (j *Job) open(ctx context.Context, shard uint32) (source.Source, int, error) {
	from, to, err := j.spec.parts(shard, len(j.parts))
	if err != nil {
		return nil, 0, err
	}
	var chunks []int
	for _, p := range j.parts[from:to] {
		for _, c := range p {
			chunks = append(chunks, c.Index)
		}
	}
	src, err := pipeline.Reopen(ctx, j.recipe, j.layout, chunks, j.options.Options)
	return src, from, err
}

// observe makes the partial of a shard.
func (j *Job) observe(ctx context.Context, t *core.Task, at *loaded, src source.Source, n *note) (*drive.Result, error) {
	partial, err := at.plan.Observe(ctx, src, src.Chunks(), at.phase, j.options.Options)
	if err != nil {
		return nil, err
	}
	defer partial.Close()
	data, err := partial.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	w, err := j.Root.Create(ctx, t.File(0))
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		w.Abort()
		return nil, err
	}
	n.RowsIn, n.Ended = int64(partial.Read), time.Now().UnixMicro()
	file := record.File{Name: t.File(0), Size: int64(len(data)), SHA256: sha256.Sum256(data), Rows: n.RowsIn}
	return &drive.Result{Work: core.Work{Files: []record.File{file}, Rows: n.RowsIn, Note: n.encode()},
		Writers: []store.Writer{w}, Partial: data}, nil
}

// transform makes the parts of a shard.
func (j *Job) transform(ctx context.Context, t *core.Task, at *loaded, src source.Source, first int, n *note) (*drive.Result, error) {
	parts := len(pipeline.PartsOf(src.Chunks()))
	name := func(output, part int) string { return t.File(output*parts + part - first) }
	made, err := pipeline.TransformParts(ctx, at.model, j.recipe, src, first, j.spec.Training, j.Root, name, j.options.Options)
	if err != nil {
		return nil, err
	}
	r := &drive.Result{Work: core.Work{Rows: made.RowsOut}}
	for i, attempt := range made.Outputs {
		n.Entries = append(n.Entries, nil)
		for part := first; part < first+parts; part++ {
			m := attempt.Made(part)
			file, err := fileOf(m.Entry.File, name(i, part), j.spec.Outputs[i])
			if err != nil {
				made.Close()
				return nil, err
			}
			n.Entries[i] = append(n.Entries[i], &m.Entry)
			r.Work.Files, r.Writers = append(r.Work.Files, file), append(r.Writers, m.Object)
		}
	}
	n.RowsIn, n.Ended = made.RowsIn, time.Now().UnixMicro()
	r.Work.Note = n.encode()
	return r, nil
}

// fileOf returns the file of a part that is called name until it is published in folder.
// Pieces, of which files are assembled, are never published.
func fileOf(f output.File, name, folder string) (record.File, error) {
	file := record.File{Name: name, Final: inFolder(folder, f.Name), Size: f.Bytes, Rows: f.Rows}
	if output.Private(f.Name) {
		file.Final = ""
	}
	sum, err := hex.DecodeString(f.SHA256)
	if err != nil || len(sum) != len(file.SHA256) {
		panic("quern: bug: own digest does not decode")
	}
	copy(file.SHA256[:], sum)
	return file, nil
}

// poison tells errors that every attempt will meet from those that another may not: what
// is wrong with the rows, the source's files or the recipe stays wrong.
func poison(ctx context.Context, err error) error {
	var e *diag.Error
	if err == nil || ctx.Err() != nil || !errors.As(err, &e) {
		return err
	}
	if e.Code == "Q454" {
		return &drive.Damaged{Err: err}
	}
	entry, known := diag.Lookup(e.Code)
	if known && (entry.Class == diag.BadData || entry.Class == diag.Usage) {
		return &drive.Poison{Cause: err.Error()}
	}
	return err
}
