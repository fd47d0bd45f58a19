package fake

import (
	"path/filepath"
	"strconv"
	"strings"
)

// Report is what the library has counted and seen.
type Report struct {
	Counts map[string]int64 // by name: live, leak, misuse, fault, launch, ...
	Faults []string         // of kernels: kernel, block, thread, PTX line and what
	Misuse []string         // of the driver's calls
}

// ParseReport reads the text of fake_report or of the report file. Lines that
// are neither counts nor messages are passed over.
func ParseReport(text string) Report {
	r := Report{Counts: map[string]int64{}}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if what, ok := strings.CutPrefix(line, "fault: "); ok {
			r.Faults = append(r.Faults, what)
		} else if what, ok := strings.CutPrefix(line, "misuse: "); ok {
			r.Misuse = append(r.Misuse, what)
		} else if name, count, ok := strings.Cut(line, " "); ok {
			if n, err := strconv.ParseInt(count, 10, 64); err == nil {
				r.Counts[name] = n
			}
		}
	}
	return r
}

// Environment returns the variables that make a process use library with
// settings: "key=value,...", see the package.
func Environment(library, settings string) []string {
	return []string{"LD_LIBRARY_PATH=" + filepath.Dir(library), "QUERN_FAKE_GPU=" + settings}
}
