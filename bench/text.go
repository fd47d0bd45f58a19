package bench

import (
	"fmt"
	"io"
	"strings"
)

// Text writes the report as tables for people.
func (r *Report) Text(w io.Writer) error {
	m := r.Machine
	fmt.Fprintf(w, "%s, %s/%s, %s, %d cores, %s\n", r.Date, m.OS, m.Arch, m.Processor, m.Cores, m.Go)
	fmt.Fprintf(w, "roofline: copy %s, read %s, durable write %s\n\n", gigabytes(r.Roofline.Copy), gigabytes(r.Roofline.Read), gigabytes(r.Roofline.Write))
	fmt.Fprintf(w, "%-12s %11s %9s %8s %8s %8s %8s %8s %9s %9s %6s\n",
		"workload", "rows", "Mrows/s", "GB/s", "wall s", "cpu s", "fit s", "model s", "transf s", "peak MiB", "roof")
	for _, x := range r.Results {
		if len(x.Calls) > 0 {
			continue
		}
		fmt.Fprintf(w, "%-12s %11d %9.3f %8.3f %8.3f %8.3f %8.3f %8.3f %9.3f %9.1f %5.0f%%\n", x.title(), x.Rows, x.RowsRate/1e6, x.BytesRate/1e9,
			x.Wall, x.CPU, x.Fit, x.Model, x.Transform, float64(x.Peak)/(1<<20), 100*r.Roofline.Least(x)/x.Wall)
	}
	r.callsText(w)
	r.stagesText(w)
	for _, x := range r.Results {
		if b := x.Baseline; b != nil {
			fmt.Fprintf(w, "\n%s: %s, one thread: %.3f s with reading, %.3f s without (%s)\n", x.Workload, b.Name, b.Wall, b.Compute, b.Check)
		}
	}
	if _, err := fmt.Fprintln(w); err != nil || r.GPU == nil {
		return err
	}
	return r.GPU.Text(w)
}

// title names a result: the workload, and the device if that is not the CPU.
func (r *Result) title() string { return strings.TrimSpace(r.Workload + " " + r.Device) }

// callsText writes what calls of the online workload took.
func (r *Report) callsText(w io.Writer) {
	for _, x := range r.Results {
		for _, c := range x.Calls {
			fmt.Fprintf(w, "%-12s %11s %9s p50 %.1f us, p99 %.1f us, %.1f allocations, %.0f bytes per call\n",
				x.Workload, fmt.Sprint(c.Rows, " rows"), "", c.P50, c.P99, c.Allocs, c.Bytes)
		}
	}
}

// stagesText writes each workload's processor time by stage.
func (r *Report) stagesText(w io.Writer) {
	names := stageNames()
	fmt.Fprintf(w, "\nprocessor seconds by stage (CPU samples of one more run)\n%-12s", "workload")
	for _, n := range names {
		fmt.Fprintf(w, " %8s", n)
	}
	fmt.Fprintln(w)
	for _, x := range r.Results {
		fmt.Fprintf(w, "%-12s", x.title())
		for _, n := range names {
			fmt.Fprintf(w, " %8s", stageText(x.Stages, n))
		}
		fmt.Fprintln(w)
	}
}

func stageText(stages []Stage, name string) string {
	for _, s := range stages {
		if s.Name == name {
			return fmt.Sprintf("%.2f", s.Seconds)
		}
	}
	return "-"
}

// gigabytes writes a rate: "9.3 GB/s".
func gigabytes(bytesPerSecond float64) string { return fmt.Sprintf("%.1f GB/s", bytesPerSecond/1e9) }

// List writes the names of all workloads with what they are.
func List(w io.Writer) error {
	var b strings.Builder
	for _, x := range Workloads() {
		fmt.Fprintf(&b, "%-12s  %s\n", x.Name, x.Doc)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
