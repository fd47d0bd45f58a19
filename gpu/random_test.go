//go:build linux && cuda && cgo

package gpu

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"quern/cpu"
	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
	"quern/features/stat"
)

// Random programs over random batches, on slices of all sizes, equal the reference: what
// leaves, what statistics learn, and which fault is told.
func TestRandomPrograms(t *testing.T) {
	b := open(t, Options{SlotBytes: 8 << 20, LeastRows: 1})
	b.most = 64
	programs := uint64(300)
	if testing.Short() {
		programs = 60
	}
	reference := cpu.New()
	for seed := range programs {
		rng := rand.New(rand.NewPCG(seed, 11))
		generate, schema := programtest.Random, programtest.Schema(rng, 12)
		if seed%3 == 0 {
			generate = programtest.RandomFaulty
		}
		if seed%4 == 0 {
			schema = programtest.ListSchema(rng, 4)
		}
		p := generate(rng, schema)
		specs := observeAll(p)
		x, err := b.Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := reference.Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := x.NewSession(), whole.NewSession()
		for range 2 {
			in := programtest.RandomBatch(rng, p.Inputs, 1+rng.IntN(300))
			a, z := newStatistics(specs), newStatistics(specs)
			got, err := ours.Run(in, a)
			want, wantErr := theirs.Run(in, z)
			if !reflect.DeepEqual(err, wantErr) {
				t.Fatalf("seed %d: error %v, want %v\n%s", seed, err, wantErr, p)
			}
			if err == nil {
				compare(t, seed, p, got, want, a, z)
			}
		}
		ours.Close()
		theirs.Close()
	}
	if c := b.Counts(); c.Device < int64(programs)/2 {
		t.Errorf("the device took little part: %+v", c)
	} else {
		t.Logf("%+v", c)
	}
}

func compare(t *testing.T, seed uint64, p *program.Program, got, want column.Batch, ours, theirs []stat.Statistic) {
	t.Helper()
	for i := range want.Columns {
		if !programtest.Equal(&got.Columns[i], &want.Columns[i]) {
			t.Fatalf("seed %d: output %d differs\n%s", seed, i, p)
		}
	}
	for i := range ours {
		a, err := ours[i].AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		z, err := theirs[i].AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, z) {
			t.Fatalf("seed %d: statistic %d (%+v) differs: %x, want %x\n%s", seed, i, ours[i].Spec(), a, z, p)
		}
	}
}
