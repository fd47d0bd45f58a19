package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"quern/cpu"
	"quern/features/backend"
	"quern/features/column"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
)

// Call is what calls of one size took.
type Call struct {
	Rows   int     `json:"rows"`
	P50    float64 `json:"p50_us"` // microseconds
	P99    float64 `json:"p99_us"`
	Allocs float64 `json:"allocs"` // per call
	Bytes  float64 `json:"bytes"`  // allocated per call
}

// onlineCalls is how many calls of each size are measured, after as many for warmth.
const onlineCalls = 5000

// online fits the model, reads it back as a server would, and calls it with rows of
// the source.
func (j Job) online(ctx context.Context, r *recipe.Recipe) (Sample, error) {
	o := pipeline.Options{Backend: cpu.New(), Workers: j.Workers, Memory: j.Memory}
	fitted, err := pipeline.Fit(ctx, r, o)
	if err != nil {
		return Sample{}, err
	}
	data, err := fitted.Model.Bytes()
	if err != nil {
		return Sample{}, err
	}
	m, err := model.Read(data)
	if err != nil {
		return Sample{}, err
	}
	src, err := pipeline.Open(ctx, r, o)
	if err != nil {
		return Sample{}, err
	}
	defer src.Close()
	reader, err := src.NewReader(m.Serving.Inputs.Names())
	if err != nil {
		return Sample{}, err
	}
	defer reader.Close()
	batch, err := reader.Read(ctx, src.Chunks()[0])
	if err != nil {
		return Sample{}, err
	}
	exe, err := o.Backend.Compile(m.Serving)
	if err != nil {
		return Sample{}, err
	}
	s := Sample{Rows: fitted.RowsIn, Scans: fitted.Scans, BytesIn: j.Data.Bytes, Digest: fitted.Digest, Fit: fitted.Seconds}
	started, before := time.Now(), cpuTime()
	for _, rows := range []int{1, 100} {
		c, err := calls(exe, batch, rows, onlineCalls/rows+200)
		if err != nil {
			return s, err
		}
		s.Calls = append(s.Calls, c)
	}
	s.Wall, s.CPU = time.Since(started).Seconds(), (cpuTime() - before).Seconds()
	return s, nil
}

// calls times n calls with so many rows each, which are cut out of batch: plain
// columns, as a request gives them.
func calls(exe backend.Executable, batch column.Batch, rows, n int) (Call, error) {
	if batch.Rows < rows {
		return Call{}, fmt.Errorf("%d rows are too few", batch.Rows)
	}
	requests := cut(batch, rows, min(256, batch.Rows/rows))
	session := exe.NewSession()
	defer session.Close()
	times := make([]float64, 0, 2*n)
	var before, after runtime.MemStats
	for i := range 2 * n {
		if i == n {
			times = times[:0]
			runtime.ReadMemStats(&before)
		}
		started := time.Now()
		if _, err := session.Run(requests[i%len(requests)], nil); err != nil {
			return Call{}, err
		}
		times = append(times, float64(time.Since(started).Nanoseconds())/1e3)
	}
	runtime.ReadMemStats(&after)
	slices.Sort(times)
	return Call{Rows: rows, P50: times[n/2], P99: times[n*99/100],
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n), Bytes: float64(after.TotalAlloc-before.TotalAlloc) / float64(n)}, nil
}

// cut returns n batches of so many rows each, from the start of batch.
func cut(batch column.Batch, rows, n int) []column.Batch {
	all := make([]column.Batch, n)
	for i := range all {
		all[i] = column.Batch{Rows: rows, Columns: make([]column.Column, len(batch.Columns))}
		take := make([]int32, rows)
		for k := range take {
			take[k] = int32(i*rows + k)
		}
		for c := range batch.Columns {
			takePlain(&all[i].Columns[c], &batch.Columns[c], take)
		}
	}
	return all
}

// takePlain takes rows of a column, as a plain column.
func takePlain(dst, src *column.Column, rows []int32) {
	slots := make([]int32, len(rows))
	for i, row := range rows {
		slots[i] = int32(src.Slot(int(row)))
	}
	column.Take(dst, &column.Column{Len: src.Values.Len, Values: src.Values}, slots)
}
