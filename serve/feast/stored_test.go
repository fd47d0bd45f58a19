package feast

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"quern/serve/lookup"
	"quern/serve/row"
)

// stored serves one view from encoded rows, as storage does.
type stored struct {
	*lookup.Memory
	layout   *row.Layout
	rows     row.Rows
	byKey    map[string]int
	keys     row.Keys
	found    []row.Row
	gatherer row.Gatherer
}

// Write encodes the rows, in addition to what Memory does with them.
func (s *stored) Write(ctx context.Context, r *lookup.Rows) error {
	if err := r.Encode(s.layout, 1, &s.rows); err != nil {
		return err
	}
	for i := range s.rows.Len() {
		s.byKey[string(s.layout.Key(s.rows.At(i)))] = i
	}
	return s.Memory.Write(ctx, r)
}

func (s *stored) Lookup(_ context.Context, q *lookup.Query, keys *lookup.Keys, into *lookup.Block) error {
	into.Reset(q, keys.Rows)
	q.Parts[0].PutKeys(keys, s.layout, &s.keys)
	s.found = s.found[:0]
	for i := range s.keys.Len() {
		r := row.Row{}
		if at, ok := s.byKey[string(s.keys.Key(i))]; ok {
			r = s.rows.At(at)
		}
		s.found = append(s.found, r)
	}
	return into.Gather(0, s.layout, s.found, &s.gatherer)
}

// TestStoredRowsAnswerLikeMemory: rows of all types, through their storage form and
// back, give the reply that they gave before, with all rules, byte for byte.
func TestStoredRowsAnswerLikeMemory(t *testing.T) {
	for seed, rules := range allRules() {
		m, v := randomStore(t, uint64(seed))
		layout, err := row.NewLayout(v.Schema())
		if err != nil {
			t.Fatal(err)
		}
		s := &stored{Memory: lookup.NewMemory(), layout: layout, byKey: map[string]int{}}
		s.Define(v)
		if err := s.Write(context.Background(), randomRows(v, uint64(seed))); err != nil {
			t.Fatal(err)
		}
		j, p := jsonEncoder{}, protoEncoder{}
		b2 := &lookup.Block{}
		for _, rows := range []int{1, 64, 65, 3, 130} {
			k, b := asked(t, m, v, rules, rows)
			if err := s.Lookup(context.Background(), b.Query, k, b2); err != nil {
				t.Fatal(err)
			}
			b2.Expire(wireTime().UnixMicro(), rules)
			if want, got := j.reply(nil, k, b, true), j.reply(nil, k, b2, true); !bytes.Equal(want, got) {
				t.Fatalf("%d rows: %s\nwant %s", rows, got, want)
			}
			if want, got := p.reply(nil, k, b, true), p.reply(nil, k, b2, true); !bytes.Equal(want, got) {
				t.Fatalf("%d rows: protobuf %x\nwant %x", rows, got, want)
			}
		}
	}
}

// TestStoredLookupsAllocateNothing: the memory of a block takes what storage gathers,
// whatever was asked for before. Lists with nulls in them do allocate.
func TestStoredLookupsAllocateNothing(t *testing.T) {
	m, v := randomStore(t, 1)
	scalars := *v
	scalars.Fields = slices.DeleteFunc(slices.Clone(v.Fields), func(f lookup.Field) bool { return f.Type.IsList() })
	layout, err := row.NewLayout(scalars.Schema())
	if err != nil {
		t.Fatal(err)
	}
	s := &stored{Memory: m, layout: layout, byKey: map[string]int{}}
	s.Define(&scalars)
	if err := s.Write(context.Background(), randomRows(&scalars, 1)); err != nil {
		t.Fatal(err)
	}
	k, b := asked(t, m, &scalars, lookup.Rules{}, 100)
	few, _ := asked(t, m, &scalars, lookup.Rules{}, 3)
	if n := testing.AllocsPerRun(20, func() {
		for _, keys := range []*lookup.Keys{k, few} {
			if err := s.Lookup(context.Background(), b.Query, keys, b); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
