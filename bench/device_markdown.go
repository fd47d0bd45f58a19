package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// GPUMarkdown returns what the README says of GPUs: a table for each report, or that none
// was measured. A report of the tests' driver is an error: it says nothing of a GPU.
func GPUMarkdown(reports []*Report) (string, error) {
	if len(reports) == 0 {
		return "Not yet measured on a GPU: `make gpu-check` does that, and leaves what it finds in `bench/results`.\n", nil
	}
	var b strings.Builder
	for _, r := range reports {
		switch {
		case r.GPU == nil:
			return "", errors.New("a report without a GPU")
		case r.GPU.Simulated:
			return "", fmt.Errorf("%s is simulated: its figures are not published", r.GPU.Device)
		}
		r.gpuTable(&b)
	}
	return b.String(), nil
}

// gpuTable writes one report.
func (r *Report) gpuTable(b *strings.Builder) {
	d := r.GPU
	fmt.Fprintf(b, "Million rows per second from decoded columns in memory to a model (fit) or to columns in memory (transform):\n\n")
	fmt.Fprintf(b, "| work | rows | bytes up, down | CPU, 1 core | CPU, %d cores | GPU | GPU, data there | copies allow | faster |\n|---|--:|--:|--:|--:|--:|--:|--:|---|\n", r.Machine.Cores)
	for _, x := range append(slices.Clone(d.Workloads), d.Operators...) {
		fmt.Fprintf(b, "| %s %s | %d | %.0f, %.0f | %s | %s | %s | %s | %s | %s |\n", x.Name, x.What, x.Rows, x.Up, x.Down,
			millions(x.One), millions(x.All), millions(x.GPU), millions(x.Resident), roofText(x.Roof(d.Ceilings)), x.Verdict())
	}
	fmt.Fprintf(b, "\nFrom file to file, in seconds:")
	for i, x := range r.Results {
		if len(x.Calls) == 0 {
			fmt.Fprintf(b, "%s %s %s %.2f", map[bool]string{true: ","}[i > 0], x.Workload, map[bool]string{true: "CPU", false: "GPU"}[x.Device == ""], x.Wall)
		}
	}
	c := d.Ceilings
	fmt.Fprintf(b, ".\n%s\n\n%s, %s, %s; copies up %s, down %s, device memory %s.\n", strings.Join(d.Verdicts()[2:], " "), d.Device, r.Machine.Processor, r.Date,
		gigabytes(c.Up), gigabytes(c.Down), gigabytes(c.Memory))
}
