package gpu

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/gpu/cuda"
)

// machineVersion grows when what is kept of a machine changes its meaning.
const machineVersion = 2

// machineFile is the file that a Machine is kept in.
type machineFile struct {
	Key     string  `json:"key"` // what it was measured on
	Machine Machine `json:"machine"`
}

// measuredOn names what a measurement holds for: another driver, device, host or version of
// quern's own making is measured again.
func measuredOn(d cuda.Info) string {
	host, _ := os.Hostname() // a folder may be shared by hosts; one without a name is as good
	return fmt.Sprintf("%d|%s|%s|%s|CUDA %s|%s|%d", machineVersion, host, d.Name, d.Bus, d.Driver, runtime.Version(), runtime.NumCPU())
}

// knownMachine returns the Machine that was measured before, or what measure returns, and
// keeps that in folder. A file that is damaged, or of something else, is replaced; one
// that cannot be written is no failure: the next run measures again. "" keeps nothing.
func knownMachine(folder string, d cuda.Info, measure func() (Machine, error)) (Machine, error) {
	path := filepath.Join(folder, fmt.Sprintf("gpu-%d.json", d.Ordinal))
	if folder != "" {
		var k machineFile
		if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &k) == nil && k.Key == measuredOn(d) && k.Machine.sane() {
			return k.Machine, nil
		}
	}
	m, err := measure()
	if err == nil && !m.sane() {
		err = fmt.Errorf("the device was measured to be %+v", m)
	}
	if err == nil && folder != "" {
		keepMachine(path, machineFile{measuredOn(d), m})
	}
	return m, err
}

// keepMachine writes a file beside path and gives it the name, so that nobody reads half.
func keepMachine(path string, k machineFile) {
	text, err := json.MarshalIndent(k, "", " ")
	if err != nil || os.MkdirAll(filepath.Dir(path), 0o777) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), "gpu-*")
	if err != nil {
		return
	}
	defer os.Remove(f.Name()) // after the renaming it is not there
	_, err = f.Write(append(text, '\n'))
	if f.Close() == nil && err == nil {
		_ = os.Rename(f.Name(), path)
	}
}

// sane reports whether all rates are numbers that one can divide by.
func (m Machine) sane() bool {
	for _, x := range []float64{m.Up, m.Down, m.Compute, m.Values, m.Copy} {
		if !(x > 0) || math.IsInf(x, 0) {
			return false
		}
	}
	return m.Launch >= 0 && m.Start >= 0 && m.Launch < 1 && m.Start < 1e3
}

// measureCPU returns how many additions a core does in a second in a program, and how
// many bytes it copies.
func measureCPU(reference backend.Backend) (values, copied float64, err error) {
	if values, err = measureValues(reference, 1<<15); err != nil {
		return 0, 0, err
	}
	from, to := make([]byte, 1<<25), make([]byte, 1<<25)
	for i := range from {
		from[i] = byte(i) // memory that nobody has written is one page of zeros
	}
	return values, float64(len(from)) / fastest(func() { copy(to, from) }), nil
}

// measureValues returns how many additions be does in a second, in batches of so many
// rows: logarithms, most of it.
func measureValues(be backend.Backend, rows int) (perSecond float64, err error) {
	b := program.NewBuilder(column.Schema{{Name: "x", Type: column.Float64}})
	r := b.Load(0)
	for range 8 {
		r = b.Emit(program.Log1p, program.Imm{}, b.Emit(program.Abs, program.Imm{}, r))
		r = b.Emit(program.Mul, program.Imm{}, b.Emit(program.Sub, program.Imm{}, r, b.ConstFloat(0.5)), b.ConstFloat(1.25))
	}
	b.Output("y", r, program.RoleFeature)
	p := b.Finish()
	exe, err := be.Compile(p)
	if err != nil {
		return 0, err
	}
	session := exe.NewSession()
	defer session.Close()
	x := make([]float64, rows)
	for i := range x {
		x[i] = float64(i) / 16
	}
	batch := column.Batch{Rows: rows, Columns: []column.Column{{Len: rows, Values: column.Vector{Type: column.Float64, Len: rows, Float64s: x}}}}
	took := fastest(func() { _, err = session.Run(batch, nil) })
	return float64(rows) * WorkOf(p, int64(rows)).Values / took, err
}

// fastest returns the shortest of some times that f takes, in seconds. What takes long is
// not done often.
func fastest(f func()) float64 {
	least, began := math.Inf(1), time.Now()
	for i := 0; i < 8 && time.Since(began) < 300*time.Millisecond; i++ {
		start := time.Now()
		f()
		least = min(least, time.Since(start).Seconds())
	}
	return max(least, 1e-9)
}
