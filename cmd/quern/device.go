package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quern/cpu"
	"quern/features/backend"
	"quern/features/diag"
	"quern/gpu"
	"quern/gpu/cuda"
	"quern/pipeline"
)

// What --device takes, next to gpu:N.
const (
	onAuto = "auto"
	onCPU  = "cpu"
	onGPU  = "gpu"
)

// deviceFlag gives a command the flag --device.
func (a *app) deviceFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.flags.device, "device", onAuto, "what computes: auto, cpu, gpu (all that there are) or gpu:N; the bytes are the same")
	completeWords(c, "device", onAuto+"\tthe CPU, or a GPU where that seems faster", onCPU, onGPU+"\tall GPUs, workers in turns", onGPU+":1\tthe second GPU")
}

// device is the value of --device.
type device struct {
	kind    string // onAuto, onCPU or onGPU
	ordinal int
	all     bool // every GPU that there is: none was named
}

// parseDevice reads the value of --device.
func parseDevice(text string) (device, error) {
	kind, number, numbered := strings.Cut(text, ":")
	switch {
	case !numbered && (text == onAuto || text == onCPU || text == onGPU):
		return device{kind: text, all: text == onGPU}, nil
	case numbered && kind == onGPU:
		if n, err := strconv.ParseUint(number, 10, 8); err == nil {
			return device{kind: kind, ordinal: int(n)}, nil
		}
	}
	return device{}, usage("--device is auto, cpu, gpu or gpu:N, not %q", text)
}

// compute makes the back end of o what --device asks for. It is closed when the command
// ends.
func (a *app) compute(o *pipeline.Options) error {
	d, err := parseDevice(a.flags.device)
	if err != nil || d.kind == onCPU {
		return err
	}
	how := gpu.Options{Ordinal: d.ordinal, Reference: cpu.New(), Notice: o.Notice}
	if d.kind == onGPU {
		opened, err := openGPUs(how, d.all)
		if err != nil {
			return err
		}
		a.atEnd, o.Backend = append(a.atEnd, opened.Close), opened
		return nil
	}
	auto := gpu.NewAuto(gpu.AutoOptions{Options: how, Cores: o.Workers, Cache: cacheFolder()})
	a.atEnd, o.Backend = append(a.atEnd, auto.Close), auto
	return nil
}

// closable is a back end of one device or of several.
type closable interface {
	backend.Backend
	Close() error
}

// openGPUs opens the device of o, or all that there are: workers take turns on them.
func openGPUs(o gpu.Options, all bool) (closable, error) {
	devices := cuda.Status().Devices
	if !all || len(devices) < 2 {
		return openGPU(o)
	}
	var ordinals []int
	for _, d := range devices {
		ordinals = append(ordinals, d.Ordinal)
	}
	several, err := gpu.OpenSeveral(ordinals, o)
	if err != nil {
		return nil, refused(err, o.Ordinal)
	}
	return several, nil
}

// openGPU opens a device that the user has asked for.
func openGPU(o gpu.Options) (*gpu.Backend, error) {
	b, err := gpu.Open(o)
	if err != nil {
		return nil, refused(err, o.Ordinal)
	}
	return b, nil
}

// refused explains why a device cannot be opened.
func refused(err error, ordinal int) error {
	var missing *cuda.Unavailable
	if errors.As(err, &missing) {
		return diag.New("Q520", "no GPU to compute on: %s", missing.Reason).WithHint("%s; or leave out --device: the CPU gives the same bytes", missing.Fix)
	}
	return diag.New("Q521", "gpu:%d cannot be used", ordinal).Because(err).WithHint("--device cpu gives the same bytes; quern doctor looks at the device")
}

// cacheFolder returns the user's folder for what can be made again; "" if there is none.
func cacheFolder() string {
	folder, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return folder
}

// deviceChoice is what computes a phase, and why.
type deviceChoice struct {
	Phase      string  `json:"phase,omitempty"`
	Device     string  `json:"device"`
	Reason     string  `json:"reason"`
	CPUSeconds float64 `json:"cpu_s,omitempty"` // estimated, of what differs
	GPUSeconds float64 `json:"gpu_s,omitempty"`
}

// deviceChoices says what would compute the phases of a run: one line where that is the
// same for all.
func deviceChoices(be backend.Backend, asked string, d *pipeline.Description) []deviceChoice {
	auto, ok := be.(*gpu.Auto)
	if !ok {
		return []deviceChoice{{Device: be.Name(), Reason: "--device " + asked}}
	}
	if reason, _ := auto.Missing(); reason != "" {
		return []deviceChoice{{Device: onCPU, Reason: "no CUDA device: " + reason}}
	}
	var choices []deviceChoice
	add := func(phase string, w gpu.Work) {
		c := auto.Decide(w)
		x := deviceChoice{phase, onCPU, c.Reason, c.CPUSeconds, c.GPUSeconds}
		if c.GPU {
			x.Device = auto.Device()
		}
		choices = append(choices, x)
	}
	if d.Scan != nil {
		add("scan 1", gpu.WorkOf(d.Scan, d.Rows))
	}
	if len(d.Outputs) > 0 {
		add("write", transformWork(d))
	}
	return choices
}

// stepValues is what a step takes per value, in additions: that of a scaling, and more
// than that of most.
const stepValues = 4

// transformWork estimates what writing the outputs is: the programs are not known before
// everything is learnt. Features of texts cost per entry of a dictionary: nothing here.
func transformWork(d *pipeline.Description) gpu.Work {
	w := gpu.Work{Rows: d.Rows}
	for _, c := range d.Chains {
		numbers := true
		for name := range strings.SplitSeq(c.From, ", ") {
			if i := d.Columns.Find(name); i >= 0 {
				numbers = numbers && gpu.Travels(d.Columns[i].Type)
			}
		}
		if !numbers {
			continue
		}
		for name := range strings.SplitSeq(c.From, ", ") {
			if i := d.Columns.Find(name); i >= 0 {
				w.Up += gpu.BytesOf(d.Columns[i].Type)
			}
		}
		for _, f := range c.Outputs {
			if gpu.Travels(f.Type) {
				w.Down += gpu.BytesOf(f.Type)
				w.Values += stepValues * float64(len(c.Steps))
			}
		}
	}
	return w
}

// device writes choices as lines of a plan.
func (p *page) device(choices []deviceChoice) {
	for i, c := range choices {
		title := map[bool]string{true: "device"}[i == 0]
		if c.Phase == "" {
			p.section(title, "%s (%s)", c.Device, c.Reason)
		} else {
			p.section(title, "%s: %s (%s)", c.Phase, c.Device, c.Reason)
		}
	}
}

// closeAll ends what the command used, last first.
func (a *app) closeAll() (err error) {
	for len(a.atEnd) > 0 {
		last := len(a.atEnd) - 1
		err = errors.Join(err, a.atEnd[last]())
		a.atEnd = a.atEnd[:last]
	}
	if err != nil {
		err = fmt.Errorf("closing the device: %w", err)
	}
	return err
}
