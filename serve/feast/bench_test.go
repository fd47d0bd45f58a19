//go:build unix

package feast

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
)

// BenchmarkLookup answers look-ups of 50 float32s, from the bytes of the request to
// the bytes of the reply, without HTTP.
func BenchmarkLookup(b *testing.B) {
	for _, rows := range []int{1, 10, 100} {
		for _, missing := range []int{0, 97} {
			f := newFlat(50, rows)
			f.missing = missing
			name := fmt.Sprintf("%dx50", rows)
			if missing > 0 {
				if rows < 100 {
					continue
				}
				name += "/1%missing"
			}
			s := New(f, f, Options{})
			b.Run("json/"+name, func(b *testing.B) {
				x := s.borrow()
				body := f.jsonRequest(rows)
				cpu(b, func(int) {
					x.in = append(x.in[:0], body...)
					if err := s.lookupJSON(context.Background(), x); err != nil {
						b.Fatal(err)
					}
				})
				b.ReportMetric(float64(len(x.out)), "bytes")
			})
			b.Run("proto/"+name, func(b *testing.B) {
				body := f.protoRequest(rows)
				var out []byte
				var err error
				cpu(b, func(int) {
					if out, err = s.GetOnlineFeatures(context.Background(), body, out[:0]); err != nil {
						b.Fatal(err)
					}
				})
				b.ReportMetric(float64(len(out)), "bytes")
			})
			b.Run("read/"+name, func(b *testing.B) {
				x := s.borrow()
				x.in = f.jsonRequest(rows)
				cpu(b, func(int) {
					if err := x.request.readLookup(x.in); err != nil {
						b.Fatal(err)
					}
					q, err := x.query(f, &x.reader)
					if err != nil {
						b.Fatal(err)
					}
					if err := x.keys(q, &x.reader); err != nil {
						b.Fatal(err)
					}
				})
			})
		}
	}
}

// BenchmarkFloat writes floats as JSON, beside what strconv takes for them.
func BenchmarkFloat(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	xs := make([]float64, 4096)
	for i := range xs {
		xs[i] = float64(float32(r.NormFloat64()))
	}
	var w [maxFloat]byte
	b.Run("own", func(b *testing.B) { cpu(b, func(i int) { putFloat(w[:], xs[i&4095]) }) })
	b.Run("strconv64", func(b *testing.B) {
		cpu(b, func(i int) { strconv.AppendFloat(w[:0], xs[i&4095], 'g', -1, 64) })
	})
	b.Run("strconv32", func(b *testing.B) {
		cpu(b, func(i int) { strconv.AppendFloat(w[:0], xs[i&4095], 'g', -1, 32) })
	})
}

// cpu runs f b.N times and reports the processor time of this process, which other
// processes disturb less than the wall clock.
func cpu(b *testing.B, f func(i int)) {
	b.Helper()
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	b.ReportAllocs()
	b.ResetTimer()
	start := used()
	for i := 0; i < b.N; i++ {
		f(i)
	}
	b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op")
}
