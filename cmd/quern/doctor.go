package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/cpu"

	"quern/cmd/quern/phrase"
	"quern/features/program"
	"quern/gpu/cuda"
)

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look at this machine, and say what would slow or stop a run",
		Long: `Looks at the processor, the memory, the limits, the disk for temporary files and
the data that quern carries. Exit code 1 if anything needs a hand.`,
		Example: "  quern doctor",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			budget, err := a.budget()
			if err != nil {
				return err
			}
			checks := examine(lookAround(budget))
			if asJSON {
				if err := a.printJSON(checks); err != nil {
					return err
				}
			} else {
				a.printChecks(checks)
			}
			if slices.ContainsFunc(checks, func(c finding) bool { return c.Fix != "" }) {
				return findings()
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.AddCommand(a.doctorStoreCommand())
	return c
}

// machine is what there is to know of the machine.
type machine struct {
	goVersion string
	platform  string
	vectors   []string // extensions of the processor that matter
	cores     int      // that the process may use
	memory    int64    // bytes; 0: unknown
	budget    int64
	files     int64 // that may be open; 0: unknown
	temporary string
	space     int64         // free there, in bytes; -1: unknown
	fsync     time.Duration // median of a small durable write there
	broken    error         // why nothing can be written there
	zones     string
	zoneError error
	gpu       cuda.Report
}

// lookAround examines this machine.
func lookAround(budget int64) machine {
	m := machine{
		goVersion: runtime.Version(), platform: runtime.GOOS + "/" + runtime.GOARCH, cores: runtime.GOMAXPROCS(0),
		memory: totalMemory(), budget: budget, files: fileLimit(), temporary: os.TempDir(), zones: program.TimezoneDataVersion(),
		gpu: cuda.Status(),
	}
	for _, x := range []struct {
		name string
		has  bool
	}{{"AVX2", cpu.X86.HasAVX2}, {"FMA", cpu.X86.HasFMA}, {"AVX-512F", cpu.X86.HasAVX512F}, {"AVX-512BW", cpu.X86.HasAVX512BW},
		{"NEON", cpu.ARM64.HasASIMD}, {"SVE", cpu.ARM64.HasSVE}} {
		if x.has {
			m.vectors = append(m.vectors, x.name)
		}
	}
	m.space = freeSpace(m.temporary)
	m.fsync, m.broken = syncSpeed(m.temporary)
	_, m.zoneError = program.LoadZone("Europe/Berlin")
	return m
}

// syncSpeed returns the median time of a durable write of 4 KiB to a folder.
func syncSpeed(folder string) (time.Duration, error) {
	f, err := os.CreateTemp(folder, "quern-doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var times []time.Duration
	page := make([]byte, 4096)
	for range 9 {
		started := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(started))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// finding is one thing that the doctor has looked at. Fix is "" if it is good.
type finding struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Fix   string `json:"fix,omitempty"`
}

// What a machine should have at least.
const (
	enoughMemory = 1 << 30
	enoughFiles  = 1024
	enoughSpace  = 2 << 30
	slowSync     = 100 * time.Millisecond
)

// examine judges a machine.
func examine(m machine) []finding {
	advise := func(bad bool, fix string) string {
		if bad {
			return fix
		}
		return ""
	}
	memory, files, space := "unknown", "unknown", "unknown"
	if m.memory > 0 {
		memory = gigabytes(m.memory)
	}
	if m.files > 0 {
		files = phrase.Thousands(m.files)
	}
	if m.space >= 0 {
		space = gigabytes(m.space) + " free"
	}
	disk := fmt.Sprintf("%s, %s, %.1f ms for a durable write", m.temporary, space, float64(m.fsync.Microseconds())/1e3)
	fix := advise(m.space >= 0 && m.space < enoughSpace, "free some space there, or set TMPDIR to a folder on a larger disk: large statistics are sorted on disk")
	switch {
	case m.broken != nil:
		disk = m.temporary + ": " + m.broken.Error()
		fix = "set TMPDIR to a folder that can be written"
	case m.fsync > slowSync:
		fix = "set TMPDIR to a local disk; outputs on such a disk take long to become durable"
	}
	zones, zoneFix := m.zones, ""
	if m.zoneError != nil {
		zones, zoneFix = m.zoneError.Error(), "build quern again: the zone data are embedded"
	}
	vectors := "none known"
	if len(m.vectors) > 0 {
		vectors = strings.Join(m.vectors, ", ")
	}
	checks := []finding{
		{"go", m.goVersion + " " + m.platform, ""},
		{"processor", fmt.Sprintf("%s, vectors: %s", phrase.Counted(m.cores, "core"), vectors),
			advise(m.platform == "linux/amd64" && !slices.Contains(m.vectors, "AVX2"), "results are the same without AVX2, but slower: a processor since 2013 has it")},
		{"memory", fmt.Sprintf("%s, budget %s", memory, gigabytes(m.budget)), advise(m.memory > 0 && m.memory < enoughMemory, "give the machine or its container 1 GiB, or keep --memory small")},
		{"open files", files, advise(m.files > 0 && m.files < enoughFiles, "ulimit -n 4096: sources and outputs of many files need it")},
		{"temporary", disk, fix},
		{"time zones", zones, zoneFix},
	}
	return append(checks, examineGPU(m.gpu)...)
}

// examineGPU judges what there is to compute on a GPU. A machine without one is as good:
// only what is there and cannot be used needs a hand.
func examineGPU(r cuda.Report) []finding {
	if r.Missing != "" && !r.Broken {
		return []finding{{"gpu", r.Missing + ": runs use the CPU; " + r.Fix, ""}}
	}
	if r.Missing != "" {
		return []finding{{"gpu", r.Missing + ": runs use the CPU", r.Fix}}
	}
	checks := []finding{{"cuda", fmt.Sprintf("%s, CUDA %s", r.Library, r.Driver), ""}}
	for _, d := range r.Devices {
		checks = append(checks, finding{fmt.Sprintf("gpu %d", d.Ordinal), fmt.Sprintf("%s, compute %d.%d, %s, %s", d.Name,
			d.Compute.Major, d.Compute.Minor, phrase.Counted(d.Multiprocessors, "multiprocessor"), gigabytes(d.Memory)), ""})
	}
	return checks
}

// gigabytes writes a number of bytes: "15.6 GiB".
func gigabytes(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }

// printChecks prints the findings as lines, with the fixes.
func (a *app) printChecks(checks []finding) {
	bad := 0
	for _, c := range checks {
		mark := "good"
		if c.Fix != "" {
			mark = "FIX "
			bad++
		}
		fmt.Fprintf(a.out, "%s  %-10s  %s\n", mark, c.Name, c.Value)
		if c.Fix != "" {
			fmt.Fprintf(a.out, "                  -> %s\n", c.Fix)
		}
	}
	if bad > 0 {
		fmt.Fprintf(a.err, "%s\n", phrase.Counted(bad, "finding"))
	}
}
