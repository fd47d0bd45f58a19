package bench

import (
	"os"
	"strconv"
	"strings"
)

// peakMemory returns the most memory that this process has had, in bytes. It is the
// high-water mark of the process's own memory: getrusage would count what its parent
// had when it started it.
func peakMemory() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kib, _ := strconv.ParseInt(number, 10, 64)
	return kib << 10
}
