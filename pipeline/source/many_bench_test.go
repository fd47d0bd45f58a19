package source_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"quern/internal/s3test"
	"quern/pipeline/source"
	"quern/pipeline/source/csv"
	"quern/pipeline/source/parquet"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
)

// BenchmarkManyFiles opens tables of many tiny files: what there is to wait for is the
// opening itself.
func BenchmarkManyFiles(b *testing.B) {
	type row struct {
		A int64   `parquet:"a"`
		B string  `parquet:"b,dict"`
		C float64 `parquet:"c"`
	}
	group, comma := parquetBytes(b, []row{{1, "x", 0.5}, {2, "y", 1.5}}), []byte("a,b,c\n1,x,0.5\n2,y,1.5\n")
	open := map[string]func([]source.File) (source.Source, error){
		"parquet": func(f []source.File) (source.Source, error) {
			return parquet.Open(context.Background(), parquet.Options{Files: f})
		},
		"csv": func(f []source.File) (source.Source, error) {
			return csv.Open(context.Background(), csv.Options{Files: f, Workers: 2})
		},
	}
	ctx := context.Background()
	for format, data := range map[string][]byte{"parquet": group, "csv": comma} {
		root := b.TempDir()
		for i := range 10_000 {
			write(b, root, fmt.Sprintf("part-%05d.%s", i, format), data)
		}
		b.Run(format+"/local", func(b *testing.B) {
			for range b.N {
				openMany(b, nil, root, format, open[format])
			}
		})
		b.Run(format+"/far", func(b *testing.B) {
			places := store.Places{"far": func(context.Context, string) (store.Store, error) {
				local, err := store.NewLocal(root)
				return far{local}, err
			}}
			for range b.N {
				openMany(b, places, "far://away", format, open[format])
			}
		})
		b.Run(format+"/s3", func(b *testing.B) {
			server := s3test.Start(b)
			client := s3.NewClient(s3.Options{Endpoint: server.Endpoint, Region: "us-east-1", Key: server.Key, Secret: server.Secret, PathStyle: true})
			places := store.Places{"s3": client.Open}
			top := "s3://" + server.Bucket(b)
			st, err := places.Store(ctx, top)
			if err != nil {
				b.Fatal(err)
			}
			for i := range 2000 {
				if err := st.(store.Replacer).Replace(ctx, fmt.Sprintf("part-%05d.%s", i, format), data); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				openMany(b, places, top, format, open[format])
			}
		})
	}
}

// far is a store that takes its time.
type far struct{ store.Store }

// farReader is a tiny object of it, in memory.
type farReader struct{ *bytes.Reader }

func (s far) Open(ctx context.Context, name string) (store.Reader, error) {
	time.Sleep(20 * time.Millisecond)
	r, err := s.Store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, r.Size())
	_, err = r.ReadAt(data, 0)
	return farReader{bytes.NewReader(data)}, err
}

func (r farReader) Close() error { return nil }

func (r farReader) Reopen(context.Context) store.Reader {
	time.Sleep(20 * time.Millisecond)
	return r
}

// openMany finds the files of a folder and opens them as a source.
func openMany(b *testing.B, places store.Places, root, format string, open func([]source.File) (source.Source, error)) {
	pattern := root
	if places == nil {
		pattern = filepath.ToSlash(root)
	} else {
		pattern += "/*." + format
	}
	files, err := source.Expand(context.Background(), places, "", []string{"." + format}, pattern)
	if err != nil {
		b.Fatal(err)
	}
	s, err := open(files)
	if err != nil {
		b.Fatal(err)
	}
	s.Close()
}
