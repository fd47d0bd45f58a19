package row_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/serve/row"
	"quern/serve/row/rowtest"
)

// TestHostileRows reads rows whose bytes were changed at random: every reader ends with a
// value or ErrCorrupt.
func TestHostileRows(t *testing.T) {
	corrupt := 0
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		s := rowtest.Schema(rnd)
		l := layout(t, s)
		in := rowtest.Table(rnd, s, 5, 5)
		var rows row.Rows
		if err := l.Encode(in, &rows); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			fixed, heap := bytes.Clone(rows.Fixed[:l.Stride()]), bytes.Clone(rows.Heap)
			for range 1 + rnd.IntN(3) {
				if b := fixed; rnd.IntN(2) == 0 || len(heap) == 0 {
					b[rnd.IntN(len(b))] ^= byte(1 << rnd.IntN(8))
				} else {
					heap[rnd.IntN(len(heap))] = byte(rnd.Uint32())
				}
			}
			r, err := l.Locate(fixed, heap)
			if err != nil {
				corrupt++
				continue
			}
			checked := l.Check(r)
			l.Key(r)
			var g row.Gatherer
			var v column.Vector
			g.Start(l, []row.Row{r})
			for f := range s.Fields {
				_, one := rowtest.Cell(l, r, f)
				_, many := g.Field(f, &v, nil)
				for _, err := range []error{one, many} {
					if err != nil && !errors.Is(err, row.ErrCorrupt) {
						t.Fatal(err)
					}
				}
				if one != nil {
					corrupt++
				}
				if checked == nil && (one != nil || many != nil) {
					t.Fatalf("seed %d: a row that was checked cannot be read: %v, %v", seed, one, many)
				}
			}
		}
	}
	if corrupt < 100 {
		t.Errorf("only %d changes were noticed: the test does not reach far", corrupt)
	}
}

func FuzzParseSchema(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(rowtest.Schema(rand.New(rand.NewPCG(seed, 3))).AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := row.ParseSchema(b)
		if err != nil {
			if !errors.Is(err, row.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(s.AppendBinary(nil), b) {
			t.Fatalf("%x is read as %+v, which is %x", b, s, s.AppendBinary(nil))
		}
		if _, err := row.NewLayout(s); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSchemasThatAreNone: cut at every byte, and with one too many.
func TestSchemasThatAreNone(t *testing.T) {
	for seed := range uint64(20) {
		b := rowtest.Schema(rand.New(rand.NewPCG(seed, 3))).AppendBinary(nil)
		for n := range b {
			if _, err := row.ParseSchema(b[:n]); err != row.ErrCorrupt {
				t.Fatalf("%x: %v", b[:n], err)
			}
		}
		if _, err := row.ParseSchema(append(b, 0)); err != row.ErrCorrupt {
			t.Fatalf("%x and a byte: %v", b, err)
		}
	}
}

// TestKeysKeepTheirHashes: they follow the batch and the seed.
func TestKeysKeepTheirHashes(t *testing.T) {
	l := layout(t, row.Schema{Keys: fields("k", column.String, "n", column.Int64)})
	var k row.Keys
	for batch := range 3 {
		k.Reset(l)
		for i := range 5 {
			k.PutBytes([]byte{byte('a' + batch), byte(i)})
			if k.Len() != i {
				t.Fatalf("half a key counts")
			}
			k.PutInt(int64(i))
			for _, seed := range []uint64{1, 2, 1} {
				hashes := k.Hashes(seed)
				if len(hashes) != i+1 {
					t.Fatalf("%d hashes of %d keys", len(hashes), i+1)
				}
				for j, h := range hashes {
					if h != row.HashKey(k.Key(j), seed) {
						t.Fatalf("batch %d: the hash of key %d is another one's", batch, j)
					}
				}
			}
		}
	}
	seen := map[int]int{}
	for i := range 4000 {
		seen[row.HashKey([]byte{byte(i), byte(i >> 8)}, 7).Shard(4)]++
	}
	for shard := range 4 {
		if n := seen[shard]; n < 900 || n > 1100 {
			t.Errorf("shard %d has %d of 4000 keys", shard, n)
		}
	}
}
