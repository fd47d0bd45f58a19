package bench

import (
	"fmt"
	"strings"

	"quern/features/backend"
)

// DeviceReport compares a GPU with the CPU of the same machine.
type DeviceReport struct {
	Device   string  `json:"device"` // as package gpu names it: "gpu:0 NVIDIA H200"
	Driver   string  `json:"driver"` // version of CUDA that it supports
	Compute  string  `json:"compute"`
	Bus      string  `json:"bus,omitempty"`
	MemoryGB float64 `json:"memory_gb"`
	// Simulated: the driver is the one of our tests, which computes on the CPU. Such
	// figures say nothing of a GPU, and no document may have them.
	Simulated bool        `json:"simulated"`
	Ceilings  Ceilings    `json:"ceilings"`
	Workloads []*Compared `json:"workloads"`
	Operators []*Compared `json:"operators"`
	Crossover []Crossing  `json:"crossover"`
}

// Ceilings are what a device and the way to it move at best, in bytes per second.
type Ceilings struct {
	Up     float64 `json:"up_bytes_per_s"`     // page-locked memory to the device
	Down   float64 `json:"down_bytes_per_s"`   // and back
	Both   float64 `json:"both_bytes_per_s"`   // at the same time, together
	Memory float64 `json:"memory_bytes_per_s"` // of the device: read plus written by a copy
	Launch float64 `json:"launch_s"`           // of the least that can be enqueued, and waiting for it
}

// Compared is one piece of work on the CPU and on the GPU: from decoded columns in the
// host's memory to a model (fit), to computed columns there (transform), or to tensors in
// the memory of whoever computes (tensor).
type Compared struct {
	Name     string  `json:"name"`
	What     string  `json:"what"` // "fit", "transform" or "tensor"
	Rows     int64   `json:"rows"`
	Up       float64 `json:"up_bytes_per_row"`   // that a device must be given, about
	Down     float64 `json:"down_bytes_per_row"` // that come back, about
	One      *Side   `json:"cpu_one_core"`
	All      *Side   `json:"cpu_all_cores"`
	GPU      *Side   `json:"gpu_host_to_host"`
	Resident *Side   `json:"gpu_resident"` // null: not measured
}

// Side is what one side took: the median of its runs, and the least and the most.
type Side struct {
	Seconds float64            `json:"seconds"`
	Least   float64            `json:"least_s"`
	Most    float64            `json:"most_s"`
	Rate    float64            `json:"rows_per_s"`
	Stages  map[string]float64 `json:"stages_s,omitempty"` // of all sessions together; they overlap
}

// Crossing is a batch of so many rows, in seconds.
type Crossing struct {
	Rows int     `json:"rows"`
	One  float64 `json:"cpu_one_core_s"`
	All  float64 `json:"cpu_all_cores_s"`
	GPU  float64 `json:"gpu_s"`
}

// Roof is how many rows per second the way to the device lets through, or 0 where nothing
// travels.
func (c *Compared) Roof(by Ceilings) float64 {
	seconds := 0.0
	if by.Up > 0 {
		seconds = max(seconds, c.Up/by.Up)
	}
	if by.Down > 0 {
		seconds = max(seconds, c.Down/by.Down)
	}
	if seconds == 0 {
		return 0
	}
	return 1 / seconds
}

// OfRoof is how much of its roof the GPU reaches, host to host; 0 where there is none.
func (c *Compared) OfRoof(by Ceilings) float64 {
	roof := c.Roof(by)
	if roof == 0 || c.GPU == nil {
		return 0
	}
	return c.GPU.Rate / roof
}

// Busy is how much of a run the device's longest stage takes: near 1 means that the others
// are hidden behind it. 0: the stages are not known.
func (s *Side) Busy() float64 {
	longest := max(s.Stages[backend.StageUpload], s.Stages[backend.StageKernel], s.Stages[backend.StageDownload])
	if s.Seconds == 0 {
		return 0
	}
	return longest / s.Seconds
}

// Verdict says who wins, host to host against all cores, and by how much: "GPU, 3.1 x".
// Where nothing travels to the device, it has no part, and the CPU does the work on
// either side.
func (c *Compared) Verdict() string {
	winner, times := c.compare()
	if times == "" {
		return winner
	}
	return winner + ", " + times
}

func (c *Compared) compare() (winner, times string) {
	switch {
	case c.GPU == nil || c.All == nil || c.GPU.Seconds == 0 || c.All.Seconds == 0:
		return "", ""
	case c.Up == 0 && c.Down == 0:
		return "CPU", "no part for a GPU"
	case c.GPU.Seconds < c.All.Seconds:
		return "GPU", timesText(c.All.Seconds / c.GPU.Seconds)
	}
	return "CPU", timesText(c.GPU.Seconds / c.All.Seconds)
}

// timesText writes a ratio: "3.1 x", "240 x".
func timesText(x float64) string {
	if x < 10 {
		return fmt.Sprintf("%.1f x", x)
	}
	return fmt.Sprintf("%.0f x", x)
}

// CrossesAt returns the least rows per batch from which on the GPU is faster than all
// cores; 0: at no size that was measured.
func (d *DeviceReport) CrossesAt() int {
	at := 0
	for _, c := range d.Crossover {
		switch {
		case c.GPU >= c.All:
			at = 0
		case at == 0:
			at = c.Rows
		}
	}
	return at
}

// Verdicts says plainly who wins where.
func (d *DeviceReport) Verdicts() []string {
	var gpu, cpu []string
	for _, c := range append(append([]*Compared(nil), d.Workloads...), d.Operators...) {
		winner, times := c.compare()
		name := fmt.Sprintf("%s %s (%s)", c.Name, c.What, times)
		switch winner {
		case "GPU":
			gpu = append(gpu, name)
		case "CPU":
			cpu = append(cpu, name)
		}
	}
	said := []string{"The GPU wins: " + listed(gpu), "The CPU wins: " + listed(cpu)}
	switch at := d.CrossesAt(); {
	case len(d.Crossover) == 0:
	case at == 0:
		said = append(said, "By rows per batch, the CPU's cores together are faster at every size that was measured.")
	default:
		said = append(said, fmt.Sprintf("By rows per batch, the GPU is faster than all cores from %d rows on.", at))
	}
	return said
}

// listed writes names as a sentence's end.
func listed(names []string) string {
	if len(names) == 0 {
		return "nowhere."
	}
	return strings.Join(names, ", ") + "."
}
