package csv

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"quern/pipeline/source"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// flights returns a table of n rows with a time, numbers and short strings.
func flights(n int) []byte {
	rng := rand.New(rand.NewPCG(5, 6))
	data := []byte("date,delay,distance,origin,destination,factor\n")
	airports := "ATLORDDFWDENLAXPHXSFOMSPIAHJFK"
	for range n {
		a, b := 3*rng.IntN(10), 3*rng.IntN(10)
		data = fmt.Appendf(data, "2001-%02d-%02d %02d:%02d:00,%d,%d,%s,%s,%.6f\n", 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60),
			rng.IntN(200)-30, rng.IntN(2500), airports[a:a+3], airports[b:b+3], rng.Float64())
	}
	return data
}

func BenchmarkOpen(b *testing.B) {
	file := texttest.File("f.csv", flights(300_000))
	s, err := Open(context.Background(), Options{Files: []source.File{file}})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range s.Chunks() {
		b.SetBytes(c.Bytes)
	}
	for b.Loop() {
		if _, err := Open(context.Background(), Options{Files: []source.File{file}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) { benchmarkRead(b, text.Limits{Keep: -1}) }

// BenchmarkReadKept reads what Open has kept.
func BenchmarkReadKept(b *testing.B) { benchmarkRead(b, text.Limits{}) }

func benchmarkRead(b *testing.B, limits text.Limits) {
	s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f.csv", flights(300_000))}, limits: limits})
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.NewReader([]string{"date", "delay", "distance", "origin", "destination", "factor"})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	b.SetBytes(s.Chunks()[0].Bytes)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Read(context.Background(), s.Chunks()[0]); err != nil {
			b.Fatal(err)
		}
	}
}
