package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"quern/features/backend"
)

// Text writes the comparison as tables for people.
func (d *DeviceReport) Text(w io.Writer) error {
	fmt.Fprintf(w, "%s, compute %s, %.0f GB, CUDA %s\n", d.Device, d.Compute, d.MemoryGB, d.Driver)
	if d.Simulated {
		fmt.Fprintln(w, "SIMULATED: the driver of the tests computes this on the CPU. The figures say nothing of a GPU.")
	}
	c := d.Ceilings
	fmt.Fprintf(w, "ceilings: up %s, down %s, both at once %s, device memory %s, least wait %.1f us\n\n",
		gigabytes(c.Up), gigabytes(c.Down), gigabytes(c.Both), gigabytes(c.Memory), c.Launch*1e6)
	fmt.Fprintf(w, "million rows per second, decoded columns in memory to %s\n", "a model (fit) or to columns in memory (transform)")
	fmt.Fprintf(w, "%-30s %11s %8s %8s %9s %9s %9s %9s %9s %8s  %s\n", "", "rows", "B up", "B down", "CPU 1", "CPU all", "GPU", "resident", "roof", "of roof", "faster")
	for _, x := range append(slices.Clone(d.Workloads), d.Operators...) {
		fmt.Fprintf(w, "%-30s %11d %8.1f %8.1f %9s %9s %9s %9s %9s %8s  %s\n", x.Name+" "+x.What, x.Rows, x.Up, x.Down,
			millions(x.One), millions(x.All), millions(x.GPU), millions(x.Resident), roofText(x.Roof(c)), shareText(x.OfRoof(c)), x.Verdict())
	}
	d.stagesText(w)
	if len(d.Crossover) > 0 {
		fmt.Fprintf(w, "\nmilliseconds of a batch\n%11s %10s %10s %10s\n", "rows", "CPU 1", "CPU all", "GPU")
	}
	for _, x := range d.Crossover {
		fmt.Fprintf(w, "%11d %10.3f %10.3f %10.3f\n", x.Rows, x.One*1e3, x.All*1e3, x.GPU*1e3)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(d.Verdicts(), "\n"))
	return err
}

// millions writes the rate of a side, in millions of rows per second.
func millions(s *Side) string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", s.Rate/1e6)
}

// roofText writes what the way to the device lets through; nothing travels: no roof.
func roofText(rate float64) string {
	if rate == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", rate/1e6)
}

// shareText writes a share as a percentage; 0: there is none.
func shareText(share float64) string {
	if share == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}

// deviceStages are the stages of sessions, in the order of the work.
func deviceStages() []string {
	return []string{backend.StageHost, backend.StageFill, backend.StageUpload, backend.StageKernel, backend.StageDownload, backend.StageFinish}
}

// stagesText writes the stages of the GPU's side, where sessions know them.
func (d *DeviceReport) stagesText(w io.Writer) {
	var known []*Compared
	for _, x := range append(slices.Clone(d.Workloads), d.Operators...) {
		if x.GPU != nil && len(x.GPU.Stages) > 0 {
			known = append(known, x)
		}
	}
	if len(known) == 0 {
		return
	}
	fmt.Fprintf(w, "\nmilliseconds of a run on the GPU by stage, all sessions together: stages overlap;\nbusy is how much of the run the device's longest stage takes: 100%% is all that overlapping can give\n%-30s %9s", "", "run")
	for _, name := range deviceStages() {
		fmt.Fprintf(w, " %9s", name)
	}
	fmt.Fprintf(w, " %9s\n", "busy")
	for _, x := range known {
		fmt.Fprintf(w, "%-30s %9.2f", x.Name+" "+x.What, x.GPU.Seconds*1e3)
		for _, name := range deviceStages() {
			fmt.Fprintf(w, " %9.2f", x.GPU.Stages[name]*1e3)
		}
		fmt.Fprintf(w, " %9s\n", shareText(x.GPU.Busy()))
	}
}
