package memory

import (
	"os"
	"strconv"
	"strings"
)

// Peak returns the most memory that the process has had, in bytes. It is the
// high-water mark of the process's own memory: getrusage would count what its parent
// had when it started it.
func Peak() int64 {
	text, err := os.ReadFile("/proc/self/status")
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kib, bad := strconv.ParseInt(number, 10, 64)
	if err != nil || !ok || bad != nil {
		return Held()
	}
	return kib << 10
}
