package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/sink"
	"quern/pipeline/sink/parquet"
)

// generated is a table that is made, not measured: rows of fields, in row groups.
type generated struct {
	seed   uint64
	rows   int
	group  int // rows of a row group
	codec  string
	fields []field
}

// schema returns the table's columns.
func (t *generated) schema() []sink.Field {
	var fields []sink.Field
	for _, f := range t.fields {
		fields = append(fields, sink.Field{Field: f.field(), Role: program.RoleKeep})
	}
	return fields
}

// write writes rows [from, to), which start at a row group, as a Parquet file.
func (t *generated) write(w io.Writer, from, to int) error {
	part, err := parquet.Format{Codec: t.codec}.NewPart(w, t.schema())
	if err != nil {
		return err
	}
	batch := column.Batch{Columns: make([]column.Column, len(t.fields))}
	for start := from; start < to; start += t.group {
		batch.Rows = min(t.group, to-start)
		t.fill(batch, start/t.group)
		if err := part.Write(batch); err != nil {
			return err
		}
	}
	return part.Close()
}

// fill makes all columns of a row group, as many at a time as there are processors.
func (t *generated) fill(batch column.Batch, group int) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(t.fields); i = int(next.Add(1)) - 1 {
				s := newStream(t.seed, uint64(i), uint64(group))
				batch.Columns[i] = t.fields[i].fill(&s, batch.Rows)
			}
		})
	}
	all.Wait()
}

// files writes the table as n Parquet files of about equal size into a folder. With
// more than one file each is one row group.
func (t *generated) files(folder string, n int) error {
	if n > 1 {
		t.group = (t.rows + n - 1) / n
	}
	each := t.rows
	if n > 1 {
		each = t.group
	}
	for i := 0; i*each < t.rows; i++ {
		err := writeFile(fmt.Sprintf("%s/%s-%05d.parquet", folder, "part", i), func(w io.Writer) error {
			return t.write(w, i*each, min((i+1)*each, t.rows))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeFile makes a file from what make writes.
func writeFile(path string, make func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := make(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
