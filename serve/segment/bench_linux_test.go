package segment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"quern/features/column"
	"quern/serve/row"
)

// peakMemory returns VmHWM in MiB.
func peakMemory() int {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d", &kib); n == 1 {
			return kib >> 10
		}
	}
	return 0
}

func BenchmarkBuild(b *testing.B) {
	l := wideLayout(b)
	for _, memory := range []int64{256 << 20, 32 << 20} {
		b.Run(fmt.Sprintf("memory=%dMiB", memory>>20), func(b *testing.B) {
			for range b.N {
				start := time.Now()
				os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // starts VmHWM anew
				builder, err := NewBuilder(l, BuildOptions{Memory: memory, Temp: b.TempDir()})
				if err != nil {
					b.Fatal(err)
				}
				var wait sync.WaitGroup
				for w := range 2 {
					wait.Go(func() { addWide(b, builder, l, w*benchRows/2, (w+1)*benchRows/2, false) })
				}
				wait.Wait()
				added := time.Since(start)
				writeFile(b, builder)
				b.ReportMetric(added.Seconds(), "s/add")
				b.ReportMetric((time.Since(start) - added).Seconds(), "s/write")
				b.ReportMetric(float64(peakMemory()), "MiB-peak")
				builder.Close()
			}
		})
	}
}

// openWide builds and opens benchRows rows.
func openWide(b *testing.B, nulls bool) *Segment {
	l := wideLayout(b)
	builder, err := NewBuilder(l, BuildOptions{})
	if err != nil {
		b.Fatal(err)
	}
	addWide(b, builder, l, 0, benchRows, nulls)
	path := writeFile(b, builder)
	builder.Close()
	s, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// cpuTime returns the processor time of the process, user and system, which other
// processes disturb less than the clock.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkLookup(b *testing.B) {
	for _, nulls := range []bool{false, true} {
		s := openWide(b, nulls)
		for _, gather := range []bool{false, true} {
			name := fmt.Sprintf("nulls=%v/gather=%v", nulls, gather)
			b.Run(name, func(b *testing.B) {
				r := &request{rows: make([]row.Row, 100)}
				seed := uint64(0)
				b.ReportAllocs()
				start := cpuTime(b)
				for b.Loop() {
					seed++
					if err := r.run(s, seed, gather); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N), "cpu-ns/op")
				if r.rows[7].Missing() {
					b.Fatal("keys are not found")
				}
			})
			b.Run(name+"/parallel", func(b *testing.B) {
				start := cpuTime(b)
				defer func() { b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N), "cpu-ns/op") }()
				b.RunParallel(func(pb *testing.PB) {
					r := &request{rows: make([]row.Row, 100)}
					seed := rand.Uint64()
					for pb.Next() {
						seed++
						if err := r.run(s, seed, gather); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}

func BenchmarkOpenAndVerify(b *testing.B) {
	s := openWide(b, false)
	path := s.path
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			s, err := Open(path)
			if err != nil {
				b.Fatal(err)
			}
			s.Close()
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if err := s.Verify(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLookupText looks 100 string keys up in a view of 10 strings of 12 bytes.
func BenchmarkLookupText(b *testing.B) {
	const entities, fields = 300_000, 10
	s := row.Schema{Keys: []column.Field{{Name: "user", Type: column.String}}}
	for f := range fields {
		s.Fields = append(s.Fields, column.Field{Name: fmt.Sprintf("s%d", f), Type: column.String})
	}
	l, err := row.NewLayout(s)
	if err != nil {
		b.Fatal(err)
	}
	builder, err := NewBuilder(l, BuildOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer builder.Close()
	addTexts(b, builder, l, entities)
	seg, err := Open(writeFile(b, builder))
	if err != nil {
		b.Fatal(err)
	}
	defer seg.Close()
	var keys row.Keys
	var g row.Gatherer
	var columns [fields]column.Vector
	rows, name, seed := make([]row.Row, 100), []byte(nil), uint64(0)
	b.ReportAllocs()
	start := cpuTime(b)
	for b.Loop() {
		keys.Reset(l)
		for range rows {
			seed += 0x9e3779b97f4a7c15
			name = strconv.AppendUint(append(name[:0], "user-"...), seed>>32%entities, 10)
			keys.PutBytes(name)
		}
		clear(rows)
		if err := seg.Lookup(&keys, rows); err != nil {
			b.Fatal(err)
		}
		g.Start(l, rows)
		for f := range columns {
			if _, err := g.Field(f, &columns[f], nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N), "cpu-ns/op")
	if columns[3].Valid != nil {
		b.Fatal("keys are not found")
	}
}

func addTexts(b *testing.B, builder *Builder, l *row.Layout, entities int) {
	const step = 1000
	for from := 0; from < entities; from += step {
		text := func(format string) *column.Column {
			c := &column.Column{Len: step, Values: column.Vector{Type: column.String, Len: step}}
			for i := range step {
				c.Values.Text.Append(fmt.Appendf(nil, format, from+i))
			}
			return c
		}
		in := row.Input{Rows: step, Keys: []*column.Column{text("user-%d")}}
		for range l.Schema().Fields {
			in.Fields = append(in.Fields, text("text %7d"))
		}
		var rows row.Rows
		if err := l.Encode(in, &rows); err != nil {
			b.Fatal(err)
		}
		if err := builder.Add(&rows); err != nil {
			b.Fatal(err)
		}
	}
}
