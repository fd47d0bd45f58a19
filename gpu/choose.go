package gpu

import (
	"fmt"
	"math"
)

// Machine is what Choose knows of the CPU and a device: measured once, then kept.
type Machine struct {
	Rates
	Start   float64 `json:"start_s"`             // until a device that nobody uses computes
	Compute float64 `json:"device_values_per_s"` // additions on the device, from memory to memory of the host
	Values  float64 `json:"values_per_s"`        // additions, per core of the CPU
	Copy    float64 `json:"copy_bytes_per_s"`    // memory to memory, per core of the CPU
	Cores   int     `json:"-"`
}

// Choice says what computes a phase, and why.
type Choice struct {
	GPU        bool
	CPUSeconds float64 // that the CPU takes, estimated
	GPUSeconds float64 // that the device takes, estimated; 0: not estimated
	Reason     string  // for people, without a full stop
}

// margin is how much faster a device must seem before it is chosen: these are estimates,
// and the CPU's time is spent anyway.
const margin = 1.2

// Choose estimates how long w takes on m's CPU and on its device, and takes the faster.
// What both do (reading, writing, what costs per dictionary entry) is left out. Copies up,
// copies down, the copies into and out of page-locked memory, and kernels overlap, so that
// the slowest of them is what a device takes.
func Choose(w Work, m Machine) Choice {
	switch {
	case w.Rows < 0:
		return Choice{Reason: "the rows are not counted yet"}
	case w.Values == 0:
		return Choice{Reason: "nothing in it is work per row and in numbers"}
	}
	rows, cores := float64(w.Rows), float64(max(1, m.Cores))
	c := Choice{CPUSeconds: rows * w.Values / (cores * m.Values)}
	move := max(rows*w.Up/m.Up, rows*w.Down/m.Down)
	fill := rows * (w.Up + w.Down) / (cores * m.Copy)
	batches := math.Ceil(rows * max(w.Up, w.Down) / slotBytes)
	launch := batches * launchesPerBatch * m.Launch
	compute := rows * w.Values / m.Compute
	c.GPUSeconds = m.Start + launch + max(move, fill, compute)
	c.GPU = c.GPUSeconds*margin < c.CPUSeconds
	what, most := "copying", move
	for _, x := range []struct {
		what    string
		seconds float64
	}{{"filling page-locked memory", fill}, {"computing", compute}, {"launching kernels", launch}, {"starting the device", m.Start}} {
		if x.seconds > most {
			what, most = x.what, x.seconds
		}
	}
	c.Reason = c.reason(w, what, most)
	return c
}

// launchesPerBatch is how many kernels a batch takes: the program, and one for each kind
// of statistic.
const launchesPerBatch = 8

// reason puts a choice into words; what takes most of the device's time.
func (c *Choice) reason(w Work, what string, seconds float64) string {
	size := fmt.Sprintf("%s rows x %.3g B", countText(w.Rows), w.Up+w.Down)
	switch {
	case c.GPU:
		return fmt.Sprintf("%s: the device takes %s, most of it %s; the CPU needs %s", size, secondsText(c.GPUSeconds), what, secondsText(c.CPUSeconds))
	case seconds > c.CPUSeconds:
		return fmt.Sprintf("%s: %s alone takes %s, the CPU needs %s", size, what, secondsText(seconds), secondsText(c.CPUSeconds))
	}
	return fmt.Sprintf("%s: the device takes %s, too little less than the CPU, which needs %s", size, secondsText(c.GPUSeconds), secondsText(c.CPUSeconds))
}

// countText writes a number of rows: "34 M", "200 k", "17".
func countText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.3g G", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.3g M", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.3g k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}

// secondsText writes a time: "0.6 s", "12 ms".
func secondsText(s float64) string {
	switch {
	case s >= 0.1:
		return fmt.Sprintf("%.2g s", s)
	case s >= 1e-4:
		return fmt.Sprintf("%.2g ms", s*1e3)
	}
	return "less than 0.1 ms"
}
