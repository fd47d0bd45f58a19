package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"quern/cpu"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// pretended is a device that is none: the CPU's back end, which wants programs whole and
// says what a device says.
type pretended struct{ backend.Backend }

func (p pretended) Name() string    { return "gpu:0 Pretended" }
func (p pretended) Wholesale() bool { return true }
func (p pretended) Compile(x *program.Program) (backend.Executable, error) {
	exe, err := p.Backend.Compile(x)
	return pretendedExecutable{exe}, err
}

type pretendedExecutable struct{ backend.Executable }

func (e pretendedExecutable) NewSession() backend.Session {
	return &pretendedSession{Session: e.Executable.NewSession()}
}

type pretendedSession struct {
	backend.Session
	runs int
}

func (s *pretendedSession) Run(in column.Batch, into []stat.Statistic) (column.Batch, error) {
	s.runs++
	return s.Session.Run(in, into)
}

func (s *pretendedSession) Stages() map[string]time.Duration {
	return map[string]time.Duration{backend.StageUpload: time.Duration(s.runs) * time.Millisecond}
}

func (s *pretendedSession) Again() (time.Duration, bool, error) { return time.Millisecond, true, nil }

// TestCompare compares everything that is compared, over few rows: both sides learn the
// same, every operator's recipe is right, and what a device says arrives.
func TestCompare(t *testing.T) {
	w, _ := Find("dense")
	var said []string
	d := &DeviceReport{Device: "gpu:0 Pretended", Ceilings: Ceilings{Up: 1e9, Down: 1e9}}
	o := CompareOptions{GPU: pretended{cpu.New()}, Timed: pretended{cpu.New()}, Resident: pretended{cpu.New()}, Cores: 2, Runs: 1, Rows: 2000, Operators: 1500, Crossover: 4096, Cache: t.TempDir(), Say: func(s string) { said = append(said, s) }}
	if err := d.Compare(t.Context(), []Workload{w}, o); err != nil {
		t.Fatal(err)
	}
	if len(d.Workloads) != 2 || d.Workloads[0].What != "fit" || d.Workloads[1].What != "transform" || len(d.Crossover) != 2 || len(said) == 0 {
		t.Fatalf("%+v, %+v, said %q", d.Workloads, d.Crossover, said)
	}
	for _, x := range append(d.Workloads, d.Operators...) {
		if x.Rows == 0 || x.One.Rate <= 0 || x.All.Rate <= 0 || x.GPU.Rate <= 0 || x.GPU.Stages[backend.StageUpload] == 0 || x.Verdict() == "" {
			t.Errorf("%s %s: %+v, %+v, %+v", x.Name, x.What, x.One, x.All, x.GPU)
		}
		if (x.What == "transform") != (x.Resident != nil) {
			t.Errorf("%s %s resident: %+v", x.Name, x.What, x.Resident)
		}
	}
	dense := d.Workloads[1]
	if dense.Up != 40*4.125 || dense.Down != 40*4.125 || dense.Roof(d.Ceilings) != 1e9/(40*4.125) {
		t.Errorf("%v B up, %v B down, roof %v", dense.Up, dense.Down, dense.Roof(d.Ceilings))
	}
	if len(d.Operators) < 2*len(operatorTables())-4 {
		t.Errorf("%d of %d operators", len(d.Operators), len(operatorTables()))
	}
}

// TestCompareFindsADifference: a device that learns another model is no comparison.
func TestCompareFindsADifference(t *testing.T) {
	w, _ := Find("dense")
	o := CompareOptions{GPU: another{cpu.New()}, Cores: 1, Runs: 1, Rows: 500, Operators: -1, Crossover: -1, Cache: t.TempDir()}
	if err := new(DeviceReport).Compare(t.Context(), []Workload{w}, o); err == nil || !strings.Contains(err.Error(), "another back end") {
		t.Error(err)
	}
}

// another is a back end that leaves out the last row.
type another struct{ backend.Backend }

func (a another) Compile(x *program.Program) (backend.Executable, error) {
	exe, err := a.Backend.Compile(x)
	return anotherExecutable{exe}, err
}

type anotherExecutable struct{ backend.Executable }

func (e anotherExecutable) NewSession() backend.Session {
	return anotherSession{e.Executable.NewSession()}
}

type anotherSession struct{ backend.Session }

func (s anotherSession) Run(in column.Batch, into []stat.Statistic) (column.Batch, error) {
	in.Rows = max(0, in.Rows-1)
	columns := make([]column.Column, len(in.Columns))
	for i := range columns {
		columns[i] = column.Cut(&in.Columns[i], 0, in.Rows)
	}
	in.Columns = columns
	return s.Session.Run(in, into)
}

func TestVerdicts(t *testing.T) {
	side := func(seconds float64) *Side { return &Side{Seconds: seconds} }
	d := sampleDevices()
	if got := strings.Join(d.Verdicts(), "\n"); got != "The GPU wins: dense fit (5.0 x), dense transform (2.5 x).\nThe CPU wins: categorify numbers transform (3.0 x), categorify texts transform (no part for a GPU).\nBy rows per batch, the GPU is faster than all cores from 16384 rows on." {
		t.Error(got)
	}
	if v := (&Compared{All: side(1)}).Verdict(); v != "" {
		t.Error(v)
	}
	d.Crossover[len(d.Crossover)-1].GPU = 9
	if d.CrossesAt() != 0 || !strings.Contains(strings.Join(d.Verdicts(), ""), "at every size") {
		t.Errorf("%d", d.CrossesAt())
	}
	if got := (&DeviceReport{}).Verdicts(); len(got) != 2 || got[0] != "The GPU wins: nowhere." {
		t.Error(got)
	}
}

// sampleDevices is a comparison with round numbers.
func sampleDevices() *DeviceReport {
	side := func(seconds float64, rows int64) *Side {
		return &Side{Seconds: seconds, Least: seconds * 0.9, Most: seconds * 1.1, Rate: float64(rows) / seconds}
	}
	fit := &Compared{Name: "dense", What: "fit", Rows: 2_000_000, Up: 165, One: side(1, 2e6), All: side(0.1, 2e6), GPU: side(0.02, 2e6)}
	fit.GPU.Stages = map[string]float64{backend.StageFill: 0.01, backend.StageUpload: 0.015, backend.StageKernel: 0.004}
	return &DeviceReport{Device: "gpu:0 Some GPU", Driver: "13.0", Compute: "9.0", Bus: "0000:01:00.0", MemoryGB: 150,
		Ceilings: Ceilings{Up: 50e9, Down: 40e9, Both: 80e9, Memory: 4e12, Launch: 5e-6},
		Workloads: []*Compared{fit, {Name: "dense", What: "transform", Rows: 2_000_000, Up: 165, Down: 165,
			One: side(0.5, 2e6), All: side(0.05, 2e6), GPU: side(0.02, 2e6), Resident: side(0.001, 250_000)}},
		Operators: []*Compared{
			{Name: "categorify numbers", What: "transform", Rows: 1_000_000, Up: 65, Down: 65, One: side(0.02, 1e6), All: side(0.01, 1e6), GPU: side(0.03, 1e6)},
			{Name: "categorify texts", What: "transform", Rows: 1_000_000, One: side(0.02, 1e6), All: side(0.01, 1e6), GPU: side(0.03, 1e6)},
		},
		Crossover: []Crossing{{1024, 1e-5, 9e-6, 1e-4}, {4096, 4e-5, 2e-5, 1e-4}, {16384, 1.6e-4, 1.2e-4, 1.1e-4}, {65536, 6.4e-4, 2e-4, 1.5e-4}}}
}

// TestDeviceReportsLook: whoever reads the golden files sees what users see.
func TestDeviceReportsLook(t *testing.T) {
	d := sampleDevices()
	var text, drawing strings.Builder
	if d.Text(&text) != nil || d.SVG(&drawing) != nil {
		t.Fatal("a strings.Builder fails")
	}
	golden(t, "devices.txt", text.String())
	golden(t, "devices.svg", drawing.String())
	d.Device, d.Simulated = `<&">`, true
	text.Reset()
	drawing.Reset()
	if d.Text(&text) != nil || d.SVG(&drawing) != nil || !strings.Contains(text.String(), "SIMULATED") || !strings.Contains(drawing.String(), "SIMULATED, not a GPU: &lt;") {
		t.Error("a simulation is not marked")
	}
	wellFormed(t, drawing.String())
	drawing.Reset()
	if (&DeviceReport{}).SVG(&drawing) != nil || strings.Contains(drawing.String(), "NaN") || strings.Contains(drawing.String(), "Inf") {
		t.Error(drawing.String())
	}
}

// wellFormed reads an XML document to its end.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestGPUMarkdown: documents state figures of GPUs only.
func TestGPUMarkdown(t *testing.T) {
	if text, err := GPUMarkdown(nil); err != nil || !strings.Contains(text, "Not yet measured on a GPU") {
		t.Error(text, err)
	}
	r := sampleReport()
	r.GPU = sampleDevices()
	text, err := GPUMarkdown([]*Report{r})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "devices.md", text)
	r.GPU.Simulated = true
	if text, err := GPUMarkdown([]*Report{r}); err == nil || strings.Contains(text, "x") {
		t.Errorf("a simulation is published: %q", text)
	}
	r.GPU = nil
	if _, err := GPUMarkdown([]*Report{r}); err == nil {
		t.Error("a report without a GPU is published")
	}
}

// TestTheFakeDriverIsKnown: its devices have the name by which a simulation is recognised.
func TestTheFakeDriverIsKnown(t *testing.T) {
	for _, path := range []string{"../gpu/fake/src/driver.c", "../scripts/gpu_check_run.sh"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(fakePrefix, " "); !strings.Contains(string(text), `"`+fakePrefix+" ") && !strings.Contains(string(text), "$device == "+first+"*") {
			t.Errorf("%s does not know the name %q", path, fakePrefix)
		}
	}
}
