package gpu

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"quern/features/backend"
	"quern/features/program"
	"quern/gpu/cuda"
)

// AutoOptions say how to choose between the reference and a device.
type AutoOptions struct {
	Options
	// Cores is how many cores of the CPU work; 0: all.
	Cores int
	// Cache is the folder where measurements of this machine are kept, in a folder of
	// quern's own; "": they are not.
	Cache string
}

// Auto is a back end that chooses for each pass over a source: the reference, or a device
// where that is estimated to be faster. It looks for a device only when a pass is large
// enough, and where there is none it is the reference. It is safe for concurrent use.
type Auto struct {
	o      AutoOptions
	status func() cuda.Report
	open   func(Options) (accelerator, error)

	mu     sync.Mutex
	looked bool
	report cuda.Report
	known  *Machine    // nil: not measured
	device accelerator // nil: not open
	failed error       // why it never will be
	used   bool
}

// accelerator is a *Backend, or a test's.
type accelerator interface {
	backend.Backend
	Info() cuda.Info
	Rates() (Rates, error)
	Close() error
}

// NewAuto returns a back end that chooses. It does not look for a device yet.
func NewAuto(o AutoOptions) *Auto {
	o.Cores = cmp.Or(o.Cores, runtime.GOMAXPROCS(0))
	return &Auto{o: o, status: cuda.Status, open: func(o Options) (accelerator, error) {
		b, err := Open(o)
		if err != nil {
			return nil, err
		}
		return b, nil
	}}
}

// Name returns the device's name if it was chosen for anything, else the reference's.
func (a *Auto) Name() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.used {
		return a.device.Name()
	}
	return a.o.Reference.Name()
}

// Compile compiles for the reference: what is no pass over a source is small.
func (a *Auto) Compile(p *program.Program) (backend.Executable, error) {
	return a.o.Reference.Compile(p)
}

// Choose implements backend.Chooser.
func (a *Auto) Choose(p *program.Program, rows int64) backend.Backend {
	w := WorkOf(p, rows)
	if tiny(w, a.o.Cores) {
		return a.o.Reference
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.decide(w, true).GPU {
		return a.o.Reference
	}
	if err := a.start(); err != nil {
		return a.o.Reference
	}
	a.used = true
	return a.device
}

// Looking for a device and starting it takes this long at least, and a core of a CPU does
// so many additions in a second, or more.
const (
	worthLooking = 0.2 // seconds
	slowValues   = 1e9
)

// tiny reports whether w is too little to look for a device.
func tiny(w Work, cores int) bool {
	return float64(w.Rows)*w.Values < worthLooking*slowValues*float64(cores)
}

// Missing says why there is no device to choose, and what could be done about it; both
// are "" if there is one.
func (a *Auto) Missing() (reason, fix string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.look()
	if a.failed != nil {
		return a.failed.Error(), "quern doctor looks at it"
	}
	return r.Missing, r.Fix
}

// Device returns the name of the device that there is to choose, "gpu:0" and what it
// calls itself.
func (a *Auto) Device() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return deviceName(a.info())
}

// deviceName is how devices are named.
func deviceName(d cuda.Info) string { return fmt.Sprintf("gpu:%d %s", d.Ordinal, d.Name) }

// Decide says what a run would choose for w, if w were the first for which it thinks of a
// device. The first time, on a machine that was never measured, it measures the device,
// which takes a second or two.
func (a *Auto) Decide(w Work) Choice {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.decide(w, false)
}

// decide chooses. running: a device that is open need not be started any more.
func (a *Auto) decide(w Work, running bool) Choice {
	if r := a.look(); r.Missing != "" {
		return Choice{Reason: "no CUDA device: " + r.Missing}
	}
	m, err := a.machine()
	if err != nil {
		return Choice{Reason: err.Error()}
	}
	m.Cores = a.o.Cores
	if running && a.device != nil {
		m.Start = 0
	}
	return Choose(w, m)
}

// look looks for a device, once. What is there and does not work is told.
func (a *Auto) look() cuda.Report {
	if !a.looked {
		a.looked, a.report = true, a.status()
		if a.report.Missing == "" && a.o.Ordinal >= len(a.report.Devices) {
			a.report.Missing = fmt.Sprintf("there is no GPU %d", a.o.Ordinal)
		}
		if a.report.Broken {
			a.tell(fmt.Sprintf("the GPU is not used: %s; %s", a.report.Missing, a.report.Fix))
		}
	}
	return a.report
}

func (a *Auto) tell(text string) {
	if a.o.Notice != nil {
		a.o.Notice(text)
	}
}

// info describes the device that there is.
func (a *Auto) info() cuda.Info {
	if a.o.Ordinal < len(a.report.Devices) {
		return a.report.Devices[a.o.Ordinal]
	}
	return cuda.Info{}
}

// machine returns what is known of the machine.
func (a *Auto) machine() (Machine, error) {
	if a.failed != nil || a.known != nil {
		return deref(a.known), a.failed
	}
	folder := a.o.Cache
	if folder != "" {
		folder = filepath.Join(folder, "quern")
	}
	m, err := knownMachine(folder, a.info(), a.measure)
	if err != nil {
		a.fail(err)
		return m, a.failed
	}
	a.known = &m
	return m, nil
}

func deref(m *Machine) Machine {
	if m == nil {
		return Machine{}
	}
	return *m
}

// A device is measured with a small batch, and, if it is not one that takes long for that,
// with a large one, in which calls and waiting do not count.
const (
	smallBatch = 1 << 16 // rows
	largeBatch = 1 << 20
	fastDevice = 1e9 // additions a second
)

// measure opens the device and measures it, and the CPU.
func (a *Auto) measure() (m Machine, err error) {
	started := time.Now()
	if err = a.start(); err != nil {
		return m, err
	}
	m.Start = time.Since(started).Seconds()
	if m.Rates, err = a.device.Rates(); err != nil {
		return m, err
	}
	if m.Compute, err = measureValues(a.device, smallBatch); err != nil {
		return m, err
	}
	if m.Compute > fastDevice {
		if m.Compute, err = measureValues(a.device, largeBatch); err != nil {
			return m, err
		}
	}
	m.Values, m.Copy, err = measureCPU(a.o.Reference)
	return m, err
}

// start opens the device unless it is open.
func (a *Auto) start() (err error) {
	if a.device != nil || a.failed != nil {
		return a.failed
	}
	if a.device, err = a.open(a.o.Options); err != nil {
		a.device = nil
		a.fail(err)
	}
	return a.failed
}

// fail gives the device up and says so, once.
func (a *Auto) fail(err error) {
	if a.failed == nil {
		a.failed = err
		a.tell("the GPU is not used: " + err.Error())
	}
}

// Close gives the device back, if it was used.
func (a *Auto) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.device == nil {
		return nil
	}
	device := a.device
	a.device, a.used, a.failed = nil, false, errors.New("the back end is closed")
	return device.Close()
}
