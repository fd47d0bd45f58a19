package gpu

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
	"quern/gpu/cuda"
)

// pretended is a device that is none: the CPU under another name.
type pretended struct {
	backend.Backend
	rates  Rates
	err    error
	closed int
}

func (p *pretended) Name() string          { return "gpu:0 Pretended" }
func (p *pretended) Info() cuda.Info       { return cuda.Info{Name: "Pretended"} }
func (p *pretended) Rates() (Rates, error) { return p.rates, p.err }
func (p *pretended) Close() error          { p.closed++; return nil }

// Compile returns what computes nothing, and so is fast.
func (p *pretended) Compile(*program.Program) (backend.Executable, error) { return idle{}, nil }

type idle struct{}

func (idle) NewSession() backend.Session { return idle{} }
func (idle) Close()                      {}
func (idle) Run(column.Batch, []stat.Statistic) (column.Batch, error) {
	return column.Batch{}, nil
}

// pretend returns a back end that chooses between the CPU and a device that would be
// much faster, and counts how often it is opened.
func pretend(cache string) (a *Auto, p *pretended, opened *int, told *[]string) {
	p = &pretended{Backend: cpu.New(), rates: Rates{Up: 1e15, Down: 1e15, Launch: 1e-9}}
	opened, told = new(int), new([]string)
	a = NewAuto(AutoOptions{Options: Options{Reference: cpu.New(), Notice: func(s string) { *told = append(*told, s) }}, Cores: 1, Cache: cache})
	a.status = func() cuda.Report {
		return cuda.Report{Built: true, Devices: []cuda.Info{{Name: "Pretended", Driver: 13000}}}
	}
	a.open = func(Options) (accelerator, error) { *opened++; return p, nil }
	return a, p, opened, told
}

// heavy returns a program of many logarithms.
func heavy() *program.Program {
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.Float64}})
	r := b.Load(0)
	for range 30 {
		r = b.Emit(program.Log1p, program.Imm{}, r)
	}
	b.Output("y", r, program.RoleFeature)
	return b.Finish()
}

const manyRows = 1 << 40

func TestAutoTakesTheDeviceForWhatIsLarge(t *testing.T) {
	a, p, opened, told := pretend("")
	if be := a.Choose(heavy(), 1000); be == backend.Backend(p) || *opened != 0 || a.Name() != "cpu" {
		t.Errorf("1000 rows on %s, opened %d times", be.Name(), *opened)
	}
	if be := a.Choose(heavy(), -1); be == backend.Backend(p) || *opened != 0 {
		t.Error("rows that nobody has counted on the device")
	}
	for range 2 {
		if be := a.Choose(heavy(), manyRows); be != backend.Backend(p) || *opened != 1 || a.Name() != "gpu:0 Pretended" {
			t.Errorf("many rows on %s, opened %d times", be.Name(), *opened)
		}
	}
	if backend.Choose(a, heavy(), manyRows) != backend.Backend(p) {
		t.Error("no Chooser")
	}
	if reason, fix := a.Missing(); reason != "" || fix != "" || len(*told) != 0 || a.Device() != "gpu:0 Pretended" {
		t.Errorf("%q %q, told %q, %q", reason, fix, *told, a.Device())
	}
	for range 2 {
		if err := a.Close(); err != nil || p.closed != 1 {
			t.Errorf("closed %d times, %v", p.closed, err)
		}
	}
}

// TestAutoWithoutADevice is silent, unless something is broken: that is told once.
func TestAutoWithoutADevice(t *testing.T) {
	for _, broken := range []bool{false, true} {
		a, _, opened, told := pretend("")
		a.status = func() cuda.Report {
			return cuda.Report{Missing: "the driver is not ready", Fix: "wait", Broken: broken}
		}
		for range 3 {
			if be := a.Choose(heavy(), manyRows); be.Name() != "cpu" || a.Name() != "cpu" || *opened != 0 {
				t.Errorf("on %s", be.Name())
			}
		}
		if reason, _ := a.Missing(); reason != "the driver is not ready" || len(*told) != map[bool]int{true: 1}[broken] {
			t.Errorf("%q, told %q", reason, *told)
		}
		if c := a.Decide(Work{1, 1, 1, 1}); c.Reason != "no CUDA device: the driver is not ready" {
			t.Error(c)
		}
	}
}

// TestAutoGoesOnWhenTheDeviceDoesNot: it says so once and asks no more.
func TestAutoGoesOnWhenTheDeviceDoesNot(t *testing.T) {
	a, _, _, told := pretend("")
	tries := 0
	a.open = func(Options) (accelerator, error) { tries++; return nil, errors.New("it differs from the CPU") }
	for range 3 {
		if a.Choose(heavy(), manyRows).Name() != "cpu" {
			t.Error("chosen")
		}
	}
	if tries != 1 || len(*told) != 1 || !strings.Contains((*told)[0], "it differs") {
		t.Errorf("%d tries, told %q", tries, *told)
	}
	if reason, _ := a.Missing(); reason != "it differs from the CPU" {
		t.Error(reason)
	}
	b, p, _, told := pretend("")
	p.err = errors.New("no rates")
	if b.Choose(heavy(), manyRows).Name() != "cpu" || len(*told) != 1 || b.Close() != nil || p.closed != 1 {
		t.Errorf("told %q, closed %d times", *told, p.closed)
	}
}

// TestMachineIsKept: it is measured once per driver and device; what is damaged is
// measured again.
func TestMachineIsKept(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "gpu-0.json")
	measured := 0
	measure := func() (Machine, error) { measured++; return h200(), nil }
	look := func(d cuda.Info, want int) {
		t.Helper()
		m, err := knownMachine(folder, d, measure)
		m.Cores = 16
		if err != nil || m != h200() || measured != want {
			t.Errorf("%+v, %v, measured %d times, want %d", m, err, measured, want)
		}
	}
	d := cuda.Info{Name: "X", Driver: 12040}
	look(d, 1)
	look(d, 1)
	d.Driver = 13000
	look(d, 2)
	look(d, 2)
	for i, text := range []string{"", "{", `{"key": "` + measuredOn(d) + `", "machine": {"Up": -1}}`, strings.Repeat("[", 1<<16)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		look(d, 3+i)
	}
	left, _ := filepath.Glob(filepath.Join(folder, "*"))
	if len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
	folder = filepath.Join(path, "not a folder")
	look(d, 7) // cannot be kept, and is no failure
	folder = ""
	look(d, 8)
}

// TestAutoRemembersBetweenRuns: the second run of the program opens no device to choose
// the CPU.
func TestAutoRemembersBetweenRuns(t *testing.T) {
	cache := t.TempDir()
	a, p, opened, _ := pretend(cache)
	p.rates.Up = 1 // the slowest bus there is
	if a.Choose(heavy(), manyRows).Name() != "cpu" || *opened != 1 {
		t.Errorf("opened %d times", *opened)
	}
	b, _, opened, _ := pretend(cache)
	if c := b.Decide(WorkOf(heavy(), manyRows)); c.GPU || *opened != 0 || !strings.Contains(c.Reason, "copying alone") {
		t.Errorf("%+v, opened %d times", c, *opened)
	}
}

func TestMeasuringTheCPU(t *testing.T) {
	values, copied, err := measureCPU(cpu.New())
	if err != nil || values < 1e6 || values > 1e12 || copied < 1e8 || copied > 1e13 {
		t.Errorf("%g values/s, %g B/s, %v", values, copied, err)
	}
	t.Logf("%.3g values/s, %.3g B/s", values, copied)
}
