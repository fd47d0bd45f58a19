package source_test

import (
	"context"
	"testing"

	"quern/features/column"
	"quern/pipeline/source"
)

// TestHostileLayouts changes every byte of layouts: what still decodes is reopened and
// read, with an error or without, and never a panic or more memory than readers may take.
func TestHostileLayouts(t *testing.T) {
	for title, c := range tables(t) {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			delete(c.files, "year=2003/long.csv")
			files := c.put(t, t.TempDir())
			_, l := planned(t, c, files)
			data, err := l.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			decoded, refused := 0, 0
			for at := range data {
				for _, flip := range []byte{1, 2, 0x80, 0xff, 0x10} {
					data[at] ^= flip
					var other source.Layout
					if other.UnmarshalBinary(data) == nil {
						decoded++
						if readAll(c, files, &other) != nil {
							refused++
						}
					}
					data[at] ^= flip
				}
			}
			if decoded < 50 || refused < 20 {
				t.Errorf("of %d layouts %d were refused", decoded, refused)
			}
		})
	}
}

// readAll reopens all chunks of a layout and reads them.
func readAll(c table, files []source.File, l *source.Layout) error {
	var chunks []int
	for i := range l.Chunks {
		chunks = append(chunks, i)
	}
	s, err := c.reopen(files, l, chunks)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, columns := range [][]string{l.Schema.Names(), nil} {
		r, err := s.NewReader(columns)
		if err != nil {
			return err
		}
		defer r.Close()
		for _, chunk := range s.Chunks() {
			var b column.Batch
			if b, err = r.Read(context.Background(), chunk); err != nil {
				return err
			}
			if int64(b.Rows) != chunk.Rows {
				panic("other rows than planned")
			}
		}
	}
	return nil
}
