package segment

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapping is a file in memory.
type mapping struct {
	bytes  []byte
	mapped bool
}

// mapFile maps a file, which may be closed afterwards.
func mapFile(file *os.File, size int64) (mapping, error) {
	b, err := unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return mapping{}, fmt.Errorf("map %s: %w", file.Name(), err)
	}
	return mapping{b, true}, nil
}

// populate brings a part, which begins at a page, into memory, so that nobody faults there
// one page after the other. What cannot be read faults later, as does all on old kernels.
func (m *mapping) populate(from, to int) {
	if m.mapped {
		unix.Madvise(m.bytes[from:to], unix.MADV_POPULATE_READ)
	}
}

func (m *mapping) unmap() {
	if m.mapped {
		if err := unix.Munmap(m.bytes); err != nil {
			panic("quern: bug: munmap: " + err.Error())
		}
	}
	m.bytes, m.mapped = nil, false
}

// resident asks the kernel, a run of pages at a time.
func (m *mapping) resident() (int64, error) {
	if !m.mapped {
		return int64(len(m.bytes)), nil
	}
	const pages = 16 << 10
	page, total := os.Getpagesize(), int64(0)
	in := make([]byte, pages)
	for at := 0; at < len(m.bytes); at += pages * page {
		run := m.bytes[at:min(len(m.bytes), at+pages*page)]
		_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&run[0])), uintptr(len(run)), uintptr(unsafe.Pointer(&in[0])))
		if errno != 0 {
			return 0, fmt.Errorf("mincore: %w", errno)
		}
		for p := 0; p*page < len(run); p++ {
			if in[p]&1 == 1 {
				total += int64(min(page, len(run)-p*page))
			}
		}
	}
	return total, nil
}
