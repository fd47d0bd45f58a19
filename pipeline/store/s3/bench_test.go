package s3_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"quern/internal/s3test"
)

// BenchmarkWrite and BenchmarkRead move large objects to and from a server beside.
func BenchmarkWrite(b *testing.B) {
	server := s3test.Start(b)
	s := open(b, quick(server, server.Endpoint), "s3://"+server.Bucket(b))
	data := noise(1 << 20)
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		w, err := s.Create(context.Background(), "x")
		for i := 0; i < 64 && err == nil; i++ {
			_, err = w.Write(data)
		}
		if err == nil {
			err = w.Commit()
		}
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Remove(context.Background(), "x"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead reads in steps of 128 KiB, as text is read.
func BenchmarkRead(b *testing.B) {
	server := s3test.Start(b)
	s := open(b, quick(server, server.Endpoint), "s3://"+server.Bucket(b))
	if err := put(s, "x", noise(64<<20)); err != nil {
		b.Fatal(err)
	}
	step := make([]byte, 128<<10)
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Open(context.Background(), "x")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.NewSectionReader(r, 0, r.Size()), step); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}

// BenchmarkClaim writes small objects, as claims and records are.
func BenchmarkClaim(b *testing.B) {
	server := s3test.Start(b)
	s := open(b, quick(server, server.Endpoint), "s3://"+server.Bucket(b))
	names := 0
	for b.Loop() {
		names++
		if err := put(s, fmt.Sprint("claim-", names), []byte("text")); err != nil {
			b.Fatal(err)
		}
	}
}
