package bench

import (
	"io"
	"os"
	"path/filepath"
	"time"
)

// Roofline is what this machine can move at best, in bytes per second.
type Roofline struct {
	Copy  float64 `json:"copy_bytes_per_s"`  // memory to memory, one core: bytes copied
	Read  float64 `json:"read_bytes_per_s"`  // of a file in the page cache
	Write float64 `json:"write_bytes_per_s"` // of a file, made durable
}

// rooflineBytes is how many bytes are moved to measure: far more than caches hold.
const rooflineBytes = 256 << 20

// MeasureRoofline moves size bytes (0: enough to tell) in memory and in a file in
// folder, and returns the best of three rates each.
func MeasureRoofline(folder string, size int) (Roofline, error) {
	if size == 0 {
		size = rooflineBytes
	}
	var r Roofline
	from, to := make([]byte, size), make([]byte, size)
	for i := range from {
		from[i] = byte(i)
	}
	for range 3 {
		r.Copy = max(r.Copy, rate(size, func() error { copy(to, from); return nil }))
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return r, err
	}
	path := filepath.Join(folder, "roofline")
	defer os.Remove(path)
	var failed error
	note := func(f func() error) func() error {
		return func() error {
			err := f()
			if failed == nil {
				failed = err
			}
			return err
		}
	}
	for range 3 {
		r.Write = max(r.Write, rate(size, note(func() error { return writeDurably(path, from) })))
		r.Read = max(r.Read, rate(size, note(func() error { return readInto(path, to) })))
	}
	return r, failed
}

// rate returns how many bytes per second f moves, which moves size of them.
func rate(size int, f func() error) float64 {
	started := time.Now()
	if f() != nil {
		return 0
	}
	return float64(size) / max(time.Since(started).Seconds(), 1e-9)
}

func writeDurably(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

func readInto(path string, data []byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.ReadFull(f, data)
	return err
}

// Least is the time that moving a result's bytes takes at the measured rates: every
// byte read from the page cache and written into it, once, by one core.
func (r Roofline) Least(of *Result) float64 {
	if r.Read == 0 || r.Copy == 0 {
		return 0
	}
	return float64(of.BytesIn*int64(of.Scans+1))/r.Read + float64(of.BytesOut)/r.Copy
}
