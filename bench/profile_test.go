package bench

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func pow(x, y float64) float64 { return math.Pow(x, y) }

// TestProfileOfThisProcess profiles a loop and finds it.
func TestProfileOfThisProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpu.pprof")
	end, err := profile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := burn(200 * time.Millisecond)
	if err := end(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := readProfile(bytes.NewReader(data))
	if err != nil || sum == 0 {
		t.Fatal(err)
	}
	total := 0.0
	for _, s := range p.samples {
		total += s.seconds
	}
	found := false
	for _, f := range p.top(10) {
		found = found || strings.HasSuffix(f.Name, "bench.burn") && f.Total > total/2
	}
	if total < 0.05 || !found {
		t.Errorf("%v s, top %+v", total, p.top(10))
	}
	if s := p.stages(); len(s) == 0 || s[len(s)-1].Name != "other" {
		t.Errorf("stages %+v", s)
	}
}

// burn uses so much processor time, however busy the machine is; it gives up after
// ten seconds, as where processor time is not known.
//
//go:noinline
func burn(d time.Duration) uint64 {
	var sum uint64
	end, until := cpuTime()+d, time.Now().Add(10*time.Second)
	for cpuTime() < end && time.Now().Before(until) {
		for i := range uint64(10_000) {
			sum += mix(sum + i)
		}
	}
	return sum
}

func TestStacksHaveStages(t *testing.T) {
	for _, c := range []struct{ frames, want string }{
		{"internal/poll.(*FD).Pread os.(*File).ReadAt quern/pipeline/source/parquet.(*reader).Read quern/pipeline.(*observer).chunk", "read"},
		{"quern/pipeline/source/parquet.unpack quern/pipeline.(*observer).chunk", "decode"},
		{"quern/features/stat.(*table).id quern/cpu.(*session).Run quern/pipeline.(*observer).chunk", "observe"},
		{"quern/features/stat.(*table).id quern/pipeline.(*merger).merge quern/pipeline.(*observer).finish", "merge"},
		{"quern/features/program.indexTable quern/pipeline.(*Plan).freeze", "freeze"},
		{"quern/features/program.Eval quern/pipeline/model.(*Model).MakeGolden quern/pipeline.(*Plan).freeze", "freeze"},
		{"quern/cpu.(*session).Run quern/pipeline.(*writer).chunk quern/pipeline.(*writer).part", "run"},
		{"quern/pipeline/sink/parquet.(*part).Write quern/pipeline/output.(*Part).Write quern/pipeline.(*writer).chunk", "encode"},
		{"crypto/sha256.block quern/pipeline/output.(*tee).Write quern/pipeline/sink/parquet.(*part).flush", "digest"},
		{"syscall.write os.(*File).Write quern/pipeline/output.(*tee).Write quern/pipeline/sink/parquet.(*part).flush", "write"},
		{"runtime.scanobject runtime.gcDrain runtime.gcBgMarkWorker", "gc"},
		{"runtime.futex runtime.mstart", "other"},
	} {
		if got := stageOf(stageRules(), strings.Fields(c.frames)); got != c.want {
			t.Errorf("%s: %s, want %s", c.frames, got, c.want)
		}
	}
	known := strings.Join(stageNames(), " ")
	for _, r := range stageRules() {
		if !strings.Contains(known, r.stage) {
			t.Errorf("stage %s is not listed", r.stage)
		}
	}
}

// FuzzProfile: a damaged profile is an error, never a panic.
func FuzzProfile(f *testing.F) {
	f.Add([]byte{profileSample<<3 | 2, 4, sampleLocation<<3 | 2, 0, sampleValue << 3, 1})
	f.Add([]byte{profileText<<3 | 2, 200})
	f.Add([]byte{profileSample<<3 | 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1})
	f.Add([]byte{profileLocation<<3 | 1, 1, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &cpuProfile{locations: map[uint64][]uint64{}, functions: map[uint64]int64{}}
		err := eachField(data, func(field int, _ uint64, b []byte) error {
			switch field {
			case profileSample:
				return p.sample(b)
			case profileLocation:
				return p.location(b)
			case profileFunction:
				return p.function(b)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errProfile) {
			t.Error(err)
		}
		p.stages()
		p.top(3)
	})
}
