//go:build linux

package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/sink"
	"quern/pipeline/sink/parquet"
)

// features is how many features an entity has.
const features = 50

// day is 24 hours in microseconds.
const day = 24 * 3600 * 1e6

// lifetime is the time to live of the view, in days.
const lifetime = 7

// table is the data: every cell is a function of the version, the entity and the feature,
// so whoever checks an answer needs no copy of them. Values are uniform in (-1, 1), one
// cell of a hundred is null, and the row of one entity of a hundred is older than the
// view's time to live. No event is within a day of that bound, so that it stays on its side
// of it while a run lasts.
type table struct {
	version  uint64
	entities int
	now      int64 // microseconds since 1970; whole seconds
}

// mix is splitmix64's finisher: a bijection of 64 bits.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// row returns the stream of an entity, from which its cells are drawn.
func (t *table) row(entity int) uint64 {
	return mix(mix(t.version*0x9E3779B97F4A7C15+1) ^ uint64(entity))
}

// cell returns a value from the stream of its row; false is null.
func cell(row uint64, feature int) (float32, bool) {
	x := mix(row + uint64(feature+1)*0x9E3779B97F4A7C15)
	if x>>57 == 0 { // one of 128
		return 0, false
	}
	return float32(int64(x<<8)>>39) * 0x1p-24, true // 25 bits with the sign: exact
}

// event returns the event time of an entity, in microseconds since 1970, and whether it is
// older than the time to live.
func (t *table) event(entity int) (at int64, old bool) {
	x := mix(t.row(entity) ^ 0xE7037ED1A0B428DB)
	age := int64(x%(6*24*3600)) * 1e6
	if old = x>>40%100 == 0; old {
		age = age%day + (lifetime+1)*day
	}
	return t.now - age, old
}

// name returns the name of a feature.
func name(feature int) string { return fmt.Sprintf("f%02d", feature) }

// featureOf returns the number of a feature; false if it is called otherwise.
func featureOf(name string) (int, bool) {
	if len(name) != 3 || name[0] != 'f' {
		return 0, false
	}
	n, err := strconv.Atoi(name[1:])
	return n, err == nil && n < features
}

// groupRows is how many rows a row group of the table's file has.
const groupRows = 64 << 10

// write makes the table as a Parquet file: id, event, f00 .. f49.
func (t *table) write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	columns := []sink.Field{{Field: column.Field{Name: "id", Type: column.Int64}, Role: program.RoleKeep},
		{Field: column.Field{Name: "event", Type: column.Timestamp}, Role: program.RoleKeep}}
	for i := range features {
		columns = append(columns, sink.Field{Field: column.Field{Name: name(i), Type: column.Float32}, Role: program.RoleKeep})
	}
	part, err := parquet.Format{Codec: "none"}.NewPart(w, columns)
	if err != nil {
		return err
	}
	for from := 0; from < t.entities; from += groupRows {
		if err := part.Write(t.batch(from, min(from+groupRows, t.entities))); err != nil {
			return err
		}
	}
	if err := part.Close(); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// batch makes the rows [from, to).
func (t *table) batch(from, to int) column.Batch {
	rows := to - from
	b := column.Batch{Rows: rows, Columns: make([]column.Column, 2+features)}
	for i := range b.Columns {
		v := column.Vector{Type: column.Float32, Len: rows}
		switch i {
		case 0:
			v.Type, v.Int64s = column.Int64, make([]int64, rows)
		case 1:
			v.Type, v.Int64s = column.Timestamp, make([]int64, rows)
		default:
			v.Float32s, v.Valid = make([]float32, rows), column.NewBitmap(rows)
		}
		b.Columns[i] = column.Column{Len: rows, Values: v}
	}
	var all sync.WaitGroup
	each := (rows + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	each = (each + 63) &^ 63 // nobody shares a word of the bitmaps
	for lo := 0; lo < rows; lo += each {
		all.Go(func() { t.fill(b, from, lo, min(lo+each, rows)) })
	}
	all.Wait()
	return b
}

// fill makes the rows [lo, hi) of a batch whose first row is entity from.
func (t *table) fill(b column.Batch, from, lo, hi int) {
	for r := lo; r < hi; r++ {
		b.Columns[0].Values.Int64s[r] = int64(from + r)
		b.Columns[1].Values.Int64s[r], _ = t.event(from + r)
		row := t.row(from + r)
		for f := range features {
			v := &b.Columns[2+f].Values
			x, ok := cell(row, f)
			if ok {
				v.Float32s[r] = x
				v.Valid.Set(r)
			} else {
				v.Float32s[r] = float32(math.NaN())
			}
		}
	}
}
