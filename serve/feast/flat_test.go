package feast

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/column"
	"quern/serve/fieldstatus"
	"quern/serve/lookup"
)

// flat is a catalog of one view of float32s under int64 keys, all of which are there:
// what is measured with it is reading and writing the wire.
type flat struct {
	view    *lookup.View
	queries lookup.Cache
	cells   [][]float32 // by feature
	missing int         // every so manieth key is not there; 0: all are
}

func newFlat(features, rows int) *flat {
	r := rand.New(rand.NewPCG(1, 2))
	f := &flat{view: &lookup.View{Name: "driver_stats", Keys: []column.Field{{Name: "driver_id", Type: column.Int64}}}}
	for i := range features {
		f.view.Fields = append(f.view.Fields, lookup.Field{Name: fmt.Sprintf("feature_%02d", i), Type: column.Float32})
		cells := make([]float32, rows)
		for j := range cells {
			cells[j] = float32(r.NormFloat64())
		}
		f.cells = append(f.cells, cells)
	}
	return f
}

func (f *flat) Pin() lookup.Catalog                       { return f }
func (f *flat) Release()                                  {}
func (f *flat) View(name, _ string) (*lookup.View, bool)  { return f.view, name == f.view.Name }
func (f *flat) Service(string) ([]lookup.Ref, bool)       { return nil, false }
func (f *flat) Source(string) ([]string, bool)            { return nil, false }
func (f *flat) Queries() *lookup.Cache                    { return &f.queries }
func (f *flat) Write(context.Context, *lookup.Rows) error { return nil }
func (f *flat) Lookup(_ context.Context, q *lookup.Query, k *lookup.Keys, b *lookup.Block) error {
	b.Reset(q, k.Rows)
	for r := range k.Rows {
		if f.missing == 0 || r%f.missing != 1 {
			b.Parts[0].Status[r] = fieldstatus.Present
			b.Parts[0].Event[r] = 1_790_000_000_000_000 + int64(r)*1_234_567*1000
		}
	}
	for i, into := range q.Parts[0].Into {
		copy(b.Values[into].Float32s, f.cells[q.Parts[0].From[i]])
		for r := range k.Rows {
			if b.Parts[0].Status[r] != fieldstatus.Present {
				b.Values[into].SetNull(r)
			}
		}
	}
	return nil
}

// jsonRequest asks for all features of f, about keys with ids like a hash's.
func (f *flat) jsonRequest(rows int) []byte {
	var names, keys []string
	for _, field := range f.view.Fields {
		names = append(names, `"driver_stats:`+field.Name+`"`)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range rows {
		keys = append(keys, fmt.Sprint(r.Int64()))
	}
	return []byte(`{"features": [` + strings.Join(names, ", ") + `], "entities": {"driver_id": [` + strings.Join(keys, ", ") + `]}}`)
}

// protoRequest is the same as a message.
func (f *flat) protoRequest(rows int) []byte {
	var list, values, entry, m []byte
	for _, field := range f.view.Fields {
		list = protowire.AppendString(protowire.AppendTag(list, 1, protowire.BytesType), "driver_stats:"+field.Name)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range rows {
		v := protowire.AppendVarint(protowire.AppendTag(nil, valInt64, protowire.VarintType), r.Uint64()>>1)
		values = protowire.AppendBytes(protowire.AppendTag(values, 1, protowire.BytesType), v)
	}
	entry = protowire.AppendString(protowire.AppendTag(entry, 1, protowire.BytesType), "driver_id")
	entry = protowire.AppendBytes(protowire.AppendTag(entry, 2, protowire.BytesType), values)
	m = protowire.AppendBytes(protowire.AppendTag(m, 2, protowire.BytesType), list)
	return protowire.AppendBytes(protowire.AppendTag(m, 3, protowire.BytesType), entry)
}
